"""Which web pages may read an answer: by the app that the path or host names, on good and bad answers alike."""

import json

import pytest
from msgspec.structs import replace

from tests.unit.http.running import APP_ID, DEMO, KEY, Running, Serving
from tests.unit.http.wire import Reply
from tokend.issuing.origins import Origins

_APP = f"""
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{}}]}}}}
"""
_TWO = f"""
apps:
  one:{_APP}
    cors: {{origins: ["https://one.example.com", " https://*.one.example.com "]}}
  two:{_APP}
    cors: {{origins: ["https://two.example.com"]}}
  three:{_APP}
    routes: [{{host: three.example.com, path: /}}]
    cors: {{origins: ["*"]}}
  four:{_APP}
"""
_ONE = f"apps:\n  one:{_APP}\n    cors: {{origins: [https://one.example.com]}}\n    routes: [{{path: /}}]\n"
_EXPOSED = {"X-Request-ID", "Retry-After"}


async def _token_request(server: Running, target: str, origin: str | None, *headers: tuple[str, str]) -> Reply:
    return await server.token_request("GET", target, None, *([("Origin", origin)] if origin else []), *headers)


async def _preflight(
    server: Running, target: str, origin: str, method: str = "GET", headers: str | None = None
) -> Reply:
    asked = [("Origin", origin), ("Access-Control-Request-Method", method)]
    return await server.token_request(
        "OPTIONS", target, None, *asked, *([("Access-Control-Request-Headers", headers)] if headers else [])
    )


def _allowed(reply: Reply) -> str | None:
    assert "access-control-allow-credentials" not in reply.headers
    assert "Origin" in reply.headers["vary"].split(", ")
    return reply.headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://example.com", True),
        ("https://a.preview.example.com", True),
        ("https://a.b.preview.example.com", True),
        ("https://preview.example.com", False),
        ("https://.preview.example.com", False),
        ("https://evilpreview.example.com", False),
        ("https://x.preview.example.com.evil.com", False),
        ("https://evil.com/.preview.example.com", False),
        ("https://evil.com#.preview.example.com", False),
        ("https://evil.com?.preview.example.com", False),
        ("https://u@a.preview.example.com", False),
        ("https://a.preview.example.com:444", False),
        ("http://a.preview.example.com", False),
        ("https://A.preview.example.com", False),
        ("https://a\n.preview.example.com", False),
        ("https://example.com.", False),
        ("https://example.com/", False),
        ("https://exampleXcom", False),
        ("null", False),
        ("", False),
        ("*", False),
    ],
)
def test_exact_origins_and_patterns(origin: str, allowed: bool) -> None:
    assert Origins(("https://example.com", "https://*.preview.example.com")).allow(origin) is allowed


@pytest.mark.parametrize(
    "origin", ["null", "", "*", "https://", "https://a b", "https://é.example.com", "https://\udcff"]
)
def test_not_even_a_star_lets_these_in(origin: str) -> None:
    assert Origins(("*",)).allow(origin) is False


def test_a_pattern_is_matched_in_no_time() -> None:
    origins = Origins(("https://*.example.com",))
    for hostile in ("a" * 8_000, "a." * 4_000, "a-" * 4_000, "a-a." * 2_000):
        assert not origins.allow(f"https://{hostile}.example.org")


async def test_an_allowed_origin_reads_good_and_bad_answers(serving: Serving) -> None:
    async with serving(_TWO) as server:
        for target, status in (
            ("/one/rtm/ada", 200),
            ("/one/rtm/0", 400),
            ("/one/rtm/*", 403),
            ("/one/nowhere", 404),
            ("/one/getToken", 405),
            ("/one/docs", 200),
        ):
            reply = await _token_request(server, target, "https://one.example.com")
            assert reply.status == status
            assert _allowed(reply) == "https://one.example.com"
            assert set(reply.headers["access-control-expose-headers"].split(",")) == _EXPOSED
        assert (
            _allowed(await _token_request(server, "/one/rtm/ada", "https://a.b.one.example.com"))
            == "https://a.b.one.example.com"
        )


async def test_a_401_and_a_500_can_be_read_too(serving: Serving) -> None:
    text = DEMO + "    cors: {origins: [https://one.example.com]}\n"
    async with serving(text) as server:
        reply = await _token_request(server, "/demo/rtm/ada", "https://one.example.com")
        assert (reply.status, _allowed(reply)) == (401, "https://one.example.com")
        server.control.active = replace(server.control.active, interfaces=None)
        reply = await _token_request(server, "/demo/rtm/ada", "https://one.example.com", ("X-API-Key", KEY))
        assert (reply.status, _allowed(reply)) == (500, "https://one.example.com")
        assert reply.json["code"] == "internal"
        assert server.lines[-1]["exception"] == "AttributeError"


