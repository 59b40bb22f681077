"""`tokend.client`, against a server that answers as a test says, on clocks that stand still."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import Any, Final

import pytest
from aiohttp import ClientConnectionError, ClientSession, ServerDisconnectedError, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy

from tests.free_ports import free_port
from tests.simulated_time import SimulatedTime
from tokend import client
from tokend.client import ApiKey, Bearer, Token, TokenError, TokenSource, _no_answer

SECRETS: Final = ("tk_studio_0123456789", "eyJhbGciOi.jwt.signature", "007secret")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers with a token of 90 seconds, to be renewed after 60, or with what `answers` says for the next requests."""

    def __init__(self, time: SimulatedTime) -> None:
        self.time = time
        self.ahead = 0
        """Seconds by which the server's clock is ahead."""
        self.answers: list[web.Response | Answer] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[CIMultiDictProxy[str]] = []
        self.url = ""

    @property
    def requests(self) -> int:
        return len(self.bodies)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert (request.method, request.content_type) == ("POST", "application/json")
        assert request.path in ("/demo/v1/token", f"/demo/k/{SECRETS[1]}/v1/token")
        self.bodies.append(await request.json())
        self.headers.append(request.headers)
        answer = self.answers.pop(0) if self.answers else self.token()
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)

    def token(self, ttl: int | None = 90) -> web.Response:
        issued_at = int(self.time.wall) + self.ahead
        times = {"issued_at": issued_at, "expires_at": None, "renew_at": None}
        if ttl is not None:
            times |= {"expires_at": issued_at + ttl, "renew_at": issued_at + ttl - 30}
        return web.json_response({"token": f"007secret-{self.requests}", "kind": "rtc", "ttl": ttl, **times})


def problem(status: int, code: str, **headers: str) -> web.Response:
    """A problem document, as tokend writes it."""
    document = {"status": status, "code": code, "detail": f"a sentence on {code}", "request_id": "request-1"}
    return web.json_response(
        document, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


@pytest.fixture
def time() -> SimulatedTime:
    return SimulatedTime()


@pytest.fixture
async def server(time: SimulatedTime) -> AsyncIterator[Server]:
    scripted = Server(time)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app) as listening:
        scripted.url = str(listening.make_url("/demo"))
        yield scripted


@pytest.fixture
async def source(server: Server, time: SimulatedTime) -> AsyncIterator[TokenSource]:
    async with TokenSource(server.url, "rtc", {"channel": "room", "uid": 7}, **time.arguments()) as made:
        yield made


def number(token: Token) -> int:
    """Which of the server's tokens this is: 1 is the first."""
    return int(token.token.rpartition("-")[2])


async def test_the_request_and_the_token(server: Server, time: SimulatedTime) -> None:
    async with TokenSource(f"{server.url}/", "rtc", {"channel": "räum *"}, ttl=600, **time.arguments()) as source:
        token = await source.get()
    assert server.bodies == [{"kind": "rtc", "channel": "räum *", "ttl": 600}]
    assert "X-API-Key" not in server.headers[0]
    assert "Authorization" not in server.headers[0]
    assert token == Token("007secret-1", "rtc", 1_800_000_000, 1_800_000_090, 1_800_000_060, {})
    assert token.answer["ttl"] == 90


async def test_credentials(server: Server, time: SimulatedTime) -> None:
    made = 0

    async def credential() -> Bearer:
        nonlocal made
        made += 1
        return Bearer(f"jwt-{made}")

    async with TokenSource(server.url, "rtc", {}, auth=ApiKey("tk_1"), **time.arguments()) as source:
        await source.get()
    async with TokenSource(server.url, "rtc", {}, auth=Bearer("jwt"), **time.arguments()) as source:
        await source.get()
    server.answers = [problem(503, "unavailable")]
    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        await source.get()
    assert [headers.get("X-API-Key") for headers in server.headers] == ["tk_1", None, None, None]
    sent = [headers.get("Authorization") for headers in server.headers]
    assert sent == [None, "Bearer jwt", "Bearer jwt-1", "Bearer jwt-2"], "it is called before each attempt"


