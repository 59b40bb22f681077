"""How often a backend is asked, and what is kept: with a clock and a backend that do as the tests say."""

import asyncio
import tracemalloc
from collections import Counter
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.adapters.authorizer_backend import HEADER, asking, backend
from tokend.adapters.http_client import ResponseProblem
from tokend.adapters.webhook import CACHE_BYTES, CALLS, CONNECTIONS, WAITING, WebhookClient, cached_size
from tokend.core.authorizer import Answer, AuthorizerSettings, Question
from tokend.core.errors import ApiError, Code
from tokend.core.model import Restriction
from tokend.core.secrets import Secret

QUESTION = Question("demo", "web", {"sub": "a1"}, "rtc", ("7",), ("room",), ("subscriber",), (), 3600)
URL = "https://api.example.com/authorize"
Given = Restriction | ApiError | None


def settings(cache: int = 5, timeout: int = 5, url: str = URL) -> AuthorizerSettings:
    return AuthorizerSettings.model_construct(url=url, secret=Secret("0" * 32), timeout=timeout, cache=cache)


class Post:
    """A backend without HTTP. `bodies`: what it was asked; it answers while `may_answer` is set."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self.now = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.answer = b'{"allow":true}'
        self.error: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.webhooks = WebhookClient(self, lambda: self.now, cache_bytes)

    async def __call__(self, settings: AuthorizerSettings, body: bytes, request_id: str) -> bytes:
        self.bodies.append(msgspec.json.decode(body))
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return self.answer

    async def token_request(self, one: AuthorizerSettings, *questions: Question, request_id: str = "r") -> list[Given]:
        return await self.webhooks.authorize(one, questions or (QUESTION,), request_id)

    async def asked(self, one: AuthorizerSettings, *questions: Question, request_id: str = "r") -> int:
        """How often the backend is asked for these."""
        before = len(self.bodies)
        await self.token_request(one, *questions, request_id=request_id)
        return len(self.bodies) - before


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _codes(found: list[Given]) -> list[Code | None]:
    return [one.code if isinstance(one, ApiError) else None for one in found]


def _why(found: list[Given]) -> str | None:
    (one,) = found
    assert isinstance(one, ApiError)
    return one.operator


async def test_without_a_cache_every_request_asks() -> None:
    post = Post()
    assert [await post.asked(settings(cache=0)) for _ in range(3)] == [1, 1, 1]
    assert await post.asked(settings(cache=0), QUESTION, QUESTION) == 2


async def test_an_answer_counts_for_the_very_same_question_as_long_as_the_app_says() -> None:
    post = Post()
    assert await post.asked(settings(), request_id="1") == 1
    post.now = 4.9
    assert await post.asked(settings(), request_id="2") == 0
    post.now = 5.0
    assert await post.asked(settings(), request_id="3") == 1
    assert [one["request_id"] for one in post.bodies] == ["1", "3"]


async def test_its_age_begins_when_it_is_asked_for_not_when_it_comes() -> None:
    post = Post()
    post.may_answer.clear()
    waiting = asyncio.create_task(post.token_request(settings()))
    await _settled()
    post.now = 4.0
    post.may_answer.set()
    await waiting
    post.now = 5.0
    assert await post.asked(settings()) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(QUESTION, app="other"),
        replace(QUESTION, caller="studio"),
        replace(QUESTION, claims={"sub": "a2"}),
        replace(QUESTION, claims={"sub": "a1", "banned": True}),
        replace(QUESTION, claims={}),
        replace(QUESTION, kind="rtm"),
        replace(QUESTION, users=("8",)),
        replace(QUESTION, users=("7", "room"), channels=()),
        replace(QUESTION, channels=("room", "lobby")),
        replace(QUESTION, roles=("publisher",)),
        replace(QUESTION, capabilities=("wildcard_user",)),
        replace(QUESTION, ttl=3599),
    ],
)
async def test_any_other_question_is_asked(other: Question) -> None:
    post = Post()
    assert [await post.asked(settings(), one) for one in (QUESTION, other, QUESTION, other)] == [1, 1, 0, 0]


async def test_another_url_is_another_backend() -> None:
    post = Post()
    assert await post.asked(settings()) == 1
    assert await post.asked(settings(url=URL + "2")) == 1


async def test_a_shorter_cache_counts_at_once_for_what_is_kept_already() -> None:
    post = Post()
    assert await post.asked(settings(cache=60)) == 1
    post.now = 6.0
    assert await post.asked(settings(cache=60)) == 0
    assert await post.asked(settings(cache=5)) == 1
    assert await post.asked(settings(cache=0)) == 1


async def test_refusals_and_narrowings_are_kept_too() -> None:
    post = Post()
    post.answer = b'{"allow":false,"reason":"banned"}'
    first, second = [await post.token_request(settings()) for _ in range(2)]
    assert _codes(first) == _codes(second) == [Code.NOT_PERMITTED]
    assert first[0] is not second[0], "raising one writes into it"
    post.now, post.answer = 10.0, b'{"allow":true,"restrict":{"ttl":60}}'
    assert [await post.token_request(settings()) for _ in range(2)] == [[Restriction("authorizer", max_ttl=60)]] * 2
    assert len(post.bodies) == 2


@pytest.mark.parametrize("error", [OSError(), ResponseProblem("the answer has status 500"), ValueError("x"), None])
async def test_no_failure_is_kept(error: Exception | None) -> None:
    post = Post()
    post.error = error
    if error is None:
        post.answer = b"{}"
    assert _codes(await post.token_request(settings())) == [Code.UNAVAILABLE]
    post.error, post.answer = None, b'{"allow":true}'
    assert await post.token_request(settings()) == [None]
    assert len(post.bodies) == 2


async def test_equal_questions_at_once_are_one_call_and_fail_together() -> None:
    post = Post()
    for error, code in ((OSError(), Code.UNAVAILABLE), (None, None)):
        post.error = error
        post.may_answer.clear()
        waiting = [asyncio.create_task(post.token_request(settings())) for _ in range(200)]
        await _settled()
        post.may_answer.set()
        assert [_codes(one) for one in await asyncio.gather(*waiting)] == [[code]] * 200
    assert len(post.bodies) == 2


async def test_one_who_gives_up_waiting_does_not_take_the_answer_from_the_others() -> None:
    post = Post()
    post.may_answer.clear()
    first, second = (asyncio.create_task(post.token_request(settings())) for _ in range(2))
    await _settled()
    first.cancel()
    await _settled()
    post.may_answer.set()
    assert await second == [None]
    assert len(post.bodies) == 1


async def test_calls_under_way_are_bounded_an_app() -> None:
    """A backend that hangs cannot pile requests up; other apps, and what is kept, are not touched."""
    post = Post()
    await post.token_request(settings())
    post.may_answer.clear()
    others = [replace(QUESTION, ttl=ttl) for ttl in range(CALLS)]
    waiting = [asyncio.create_task(post.token_request(settings(), one)) for one in others]
    await _settled()
    for cache in (0, 5):
        over = await post.token_request(settings(cache=cache), replace(QUESTION, ttl=CALLS))
        assert _why(over) == f"authorizer: {CALLS} calls of the app are under way already, {CALLS} of all apps"
    assert await post.token_request(settings()) == [None]
    elsewhere = asyncio.create_task(post.token_request(settings(), replace(QUESTION, app="other")))
    await _settled()
    post.may_answer.set()
    assert await elsewhere == [None]
    assert await asyncio.gather(*waiting) == [[None]] * CALLS
    assert await post.token_request(settings(), replace(QUESTION, ttl=CALLS)) == [None]


async def test_authorizers_that_hang_leave_connections_for_other_apps() -> None:
    """Five apps with 100 calls each held all connections, and the tokens of every other app were 503."""
    post = Post()
    post.may_answer.clear()
    hanging = [replace(QUESTION, app=f"app{app}", ttl=ttl) for app in range(8) for ttl in range(CALLS)]
    waiting = [asyncio.create_task(post.token_request(settings(cache=0), one)) for one in hanging]
    await _settled()
    under_way = Counter(body["app"] for body in post.bodies)
    assert [under_way[f"app{app}"] for app in range(3)] == [CALLS] * 3
    assert len(post.bodies) < CONNECTIONS
    elsewhere = asyncio.create_task(post.token_request(settings(cache=0), replace(QUESTION, app="other")))
    await _settled()
    post.may_answer.set()
    assert await elsewhere == [None]
    await asyncio.gather(*waiting)
    assert await post.asked(settings(cache=0), *(replace(QUESTION, ttl=ttl) for ttl in range(CALLS))) == CALLS


async def test_those_who_wait_for_one_call_are_bounded_too() -> None:
    post = Post()
    post.may_answer.clear()
    waiting = [asyncio.create_task(post.token_request(settings())) for _ in range(WAITING)]
    await _settled()
    assert _why(await post.token_request(settings())) == f"authorizer: {WAITING} questions of the app wait already"
    post.may_answer.set()
    assert await asyncio.gather(*waiting) == [[None]] * WAITING
    assert await post.token_request(settings()) == [None]


async def test_what_hangs_is_given_up_and_asked_anew() -> None:
    post = Post()
    post.may_answer.clear()
    assert _why(await post.token_request(settings(timeout=1))) == "authorizer: no answer within 1 s"
    await asyncio.sleep(0.05)  # the call that others could have waited for too began, and so ends, a little later
    await _settled()
    post.may_answer.set()
    assert await post.token_request(settings(timeout=1)) == [None]
    assert len(post.bodies) == 2


async def test_what_is_kept_is_bounded_and_the_least_used_goes_first() -> None:
    post = Post(3 * cached_size(Answer(allow=True)))
    questions = [replace(QUESTION, ttl=60 + index) for index in range(4)]
    for index in (0, 1, 2, 0, 3):
        await post.token_request(settings(), questions[index])
    assert [await post.asked(settings(), questions[index]) for index in (0, 2, 3)] == [0, 0, 0]
    assert await post.asked(settings(), questions[1]) == 1


@pytest.mark.parametrize("restrict", [{"roles": ["r1"] * 2_500}, {"channel": "c" * 15_000}])
async def test_answers_that_are_kept_take_no_more_memory_than_there_is(restrict: object) -> None:
    """An authorizer that answered with long lists took 200 KB an answer, 2 GB in all."""
    post = Post(1 << 20)
    post.answer = msgspec.json.encode({"allow": True, "restrict": restrict})
    await post.token_request(settings())
    tracemalloc.start()
    try:
        for number in range(100):
            await post.token_request(settings(), replace(QUESTION, ttl=60 + number))
        post.bodies.clear()
        assert tracemalloc.get_traced_memory()[0] < 1.5 * (1 << 20)
        assert await post.asked(settings(), replace(QUESTION, ttl=159)) == 0
    finally:
        tracemalloc.stop()


async def test_ten_thousand_answers_are_kept() -> None:
    assert CACHE_BYTES // cached_size(Answer(allow=True)) > 10_000


async def test_a_claim_of_more_than_64_bits_is_asked_about() -> None:
    post = Post()
    assert await post.token_request(settings(), replace(QUESTION, claims={"big": 10**30, "text": "ü"})) == [None]


async def test_a_running_server_asks_once_while_an_answer_counts() -> None:
    token_request = {"kind": "rtc", "channel": "room-1", "uid": 7}
    async with backend() as own, asking(own.url, ", cache: 5s") as server:
        for uid in (7, 7, 8, 8, 7):
            assert (
                await server.token_request("POST", "/demo/v1/token", token_request | {"uid": uid}, HEADER)
            ).status == 200
    assert [one["users"] for one in own.questions] == [["7"], ["8"]]
