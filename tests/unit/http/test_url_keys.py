"""Keys in the URL, `{path}/k/<key>/…`: served, never logged, no way around rules, and only where a caller has one."""

import pytest

from tests.unit.http.running import APP_ID, DEMO, KEY, Serving
from tokend.auth.key_digests import digest_of

URL_KEY = "url-key-that-nobody-guesses"
BOTH = (
    DEMO
    + f"""
      uikit:
        url_key: "{digest_of(URL_KEY)}"
        rules: [{{kinds: [rtc, rtm], channel: "lobby-*", user: "*", capabilities: [wildcard_user, wildcard_publish]}}]
    cors: {{origins: ["https://app.example.com"]}}
"""
)
ORIGIN = ("Origin", "https://app.example.com")


@pytest.mark.parametrize("path", ["rtc/lobby-1/publisher/uid/0/", "rtc/lobby-1/publisher/uid/7", "rtm/ada"])
async def test_a_client_that_can_send_no_header_is_served(path: str, serving: Serving) -> None:
    async with serving(BOTH) as server:
        reply = await server.token_request("GET", f"/demo/k/{URL_KEY}/{path}", None, ORIGIN)
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == ORIGIN[1]
        assert reply.headers["referrer-policy"] == "no-referrer"


async def test_the_native_api_works_below_a_key_too(serving: Serving) -> None:
    async with serving(BOTH) as server:
        body = b'{"kind": "rtc", "channel": "lobby-1", "uid": 7}'
        reply = await server.token_request("POST", f"/demo/k/{URL_KEY}/v1/token", body)
        assert (reply.status, reply.json["app_id"]) == (200, APP_ID)
        explained = await server.token_request("POST", f"/demo/k/{URL_KEY}/v1/explain", body)
        assert explained.json["caller"] == "uikit"


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (f"/demo/k/{URL_KEY}x/rtm/ada", [], 401, "credential_invalid"),
        ("/demo/k//rtm/ada", [], 401, "credential_invalid"),
        (f"/demo/k/{KEY}/rtm/ada", [], 401, "credential_invalid"),  # a key for headers is none for URLs
        ("/demo/rtm/ada", [("X-API-Key", URL_KEY)], 401, "credential_invalid"),  # nor the reverse
        (f"/demo/k/{URL_KEY}/rtm/ada", [("X-API-Key", KEY)], 400, "credential_ambiguous"),
        (f"/demo/k/{URL_KEY}/rtc/other/publisher/uid/7", [], 403, "not_permitted"),
        (f"/demo/k/{URL_KEY}/chat/account/ada", [], 403, "not_permitted"),
        (f"/demo/k/{URL_KEY}/nothing", [], 404, "not_found"),
        (f"/demo/k/{URL_KEY}", [], 404, "not_found"),
        (f"/k/{URL_KEY}/rtm/ada", [], 404, "not_found"),
        ("/demo/k", [], 404, "not_found"),
    ],
)
async def test_what_a_key_does_not_open(
    path: str, headers: list[tuple[str, str]], status: int, code: str, serving: Serving
) -> None:
    async with serving(BOTH) as server:
        reply = await server.token_request("GET", path, None, *headers)
        assert (reply.status, reply.json["code"]) == (status, code)
        assert URL_KEY.encode() not in reply.raw


async def test_a_route_without_such_a_caller_has_no_keys_in_urls(serving: Serving) -> None:
    async with serving(DEMO) as server:
        assert (await server.token_request("GET", f"/demo/k/{URL_KEY}/rtm/ada", None)).status == 404


async def test_the_key_is_never_logged(serving: Serving) -> None:
    async with serving(BOTH) as server:
        for key in (URL_KEY, "wrong-key-0123456789"):
            await server.token_request("GET", f"/demo/k/{key}/rtm/ada", None)
            await server.token_request("GET", f"/demo/k/{key}/nothing", None)
        log = server.log.getvalue()
        assert URL_KEY.encode() not in log
        assert b"wrong-key" not in log
        assert b'"/demo/k/{key}/rtm/{rtmuid}"' in log


async def test_a_preflight_below_a_key_holds(serving: Serving) -> None:
    token_requests = [("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "x-requested-with")]
    async with serving(BOTH) as server:
        reply = await server.token_request("OPTIONS", f"/demo/k/{URL_KEY}/rtm/ada", None, ORIGIN, *token_requests)
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == ORIGIN[1]


TURN_AT_ROOT = f"""
apps:
  demo:
    backends: {{turn: {{secret: {{env: CERTIFICATE}}, uris: ["turn:turn.example.com:3478"]}}}}
    callers: {{uikit: {{url_key: "{digest_of(URL_KEY)}", rules: [{{user: "*"}}]}}}}
    routes: [{{path: /, dialect: turn-rest}}]
"""


async def test_below_a_key_a_dialect_may_answer_at_the_root(serving: Serving) -> None:
    """It became an error of the configuration, as without such a caller, where the server's own page is in the way."""
    async with serving(TURN_AT_ROOT) as server:
        reply = await server.token_request("GET", f"/k/{URL_KEY}?service=turn&username=ada", None)
        assert (reply.status, reply.json["uris"]) == (200, ["turn:turn.example.com:3478"])
