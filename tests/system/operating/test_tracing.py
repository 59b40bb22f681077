"""OpenTelemetry spans of a real server: they arrive, and a collector that is away harms nobody."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientSession, web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.running import CREDENTIALS, clean_environment
from tests.system.workers.serving import free_port, serving

_CANARY: Final = "canary"
_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
_PARENT: Final = f"00-{_TRACE}-b7ad6b7169203331-01"
_WITHOUT_PACKAGE: Final = (
    "import sys; sys.modules['opentelemetry'] = None; from tokend.cli import main; sys.exit(main(sys.argv[1:]))"
)


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
    assert "server.traces is true, but its packages are missing: pip install tokend[otel]" in done.stderr
    assert "Traceback" not in done.stderr


async def test_what_is_off_is_not_imported() -> None:
    shown = "print([name for name in sys.modules if 'opentelemetry' in name])"
    script = f"import sys, tokend.process.worker_main, tokend.process.serve; {shown}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, env=clean_environment({})
    )
    assert (await process.communicate())[0] == b"[]\n"