async def test_a_rejected_credential_is_replaced_once(server: Server, time: SimulatedTime) -> None:
    given = ["jwt-1", "jwt-2", "jwt-3", "jwt-4", "jwt-4", "jwt-4"]

    async def credential() -> Bearer:
        return Bearer(given.pop(0))

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        server.answers = [problem(401, "credential_invalid")]
        assert number(await source.get()) == 2
        server.answers = [problem(401, "credential_invalid"), problem(401, "credential_invalid")]
        with pytest.raises(TokenError):
            await source.renew()
        server.answers = [problem(401, "credential_invalid")]
        with pytest.raises(TokenError):
            await source.renew()
    sent = [headers["Authorization"].removeprefix("Bearer jwt-") for headers in server.headers]
    assert sent == ["1", "2", "3", "4", "4"], "the same credential is not sent again"
    assert time.slept == []


async def test_a_credential_that_cannot_be_fetched_now_is_fetched_later(server: Server, time: SimulatedTime) -> None:
    failures: list[Exception] = [ClientConnectionError("the provider is away"), TimeoutError()]

    async def credential() -> ApiKey:
        if failures:
            raise failures.pop(0)
        return ApiKey("tk_1")

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        await source.get()
    assert (server.requests, time.slept) == (1, [0.25, 0.5])


