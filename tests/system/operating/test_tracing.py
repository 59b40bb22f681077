"""OpenTelemetry spans: what is in them, what never is, and that a collector that is away harms nobody."""

import asyncio
import io
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest
from aiohttp import ClientSession, web
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

from tests.free_ports import free_port
from tests.running import CERTIFICATE, CREDENTIALS, clean_environment
from tests.system.connections.limited import Limited, serving_limited
from tests.system.workers.serving import serving
from tests.unit.http.running import DEMO, KEY, NOW, configuration_of
from tests.unit.http.wire import request_bytes
from tokend.installing import install_command
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog, LibraryHandler
from tokend.telemetry.tracing import Tracing

_CANARY: Final = "canary"
_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
_PARENT: Final = f"00-{_TRACE}-b7ad6b7169203331-01"
_WITHOUT_PACKAGE: Final = (
    "import sys; sys.modules['opentelemetry'] = None; from tokend.cli import main; sys.exit(main(sys.argv[1:]))"
)


class _Traced:
    def __init__(self, server: Limited, sampler: Sampler | None) -> None:
        self.server = server
        self._exporter = InMemorySpanExporter()
        self._tracing = Tracing(self._exporter, sampler)
        server.control.tracing = self._tracing

    async def tracing(self) -> Sequence[ReadableSpan]:
        """All, at the end."""
        await self._tracing.close()
        return self._exporter.get_finished_spans()


@asynccontextmanager
async def _traced(configuration: Configuration | str = DEMO, sampler: Sampler | None = None) -> AsyncIterator[_Traced]:
    async with serving_limited(configuration) as server:
        yield _Traced(server, sampler)


async def test_a_span_says_what_the_log_says() -> None:
    async with _traced() as traced:
        token_request = {"kind": "rtc", "channel": "stage", "uid": 7}
        await traced.server.token_request("POST", "/demo/v1/token", token_request, ("X-API-Key", KEY))
        (span,) = await traced.tracing()
    assert (span.name, span.kind) == ("POST /demo/v1/token", SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/demo/v1/token",
        "http.response.status_code": 200,
        "tokend.app": "demo",
        "tokend.kind": "rtc",
        "tokend.outcome": "issued",
        "tokend.request_id": "request-1",
    }
    assert (span.start_time, span.end_time) == (NOW * 10**9, NOW * 10**9)
    assert span.resource.attributes["service.name"] == "tokend"
    assert span.parent is None


async def test_the_trace_of_the_client_goes_on() -> None:
    async with _traced() as traced:
        for parent in (_PARENT, _PARENT[:-2] + "00", "nonsense", _PARENT.upper() + "x"):
            await traced.server.token_request(
                "GET", "/ping", None, ("traceparent", parent), ("tracestate", f"a={_CANARY}")
            )
        *continued, nonsense, overlong = await traced.tracing()
    assert len(continued) == 2  # a stranger's "not sampled" does not count
    for span in continued:
        assert span.parent is not None
        assert f"{span.parent.trace_id:032x}" == _TRACE
        assert span.context is not None
        assert span.context.trace_state == {}
    assert (nonsense.parent, overlong.parent) == (None, None)


_SAMPLED: Final = {
    "always": ParentBased(ALWAYS_ON),
    "never": ParentBased(ALWAYS_OFF),
    "never, by ratio": ParentBased(TraceIdRatioBased(0.0)),
    "almost never, by ratio alone": TraceIdRatioBased(2.0**-60),
}


@pytest.mark.parametrize("sampler", _SAMPLED.values(), ids=_SAMPLED)
async def test_a_stranger_does_not_decide_what_is_sampled(sampler: Sampler) -> None:
    """Neither by the flag nor by a trace id that a ratio would take or leave."""
    chosen = [f"00-{trace_id:032x}-b7ad6b7169203331-{flag}" for trace_id in (1, 2**128 - 1) for flag in ("00", "01")]
    async with _traced(sampler=sampler) as traced:
        for parent in chosen:
            await traced.server.token_request("GET", "/ping", None, ("traceparent", parent))
        spans = await traced.tracing()
    assert len(spans) == (len(chosen) if sampler is _SAMPLED["always"] else 0)


async def test_a_trusted_proxy_decides_what_is_sampled() -> None:
    trusting = configuration_of("server: {trusted_proxies: 127.0.0.1}\n" + DEMO)
    async with _traced(trusting, ParentBased(ALWAYS_OFF)) as traced:
        for flag in ("00", "01"):
            await traced.server.token_request("GET", "/ping", None, ("traceparent", _PARENT[:-2] + flag))
        (span,) = await traced.tracing()
    assert span.parent is not None
    assert span.parent.trace_flags.sampled


