"""A real server that holds every kind of secret: of the environment, of files, of a backend from another package.

What it says anywhere is gathered in `Gathered`, by the place where it was said. To have another kind of secret or
another place looked after, add it here. /proc/PID/environ of the server itself holds what came from the environment: it
is readable to that user and root alone, and is the one known place (write `{file: …}` where that matters).
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.installing import backend_package
from tests.running import clean_environment
from tests.system.secrecy.canaries import CERTIFICATES, KEYS, OTHERS
from tests.unit.http.lifetime_ways import everything
from tests.unit.http.running import APP_ID
from tokend.auth.key_digests import digest_of

ENVIRONMENT: Final = {
    "PRIMARY": CERTIFICATES["primary"],
    "HS256": OTHERS["HS256 secret"],
    "OPTION": OTHERS["option from the environment"],
    "ROTATED": OTHERS["option of a list"],
    "SIGNING": OTHERS["URL signing key"],
    "CUSTOMER": OTHERS["customer secret"],
}
FILES: Final = {
    "secondary": CERTIFICATES["secondary"],
    "option": OTHERS["option from a file"],
    "proxy": OTHERS["proxy's secret"],
    "authorizer": OTHERS["authorizer's secret"],
}
_CALLERS: Final = f"""    url_signing_key: {{env: SIGNING}}
    callers:
      studio: {{api_key: "{digest_of(KEYS["api key"])}"}}
      kit: {{url_key: "{digest_of(KEYS["url key"])}", rules: [{{}}]}}
      machine: {{jwt: {{issuer: machine, audience: tokend, secret: {{env: HS256}}}}, rules: [{{user: "*"}}]}}
      staff: {{forward_auth: {{user: X-User, secret_header: {{name: X-Proxy, secret: {{file: proxy}}}}}}, rules: [{{user: "*"}}]}}
"""
_ASKED: Final = f"""
  asked:
    app_id: "{APP_ID}"
    certificate: {{env: PRIMARY}}
    authorizer: {{url: "http://127.0.0.1:9/", secret: {{file: authorizer}}}}
    backends:
      rtc:
        rest: {{customer_id: customer, customer_secret: {{env: CUSTOMER}}, url: "http://127.0.0.1:9"}}
      rtm:
      chat:
    callers: {{anybody: {{anonymous: true, rules: [{{}}]}}}}
"""
"""An app whose own backend and whose vendor cannot be reached."""
_BACKEND: Final = """
from pydantic import Field
from tokend.plugins import Secret, SecretList
from tokend.backends.agora.rtc import Rtc, RtcFields
from tokend.core.validation import StrictModel

class Options(StrictModel):
    one: Secret
    several: SecretList

class Fields(RtcFields):
    crash: bool = Field(False, description="fails with the secret in its words")

class Canary(Rtc):
    Options = Options
    Fields = Fields

    def grant(self, fields, ttl, user=None):
        if fields.crash:
            raise RuntimeError(self.options.one.reveal() + self.app_credentials.certificates["primary"].reveal())
        return super().grant(fields, ttl, user)
"""


def configuration(directory: Path) -> str:
    """Every dialect, every kind, every scheme, two workers, the operator's listener, an audit."""
    text = everything()
    for written, wanted in (
        ("certificate: {env: CERTIFICATE}", "certificate: {primary: {env: PRIMARY}, secondary: {file: secondary}}"),
        ("secret: {env: CERTIFICATE}", "secret: {env: PRIMARY}"),
        ("backends: {", "backends: {canary: {one: {env: OPTION}, several: [{file: option}, {env: ROTATED}]}, "),
        ("    callers:\n", _CALLERS),
    ):
        assert written in text
        text = text.replace(written, wanted)
    admin = f'{{listen: "unix:{directory}/admin.sock", key: "{digest_of(KEYS["admin key"])}"}}'
    server = f"server: {{admin: {admin}, workers: 2, trusted_proxies: 127.0.0.1}}"
    return f"{server}\naudit: {{to: [stdout, {{file: audit.jsonl}}]}}\n{text}{_ASKED}"


def write(directory: Path) -> None:
    """All files."""
    (directory / "config.yaml").write_text(configuration(directory))
    for name, text in FILES.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    backend_package(directory, "canary", _BACKEND)


def environment(directory: Path) -> dict[str, str]:
    """What goes with the files."""
    root = Path(__file__).parents[3]
    return {**ENVIRONMENT, "PYTHONPATH": f"{root}:{directory / 'package'}"}


class Gathered:
    """`places`: what was said, by where. `answers` alone are searched for pieces of certificates too."""

    def __init__(self, directory: Path, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.answers: dict[str, bytes] = {}
        self.places: dict[str, bytes] = {}
        self._directory = directory
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._address = (host, int(port))
        for pid in self._processes():
            self.places[f"arguments of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()

    def send(self, name: str, raw: bytes, admin: bool = False, seconds: float = 30.0) -> bytes:
        """The whole answer to these bytes, to the public port or the operator's; it is remembered.

        `seconds`: how long it waits for more of it.
        """
        with socket.socket(socket.AF_UNIX if admin else socket.AF_INET) as connection:
            connection.settimeout(seconds)
            connection.connect(str(self._directory / "admin.sock") if admin else self._address)
            answer = b""
            with suppress(TimeoutError, ConnectionError):
                connection.sendall(raw)
                while piece := connection.recv(65_536):
                    answer += piece
        self.answers[f"{'admin ' if admin else ''}{name} #{len(self.answers)}"] = answer
        return answer

    def configure(self, text: str) -> None:
        """Another configuration, which the server has not read yet."""
        (self._directory / "config.yaml").write_text(text)

    def _processes(self) -> list[int]:
        """The server's process and its workers."""
        found = [self.process.pid]
        for one in found:
            found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        return found


def _log(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a log that is being written."""
    return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("}\n")]


@contextmanager
def gathering(directory: Path) -> Iterator[Gathered]:
    """A running server. At the end its streams and audit are gathered. They are files: a pipe would fill up."""
    write(directory)
    out, err = directory / "out", directory / "err"
    variables = clean_environment(environment(directory))
    command = [sys.executable, "-m", "tokend", "serve", "--port", "0"]
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(command, cwd=directory, env=variables, stdout=to_out, stderr=to_err)
    try:
        while process.poll() is None and not (
            listening := [line for line in _log(err) if line["event"] == "listening"]
        ):
            time.sleep(0.02)
        assert process.poll() is None, err.read_text()
        gathered = Gathered(directory, process, listening[0]["url"])
        yield gathered
        process.terminate()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
    gathered.places["standard output"] = out.read_bytes()
    gathered.places["standard error"] = err.read_bytes()
    gathered.places["audit"] = (directory / "audit.jsonl").read_bytes()
