"""OpenTelemetry spans: what is in them, what never is."""

import io
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import orjson
from msgspec.structs import replace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.running import CERTIFICATE
from tests.unit.http.running import DEMO, KEY, NOW, Running, configuration_of, request_bytes
from tests.unit.http.running import serving as handler
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog, LibraryHandler
from tokend.telemetry.tracing import Tracing

_CANARY: Final = "canary"
_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
_PARENT: Final = f"00-{_TRACE}-b7ad6b7169203331-01"


class _Door:
    def __init__(self, server: Running) -> None:
        self.server = server
        self._exporter = InMemorySpanExporter()
        self._tracing = Tracing(self._exporter)
        server.handler._tracing = self._tracing

    async def tracing(self) -> Sequence[ReadableSpan]:
        """All, at the end."""
        await self._tracing.close()
        return self._exporter.get_finished_spans()


@asynccontextmanager
async def _traced(configuration: Configuration | str = DEMO) -> AsyncIterator[_Door]:
    async with handler(configuration) as server:
        yield _Door(server)


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
        continued, *others = await traced.tracing()
    assert continued.parent is not None
    assert f"{continued.parent.trace_id:032x}" == _TRACE
    assert continued.context is not None
    assert continued.context.trace_state == {}
    assert [one.parent for one in others] == [None, None]  # the second was not to be sampled


async def test_errors_of_the_server_are_errors_and_refusals_are_not() -> None:
    async with _traced() as traced:
        await traced.server.token_request("POST", "/demo/v1/token", {"kind": "rtc"})
        good = traced.server.handler.loaded
        traced.server.handler.loaded = replace(good, interfaces=None)
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
    assert orjson.loads(line) == {
        "time": "2027-01-15T08:00:00.000+00:00",
        "level": "warning",
        "event": "library",
        "logger": "exporter",
        "message": "no collector",
    }