async def test_errors_of_the_server_are_errors_and_refusals_are_not() -> None:
    async with _traced() as traced:
        await traced.server.token_request("POST", "/demo/v1/token", {"kind": "rtc"})
        good = traced.server.control.active
        traced.server.control.active = replace(good, interfaces=None)
        await traced.server.token_request(
            "POST", "/demo/v1/token", {"kind": "rtc", "channel": "a", "uid": 7}, ("X-API-Key", KEY)
        )
        await traced.server.send(b"G\xff /\r\n\r\n")
        refused, failed, unread = await traced.tracing()
    assert refused.status.status_code is StatusCode.UNSET
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "internal"
    assert (unread.name, dict(unread.attributes or {})["http.request.method"]) == ("HTTP", "_OTHER")


async def test_nothing_that_a_client_sends_is_in_a_span() -> None:
    headers = [("X-API-Key", KEY), ("User-Agent", _CANARY), ("X-Request-ID", _CANARY), ("tracestate", f"a={_CANARY}")]
    async with _traced(
        configuration_of(DEMO.replace("studio:", "any: {anonymous: true, rules: [{}]}\n      studio:"))
    ) as traced:
        for path in (
            f"/demo/rtc/{_CANARY}/publisher/userAccount/{_CANARY}",
            f"/{_CANARY}",
            f"/demo/k/{_CANARY}/rtm/ada",
        ):
            for method in ("GET", "CANARY", "OPTIONS"):
                await traced.server.send(request_bytes(method, f"{path}?{_CANARY}={_CANARY}", None, *headers))
        token_request = {"kind": "rtm", "user": _CANARY, _CANARY: _CANARY}
        await traced.server.token_request("POST", "/demo/v1/token", token_request, *headers)
        tracing = await traced.tracing()
    assert len(tracing) == 10
    text = "".join(one.to_json() for one in tracing).lower()
    assert all(word not in text for word in (_CANARY, KEY, CERTIFICATE.lower(), "007eJ".lower()))


@asynccontextmanager
async def _collector() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A stand-in that takes OTLP over HTTP: its port, and what it got."""
    got: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], got
    await runner.cleanup()


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_real_server_sends_its_spans_before_it_ends(workers: int, tmp_path: Path) -> None:
    async with _collector() as (port, got):
        extra = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_RESOURCE_ATTRIBUTES": "zone=north"}
        async with serving(tmp_path, workers, ", traces: true", extra) as server, ClientSession() as session:
            for number in range(12):
                async with session.get(
                    f"{server.url}/demo/rtc/demo-{_CANARY}/publisher/uid/{number + 1}/",
                    headers={"traceparent": _PARENT},
                ) as answer:
                    assert answer.status == 200
            assert await server.stop() == 0
            assert "Traceback" not in (tmp_path / "log").read_text()
    assert not any(_CANARY.encode() in one for one in got)
    resources = [part for one in got for part in ExportTraceServiceRequest.FromString(one).resource_spans]
    told = {one.key: one.value.string_value for part in resources for one in part.resource.attributes}
    assert (told["service.name"], told["zone"]) == ("tokend", "north")
    tracing = [span for part in resources for scope in part.scope_spans for span in scope.spans]
    assert [one.trace_id.hex() for one in tracing if one.name.startswith("GET /demo/rtc/")] == [_TRACE] * 12


async def test_a_collector_that_is_away_holds_up_neither_requests_nor_the_end(tmp_path: Path) -> None:
    extra = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    async with serving(tmp_path, 2, ", traces: true", extra) as server, ClientSession() as session:
        async with session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/7/") as answer:
            assert answer.status == 200
        children = server.workers()
        assert await server.stop() == 0
        assert children
    assert not [line for line in server.log if line["event"] == "worker" and line["level"] == "error"]
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_without_the_extra_the_start_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "server: {traces: true}\napps: {demo: {app_id: {env: APP_ID}, certificate: {env: APP_CERTIFICATE},"
        " callers: {any: {anonymous: true, rules: [{}]}}}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PACKAGE, "serve", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment(CREDENTIALS),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert f"server.traces is true, but its packages are missing: {install_command('otel')}" in done.stderr
    assert "Traceback" not in done.stderr


async def test_what_is_off_is_not_imported() -> None:
    shown = "print([name for name in sys.modules if 'opentelemetry' in name])"
    script = f"import sys, tokend.process.worker_main, tokend.process.serve; {shown}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, env=clean_environment({})
    )
    assert (await process.communicate())[0] == b"[]\n"


def test_what_libraries_log_in_their_threads_does_not_touch_the_lines_that_wait() -> None:
    """The exporter has a thread of its own, and a loop's `call_later` is for the loop's."""
    stream, calls = io.BytesIO(), []
    log = JsonLog(stream, lambda: NOW)
    log.buffer(lambda seconds, call: calls.append(seconds))
    handler = LibraryHandler(log)
    record = logging.LogRecord("exporter", logging.WARNING, "", 0, "no collector", None, None)
    thread = threading.Thread(target=handler.emit, args=(record,))
    thread.start()
    thread.join()
    assert calls == []
    (line,) = stream.getvalue().splitlines()
    assert msgspec.json.decode(line) == {
        "time": "2027-01-15T08:00:00.000+00:00",
        "level": "warning",
        "event": "library",
        "logger": "exporter",
        "message": "no collector",
    }