async def test_another_origin_or_none_is_served_without_the_headers(serving: Serving) -> None:
    """The Go service answers 403 to both."""
    async with serving(_TWO) as server:
        for origin in (None, "https://evil.com", "null", "https://two.example.com"):
            reply = await _token_request(server, "/one/rtm/ada", origin)
            assert (reply.status, _allowed(reply)) == (200, None)


async def test_apps_do_not_share_origins(serving: Serving) -> None:
    async with serving(_TWO) as server:
        assert (
            _allowed(await _token_request(server, "/two/rtm/ada", "https://two.example.com"))
            == "https://two.example.com"
        )
        assert _allowed(await _token_request(server, "/two/rtm/ada", "https://one.example.com")) is None
        assert _allowed(await _token_request(server, "/four/rtm/ada", "https://one.example.com")) is None
        for target in ("/nowhere", "/ping", "/one%00"):
            assert _allowed(await _token_request(server, target, "https://one.example.com")) is None
            assert (await _preflight(server, target, "https://one.example.com")).status in (400, 403)


async def test_the_host_names_the_app_and_a_star_is_any_origin_of_this_app(serving: Serving) -> None:
    async with serving(_TWO) as server:
        three = ("Host", "three.example.com:8443")
        for origin in ("https://anything.example.org", "http://localhost:3000"):
            reply = await _token_request(server, "/rtm/ada", origin, three)
            assert (reply.status, _allowed(reply)) == (200, origin)
        assert _allowed(await _token_request(server, "/rtm/ada", "null", three)) is None
        assert _allowed(await _token_request(server, "/rtm/ada", "https://anything.example.org")) is None


async def test_the_only_app_lends_its_origins_to_pages_and_to_paths_that_cannot_be_read(serving: Serving) -> None:
    async with serving(_ONE) as server:
        for target in ("/ping", "/readyz", "/nowhere", "/rtm/%2f", "/rtm/%zz"):
            assert (
                _allowed(await _token_request(server, target, "https://one.example.com")) == "https://one.example.com"
            )
        assert (await _preflight(server, "/ping", "https://one.example.com")).status == 200


