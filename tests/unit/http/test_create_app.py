"""tokend as an application of somebody else's: run, mounted, tested, reloaded, traced, two in one process."""

import asyncio
import io
import json
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp_cors
import msgspec.json
import pytest
from aiohttp import web, web_protocol
from aiohttp.http_parser import HttpRequestParserPy
from aiohttp.test_utils import TestClient
from yarl import URL

import tokend
from tests.conftest import ClientFixture
from tests.running import ADMIN, ADMIN_DIGEST
from tests.unit.dialects.transcripts import Exchange, all_exchanges, configuration_named
from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, NOW, serving
from tests.unit.http.wire import read_reply, request_bytes
from tokend.auth.key_digests import digest_of
from tokend.config.problems import ConfigurationError
from tokend.http import admin, control
from tokend.http.control import CONTROL
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Snapshot

ENVIRONMENT = {"CERTIFICATE": CERTIFICATE}
_GOOD = "/demo/rtc/room/publisher/uid/7/"
_BODY = {"kind": "rtc", "channel": "room", "uid": 7}
_HEADERS = {"X-API-Key": KEY}


def _written(directory: Path, text: str = DEMO) -> Path:
    path = directory / "config.yaml"
    path.write_text(text)
    return path


class _Operated:
    """An application as its operator's application sees it."""

    def __init__(self, app: web.Application) -> None:
        self._control = app[CONTROL]
        self.reloader = self._control.reloader

    async def snapshot(self) -> Snapshot:
        return self._control.snapshot()

    def not_ready_reasons(self) -> list[str]:
        return self._control.not_ready_reasons()


def _quiet() -> JsonLog:
    return JsonLog(io.BytesIO(), lambda: NOW)


def _application(path: Path, log: JsonLog | None = None) -> web.Application:
    return tokend.create_app(path, environ=ENVIRONMENT, log=log or _quiet())


