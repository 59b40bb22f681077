"""OpenTelemetry: a server span for each request, made after its answer. Imported only if `server.traces` is true.

A span holds what the log line holds. It has no path, query or address, and no user, channel, key or token. Of the client's
headers it uses only `traceparent`, which is hexadecimal. The OTEL_… variables say where spans go, and how many. A stranger's
`traceparent` gives the trace id, but has no part in whether the span is sampled.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tokend import __version__
from tokend.telemetry.request_record import METHODS, RequestRecord

FLUSH_SECONDS: Final = 3.0
"""The longest wait, in seconds, for the last spans to be sent at the end."""
_ERROR: Final = Status(StatusCode.ERROR)
_TRUSTED: Final = create_key("tokend-trusted-parent")


class _OwnDecision(Sampler):
    """Samples as `sampler` does, but as if a span had no parent where its parent is a stranger's.

    The trace id of a stranger does not count either: samplers by ratio decide by it, and it can be chosen.
    """

    def __init__(self, sampler: Sampler, new_id: Callable[[], int]) -> None:
        """`new_id`: makes the id of a new trace."""
        self._sampler = sampler
        self._new_id = new_id

    def should_sample(self, parent_context: Context | None, tracing_id: int, *details: Any) -> SamplingResult:
        if parent_context is not None and not get_value(_TRUSTED, parent_context):
            parent_context, tracing_id = Context(), self._new_id()
        return self._sampler.should_sample(parent_context, tracing_id, *details)

    def get_description(self) -> str:
        return self._sampler.get_description()


class Tracing:
    """`exporter`: where spans go; by default to the OTLP endpoint that the environment names. `sampler`: likewise."""

    def __init__(self, exporter: SpanExporter | None = None, sampler: Sampler | None = None) -> None:
        # the environment overrides the name and version
        resource = Resource({SERVICE_NAME: "tokend", SERVICE_VERSION: __version__}).merge(
            OTELResourceDetector().detect()
        )
        self._provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        # it has read the environment
        self._provider.sampler = _OwnDecision(self._provider.sampler, self._provider.id_generator.generate_trace_id)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tokend", __version__)
        self._parents = TraceContextTextMapPropagator()

    def request(
        self,
        record: RequestRecord,
        status: int,
        seconds: float,
        parent: str | None,
        *,
        trusted: bool,
    ) -> str:
        """Record a span for an answered request; its trace id, as 32 hex digits.

        `seconds`: how long it took. `parent`: the header `traceparent`, which may be invalid.
        `trusted`: whether a trusted proxy sent it, so that its sampling flag counts.
        """
        context = None
        if parent:
            context = set_value(_TRUSTED, trusted, self._parents.extract({"traceparent": parent}, Context()))
        known = record.method in METHODS
        attributes: dict[str, str | int | None] = {
            "http.request.method": record.method if known else "_OTHER",
            "http.route": record.template,
            "http.response.status_code": status,
            "tokend.app": record.app,
            "tokend.kind": record.kind,
            "tokend.outcome": record.code,
            "tokend.request_id": record.request_id,
            "error.type": record.code if status >= 500 else None,
        }
        nanoseconds = int(record.began * 1e9)
        span = self._tracer.start_span(
            " ".join(filter(None, (record.method if known else "HTTP", record.template))),
            context,
            SpanKind.SERVER,
            {name: value for name, value in attributes.items() if value is not None},
            start_time=nanoseconds,
        )
        if status >= 500:
            span.set_status(_ERROR)
        span.end(nanoseconds + int(seconds * 1e9))
        return format_trace_id(span.get_span_context().trace_id)

    async def close(self) -> None:
        """Send the spans that are left, for at most FLUSH_SECONDS: a collector that is down must not delay the end."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # too late: the loop has ended
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=flush, daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await done.wait()