@pytest.mark.parametrize("part", ["a%2Fb", "100%", "%ff", "%0a", "%00", ".."])
async def test_a_path_that_cannot_be_read_is_answered_in_the_shape_of_its_dialect_and_to_pages_of_its_app(
    part: str, serving: Serving
) -> None:
    async with serving(_TWO) as server:
        for target in (f"/two/rtc/{part}/publisher/uid/7/", f"/two/rtm/{part}", f"/two/rtm/{part}/"):
            reply = await _token_request(server, target, "https://two.example.com")
            assert (reply.status, _allowed(reply)) == (400, "https://two.example.com")
            assert json.loads(reply.body)["error"] == json.loads(reply.body)["message"]
            assert _allowed(await _token_request(server, target, "https://one.example.com")) is None
        reply = await _token_request(server, f"/two/{part}", "https://two.example.com")
        assert (reply.status, _allowed(reply)) == (400, "https://two.example.com")
        assert _allowed(await _token_request(server, f"/{part}/rtm/ada", "https://two.example.com")) is None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", None),
        ("GET", "x-requested-with"),
        ("POST", "content-type"),
        ("POST", "Authorization, Content-Type, X-API-Key, X-Requested-With"),
        ("POST", "content-type, traceparent, tracestate, baggage"),
        ("POST", "sentry-trace, baggage, content-type"),
        ("GET", "x-datadog-trace-id, x-datadog-parent-id, x-datadog-origin, x-datadog-sampling-priority"),
        ("GET", "b3, uber-trace-id, x-amzn-trace-id, x-cloud-trace-context"),
        ("GET", "elastic-apm-traceparent, request-id, request-context"),
        ("GET", "cache-control, pragma"),
        ("POST", "x-csrf-token, x-socket-id, authorization"),
        ("POST", "content-type, x-sandbox-id"),
    ],
)
async def test_preflights_that_our_clients_send(method: str, headers: str | None, serving: Serving) -> None:
    async with serving(_TWO) as server:
        target = "/one/rtc/stage/publisher/uid/7/" if method == "GET" else "/one/v1/token"
        reply = await _preflight(server, target, "https://one.example.com", method, headers)
        assert (reply.status, reply.body) == (200, b"")
        assert _allowed(reply) == "https://one.example.com"
        assert reply.headers["access-control-allow-methods"] == method
        assert reply.headers["vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        named = {one for one in reply.headers.get("access-control-allow-headers", "").lower().split(",") if one}
        assert named == {one.strip().lower() for one in (headers or "").split(",") if one}


async def test_an_app_names_further_headers_and_no_other_app_gets_them(serving: Serving) -> None:
    text = _TWO.replace("cors: {", "cors: {headers: [X-Tenant], ", 1)
    async with serving(text) as server:
        for path, status in (("/one/rtm/ada", 200), ("/two/rtm/ada", 403)):
            origin = f"https://{path.split('/')[1]}.example.com"
            reply = await _preflight(server, path, origin, "GET", "x-tenant")
            assert reply.status == status


@pytest.mark.parametrize(
    ("origin", "method", "headers", "reason"),
    [
        ("https://other.example.org", "GET", None, "cors.origins does not allow the Origin of this page"),
        ("https://one.example.com", "DELETE", None, "this method; it allows GET, HEAD, POST"),
        ("https://one.example.com", "GET", "x-secret", "one of these request headers"),
    ],
)
async def test_a_rejected_preflight_says_whether_origin_method_or_header_is_the_reason(
    origin: str, method: str, headers: str | None, reason: str, serving: Serving
) -> None:
    async with serving(_TWO) as server:
        reply = await _preflight(server, "/one/rtm/ada", origin, method, headers)
        assert reason in (reply.json["detail"] if "detail" in reply.json else reply.json["error"])
        assert reason in server.lines[-1]["cors"]


async def test_a_preflight_to_a_path_of_no_app_says_so_and_blames_no_origin(serving: Serving) -> None:
    async with serving(_TWO) as server:
        reply = await _preflight(server, "/oen/v1/token", "https://one.example.com", "POST")
        problem = "no app has this path, so no page of another origin may read the response"
        assert (reply.status, reply.json["detail"]) == (403, f"CORS: {problem}")
        await _token_request(server, "/oen/rtm/ada", "https://one.example.com")
        assert [line["cors"] for line in server.lines[-2:]] == [problem] * 2


async def test_a_preflight_of_a_page_with_another_scheme_of_this_host_is_rejected_for_its_origin(
    serving: Serving,
) -> None:
    async with serving(_TWO) as server:
        reply = await _preflight(server, "/one/v1/token", "http://tokens.example.com", "POST")
        problem = "cors.origins does not allow the Origin of this page"
        assert (reply.status, reply.json["detail"]) == (403, f"CORS: {problem}")
        assert server.lines[-1]["cors"] == problem


@pytest.mark.parametrize(("method", "headers"), [("DELETE", None), ("POST", "x-tenant")])
async def test_a_preflight_of_an_allowed_page_to_a_path_of_no_app_blames_neither_method_nor_header(
    method: str, headers: str | None, serving: Serving
) -> None:
    async with serving(_ONE.replace("path: /", "path: /one")) as server:
        reply = await _preflight(server, "/oen/v1/token", "https://one.example.com", method, headers)
        assert (reply.status, reply.json["detail"]) == (403, "CORS: no app has this path")


async def test_the_log_says_that_a_page_could_not_read_its_token(serving: Serving) -> None:
    async with serving(_TWO) as server:
        await _token_request(server, "/one/rtm/ada", "https://other.example.org")
        await _token_request(server, "/one/rtm/ada", "https://one.example.com")
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    said = [line.get("cors") for line in lines if line["event"] == "request"]
    assert said == ["cors.origins does not allow the Origin of this page", None]


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://canary.example.org", "GET", None),
        ("null", "GET", None),
        ("https://one.example.com", "DELETE", None),
        ("https://one.example.com", "CANARY", None),
        ("https://one.example.com", "GET", "X-Canary"),
        ("https://two.example.com", "GET", None),
    ],
)
async def test_a_refused_preflight_is_our_json_and_echoes_nothing(
    origin: str, method: str, headers: str | None, serving: Serving
) -> None:
    async with serving(_TWO) as server:
        reply = await _preflight(server, "/one/rtm/ada", origin, method, headers)
        assert (reply.status, reply.json["code"]) == (403, "not_permitted")
        assert _allowed(reply) is None
        assert b"canary" not in reply.raw.lower()
        assert b"canary" not in server.log.getvalue().lower()


async def test_options_without_an_origin_is_204_with_allow(serving: Serving) -> None:
    async with serving(_TWO) as server:
        for target, allow in (
            ("/one/rtm/ada", "GET, OPTIONS"),
            ("/one/v1/token", "POST, OPTIONS"),
            ("/ping", "GET, OPTIONS"),
            ("/nowhere", "OPTIONS"),
        ):
            reply = await server.token_request("OPTIONS", target)
            assert (reply.status, reply.headers["allow"], reply.body) == (204, allow, b"")
