"""Starts and stops npm's oidc-provider (`server.js`) on a port that stays its own, with keys that the tests choose."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, build_opener, urlopen

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.free_ports import free_port
from tests.unit.auth.jwt.making import b64, private

HERE: Final = Path(__file__).parent
AUDIENCE: Final = "https://tokend.example.com/"
PAGE: Final = "web"
"""The client that users sign in to, where a test names no other."""
_SIGNED_IN: Final = "https://app.example.com/signed-in"
_VERIFIER: Final = "a-verifier-of-the-tests-that-is-long-enough-for-pkce"


def missing() -> str | None:
    """Why it cannot be started here, and what to do about it; None when it can."""
    if shutil.which("node") is None:
        return "no identity provider: node is not on the PATH (install it; make test then installs oidc-provider)"
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        return "no identity provider: tests/system/identity lacks oidc-provider (make test installs it where npm is)"
    return None


class Provider:
    """A context manager that ends it. `start` may be called again, with other keys.

    `issuer` and `page` may be set before: what its tokens name, and who they are for.
    """

    page = PAGE

    def __init__(self) -> None:
        self.port = free_port()
        self.url = self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, record: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *keys: str) -> None:
        """`keys`: names of private keys; the first one of each kind signs, all are published."""
        self.stop()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"keys": [_private_jwk(name) for name in keys]}, file)
            file.flush()
            self._process = subprocess.Popen(
                ["node", "--no-warnings", str(HERE / "server.js"), str(self.port), file.name, self.issuer, self.page],
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
        with urlopen(f"{self.url}/token", urlencode(form).encode(), timeout=10) as answer:
            token: str = json.load(answer)["access_token"]
            return token

    def sign_in(self, user: str) -> str:
        """The ID token of one of the users, who signs in with a form as in a browser, and consents."""
        browser = _Browser()
        challenge = b64(hashlib.sha256(_VERIFIER.encode()).digest())
        wanted = {"client_id": self.page, "response_type": "code", "scope": "openid", "redirect_uri": _SIGNED_IN}
        at = f"{self.url}/auth?" + urlencode({**wanted, "code_challenge": challenge, "code_challenge_method": "S256"})
        for form in ({"prompt": "login", "login": user, "password": "any"}, {"prompt": "consent"}):
            at = browser.follow(browser.follow(at), form)
        (code,) = parse_qs(urlsplit(browser.follow(at)).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": _VERIFIER}
        form |= {"client_id": self.page, "redirect_uri": _SIGNED_IN}
        with urlopen(f"{self.url}/token", urlencode(form).encode(), timeout=10) as answer:
            token: str = json.load(answer)["id_token"]
            return token


class _Browser:
    """Keeps cookies, and follows redirects one at a time."""

    def __init__(self) -> None:
        self._opener = build_opener(HTTPCookieProcessor(), _Stay())

    def follow(self, url: str, form: dict[str, str] | None = None) -> str:
        """Where the answer leads."""
        try:
            self._opener.open(url, None if form is None else urlencode(form).encode(), timeout=10).close()
        except HTTPError as answer:
            with answer:
                return urljoin(url, str(answer.headers["Location"]))
        raise AssertionError(f"{url} led nowhere")


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _private_jwk(name: str) -> dict[str, Any]:
    kind: Any = {"ec": ECAlgorithm, "rs": RSAAlgorithm, "ed": OKPAlgorithm}[name[:2]]
    found: dict[str, Any] = kind.to_jwk(private(name), as_dict=True)
    found.pop("key_ops", None)
    return {**found, "kid": name, "use": "sig"}
