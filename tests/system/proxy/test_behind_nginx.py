"""tokend behind a real nginx with auth_request, both as docs/identity.md writes them; only the ports are others."""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.running import CERTIFICATE, ROOT, Running, serving
from tests.system.proxy.auth_service import asking, cookie
from tests.system.proxy.nginx import proxying
from tests.unit.auth import reasons

_, _, PAGE = (ROOT / "docs/identity.md").read_text().partition("\n## Behind ")
(CONFIG,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
(LOCATIONS,) = re.findall(r"^```nginx\n(.*?)^```", PAGE, re.M | re.S)
ENVIRONMENT: Final = {"DEMO_APP_CERTIFICATE": CERTIFICATE, "PROXY_SECRET": reasons.SECRET}
ASK: Final = {"kind": "rtc", "channel": "room-1"}


class Sites(NamedTuple):
    """The same tokend, through nginx and directly."""

    nginx: str
    tokend: Running


@pytest.fixture
def sites(nginx: None, tmp_path: Path) -> Iterator[Sites]:
    (tmp_path / "nginx").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    with asking() as port, serving(tmp_path, ENVIRONMENT, lines=1) as tokend:
        assert LOCATIONS.count("http://127.0.0.1:4180") == LOCATIONS.count("http://127.0.0.1:8080") == 1
        locations = LOCATIONS.replace(":4180", f":{port}").replace("http://127.0.0.1:8080", tokend.url)
        with proxying(tmp_path / "nginx", locations) as url:
            yield Sites(url, tokend)


class HttpResponse(NamedTuple):
    status: int
    body: Any


def _token_request(url: str, *headers: tuple[str, str], source: str = "127.0.0.1", **fields: object) -> HttpResponse:
    """A POST of ASK and these fields; a header may stand twice. `source`: the address that it comes from."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10, source_address=(source, 0))
    content = json.dumps({**ASK, **fields}).encode()
    connection.putrequest("POST", "/demo/v1/token", skip_host=any(name == "Host" for name, _ in headers))
    for name, value in (*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(content)))):
        connection.putheader(name, value)
    connection.endheaders(content)
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    return HttpResponse(answer.status, json.loads(raw) if raw.startswith(b"{") else None)


def _reasons(tokend: Running) -> list[object]:
    """Stops it; the reasons that its log gives, one a request. No line holds the secret."""
    assert tokend.stop() == 0
    assert reasons.SECRET not in tokend.log
    lines = [json.loads(line) for line in tokend.log.splitlines()]
    return [line.get("reason") for line in lines if line["event"] == "request"]


def _cookie(user: str) -> tuple[str, str]:
    return ("Cookie", cookie(user))


def test_a_signed_in_user_gets_a_publisher_token_for_his_own_uid(sites: Sites) -> None:
    alice = _token_request(sites.nginx, _cookie("alice"), role="publisher")
    assert (alice.status, alice.body["role"]) == (200, "publisher")
    again, zoe = (_token_request(sites.nginx, _cookie(one), role="publisher") for one in ("alice", "zoë"))
    assert alice.body["uid"] == again.body["uid"] != zoe.body["uid"]
    for fields in ({"uid": alice.body["uid"] + 1}, {"uid": zoe.body["uid"]}, {"uid": 0}, {"channel": "other"}):
        assert _token_request(sites.nginx, _cookie("alice"), role="publisher", **fields).status == 403
    bob = _token_request(sites.nginx, _cookie("bob"))
    assert (bob.status, bob.body["role"]) == (200, "subscriber")
    assert _token_request(sites.nginx, _cookie("bob"), role="publisher").status == 403


def test_who_is_not_signed_in_does_not_get_to_tokend(sites: Sites) -> None:
    for headers in ((), (_cookie("mallory"),), (("X-Auth-Request-User", "alice"), ("X-Tokend-Proxy", reasons.SECRET))):
        assert _token_request(sites.nginx, *headers).status == 401
    assert _reasons(sites.tokend) == []


def test_what_a_client_says_of_itself_counts_for_nothing(sites: Sites) -> None:
    forged = (
        *(("X-Auth-Request-User", "alice"), ("x-auth-request-user", "alice"), ("X_Auth_Request_User", "alice")),
        *(("X-Auth-Request-Groups", "host"), ("X-Auth-Request-Email", "alice@example.com")),
        *(("X-Auth-Request-Preferred-Username", "alice"), ("X-Forwarded-For", "127.0.0.1")),
        *(("X-Tokend-Proxy", "a-wrong-secret-of-my-own"), ("Authorization", "Bearer x"), ("X-API-Key", "x")),
    )
    bob = _token_request(sites.nginx, _cookie("bob"))
    assert _token_request(sites.nginx, _cookie("bob"), *forged).body["uid"] == bob.body["uid"]
    assert _token_request(sites.nginx, _cookie("bob"), *forged, role="publisher").status == 403
    nobody = _token_request(sites.nginx, _cookie("nobody"), *forged)  # the service said yes and named no user
    assert (nobody.status, nobody.body["code"]) == (401, "unauthenticated")
    assert _reasons(sites.tokend)[-1] == reasons.NOBODY


def test_past_the_proxy_nobody_is_believed(sites: Sites) -> None:
    forged = (("X-Auth-Request-User", "alice"), ("X-Auth-Request-Groups", "host"))
    secret = ("X-Tokend-Proxy", reasons.SECRET)
    stranger = _token_request(sites.tokend.url, *forged, secret, ("X-Forwarded-For", "127.0.0.1"), source="127.0.0.2")
    assert (stranger.status, stranger.body["code"]) == (401, "unauthenticated")
    neighbour = _token_request(sites.tokend.url, *forged)  # a program on the proxy's own machine
    assert (neighbour.status, neighbour.body["code"]) == (401, "credential_invalid")
    assert _token_request(sites.tokend.url, *forged, secret).status == 200  # this is what the secret is worth
    assert _reasons(sites.tokend) == [
        reasons.UNTRUSTED.format(peer="127.0.0.2"),
        "caller staff: x-tokend-proxy does not hold the shared secret",
        None,
    ]


def test_a_foreign_page_gets_nothing_and_one_of_the_same_host_does(sites: Sites) -> None:
    host = ("Host", "app.example.com")
    for origin, status in (("https://app.example.com", 200), ("https://evil.example.com", 401), ("null", 401)):
        assert _token_request(sites.nginx, host, _cookie("alice"), ("Origin", origin)).status == status
    assert _reasons(sites.tokend) == [None, reasons.FOREIGN, reasons.FOREIGN]


def test_the_page_names_all_that_the_preset_reads_and_explains_what_the_log_says() -> None:
    for header in ("User", "Email", "Groups", "Preferred-Username"):
        assert f"proxy_set_header X-Auth-Request-{header} $" in LOCATIONS
    said = re.findall(r"^\| `(.*?)` \|", PAGE, re.M)
    told = {f"caller staff: {reason}" for _, reason in reasons.REASONS.values()}
    told |= {reasons.MANY, reasons.BEFORE, reasons.NOBODY, reasons.FOREIGN, reasons.UNTRUSTED.format(peer="10.0.0.9")}
    assert len(said) >= 10
    assert set(said) <= told
