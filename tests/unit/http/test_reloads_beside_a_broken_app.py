"""An app that is broken keeps nothing else from changing: secrets of other apps, and settings, are in force at once."""

import io
import json
import time
from pathlib import Path

import pytest

from tests.unit.config.writing import CERTIFICATE, ENVIRONMENT, OTHER, write
from tokend.config.files import Files
from tokend.config.isolation import Isolated
from tokend.config.loading import Source, load_for_start
from tokend.http.differences import difference_of
from tokend.http.reloader import Reloaded, Reloader
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics

_ROOT = """
    include: apps.d/*.yaml
    deny: {file: DENY}
    defaults: {app_id: "APP_ID", callers: {studio: {api_key: "DIGEST"}}}
"""
_BOLT = "certificate: {file: run/bolt}"
_BROKEN = f"{_BOLT}\nttl: {{max: x}}"


class Server:
    """Two apps; `reload` installs what was read, as a process would."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.write({"config.yaml": _ROOT.replace("DENY", "one"), "run/acme": CERTIFICATE, "run/bolt": CERTIFICATE})
        self.write({"apps.d/acme.yaml": "certificate: {file: run/acme}", "apps.d/bolt.yaml": _BOLT})
        self.log = io.BytesIO()
        source, files, log = Source(None, ENVIRONMENT, directory), Files(), JsonLog(self.log, time.time)
        isolated = load_for_start(source, files)
        self.reloader = Reloader(source, isolated, files, self._install, log, Metrics(), lambda *_: ())

    def write(self, files: dict[str, str]) -> None:
        write(self._directory, files)

    async def reload(self) -> Reloaded:
        return await self.reloader.reload()

    def certificate(self, app: str) -> str:
        backend = self.reloader.configuration.apps[app].backends["rtc"]
        return backend.app_credentials.certificates["primary"].reveal()

    async def _install(self, isolated: Isolated, files: Files) -> list[str]:
        return []


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.mark.parametrize("broken_before", [True, False])
async def test_a_secret_of_another_app_is_in_force(server: Server, broken_before: bool) -> None:
    server.write({"apps.d/bolt.yaml": _BROKEN})
    if broken_before:
        assert (await server.reload()).result == "refused"  # nothing else had changed
    server.write({"run/acme": OTHER})
    reloaded = await server.reload()
    assert (reloaded.result, set(reloaded.invalid_apps), reloaded.serving_last_version) == ("done", {"bolt"}, ("bolt",))
    assert (server.certificate("acme"), server.certificate("bolt")) == (OTHER, CERTIFICATE)


async def test_the_log_names_the_app_although_nothing_else_changed(server: Server) -> None:
    server.write({"apps.d/bolt.yaml": _BROKEN})
    assert (await server.reload()).result == "refused"
    (line,) = [json.loads(line) for line in server.log.getvalue().splitlines() if b'"invalid_app"' in line]
    assert (line["app"], line["serves"]) == ("bolt", "its last valid version")


async def test_a_setting_outside_the_apps_is_in_force(server: Server) -> None:
    server.write({"apps.d/bolt.yaml": _BROKEN, "config.yaml": _ROOT.replace("DENY", "two")})
    assert (await server.reload()).result == "done"
    assert server.reloader.configuration.options.deny is not None
    assert server.reloader.configuration.options.deny.file is not None
    assert server.reloader.configuration.options.deny.file.endswith("two")


async def test_an_app_that_breaks_alone_is_refused_each_time_until_it_is_repaired(server: Server) -> None:
    server.write({"apps.d/bolt.yaml": _BROKEN})
    assert [(await server.reload()).result for _ in range(2)] == ["refused", "refused"]
    server.write({"apps.d/bolt.yaml": _BOLT})
    assert (await server.reload()).result == "unchanged"


async def test_a_comment_above_what_was_broken_already_changes_nothing(server: Server) -> None:
    server.write({"apps.d/bolt.yaml": _BROKEN, "run/acme": OTHER})
    assert (await server.reload()).result == "done"
    server.write({"apps.d/bolt.yaml": f"# a comment\n{_BROKEN}"})
    reloaded = await server.reload()
    assert (reloaded.result, set(reloaded.invalid_apps)) == ("unchanged", {"bolt"})


async def test_an_app_that_was_invalid_and_is_gone_answers_503_no_longer(server: Server, tmp_path: Path) -> None:
    """With another app that became invalid the reload was refused: 503 in place of 404, until that one was repaired."""
    server.write({"apps.d/cat.yaml": _BROKEN})
    assert (await server.reload()).result == "done"
    (tmp_path / "apps.d/cat.yaml").unlink()
    server.write({"apps.d/bolt.yaml": _BROKEN})
    reloaded = await server.reload()
    assert (reloaded.result, set(reloaded.invalid_apps), reloaded.serving_last_version) == ("done", {"bolt"}, ("bolt",))


async def test_the_difference_names_an_app_of_which_only_a_secret_changed(server: Server) -> None:
    server.write({"run/acme": OTHER})
    difference = await difference_of(server.reloader)
    assert difference["apps"] == {"acme": {"change": "changed", "keys": ["(a secret)"]}}


async def test_an_invalid_app_is_shown_and_compared_as_it_is_served(server: Server) -> None:
    """After a reload that changed another app, it was shown as the invalid text, and compared with that."""
    server.write({"apps.d/bolt.yaml": f"{_BOLT}\nttl: {{max: 2h}}"})
    assert (await server.reload()).result == "done"
    server.write({"apps.d/bolt.yaml": _BROKEN, "run/acme": OTHER})
    for _ in range(2):
        reloaded = await server.reload()
        assert (reloaded.serving_last_version, reloaded.problems) == (("bolt",), ())
        assert (await server.reloader.written())["apps"]["bolt"]["ttl"] == {"max": "2h"}
        server.write({"run/acme": CERTIFICATE})
    server.write({"apps.d/bolt.yaml": f"{_BOLT}\nttl: {{max: 3h}}"})
    assert (await difference_of(server.reloader))["apps"] == {"bolt": {"change": "changed", "keys": ["ttl.max"]}}
    assert (await server.reload()).result == "done"
    assert (await server.reloader.written())["apps"]["bolt"]["ttl"] == {"max": "3h"}


async def test_the_difference_says_that_only_the_order_of_keys_changed(server: Server) -> None:
    """It said that a secret had changed."""
    server.write({"apps.d/acme.yaml": "certificate: {file: run/acme}\nttl: {max: 1h}\ncors: {}"})
    assert (await server.reload()).result == "done"
    server.write({"apps.d/acme.yaml": "ttl: {max: 1h}\ncors: {}\ncertificate: {file: run/acme}"})
    keys = ["(the order of its keys)"]
    assert (await difference_of(server.reloader))["apps"] == {"acme": {"change": "changed", "keys": keys}}


async def test_the_difference_names_a_secret_outside_the_apps(server: Server) -> None:
    """It said that nothing would change, and the reload changed it."""
    root = _ROOT.replace("deny: {file: DENY}", "redis: {url: {file: run/redis}}")
    server.write({"config.yaml": root, "run/redis": "redis://127.0.0.1:6379/0"})
    assert (await server.reload()).result == "done"
    assert (await difference_of(server.reloader))["settings"] == []
    server.write({"run/redis": "redis://127.0.0.1:6379/1"})
    assert (await difference_of(server.reloader))["settings"] == ["(a secret)"]
    assert (await server.reload()).result == "done"
