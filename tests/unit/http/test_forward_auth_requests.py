"""Headers on the wire: they count from a trusted peer alone, never for a foreign page, and change nothing elsewhere."""

from typing import Final

import pytest

from tests.unit.auth import reasons
from tests.unit.http.running import APP_ID, KEY, Running, Serving
from tests.unit.http.wire import Reply
from tokend.auth.key_digests import digest_of

ASK: Final = {"kind": "rtm"}
USER: Final = ("X-Auth-Request-User", "alice")
ORIGIN: Final = "https://app.example.com"
FILE: Final = f"""
server: {{trusted_proxies: [PEER]}}
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{origins: ["{ORIGIN}"]}}
    callers:
      studio: {{api_key: "{digest_of(KEY)}"}}
      staff:
        forward_auth: {{preset: oauth2-proxy}}
        rules: [{{user: "{{claims.sub}}"}}]
      anybody: {{anonymous: true, rules: [{{user: guest}}]}}
    routes:
      - {{path: /demo, callers: [studio, staff]}}
      - {{path: /open, callers: [staff, anybody]}}
      - {{path: /keys, callers: [studio]}}
"""
TRUSTED: Final = FILE.replace("PEER", "127.0.0.1")
STRANGER: Final = FILE.replace("PEER", "127.0.0.2")


async def _token_request(server: Running, *headers: tuple[str, str], at: str = "/demo") -> Reply:
    return await server.token_request("POST", f"{at}/v1/token", ASK, *headers)


def _reason(server: Running) -> object:
    return server.lines[-1].get("reason")