async def test_an_auth_that_never_returns_is_called_again(
    server: Server, time: SimulatedTime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An iteration waited for it for ever: who waits for the request in flight kept it alive."""
    monkeypatch.setattr(client, "_LONGEST_AUTH", 0.05)
    calls = 0

    async def credential() -> ApiKey:
        nonlocal calls
        calls += 1
        if calls in (1, 3):
            await asyncio.Event().wait()
        return ApiKey("tk_1")

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        async with asyncio.timeout(5):
            seen = []
            async for token in source.tokens():
                seen.append(number(token))
                if len(seen) == 2:
                    break
    assert (seen, calls, time.slept[0]) == ([1, 2], 4, 0.25)
    assert "the function auth did not return within 0.05 s" in caplog.text, "the server is not at fault"


async def test_an_auth_whose_own_task_was_cancelled_makes_no_storm(server: Server, time: SimulatedTime) -> None:
    """It was called again at once, thousands of times in a second."""
    login: asyncio.Future[ApiKey] = asyncio.get_running_loop().create_future()
    login.cancel()
    calls = 0

    async def credential() -> ApiKey:
        nonlocal calls
        calls += 1
        return ApiKey("tk_1") if calls == 4 else await login

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        await source.get()
    assert (calls, time.slept) == (4, [0.25, 0.5, 1])


async def test_the_time_of_auth_is_no_life_of_the_token(server: Server, time: SimulatedTime) -> None:
    """After a slow login each token was due at once."""

    async def credential() -> ApiKey:
        time.advance(100)
        return ApiKey("tk_1")

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        assert await source.get() is await source.get()


async def test_a_mistake_in_the_callers_own_function_is_raised(server: Server, time: SimulatedTime) -> None:
    async def credential() -> ApiKey:
        raise LookupError("no such user")

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        with pytest.raises(LookupError, match="no such user"):
            await source.get()
    assert server.requests == 0


async def test_a_function_that_returns_no_credential_is_told_what_to_return(
    server: Server, time: SimulatedTime
) -> None:
    async def credential() -> Any:
        return "tk_secret"

    async with TokenSource(server.url, "rtc", {}, auth=credential, **time.arguments()) as source:
        with pytest.raises(TypeError, match="the function auth must return ApiKey") as error:
            await source.get()
    assert (server.requests, "tk_secret" in str(error.value)) == (0, False)


@pytest.mark.parametrize("ahead", [0, -86_400, 86_400, 3_000_000_000])
async def test_a_token_is_kept_until_it_is_due(
    server: Server, source: TokenSource, time: SimulatedTime, ahead: int
) -> None:
    """Whatever the server's clock says: only the differences of its times count."""
    server.ahead = ahead
    first = await source.get()
    time.advance(59.9)
    assert await source.get() is first
    time.advance(0.1)
    assert number(await source.get()) == 2
    time.advance(59.9)
    assert (number(await source.get()), server.requests) == (2, 2)


async def test_a_token_that_never_expires_is_kept(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    server.answers = [server.token(None)]
    await source.get()
    time.advance(10_000_000)
    await source.get()
    assert server.requests == 1
    assert [token.expires_at async for token in source.tokens()] == [None]


async def test_a_machine_that_was_suspended(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    await source.get()
    time.wall += 3600  # the monotonic clock stood still
    assert number(await source.get()) == 2


@pytest.mark.parametrize("step", [-3600.0, 0.0])
async def test_a_wall_clock_that_is_set_back(
    server: Server, source: TokenSource, time: SimulatedTime, step: float
) -> None:
    await source.get()
    time.wall += step
    time.advance(59)
    assert number(await source.get()) == 1
    time.advance(1)
    assert number(await source.get()) == 2


async def test_the_time_of_the_request_counts_as_life_of_the_token(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    async def slow(request: web.Request) -> web.Response:
        answer = server.token()
        time.advance(5)
        return answer

    server.answers = [slow]
    await source.get()
    time.advance(55)
    assert number(await source.get()) == 2


async def test_a_token_that_ended_before_it_arrived_is_not_returned(
    server: Server, source: TokenSource, time: SimulatedTime, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(request: web.Request) -> web.Response:
        answer = server.token()
        time.wall += 3600  # the machine was suspended
        return answer

    server.answers = [slow]
    assert number(await source.get()) == 2
    assert "the token ended before it arrived" in caplog.text


@pytest.mark.parametrize("renew_at", [500, None])
async def test_a_token_is_renewed_at_its_end_at_the_latest(
    server: Server, source: TokenSource, time: SimulatedTime, renew_at: int | None
) -> None:
    """An iteration yielded nothing from `expires_at` until `renew_at`, or had ended."""
    times = {"issued_at": 0, "expires_at": 90, "renew_at": renew_at}
    server.answers = [web.json_response({"token": "007secret-1", "kind": "rtc", **times})]
    tokens = source.tokens()
    assert [number(await anext(tokens)), number(await anext(tokens))] == [1, 2]
    assert time.elapsed == 90


async def test_a_hundred_consumers_make_a_request(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    assert {number(token) for token in await asyncio.gather(*(source.get() for _ in range(100)))} == {1}
    assert server.requests == 1
    time.advance(60)
    assert {number(token) for token in await asyncio.gather(*(source.get() for _ in range(100)))} == {2}
    assert {number(token) for token in await asyncio.gather(*(source.renew() for _ in range(100)))} == {3}
    assert server.requests == 3


async def test_all_who_wait_get_the_error(server: Server, source: TokenSource) -> None:
    server.answers = [problem(403, "not_permitted")]
    results = await asyncio.gather(*(source.get() for _ in range(100)), return_exceptions=True)
    assert {str(result) for result in results} == {"not_permitted: a sentence on not_permitted (request request-1)"}
    assert server.requests == 1


def held_answer(server: Server) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the next answer wait. Two events: the request has arrived; the answer may go."""
    arrived, released = asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        arrived.set()
        await released.wait()
        return server.token()

    server.answers = [wait]
    return arrived, released


async def test_a_cancelled_waiter_does_not_cancel_the_others(server: Server, source: TokenSource) -> None:
    arrived, released = held_answer(server)
    waiters = [asyncio.create_task(source.get()) for _ in range(3)]
    await arrived.wait()
    waiters[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiters[0]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await source.get()
    released.set()
    assert [number(await waiter) for waiter in waiters[1:]] == [1, 1]
    assert server.requests == 1


async def test_another_event_loop_does_not_wait_for_ever(server: Server, source: TokenSource) -> None:
    """The loop of the request in flight did not wake it."""
    arrived, released = held_answer(server)
    waiter = asyncio.create_task(source.get())
    await arrived.wait()
    with pytest.raises(RuntimeError, match="in use in another event loop"):
        await asyncio.to_thread(asyncio.run, asyncio.wait_for(source.get(), 2))
    released.set()
    assert number(await waiter) == 1


def test_a_request_of_an_event_loop_that_was_closed_is_over() -> None:
    """The next loop waited for it for ever."""
    calls = 0
    waiting: list[asyncio.Task[Token]] = []

    async def first_hangs() -> ApiKey:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        raise LookupError("the second call")

    source = TokenSource("http://127.0.0.1:1/demo", "rtc", {}, auth=first_hangs)

    async def in_flight() -> None:
        waiting.append(asyncio.create_task(source.get()))
        await asyncio.sleep(0.01)

    async def again() -> None:
        with pytest.raises(LookupError, match="the second call"):
            await asyncio.wait_for(source.get(), 2)
        await source.close()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(in_flight())
    loop.close()
    asyncio.run(again())
    assert calls == 2


async def test_a_request_ends_with_its_last_waiter(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    arrived, released = held_answer(server)
    before = asyncio.all_tasks()
    waiters = [asyncio.create_task(source.get()) for _ in range(2)]
    await arrived.wait()
    for waiter in waiters:
        waiter.cancel()
    ended = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(exception) for exception in ended] == [asyncio.CancelledError] * 2
    assert number(await source.get()) == 2, "another request, although the first has just been cancelled"
    assert time.slept == [], "nobody waited for the first until it timed out"
    released.set()
    assert {task for task in asyncio.all_tasks() - before if "_request" in repr(task.get_coro())} == set()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_another_attempt_after_what_may_pass(
    server: Server, source: TokenSource, time: SimulatedTime, status: int
) -> None:
    server.answers = [web.Response(status=status, text="<html>a proxy's page</html>", content_type="text/html")]
    assert number(await source.get()) == 2
    assert time.slept == [0.25]


async def test_back_off_has_full_jitter_up_to_a_limit_that_doubles(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    server.answers = [problem(503, "unavailable") for _ in range(9)]
    await source.get()
    assert time.slept == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15], "half of 0.5, 1, 2, 4, 8, 16, 30, 30, 30"
    time.advance(60)
    server.answers = [problem(503, "unavailable")]
    await source.renew()
    assert time.slept[9:] == [0.25], "a success resets it"


@pytest.mark.parametrize(
    ("random", "headers", "seconds"),
    [
        (0.0, {"Retry_After": "7"}, 7),
        (0.5, {"Retry_After": "7"}, 7.25),
        (0.0, {"Retry_After": "0"}, 0),
        (0.0, {"Retry_After": formatdate(1_800_000_020, usegmt=True), "Date": ""}, 20),
        (0.0, {"Retry_After": formatdate(1_700_000_020, usegmt=True), "Date": formatdate(1_700_000_000)}, 20),
        (0.0, {"Retry_After": formatdate(1_700_000_000, usegmt=True), "Date": formatdate(1_700_000_020)}, 0),
        (0.0, {"Retry_After": "86400"}, 3600),
        (0.0, {"Retry_After": formatdate(4_000_000_000, usegmt=True)}, 3600),
        (0.5, {"Retry_After": "soon"}, 0.25),
        (0.5, {"Retry_After": "-1"}, 0.25),
        (0.5, {"Retry_After": "Fri, 99 Foo 2026 25:00:00 GMT"}, 0.25),
    ],
)
async def test_retry_after(
    server: Server, time: SimulatedTime, random: float, headers: dict[str, str], seconds: float
) -> None:
    server.answers = [problem(429, "rate_limited", **headers)]
    async with TokenSource(server.url, "rtc", {}, **time.arguments(random)) as source:
        await source.get()
    assert sum(time.slept) == pytest.approx(seconds)


async def test_a_server_that_cannot_be_reached(time: SimulatedTime, server: Server) -> None:
    async def broken(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answers = [broken, broken]
    async with TokenSource(server.url, "rtc", {}, **time.arguments()) as source:
        assert number(await source.get()) == 3
    async with TokenSource("http://127.0.0.1:1/demo", "rtc", {}, **time.arguments()) as source:
        waiter = asyncio.create_task(source.get())
        while len(time.slept) < 10:
            await asyncio.sleep(0)
        waiter.cancel()


async def test_the_held_token_serves_until_it_expires_while_the_server_is_away(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    await source.get()
    time.advance(60)
    server.answers = [problem(503, "unavailable"), problem(503, "unavailable", Retry_After="10")]
    assert number(await source.get()) == 1
    assert (number(await source.get()), server.requests) == (1, 2), "no attempt before the back-off has passed"
    time.advance(0.25)
    assert (number(await source.get()), server.requests) == (1, 3)
    time.advance(10)
    assert (number(await source.get()), server.requests) == (1, 3)
    time.advance(0.5)
    assert (number(await source.get()), server.requests, time.slept) == (4, 4, [])
    time.advance(60)
    server.answers = [problem(503, "unavailable")]
    assert number(await source.get()) == 4
    time.advance(30)
    assert number(await source.get()) == 6, "it has expired: only a new one will do"


async def test_a_token_that_expires_during_an_attempt_is_not_returned(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    async def slow(request: web.Request) -> web.Response:
        time.advance(30)
        return problem(503, "unavailable")

    await source.get()
    time.advance(60)
    server.answers = [slow]
    assert number(await source.get()) == 3


async def test_who_is_cancelled_may_call_again_at_once(server: Server, source: TokenSource) -> None:
    arrived, _ = held_answer(server)

    async def insist() -> Token:
        try:
            return await source.get()
        except asyncio.CancelledError:
            return await source.get()

    insisting = asyncio.create_task(insist())
    await arrived.wait()
    insisting.cancel()
    assert number(await insisting) == 2


async def test_who_has_a_usable_token_does_not_wait_for_who_renews(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    await source.get()
    time.advance(60)
    server.answers = [problem(503, "unavailable", Retry_After="20")]
    seen: list[int] = []

    async def look() -> None:
        while server.requests < 3:
            seen.append(number(await source.get()))
            await asyncio.sleep(0)

    renewed, _ = await asyncio.gather(source.renew(), look())
    assert number(renewed) == 3
    assert 1 in seen


async def test_an_error_that_cannot_be_repaired(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    document = {"code": "invalid_field", "detail": "uid must be a number", "field": "uid", "request_id": "r-1"}
    server.answers = [
        web.json_response(document, status=400, content_type="application/problem+json", headers={"Retry-After": "9"})
    ]
    with pytest.raises(TokenError) as caught:
        await source.get()
    error = caught.value
    assert (error.code, error.detail, error.field) == ("invalid_field", "uid must be a number", "uid")
    assert (error.status, error.request_id, error.retry_after) == (400, "r-1", 9)
    assert str(error) == "invalid_field: uid must be a number (request r-1)"
    assert (server.requests, time.slept) == (1, [])
    assert number(await source.get()) == 2, "the next call makes a request again"


@pytest.mark.parametrize("status", [401, 403, 404, 405, 413, 415])
async def test_each_such_status_is_raised_at_once(server: Server, source: TokenSource, status: int) -> None:
    server.answers = [problem(status, "some_code")]
    with pytest.raises(TokenError) as caught:
        await source.get()
    assert (caught.value.status, server.requests) == (status, 1)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(text="<html>"),
        lambda: web.Response(body=b"\xff\xfe"),
        lambda: web.json_response([]),
        lambda: web.json_response({"rtcToken": "007"}),
        lambda: web.json_response({"token": 7, "kind": "rtc", "issued_at": 1, "expires_at": 2, "renew_at": 1}),
        lambda: web.json_response({"token": "", "kind": "rtc", "issued_at": 1, "expires_at": "2", "renew_at": 1}),
        lambda: web.Response(status=302, headers={"Location": "/demo/login"}),
        lambda: web.Response(status=404, text="no backend"),
    ],
)
async def test_an_answer_that_is_not_tokends(
    server: Server, source: TokenSource, answer: Callable[[], web.Response]
) -> None:
    """The address is wrong, unless it was right before: then a proxy answers, for the time being."""
    server.answers = [answer()]
    with pytest.raises(TokenError) as caught:
        await source.get()
    assert caught.value.code == "unknown"
    assert (await source.get()).kind == "rtc"
    server.answers = [answer()]
    assert number(await source.renew()) == 4


async def test_a_redirect_is_not_followed(server: Server, time: SimulatedTime) -> None:
    server.answers = [web.Response(status=307, headers={"Location": f"{server.url}/v1/token"})]
    async with TokenSource(server.url, "rtc", {}, auth=ApiKey("tk_1"), **time.arguments()) as source:
        with pytest.raises(TokenError, match="a redirect: write the address to which it leads as url"):
            await source.get()
    assert server.requests == 1


async def test_an_answer_with_a_lifetime_of_nothing_makes_no_storm(
    server: Server, source: TokenSource, time: SimulatedTime
) -> None:
    times = {"issued_at": 5, "expires_at": 5, "renew_at": 5}
    server.answers = [web.json_response({"token": "007secret-1", "kind": "rtc", **times})]
    await source.get()
    await source.get()
    assert server.requests == 1


async def test_each_renewed_token_is_yielded(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    await source.get()
    server.answers = [problem(503, "unavailable"), problem(429, "rate_limited", Retry_After="3")]
    seen: list[tuple[int, float]] = []
    async for token in source.tokens():
        seen.append((number(token), time.elapsed))
        if len(seen) == 3:
            break
    assert [which for which, _ in seen] == [1, 4, 5]
    assert [at for _, at in seen] == pytest.approx([0, 60 + 0.25 + 3.5, 60 + 0.25 + 3.5 + 60])
    assert max(time.slept) <= 15, "the clocks are read again, in case that the machine was suspended"


async def test_a_slow_consumer_gets_a_usable_token(server: Server, source: TokenSource, time: SimulatedTime) -> None:
    seen = []
    async for token in source.tokens():
        seen.append(number(token))
        if len(seen) == 1:
            time.advance(500)
        elif len(seen) == 2:
            assert number(await source.renew()) == 3
        elif len(seen) == 3:
            assert number(await source.renew()) == 4
            time.advance(500)
        else:
            break
    assert seen == [1, 2, 3, 5]


async def test_several_iterations_share_the_requests(server: Server, source: TokenSource) -> None:
    async def consume() -> list[int]:
        seen: list[int] = []
        async for token in source.tokens():
            seen.append(number(token))
            if len(seen) == 3:
                break
        return seen

    assert await asyncio.gather(*(consume() for _ in range(100))) == [[1, 2, 3]] * 100
    assert server.requests == 3


async def test_iterations_and_waiters_end_with_the_source(server: Server, time: SimulatedTime) -> None:
    source = TokenSource(server.url, "rtc", {}, **time.arguments())
    seen = []
    async for token in source.tokens():
        seen.append(token)
        await source.close()
    assert len(seen) == 1
    with pytest.raises(RuntimeError, match="the token source is closed"):
        await source.renew()
    source = TokenSource(server.url, "rtc", {}, **time.arguments())
    arrived, _ = held_answer(server)
    waiter = asyncio.create_task(source.get())
    await arrived.wait()
    await source.close()
    with pytest.raises(RuntimeError, match="the token source is closed"):
        await waiter
    source = TokenSource(server.url, "rtc", {}, **time.arguments())
    tokens = source.tokens()
    assert number(await anext(tokens)) == 3
    arrived, _ = held_answer(server)
    following = asyncio.create_task(anext(tokens, None))
    await arrived.wait()
    await source.close()
    assert await following is None


async def test_an_iteration_that_waits_for_the_next_renewal_ends_with_the_source_at_once(server: Server) -> None:
    """It slept on for up to 15 seconds."""
    source = TokenSource(server.url, "rtc", {})
    tokens = source.tokens()
    await anext(tokens)
    following = asyncio.create_task(anext(tokens, None))
    await asyncio.sleep(0.05)
    assert not following.done()
    await source.close()
    assert await asyncio.wait_for(following, 1) is None


async def test_a_session_that_was_given_stays_open(server: Server, time: SimulatedTime) -> None:
    async with ClientSession() as session:
        async with TokenSource(server.url, "rtc", {}, session=session, **time.arguments()) as source:
            await source.get()
        assert not session.closed


async def test_nothing_shows_a_token_or_a_credential(
    server: Server, time: SimulatedTime, caplog: pytest.LogCaptureFixture
) -> None:
    key, jwt = ApiKey(SECRETS[0]), Bearer(SECRETS[1])
    server.answers = [problem(503, "unavailable"), server.token(), problem(401, "unauthenticated")]
    with caplog.at_level(logging.DEBUG):
        async with TokenSource(server.url, "rtc", {"channel": "room"}, auth=key, **time.arguments()) as source:
            token = await source.get()
            shown = [repr(token), repr(source), str(source), repr(key), repr(jwt), str(token), f"{vars(source)}"]
            with pytest.raises(TokenError) as caught:
                await source.renew()
        server.answers = [problem(503, "unavailable")]
        async with TokenSource(f"{server.url}/k/{SECRETS[1]}", "rtc", {}, **time.arguments()) as source:
            await source.get()
    lines = [record.getMessage() for record in caplog.records if record.name == "tokend_client"]
    shown += [repr(source), repr(caught.value), str(caught.value), *lines]
    assert [line.partition(": ")[2] for line in lines] == [
        "unavailable: a sentence on unavailable (request request-1); the next attempt is in 0.2 s"
    ] * 2
    for secret in SECRETS:
        assert secret not in json.dumps(shown)


@pytest.mark.parametrize(
    ("url", "fields", "auth", "sentence"),
    [
        ("tokens.example.com/demo", {}, None, "url must be the app's address"),
        ("ws://tokens.example.com", {}, None, "url must be the app's address"),
        ("", {}, None, "url must be the app's address"),
        ("https://ann:secret@tokens.example.com", {}, None, "no user, password"),
        ("https://ann:secret@h\u2100x.example.com", {}, None, "url must be the app's address"),
        ("https://tokens.example.com:secret", {}, None, "url must be the app's address"),
        ("https://[secret]/", {}, None, "url must be the app's address"),
        ("https://tokens.example.com/demo?key=secret", {}, None, "query"),
        ("https://tokens.example.com", {"ttl": 60}, None, "fields may not hold ttl"),
        ("https://tokens.example.com", {"kind": "rtm"}, None, "fields may not hold kind"),
        ("https://tokens.example.com", {}, "tk_secret", "auth must be ApiKey"),
    ],
)
def test_arguments_that_cannot_work(url: str, fields: dict[str, Any], auth: Any, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        TokenSource(url, "rtc", fields, auth=auth)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["tk_secret\n", "", "tk secret", "tk_secrét", "tk\x00secret"])
def test_credentials_that_no_header_can_hold(text: str) -> None:
    for make in (ApiKey, Bearer):
        with pytest.raises(ValueError, match="visible ASCII") as caught:
            make(text)
        assert "secr" not in str(caught.value)


def test_addresses_keep_their_encoding() -> None:
    for url in ("https://tokens.example.com", "https://tokens.example.com/", "https://tokens.example.com//"):
        assert repr(TokenSource(url, "rtc", {})) == "TokenSource('https://tokens.example.com/v1/token', 'rtc')"
    assert "/a%2Fb/v1/token" in repr(TokenSource("http://[::1]:8080/a%2Fb/", "rtc", {}))


class _Over(Exception):
    """The first attempt has failed."""


class _NoAddress(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        raise OSError(None, "no such name")

    async def close(self) -> None:
        """Nothing."""


async def _warning(url: str, caplog: pytest.LogCaptureFixture, session: ClientSession | None = None) -> str:
    async def sleep(seconds: float) -> None:
        raise _Over

    async with TokenSource(url, "rtc", {}, sleep=sleep, random=lambda: 1.0, session=session) as source:
        with pytest.raises(_Over):
            await source.get()
    return caplog.records[-1].getMessage()


async def test_a_server_that_is_stopped_is_said_with_what_to_check(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    assert await _warning(f"http://127.0.0.1:{port}/demo", caplog) == (
        f"no token from http://127.0.0.1:{port}/demo/v1/token: nothing listens at 127.0.0.1:{port}: "
        "is the server running, and is the port right?; the next attempt is in 0.5 s"
    )
    async with ClientSession(connector=TCPConnector(resolver=_NoAddress())) as session:
        warning = await _warning("http://tokens.invalid/demo", caplog, session)
    assert "the host tokens.invalid has no address: is its name right, and is this machine online?" in warning


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(), "no answer in time: is the server busy, or does a firewall drop the connection?"),
        (ServerDisconnectedError(), "ServerDisconnectedError: Server disconnected"),
    ],
)
def test_other_reasons_why_there_is_no_answer(error: Exception, sentence: str) -> None:
    assert _no_answer(error) == sentence
