"""The Python client against the server: renewal for five minutes, limits, restarts, 503 and addresses that nobody serves.

Clocks are simulated: those of both sides where the server runs in this process, the client's alone where it is real.
"""

import asyncio
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.free_ports import free_port
from tests.running import APP_ID, CERTIFICATE, DEMO, Running
from tests.running import serving as serving_process
from tests.simulated_time import SimulatedTime
from tests.unit.http.running import DEMO as ONE_APP
from tests.unit.http.running import KEY, NOW, Serving, World
from tokend import agora
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.client import ApiKey, Token, TokenError, TokenSource
from tokend.core.interfaces import Interfaces

FIELDS: Final = {"channel": "room-1", "uid": 7, "role": "publisher"}
CONFIGURATION: Final = """
defaults:
  app_id: {env: DEMO_APP_ID}
  certificate: {env: DEMO_APP_CERTIFICATE}
apps:
  demo: {callers: {anybody: {anonymous: true, rules: [{kinds: rtc, channel: "room-*"}]}}}
  other: {callers: {anybody: {anonymous: true, rules: [{kinds: rtc, channel: "room-*"}]}}}
"""


def shared_time(time: SimulatedTime) -> World:
    """A server's clocks that go with those of its client, whose wall clock is a day late."""
    return World(clock=lambda: NOW + time.elapsed, elapsed=lambda: time.elapsed)


@pytest.mark.parametrize("ttl", [60, 90, 300])
async def test_a_token_of_90_seconds_is_renewed_without_a_gap_for_five_minutes(serving: Serving, ttl: int) -> None:
    held: list[Token] = []
    gaps: list[float] = []

    def look() -> None:
        expires_at = held[-1].expires_at
        if expires_at is None or expires_at <= NOW + time.elapsed:
            gaps.append(time.elapsed)

    time = SimulatedTime(wall=NOW - 86_400, each_second=look)
    async with serving(ONE_APP, shared_time(time)) as server:
        url = str(server.client.make_url("/demo"))
        async with TokenSource(url, "rtc", FIELDS, ttl=ttl, auth=ApiKey(KEY), **time.arguments()) as source:
            async for token in source.tokens():
                held.append(token)
                if time.elapsed >= 300:
                    break
        requests = [line for line in server.lines if line["event"] == "request"]
    assert gaps == []
    assert len(held) == len(requests) == 300 // (ttl - 30) + (300 % (ttl - 30) > 0) + 1
    assert len({token.token for token in held}) == len(held)


async def test_a_limit_is_kept_to_with_as_few_requests_as_it_allows(serving: Serving) -> None:
    time = SimulatedTime(wall=NOW - 86_400)
    limiter = Interfaces(limiter=LocalLimiter(lambda: time.elapsed))
    async with serving(ONE_APP + "    limits: {caller: 1/m}\n", shared_time(time), limiter) as server:
        url = str(server.client.make_url("/demo"))
        async with TokenSource(url, "rtc", FIELDS, auth=ApiKey(KEY), **time.arguments()) as source:
            await source.get()
            await source.renew()
            await source.renew()
        statuses = [line["status"] for line in server.lines if line["event"] == "request"]
    assert statuses == [200, 429, 200, 429, 200]
    assert 120 <= time.elapsed <= 122


async def test_an_error_says_what_the_server_says(serving: Serving) -> None:
    time = SimulatedTime()
    async with serving(ONE_APP) as server:
        url = str(server.client.make_url("/demo"))
        async with TokenSource(url, "rtc", {**FIELDS, "uid": "x"}, auth=ApiKey(KEY), **time.arguments()) as source:
            with pytest.raises(TokenError) as caught:
                await source.get()
        async with TokenSource(url, "rtc", FIELDS, auth=ApiKey(f"{KEY}0"), **time.arguments()) as source:
            with pytest.raises(TokenError) as unauthenticated:
                await source.get()
    error = caught.value
    assert (error.status, error.code, error.field, error.request_id) == (400, "invalid_field", "uid", "request-1")
    assert error.detail.startswith("uid ")
    assert (unauthenticated.value.status, unauthenticated.value.code) == (401, "credential_invalid")
    assert time.slept == []


class Restarting:
    """A server on one port, which may be away for a while."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory, self.stack, self.port = directory, stack, free_port()
        self.url = f"http://127.0.0.1:{self.port}/demo"
        (directory / "config.yaml").write_text(CONFIGURATION)
        self.log = ""

    def start(self) -> Running:
        return self.stack.enter_context(serving_process(self.directory, DEMO, "--port", str(self.port)))

    def stop(self, running: Running) -> None:
        assert running.stop() == 0
        self.log += running.log


async def test_restarts_and_refused_connections_are_survived(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = Restarting(tmp_path, stack)
        started: list[Running] = []

        def start_after_some_seconds() -> None:
            if not started and time.elapsed > 5:
                started.append(server.start())

        time = SimulatedTime(each_second=start_after_some_seconds)
        async with TokenSource(server.url, "rtc", FIELDS, ttl=90, **time.arguments()) as source:
            first = await source.get()
            assert time.elapsed > 5, "nobody listened before"
            server.stop(started[0])
            time.advance(60)
            assert await source.get() is first, "it lasts for 30 seconds more"
            started.clear()
            second = await source.renew()
            server.stop(started[0])
            started.append(server.start())
            third = await source.renew()
    assert len({first.token, second.token, third.token}) == 3
    for token in (first, second, third):
        assert agora.verify(token.token, app_id=APP_ID, certificate=CERTIFICATE, channel="room-1", user="7")


async def test_an_app_that_answers_503_is_survived(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = Restarting(tmp_path, stack)
        (tmp_path / "config.yaml").write_text(CONFIGURATION.replace('"room-*"', "7", 1))
        running = server.start()

        def repair() -> None:
            (tmp_path / "config.yaml").write_text(CONFIGURATION)
            running.process.send_signal(signal.SIGHUP)

        time = SimulatedTime(each_second=repair)
        async with TokenSource(server.url, "rtc", FIELDS, **time.arguments()) as source:
            token = await source.get()
        assert token.kind == "rtc"
        server.stop(running)
    statuses = re.findall(r'"status":(\d+)', server.log)
    assert (statuses[0], statuses[-1], set(statuses)) == ("503", "200", {"503", "200"})
    assert time.slept


async def test_a_hundred_consumers_of_a_source_make_one_request(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = Restarting(tmp_path, stack)
        running = server.start()
        time = SimulatedTime()
        async with TokenSource(server.url, "rtc", FIELDS, **time.arguments()) as source:
            waiters = [asyncio.create_task(source.get()) for _ in range(101)]
            await asyncio.sleep(0)
            waiters.pop(50).cancel()
            tokens = {token.token for token in await asyncio.gather(*waiters)}
        assert len(tokens) == 1
        server.stop(running)
    assert server.log.count('"event":"request"') == 1