async def test_a_user_gets_a_token_for_himself_alone(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        reply = await _token_request(server, ("x-AUTH-request-USER", "alice"))
        assert (reply.status, reply.json["user"]) == (200, "alice")
        reply = await server.token_request("POST", "/demo/v1/token", {**ASK, "user": "bob"}, USER)
        assert (reply.status, reply.json["code"]) == (403, "not_permitted")
        reply = await server.token_request("GET", "/demo/rtm/alice", None, USER)
        assert reply.status == 200
        assert all("alice" not in str(line) for line in server.lines)


async def test_a_name_beyond_ascii_is_a_stable_number(serving: Serving) -> None:
    async with serving(TRUSTED.replace("claims.sub}", "claims.sub|uid}")) as server:
        first, second, other = [
            (await _token_request(server, (USER[0], one))).json["user"] for one in ("álice", "álice", "alice")
        ]
        assert first == second != other
        assert first.isdigit()


async def test_a_name_with_a_wildcard_is_no_wildcard(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        assert (await _token_request(server, (USER[0], "*"))).status == 403


async def test_from_a_peer_that_is_not_trusted_they_are_as_if_not_there(serving: Serving) -> None:
    async with serving(STRANGER) as server:
        reply = await _token_request(server, USER)
        assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
        assert _reason(server) == reasons.UNTRUSTED.format(peer="127.0.0.1")
        forged = ("X-Forwarded-For", "127.0.0.2")
        assert (await _token_request(server, USER, forged, ("Forwarded", "for=127.0.0.2"))).status == 401
        assert (await _token_request(server, USER, at="/open")).json["user"] == "guest"
        assert (await _token_request(server)).status == 401
        assert _reason(server) is None
        assert (await _token_request(server, USER, ("X-API-Key", "tk_unknown"))).json["code"] == "credential_invalid"
        assert _reason(server) is None


async def test_without_a_user_the_proxy_let_somebody_through(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        for headers in ((), (("X-Auth-Request-Email", "a@example.com"),)):
            assert (await _token_request(server, *headers)).json["code"] == "unauthenticated"
            assert _reason(server) == reasons.NOBODY
            assert (await _token_request(server, *headers, at="/open")).json["user"] == "guest"


async def test_a_bad_one_is_401_even_where_anybody_may_come(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        for headers in (
            [USER, USER],
            [(USER[0], "")],
            [(USER[0], "\udce1lice")],
            [USER, ("X-Auth-Request-Email", "\t\x01")],
        ):
            for at in ("/demo", "/open"):
                reply = await _token_request(server, *headers, at=at)
                # a control character never gets past the parser
                assert reply.status == (400 if "\x01" in headers[-1][1] else 401), headers
                assert b"007" not in reply.body


async def test_a_credential_of_the_client_goes_first(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        assert (await _token_request(server, USER, ("X-API-Key", KEY))).status == 400  # a key names no user
        reply = await server.token_request("POST", "/demo/v1/token", {**ASK, "user": "bob"}, USER, ("X-API-Key", KEY))
        assert (reply.status, reply.json["user"]) == (200, "bob")
        for value in ("Bearer eyJhbGciOiJSUzI1NiJ9.e30.x", "Basic YWxpY2U6", "Bearer tk_unknown"):
            for at in ("/demo", "/open"):
                reply = await _token_request(server, USER, ("Authorization", value), at=at)
                assert (reply.status, reply.json["code"]) == (401, "credential_invalid")
                unread = f"; {reasons.UNREAD}" if value.startswith("Basic") else ""
                assert _reason(server) == reasons.BEFORE + unread


async def test_a_route_without_such_a_caller_does_not_look_at_them(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        for headers in ((USER,), (USER, USER)):
            reply = await _token_request(server, *headers, at="/keys")
            assert (reply.status, reply.json["code"], _reason(server)) == (401, "unauthenticated", None)


HOST: Final = ("Host", "tokens.example.com:8443")


@pytest.mark.parametrize(
    ("headers", "counts"),
    [
        ([], True),
        ([("Origin", ORIGIN)], True),
        ([("Origin", ORIGIN), ("Sec-Fetch-Site", "cross-site")], True),
        ([("Origin", "https://tokens.example.com")], True),
        ([("Origin", "https://tokens.example.com:8443"), ("Sec-Fetch-Site", "same-origin")], True),
        ([("Sec-Fetch-Site", "same-origin")], True),
        ([("Sec-Fetch-Site", "none")], True),
        ([("Origin", "https://evil.example.com")], False),
        ([("Origin", "https://tokens.example.com.evil.example")], False),
        ([("Origin", "https://evil.example/?tokens.example.com")], False),
        ([("Origin", "null")], False),
        ([("Origin", "")], False),
        ([("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], False),
        ([("Sec-Fetch-Site", "cross-site")], False),
        ([("Sec-Fetch-Site", "same-site")], False),
        ([("Sec-Fetch-Site", "whatever")], False),
    ],
)
async def test_a_page_of_another_host_asks_in_nobodys_name(
    headers: list[tuple[str, str]], counts: bool, serving: Serving
) -> None:
    """The proxy's session is a cookie: a browser sends it along for any page."""
    async with serving(TRUSTED) as server:
        for method, target, body in (("POST", "/demo/v1/token", ASK), ("GET", "/demo/rtm/alice", None)):
            reply = await server.token_request(method, target, body, HOST, USER, *headers)
            assert reply.status == (200 if counts else 401)
            assert _reason(server) == (None if counts else reasons.FOREIGN)
            assert (await server.token_request(method, target, body, HOST, *headers)).status == 401


async def test_any_origin_is_no_origin_that_counts(serving: Serving) -> None:
    async with serving(TRUSTED.replace(ORIGIN, "*")) as server:
        reply = await _token_request(server, USER, ("Origin", "https://evil.example.com"))
        assert (reply.status, _reason(server)) == (401, reasons.FOREIGN)
        assert (await _token_request(server, HOST, USER, ("Origin", "https://tokens.example.com"))).status == 200
        reply = await server.token_request(
            "POST", "/demo/v1/token", {**ASK, "user": "x"}, ("X-API-Key", KEY), ("Origin", ORIGIN)
        )
        assert reply.status == 200


async def test_pages_may_not_send_the_headers_themselves(serving: Serving) -> None:
    async with serving(TRUSTED) as server:
        for name, status in (("x-auth-request-user", 403), ("x-api-key", 200)):
            asked = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", name))
            reply = await server.token_request("OPTIONS", "/demo/v1/token", None, ("Origin", ORIGIN), *asked)
            assert reply.status == status
