"""A token source of the JavaScript client goes on when its server is restarted, or answers 503 until a reload."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.free_ports import free_port
from tests.running import DEMO, clean_environment, serving
from tests.system.clients.js.node import PROGRAMS, SECONDS, need_node

_WORKING: Final = """
apps:
  demo:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{channel: "demo-*", user: "*"}]}}
  other:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{channel: "demo-*", user: "*"}]}}
"""
_BROKEN: Final = _WORKING.replace("{env: DEMO_APP_CERTIFICATE}", "{env: NOT_SET}", 1)
Pass = Callable[[int], Awaitable[dict[str, Any]]]
"""Lets simulated seconds pass; gives the errors since the last call, and all tokens."""


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[Pass]:
    process = await asyncio.create_subprocess_exec(
        *("node", "restart.mjs", url),
        cwd=PROGRAMS,
        env=clean_environment({}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def seconds_pass(seconds: int) -> dict[str, Any]:
        stdin.write(f"{seconds}\n".encode())
        seen: dict[str, Any] = json.loads(await asyncio.wait_for(stdout.readline(), SECONDS))
        return seen

    yield seconds_pass
    stdin.close()
    assert await asyncio.wait_for(process.wait(), SECONDS) == 0  # no timer is left


async def test_a_restart_of_the_server_is_survived(tmp_path: Path) -> None:
    need_node()
    (tmp_path / "config.yaml").write_text(_WORKING)
    port = str(free_port())
    async with AsyncExitStack() as stack:
        with serving(tmp_path, DEMO, "--port", port) as server:
            seconds_pass = await stack.enter_async_context(_client(f"{server.url}/demo"))
            first = await seconds_pass(1)
            assert (len(first["tokens"]), first["errors"]) == (1, [])
        down = await seconds_pass(65)
        assert {(error["code"], error["status"]) for error in down["errors"]} == {("network", 0)}
        assert down["tokens"] == first["tokens"]
        with serving(tmp_path, DEMO, "--port", port):
            up = await seconds_pass(23)  # the token of 90 s has not ended yet
            assert len(up["tokens"]) == 2


async def test_an_app_that_answers_503_is_survived(tmp_path: Path) -> None:
    need_node()
    (tmp_path / "config.yaml").write_text(_BROKEN)
    with serving(tmp_path, DEMO) as server:
        async with _client(f"{server.url}/demo") as seconds_pass:
            broken = await seconds_pass(0)
            (error,) = broken["errors"]
            assert (error["code"], error["status"]) == ("unavailable", 503)
            (tmp_path / "config.yaml").write_text(_WORKING)
            server.process.send_signal(signal.SIGHUP)
            for _ in range(600):  # the reload is done some time after the signal
                seen = await seconds_pass((error["retryAfter"] or 0) + 30)
                if seen["tokens"]:
                    break
                await asyncio.sleep(0.05)
            assert seen["tokens"]
