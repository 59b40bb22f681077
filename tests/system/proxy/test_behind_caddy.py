"""tokend behind a real Caddy with forward_auth, both as docs/identity.md writes them; only the ports are others."""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.needs import skip_or_fail
from tests.running import serving
from tests.system.proxy import caddy
from tests.system.proxy.auth_service import asking, cookie
from tests.system.proxy.test_behind_nginx import ASK, CONFIG, ENVIRONMENT, PAGE

(SITE,) = re.findall(r"^```caddyfile\n(.*?)^```", PAGE, re.M | re.S)
_OPTIONS: Final = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"
HEADERS: Final = ("User", "Preferred-Username", "Email", "Groups")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[caddy.Caddy]:
    skip_or_fail(caddy.missing())
    (tmp_path / "caddy").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    with asking() as port, serving(tmp_path, ENVIRONMENT, lines=1) as tokend:
        text = SITE.replace("tokens.example.com", "localhost:{$HTTPS_PORT}").replace(":4180", f":{port}")
        text = text.replace("127.0.0.1:8080", urlsplit(tokend.url).netloc)
        with caddy.proxying(tmp_path / "caddy", _OPTIONS + text, {}) as running:
            yield running


def _status(site: caddy.Caddy, user: str, role: str, *headers: tuple[str, str]) -> int:
    connection = http.client.HTTPSConnection(urlsplit(site.url).netloc, timeout=10, context=site.tls)
    sent = {"Content-Type": "application/json", "Cookie": cookie(user), **dict(headers)}
    connection.request("POST", "/demo/v1/token", json.dumps({**ASK, "role": role}), sent)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_user_gets_what_the_proxy_says_and_nothing_that_the_client_says(site: caddy.Caddy) -> None:
    assert _status(site, "alice", "publisher") == _status(site, "bob", "subscriber") == 200
    assert _status(site, "mallory", "subscriber", ("X-Auth-Request-User", "alice")) == 401
    for headers in ((), (("X-Auth-Request-Groups", "host"),), (("X-Auth-Request-User", "alice"),)):
        assert _status(site, "bob", "publisher", *headers) == 403
    assert _status(site, "bob", "subscriber", ("Authorization", "Bearer nonsense"), ("X-API-Key", "nonsense")) == 200


def test_every_header_is_removed_before_it_is_set() -> None:
    """Caddy 2.10.0 to 2.11.1 keeps a client's header otherwise; the one that runs here may be another."""
    removed, _, set_by_the_service = SITE.partition("forward_auth")
    for name in HEADERS:
        assert f"request_header -X-Auth-Request-{name}\n" in removed
        assert f"X-Auth-Request-{name}" in set_by_the_service
