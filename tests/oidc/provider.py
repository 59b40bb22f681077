"""Starts and stops npm's oidc-provider (`server.js`) on a port that stays its own, with keys that the tests choose."""

import json
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode
from urllib.request import urlopen

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.jwt.making import private

HERE: Final = Path(__file__).parent
AUDIENCE: Final = "https://tokend.example.com/"


def missing() -> str | None:
    """Why it cannot be started here, and what to do about it; None when it can."""
    if shutil.which("node") is None:
        return "no identity provider: node is not on the PATH (install it; make test then installs oidc-provider)"
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        return "no identity provider: tests/oidc lacks oidc-provider (make test installs it where npm is)"
    return None


class Provider:
    """A context manager that ends it. `start` may be called again, with other keys."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *keys: str) -> None:
        """`keys`: names of private keys; the first one of each kind signs, all are published."""
        self.stop()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"keys": [_private_jwk(name) for name in keys]}, file)
            file.flush()
            self._process = subprocess.Popen(
                ["node", "--no-warnings", str(HERE / "server.js"), str(self.port), file.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if line.strip() == self.issuer:
                    return
        raise AssertionError("the identity provider did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def token(self, algorithm: str = "RS256", audience: str = AUDIENCE) -> str:
        """An access token, as a program of the name `studio` gets it."""
        form = {
            "grant_type": "client_credentials",
            "client_id": "studio",
            "client_secret": "a-secret-of-the-tests",
            "scope": "tokens",
            "resource": f"{audience}?alg={algorithm}",
        }
        with urlopen(f"{self.issuer}/token", urlencode(form).encode(), timeout=10) as answer:
            token: str = json.load(answer)["access_token"]
            return token


def _private_jwk(name: str) -> dict[str, Any]:
    kind: Any = {"ec": ECAlgorithm, "rs": RSAAlgorithm, "ed": OKPAlgorithm}[name[:2]]
    found: dict[str, Any] = kind.to_jwk(private(name), as_dict=True)
    found.pop("key_ops", None)
    return {**found, "kid": name, "use": "sig"}
