"""docs/identity.md followed from top to bottom with a real identity provider, which is each preset's provider too.

Nothing can be run at Google, Supabase or somebody's Keycloak: there oidc-provider makes tokens with their issuer and
audience, the page's files are used as they stand, and only the way to their hosts leads to loopback. Their endpoints
for passwords are `password_endpoints.py`. The page's JavaScript runs in node, its `user` and `client` being stubs.
"""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.needs import skip_or_fail
from tests.running import APP_ID, CERTIFICATE, ROOT, Running, clean_environment
from tests.running import serving as real_server
from tests.system.identity.password_endpoints import VARIABLES, password_endpoints
from tests.system.identity.provider import Provider
from tests.unit.auth.jwt.making import configuration_of
from tests.unit.http.running import World, serving
from tokend import agora
from tokend.adapters.jwks import KeyCache
from tokend.core.interfaces import Interfaces
from tokend.core.patterns import uid_of
from tokend.core.urls import is_secure_url
from tokend.telemetry.log import standard_error

PAGE: Final = (ROOT / "docs/identity.md").read_text()
STEPS: Final = PAGE.partition("\n### 1. ")[2].partition("\nA test runs these steps ")[0]
BLOCKS: Final = re.findall(r"^```([a-z ]+)\n(.*?)^```$", STEPS, re.M | re.S)
ISSUER: Final = "https://id.example.com"
PUBLIC: Final = "http://127.0.0.1:8080"
IN_THE_PAGE: Final = "https://tokens.example.com"
(SIGNING_IN,) = (text for _, text in BLOCKS if text.startswith("umask"))
WAYS: Final = dict(re.findall(r"^# (\w+): .*\n((?:[^#].*\n)+)", SIGNING_IN, re.M))
"""The commands of step 3, by provider."""
HOSTS: Final = {
    "Firebase": "https://identitytoolkit.googleapis.com",
    "Supabase": "https://abcdefghijkl.supabase.co",
    "Keycloak": "https://id.example.com",
}
_STUBS: Final = """
import { readFileSync } from "node:fs"
const user = { getIdToken: async () => readFileSync("token", "utf8").trim() }
const client = { join: async (...given) => console.log(JSON.stringify([...given, renew_at])) }
"""
"""What the page's script has of its own: Firebase's user, and Agora's client."""


@pytest.fixture(autouse=True)
def programs() -> None:
    """The page needs them. Without them the tests are skipped, saying why; where CI=true they fail."""
    unmet = [name for name in ("curl", "jq") if shutil.which(name) is None]
    skip_or_fail(f"nobody to follow the page: apt-get install {' '.join(unmet)}" if unmet else None)


def _fits(shown: str, printed: str) -> bool:
    """Whether it is what the page shows, where `…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), printed, re.S) is not None


class Reader:
    """Somebody who does what the page says, in a folder that is empty at first."""

    def __init__(self, folder: Path, provider: Provider, leaving: ExitStack) -> None:
        self._folder, self._provider, self._leaving = folder, provider, leaving
        self._server: Running | None = None
        self.printed = ""

    def does(self, info: str, text: str) -> None:
        """One block of the page."""
        if info == "yaml":
            assert text.count(ISSUER) == 1
            (self._folder / "config.yaml").write_text(text.replace(ISSUER, self._provider.issuer))
        elif info == "sh run":
            self.printed = self._runs(text)
            codes = re.findall(r"# (\d{3}): ", text)
            assert not codes or self.printed.split() == codes
        elif info in ("text", "json"):
            assert _fits(text.strip(), self.printed.strip()), self.printed
        elif text == "tokend serve\n":
            self._server = self._leaving.enter_context(real_server(self._folder, {}, lines=1))
        elif info == "js":
            self._joins(text)
        else:
            assert text == SIGNING_IN
            assert WAYS.keys() == HOSTS.keys()
            for name in HOSTS:
                assert _claims(signed_in(name, self._folder, self._provider))["sub"] == "ada"

    def _joins(self, script: str) -> None:
        """What the page's client is given."""
        assert self._server is not None
        assert script.count(IN_THE_PAGE) == 1
        script = _STUBS + script.replace(IN_THE_PAGE, self._server.url)
        done = _run(["node", "--input-type=module", "--eval", script], self._folder)
        assert (done.returncode, done.stderr) == (0, "")
        app_id, channel, token, uid, renew_at = json.loads(done.stdout)
        assert (app_id, channel, uid) == (APP_ID, "room-acme-1", uid_of("ada"))
        assert agora.verify(token, app_id=APP_ID, certificate=CERTIFICATE)
        reading = agora.read(token)
        assert reading.issued_at < renew_at < reading.expires_at

    def _runs(self, script: str) -> str:
        if self._server is not None:
            script = script.replace(PUBLIC, self._server.url)
        done = _run(["bash", "-u", "-c", script], self._folder)
        assert done.stderr == "", script
        assert done.returncode == (1 if "room-bolt-1\n" in script else 0), script
        return done.stdout