def _host(app: web.Application, prefix: str = "/tokens") -> web.Application:
    """Somebody else's application, with a route, a middleware and a signal of its own."""

    @web.middleware
    async def header_of_the_host(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["X-Middleware"] = "host"
        return response

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Signal"] = "host"

    async def own(request: web.Request) -> web.Response:
        return web.Response(text="the host's own")

    host = web.Application(middlewares=[header_of_the_host])
    host.on_response_prepare.append(on_prepare)
    host.router.add_get("/own", own)
    host.add_subapp(prefix, app)
    return host


async def test_it_is_tested_with_aiohttp_client(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    client = await aiohttp_client(_application(_written(tmp_path)))
    response = await client.post("/demo/v1/token", json=_BODY, headers=_HEADERS)
    assert response.status == 200
    assert (await response.json())["token"].startswith("007")
    assert response.headers["Cache-Control"] == "private, no-cache, no-store, must-revalidate"


async def test_it_is_checked_when_it_is_made_and_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _application(_written(tmp_path, DEMO.replace("CERTIFICATE", "NOT_SET") + "    ttl: {max: 48h}\n"))
    assert len(caught.value.problems) == 2
    audit = tmp_path / "none" / "audit.jsonl"
    _application(_written(tmp_path, f"audit: {{to: {{file: {audit}}}}}\n{DEMO}"))
    assert not audit.exists()


async def test_mounted_beside_the_hosts_own_routes(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    client = await aiohttp_client(_host(_application(_written(tmp_path))))
    assert await (await client.get("/own")).text() == "the host's own"
    response = await client.get(f"/tokens{_GOOD}", headers=_HEADERS)
    assert response.status == 200
    assert (response.headers["X-Middleware"], response.headers["X-Signal"]) == ("host", "host")
    assert (await client.get("/tokens/healthz")).status == 200
    assert (await client.get("/tokens")).status == 200
    assert (await client.get(URL("/%74okens/healthz", encoded=True))).status == 404
    assert (await client.get("/healthz")).status == 404
    missing = await client.get("/tokens/nowhere")
    assert (missing.status, (await missing.json())["code"]) == (404, "not_found")


_MOUNTED = list(all_exchanges())


@pytest.mark.parametrize("exchange", _MOUNTED, ids=[exchange.place for exchange in _MOUNTED])
async def test_every_transcript_holds_under_a_prefix(exchange: Exchange, aiohttp_client: ClientFixture) -> None:
    from tests.unit.dialects.test_transcripts import check, send  # the same checks as without a prefix

    async def client_of(app: web.Application) -> "TestClient[Any, Any]":
        return await aiohttp_client(_host(app))

    async with serving(configuration_named(exchange.configuration), client_of=client_of) as server:
        reply = await send(server, exchange, f"/tokens{exchange.target}")
    assert reply.headers["x-middleware"] == reply.headers["x-signal"] == "host"
    check(exchange, reply)


async def test_body_limits_are_tokends_own_when_mounted(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    host = web.Application(client_max_size=0)  # no limit at all
    host.add_subapp("/tokens", _application(_written(tmp_path)))
    client = await aiohttp_client(host)

    async def pieces() -> Any:
        for _ in range(64):
            yield b" " * 1024

    for data in (b" " * 20_000, pieces()):
        response = await client.post("/tokens/demo/getToken", data=data, headers=_HEADERS)
        assert (response.status, (await response.json())["code"]) == (413, "too_large")
    narrow = web.Application(client_max_size=10)
    narrow.add_subapp("/tokens", _application(_written(tmp_path)))
    client = await aiohttp_client(narrow)
    assert (await client.post("/tokens/demo/v1/token", json=_BODY, headers=_HEADERS)).status == 200


async def test_a_compressed_body_is_refused_when_mounted(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    client = await aiohttp_client(_host(_application(_written(tmp_path))))
    headers = {**_HEADERS, "Content-Encoding": "gzip"}
    response = await client.post("/tokens/demo/getToken", data=b"\x1f\x8b none", headers=headers, skip_auto_headers=[])
    assert (response.status, (await response.json())["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"2\n{}"])
async def test_broken_chunks_are_400_with_the_parser_in_python_too(
    chunk: bytes, tmp_path: Path, aiohttp_client: ClientFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_protocol, "HttpRequestParser", HttpRequestParserPy)
    client: Any = await aiohttp_client(_application(_written(tmp_path)))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(request_bytes("POST", "/demo/v1/token", None, *_HEADERS.items(), ("Transfer-Encoding", "chunked")))
    await asyncio.sleep(0.05)
    writer.write(chunk)
    reply = await read_reply(reader)
    writer.close()
    assert (reply.status, reply.json["code"]) == (400, "malformed")


async def test_the_hosts_own_cors_headers_do_not_break_ours(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    async def everybody(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Access-Control-Allow-Origin"] = "*"

    text = f'{DEMO}    cors: {{origins: ["https://app.example.com"]}}\n'
    host = _host(_application(_written(tmp_path, text)))
    host.on_response_prepare.append(everybody)
    client = await aiohttp_client(host)
    for origin, allowed in (("https://app.example.com", "https://app.example.com"), ("https://evil.example.com", None)):
        response = await client.get(f"/tokens{_GOOD}", headers={**_HEADERS, "Origin": origin})
        assert response.status == 200
        assert response.headers.get("Access-Control-Allow-Origin") == allowed


async def test_a_host_that_adds_its_routes_to_aiohttp_cors_mounts_tokend_afterwards(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    host = web.Application()
    host.router.add_get("/hello", hello)
    cors = aiohttp_cors.setup(host, defaults={"*": aiohttp_cors.ResourceOptions()})  # type: ignore[no-untyped-call]
    for route in list(host.router.routes()):
        cors.add(route)
    text = DEMO + '    cors: {origins: ["https://app.example.com"]}\n'
    host.add_subapp("/tokens", _application(_written(tmp_path, text)))
    client = await aiohttp_client(host)
    for origin, expected in (("https://app.example.com", "https://app.example.com"), ("https://b.example.com", None)):
        response = await client.get(f"/tokens{_GOOD}", headers={**_HEADERS, "Origin": origin})
        assert (response.status, response.headers.get("Access-Control-Allow-Origin")) == (200, expected)
        assert (await client.get("/hello", headers={"Origin": origin})).headers["Access-Control-Allow-Origin"] == origin


async def test_a_route_that_a_user_adds_comes_first_and_its_errors_are_its_own(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    async def hello(request: web.Request) -> web.Response:
        if request.query_string == "closed":
            raise web.HTTPForbidden(text="not for you")
        return web.Response(text="hello", headers={"Access-Control-Allow-Origin": "*"})

    app = _application(_written(tmp_path))
    app.router.add_get("/demo/hello", hello)
    client = await aiohttp_client(_host(app))
    response = await client.get("/tokens/demo/hello", headers={"Origin": "https://app.example.com"})
    assert (await response.text(), response.headers["Access-Control-Allow-Origin"]) == ("hello", "*")
    closed = await client.get("/tokens/demo/hello?closed")
    assert (closed.status, (await closed.json())["detail"]) == (403, "not for you")
    assert (await client.get(f"/tokens{_GOOD}", headers=_HEADERS)).status == 200


async def test_errors_of_an_application_that_a_user_mounts_in_it_keep_their_status(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    hooks, app = web.Application(), _application(_written(tmp_path))
    hooks.router.add_get("/hello", hello)
    app.add_subapp("/hooks", hooks)
    client = await aiohttp_client(app)
    assert await (await client.get("/hooks/hello")).text() == "hello"
    nothing = await client.get("/hooks/nothing")
    assert (nothing.status, (await nothing.json())["code"]) == (404, "not_found")
    other_method = await client.post("/hooks/hello")
    assert (other_method.status, other_method.headers["Allow"]) == (405, "GET,HEAD")
    assert "Connection" not in other_method.headers


async def test_two_applications_reload_one_while_both_serve(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    paths = [tmp_path / "first", tmp_path / "second"]
    for path in paths:
        path.mkdir()
    first, second = (_application(_written(path)) for path in paths)
    clients = [await aiohttp_client(first), await aiohttp_client(second)]
    stop = asyncio.Event()

    async def keep_requesting(client: "TestClient[Any, Any]") -> list[int]:
        statuses = []
        while not stop.is_set():
            statuses.append((await client.get(_GOOD, headers=_HEADERS)).status)
        return statuses

    requests = [asyncio.create_task(keep_requesting(client)) for client in clients]
    for number in range(5):
        _written(paths[0], DEMO + f"    ttl: {{max: {number + 2}h}}\n")
        result = await first[CONTROL].reload()
        assert (result.changed, result.problems) == (True, ())
        await asyncio.sleep(0.01)
    _written(paths[0], "apps: [")
    assert (await first[CONTROL].reload()).problems
    stop.set()
    for statuses in await asyncio.gather(*requests):
        assert set(statuses) == {200}
    longest = {"kind": "rtc", "channel": "room", "uid": 7, "ttl": 86_400}
    statuses = [(await client.post("/demo/v1/token", json=longest, headers=_HEADERS)).status for client in clients]
    assert statuses == [400, 200]
    counted = [app[CONTROL].snapshot().values["tokend_requests"] for app in (first, second)]
    assert counted[0] != counted[1]


async def test_a_middleware_that_a_user_appends_runs_inside_errors(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    @web.middleware
    async def only_https(request: web.Request, handler: Any) -> web.StreamResponse:
        if "X-Broken" in request.headers:
            raise RuntimeError("a bug")
        raise web.HTTPForbidden(reason="use https")

    app = _application(_written(tmp_path))
    app.middlewares.append(only_https)
    client = await aiohttp_client(app)
    response = await client.get(_GOOD, headers=_HEADERS)
    assert response.status == 403
    assert (await response.json())["error"] == "use https"  # the shape of the dialect agora-token-service
    broken = await client.get(_GOOD, headers={**_HEADERS, "X-Broken": "1"})
    assert (broken.status, (await broken.json())["code"]) == (500, "internal")


async def test_the_router_names_a_request_by_its_template(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    app = _application(_written(tmp_path))
    names: list[tuple[str, dict[str, str]]] = []

    @web.middleware
    async def look(request: web.Request, handler: Any) -> web.StreamResponse:
        resource = request.match_info.route.resource
        assert resource  # as instrumentation looks for it: a resource without routes is false
        names.append((resource.canonical, dict(request.match_info)))
        response: web.StreamResponse = await handler(request)
        return response

    app.middlewares.append(look)
    client = await aiohttp_client(_host(app))
    await client.get("/tokens/demo/rtc/a%2Db/publisher/uid/7/", headers=_HEADERS)
    await client.get("/tokens/secret-path", headers=_HEADERS)
    assert names == [
        (
            "/tokens/demo/rtc/{channel}/{role}/{tokenType}/{rtcuid}",
            {"channel": "a-b", "role": "publisher", "tokenType": "uid", "rtcuid": "7"},
        ),
        ("/tokens/", {}),
    ]
    listed = {route.resource.canonical for route in app.router.routes() if route.resource is not None}
    assert "/tokens/demo/v1/token" in listed


@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # the instrumentation subclasses it
async def test_opentelemetry_sees_one_span_name_a_route(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    AioHttpServerInstrumentor().instrument(tracer_provider=provider)
    try:
        from tokend.app import create_app

        app = create_app(_written(tmp_path), environ=ENVIRONMENT, log=_quiet())
        client = await aiohttp_client(app)
        for channel in ("one", "two", "three"):
            await client.get(f"/demo/rtc/{channel}/publisher/uid/7/", headers=_HEADERS)
    finally:
        AioHttpServerInstrumentor().uninstrument()
    names = {span.name for span in exporter.get_finished_spans()}
    assert len(names) == 1
    assert names == {"GET /demo/rtc/{channel}/{role}/{tokenType}/{rtcuid}"}


@pytest.mark.parametrize("stream", [io.StringIO(), None], ids=["text alone", "none"])
def test_it_is_made_where_standard_error_takes_no_bytes(
    stream: io.StringIO | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)  # as `unittest --buffer` and notebooks do; None: it is closed
    tokend.create_app(_written(tmp_path, f"server: {{workers: 2}}\n{DEMO}"), environ=ENVIRONMENT)
    if stream is not None:
        assert "server.workers" in json.loads(stream.getvalue().splitlines()[-1])["message"]


async def test_settings_of_tokend_serve_give_one_warning(tmp_path: Path) -> None:
    """With `limits`, another one said that each of the 2 workers counts by itself."""
    stream = io.BytesIO()
    admin = '{listen: "127.0.0.1:8081", details: true}'
    text = f'server: {{listen: "0.0.0.0:8080", workers: 2, drain: 1s, watch: true, admin: {admin}}}\n'
    text += f"defaults: {{limits: {{app: 1/s}}}}\n{DEMO}"
    _application(_written(tmp_path, text), JsonLog(stream, lambda: NOW))
    warnings = [msgspec.json.decode(line)["message"] for line in stream.getvalue().splitlines()]
    assert warnings == [
        "no effect in an embedded application, only under `tokend serve`: server.admin.listen, server.drain, server.watch, "
        "server.workers"
    ]


async def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    runner = web.AppRunner(_application(_written(tmp_path, f"deny: {{file: none.jsonl}}\n{DEMO}")))
    with pytest.raises(tokend.CannotStart, match="the deny file cannot be read"):
        await runner.setup()


async def test_whatever_ends_the_start_closes_what_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `CannotStart` did. The thread of the deny list and two sessions stayed in the process of the host."""

    def fails() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(control, "open_tracing", fails)
    (tmp_path / "deny.jsonl").touch()
    before = threading.active_count()
    path = _written(tmp_path, f"deny: {{file: deny.jsonl}}\nserver: {{traces: true}}\n{DEMO}")
    runner = web.AppRunner(_application(path))
    with pytest.raises(RuntimeError):
        await runner.setup()
    async with asyncio.timeout(5):
        while threading.active_count() > before:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("key", "console"), [(ADMIN_DIGEST, ["/console"]), (None, [])])
async def test_the_index_of_the_admin_application_names_what_it_serves(
    key: str | None, console: list[str], tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    admin = await aiohttp_client(tokend.create_admin_app(_application(_written(tmp_path)), key=key))
    async with admin.get("/") as response:
        paths = ["/metrics", "/healthz", "/readyz", *console, "/-/config", "/-/diff", "POST /-/reload"]
        assert await response.json() == {"paths": paths}


@pytest.mark.parametrize("key", ["", "plain", "sha256:abc"])
def test_a_key_of_the_admin_application_that_no_request_could_have_is_an_error(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be sha256: and 64 hex digits"):
        tokend.create_admin_app(_application(_written(tmp_path)), key=key)


def test_the_public_url_of_the_admin_application_is_a_url(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="public_url must begin with http:// or https://"):
        tokend.create_admin_app(_application(_written(tmp_path)), key=ADMIN_DIGEST, public_url="tokens.example.com")


async def test_the_public_url_of_the_admin_application_may_end_with_a_slash(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    app = _application(_written(tmp_path))
    url = str((await aiohttp_client(app)).make_url("/"))
    console = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST, public_url=url), headers=ADMIN)
    assert (await console.post("/-/public/demo/v1/token", json=_BODY, headers=_HEADERS)).status == 200


async def test_the_admin_application_mounted_apart(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    app = _application(_written(tmp_path))
    client = await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    await client.get(_GOOD, headers=_HEADERS)
    assert 'tokend_requests_total{app="demo",status="200"} 1.0' in await (await admin.get("/metrics")).text()
    assert (await (await admin.post("/-/reload")).json())["result"] == "unchanged"
    _written(tmp_path, DEMO.replace("demo:", "other:"))
    assert (await (await admin.post("/-/reload")).json())["result"] == "done"
    assert list((await (await admin.get("/-/config")).json())["apps"]) == ["other"]
    keyless = await aiohttp_client(tokend.create_admin_app(app))
    refused = await keyless.post("/-/reload")
    assert refused.status == 403
    assert "server.admin has no key" in (await refused.json())["error"]


async def test_on_loopback_the_admin_application_answers_only_to_names_of_its_own(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    app = _application(_written(tmp_path))
    operated = _Operated(app)
    log = _quiet()
    named = await aiohttp_client(
        admin.application_of(operated, ADMIN_DIGEST, log, host="Metrics.internal"), headers=ADMIN
    )
    unnamed = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    for path in ("/metrics", "/", "/-/config"):
        for client, status in ((named, 200), (unnamed, 403)):
            for forwarded in ({}, {"X-Forwarded-For": "203.0.113.7"}) if path != "/-/config" else ({},):
                answer = await client.get(path, headers={"Host": "metrics.internal:8081", **forwarded})
                assert (path, answer.status) == (path, status)
    for path in ("/healthz", "/readyz"):
        assert (await unnamed.get(path, headers={"Host": "metrics.internal"})).status != 403


async def test_an_http_exception_of_a_users_middleware_keeps_its_headers(
    tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    raised: dict[str, Any] = {
        "503": web.HTTPServiceUnavailable(headers={"Retry-After": "9"}, text="closed for tonight"),
        "302": web.HTTPFound("/login"),
    }

    @web.middleware
    async def raising(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query_string == "none":
            return None  # type: ignore[return-value]  # the mistake of a user
        raise raised[request.query_string]

    stream = io.BytesIO()
    app = tokend.create_app(_written(tmp_path), environ=ENVIRONMENT, log=stream)
    app.middlewares.append(raising)
    client = await aiohttp_client(app)
    closed = await client.get("/demo/rtm/ada?503")
    assert (closed.status, closed.headers["Retry-After"]) == (503, "9")
    assert (await closed.json())["error"] == "closed for tonight"
    moved = await client.get("/demo/rtm/ada?302", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (302, "/login")
    assert "no-store" in moved.headers["Cache-Control"]
    assert (await client.get("/demo/rtm/ada?none")).status == 500
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [503, 302, 500]


@pytest.mark.parametrize("error", [web.HTTPFound("/login"), web.HTTPUnauthorized()])
async def test_an_http_exception_of_a_users_middleware_keeps_its_cookies_and_repeated_headers(
    error: web.HTTPException, tmp_path: Path, aiohttp_client: ClientFixture
) -> None:
    error.set_cookie("back_to", "room")
    for challenge in ("Basic", "Digest"):
        error.headers.add("WWW-Authenticate", challenge)

    @web.middleware
    async def raising(request: web.Request, handler: Any) -> web.StreamResponse:
        raise error

    app = _application(_written(tmp_path))
    app.middlewares.append(raising)
    response = await (await aiohttp_client(app)).get(_GOOD, allow_redirects=False)
    assert response.status == error.status
    assert response.cookies["back_to"].value == "room"
    assert response.headers.getall("WWW-Authenticate") == ["Basic", "Digest"]


def test_what_is_no_configuration_or_no_application_is_said(tmp_path: Path) -> None:
    wrong: Any
    for wrong in ({}, None):
        with pytest.raises(TypeError, match="takes the path of a configuration file"):
            tokend.create_app(wrong)
    with pytest.raises(ConfigurationError, match="the name of its file is empty"):
        tokend.create_app("", environ={"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE})
    with pytest.raises(TypeError, match="that create_app has made"):
        tokend.create_admin_app(web.Application())


def test_a_log_of_text_is_an_error_before_any_token_is_issued(tmp_path: Path) -> None:
    stream: Any = io.StringIO()
    with pytest.raises(TypeError, match="log must be a binary stream"):
        tokend.create_app(_written(tmp_path), environ=ENVIRONMENT, log=stream)


async def test_the_documents_name_the_mount_prefix(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    client = await aiohttp_client(_host(_application(_written(tmp_path))))
    assert (await (await client.get("/tokens/demo/openapi.json")).json())["servers"] == [{"url": "/tokens/demo"}]
    assert "href='/tokens/demo/openapi.json'" in await (await client.get("/tokens/demo/docs/plain")).text()


async def test_no_secret_leaves_a_mounted_application(
    tmp_path: Path, aiohttp_client: ClientFixture, caplog: pytest.LogCaptureFixture
) -> None:
    url_key = "tk_canary_0123456789abcdef"
    caller = f'\n      link: {{url_key: "{digest_of(url_key)}", rules: [{{}}]}}'
    stream = io.BytesIO()
    app = tokend.create_app(_written(tmp_path, DEMO.rstrip() + caller + "\n"), environ=ENVIRONMENT, log=stream)
    client = await aiohttp_client(_host(app))
    caplog.set_level("DEBUG")
    bodies = b""
    for path in (
        f"k/{url_key}/rtm/ada",
        f"k/{url_key}x/rtm/ada",
        "rtm/ada",
        "rtm/*",
        "docs",
        "openapi.json",
        "nowhere",
        "k/%zz",
    ):
        for headers in (_HEADERS, {"X-API-Key": f"{KEY}x"}, {}):
            response = await client.get(URL(f"/tokens/demo/{path}", encoded=True), headers=headers)
            bodies += await response.read()
    own = "".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")
    said = bodies.decode() + stream.getvalue().decode() + own
    assert len(bodies) > 1000
    for secret in (CERTIFICATE, KEY, url_key):
        assert not any(secret[start : start + 8] in said for start in range(len(secret) - 7))


def test_the_error_of_a_configuration_is_to_be_had_beside_create_app(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("apps: {}\n")
    with pytest.raises(tokend.ConfigurationError, match="apps"):
        tokend.create_app(tmp_path / "config.yaml", environ={})