def signed_in(name: str, folder: Path, provider: Provider, password: str = "…") -> str:
    """What the page's command of this provider writes into a file that only its owner reads."""
    command, host = WAYS[name], HOSTS[name]
    assert command.count(f'"{host}/') == 1
    file = folder / "token"
    file.unlink(missing_ok=True)
    with password_endpoints(lambda: provider.sign_in("ada")) as there:
        script = SIGNING_IN.partition("#")[0] + command.replace(host, there).replace("…", password)
        done = _run(["bash", "-u", "-c", script], folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command
    assert file.stat().st_mode & 0o077 == 0
    return file.read_text().strip()


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment({"HOME": str(folder), **VARIABLES}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.mark.parametrize("name", HOSTS)
def test_a_wrong_password_leaves_null_as_the_page_says(name: str, provider: Provider, tmp_path: Path) -> None:
    assert signed_in(name, tmp_path, provider, password="another") == "null"


def test_the_steps_do_what_they_say(provider: Provider, tmp_path: Path) -> None:
    assert [info for info, _ in BLOCKS] == [
        *("yaml", "sh run", "text", "sh", "sh", "sh run", "json", "sh run", "json", "sh run", "sh run", "json", "js")
    ]
    assert len(re.findall(r"^(?:request|  --json) .*# \d{3}: ", STEPS, re.M)) == 8
    provider.start("rsa")
    with ExitStack() as leaving:
        reader = Reader(tmp_path, provider, leaving)
        for info, text in BLOCKS:
            reader.does(info, text)
            if info == "sh run" and "curl" in text and "request()" not in text:
                assert json.loads(reader.printed)["uid"] == uid_of("ada")
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


PRESETS: Final = {
    "firebase": ("Firebase", "https://securetoken.google.com/my-project", "my-project"),
    "supabase": ("Supabase", "https://abcdefghijkl.supabase.co/auth/v1", "authenticated"),
    "keycloak": ("Keycloak", "https://id.example.com/realms/demo", "web"),
}


def _lead_to(provider: Provider) -> Any:
    """A way to the hosts of others that ends at the provider on loopback, who answers as one that is there."""

    async def fetch(url: str) -> Any:
        assert is_secure_url(url)
        parts = urlsplit(url)
        path = "/.well-known/openid-configuration" if url.endswith("openid-configuration") else "/jwks"
        headers = {"X-Forwarded-Host": parts.netloc, "X-Forwarded-Proto": parts.scheme}
        with urlopen(Request(provider.url + path, headers=headers), timeout=10) as answer:
            return json.load(answer)

    return fetch


@pytest.mark.parametrize("preset", PRESETS)
async def test_the_file_of_a_preset_gives_a_user_what_is_theirs_and_nothing_else(
    preset: str, provider: Provider, tmp_path: Path
) -> None:
    heading, provider.issuer, provider.page = PRESETS[preset]
    (text,) = re.findall(rf"^## {heading}$.*?^```yaml\n(.*?)^```$", PAGE.split("\n## Auth0")[0], re.M | re.S)[:1]
    (line,) = re.findall(rf"^\| .*`(jwt: \{{preset: {preset}, .*?)` \|", STEPS, re.M)
    assert line in text  # what the table has people write is what is run here
    provider.start("rsa")
    world = World()
    interfaces = Interfaces(keys=KeyCache(_lead_to(provider), world.elapsed, standard_error(world.clock)))
    async with serving(configuration_of(text, {"DEMO_APP_CERTIFICATE": CERTIFICATE}), world, interfaces) as server:

        async def status(user: str, token_request: Mapping[str, object] = {}) -> int:
            body = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher", **token_request}
            token = signed_in(heading, tmp_path, provider) if user == "ada" else provider.sign_in(user)
            answer = await server.token_request("POST", "/demo/v1/token", body, ("Authorization", f"Bearer {token}"))
            return answer.status

        assert await status("ada") == await status("ada", {"uid": uid_of("ada")}) == 200
        for other in ({"uid": 7}, {"uid": 0}, {"channel": "lobby"}, {"channel": "*"}):
            assert await status("ada", other) == 403, other
        assert await status("bob") == 403  # of another organisation, or no host
        assert await status("eve") == (401 if preset == "supabase" else 403)  # without an organisation
        provider.page = "another-client"
        provider.start("rsa")
        assert await status("ada") == 401
