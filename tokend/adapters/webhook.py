"""The client of apps' authorizers: a webhook that decides before a token is issued. No valid answer means 503.

Everything is limited: seconds per request, calls and waiting requests per app, bytes per answer, entries in the cache. Only
an identical question may get a cached answer, and only for as many seconds as the app allows.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import ClientConnectionError, ClientError, ClientSession
from msgspec import Struct
from msgspec.structs import asdict

from tokend.adapters.http_client import ResponseProblem, network_reason, read_body
from tokend.core.authorizer import (
    Answer,
    AuthorizerSettings,
    InvalidAnswer,
    Question,
    read_answer,
    signature,
    unavailable,
)
from tokend.core.errors import ApiError
from tokend.core.model import Restriction
from tokend.core.remembered import Remembered, memory_of

CONNECTIONS: Final = 500
"""The most calls of all apps together that are under way, each with a connection of its own."""
CALLS: Final = 100
"""The most calls of an app that are under way."""
WAITING: Final = 1_000
"""The most questions of an app that wait for an answer. Further questions get 503 at once."""
PARALLEL: Final = 10
"""The most questions of the same request that are sent at the same time."""
CACHE_BYTES: Final = 16 * 1024 * 1024
"""The memory for cached answers of all apps together: some 10,000. The least recently used is dropped first."""
MAX_BYTES: Final = 16 * 1024

Post = Callable[[AuthorizerSettings, bytes, str], Awaitable[bytes]]
"""Sends settings, a body and the request's id; gives the body of the answer. `over_http(…)` in a running server."""
_Result = Answer | str
"""An answer, or why there is none."""


class CacheEntry(Struct, frozen=True):
    """An answer, and when its question was sent, on the monotonic clock."""

    answer: Answer
    sent_at: float


def cached_size(answer: Answer) -> int:
    """The bytes that an answer takes in the cache. One with long lists takes ten times the bytes of its JSON."""
    return 1024 + memory_of(answer.model_dump(exclude_unset=True))


class WebhookClient:
    """Calls every app's authorizer. `elapsed`: a monotonic clock, in seconds. `cache_bytes`: the memory for cached answers."""

    def __init__(self, post: Post, elapsed: Callable[[], float], cache_bytes: int = CACHE_BYTES) -> None:
        self._post = post
        self._elapsed = elapsed
        self._cache = Remembered[bytes, CacheEntry](cache_bytes)
        self._under_way: dict[bytes, asyncio.Task[_Result]] = {}
        self._calls: Counter[str] = Counter()
        self._free = CONNECTIONS
        self._waiting: Counter[str] = Counter()

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> list[Restriction | ApiError | None]:
        """See `core.interfaces.Authorizer.authorize`."""
        deadline = asyncio.get_running_loop().time() + settings.timeout
        parallel = asyncio.Semaphore(PARALLEL)

        async def outcome_of(question: Question, key: bytes) -> Restriction | ApiError | None:
            try:
                async with asyncio.timeout_at(deadline), parallel:
                    result = await self._answer_for(settings, question, key, request_id)
            except TimeoutError:
                result = _late(settings)
            return unavailable(result) if isinstance(result, str) else result.outcome

        keys = [_key(settings, question) for question in questions]
        cached = [answer for key in keys if (answer := self._cached(settings, key)) is not None]
        if len(cached) == len(keys):  # no tasks are needed
            return [answer.outcome for answer in cached]
        return await asyncio.gather(*map(outcome_of, questions, keys))

    def _cached(self, settings: AuthorizerSettings, key: bytes) -> Answer | None:
        entry = self._cache.get(key)
        return None if entry is None or self._elapsed() - entry.sent_at >= settings.cache else entry.answer

    async def _answer_for(
        self, settings: AuthorizerSettings, question: Question, key: bytes, request_id: str
    ) -> _Result:
        app = question.app
        if not settings.cache:
            return await self._call(settings, question, request_id)
        if (answer := self._cached(settings, key)) is not None:
            return answer
        if self._waiting[app] >= WAITING:
            return f"{WAITING} questions of the app wait already"
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._call_and_cache(key, settings, question, request_id))
        self._waiting[app] += 1
        try:
            return await asyncio.shield(task)  # other requests may wait for it too
        finally:
            self._waiting[app] -= 1

    async def _call_and_cache(
        self, key: bytes, settings: AuthorizerSettings, question: Question, request_id: str
    ) -> _Result:
        sent_at = self._elapsed()
        try:
            result = await self._call(settings, question, request_id)
        finally:
            del self._under_way[key]
        if isinstance(result, Answer):
            self._cache.keep(key, CacheEntry(result, sent_at), cached_size(result))
        return result

    async def _call(self, settings: AuthorizerSettings, question: Question, request_id: str) -> _Result:
        app = question.app
        # the more calls hang, the fewer each app may have: connections are left for the apps whose authorizers answer
        if self._calls[app] >= min(CALLS, self._free // 2):
            return f"{self._calls[app]} calls of the app are under way already, {CONNECTIONS - self._free} of all apps"
        self._calls[app] += 1
        self._free -= 1
        try:
            async with asyncio.timeout(settings.timeout):
                return read_answer(await self._post(settings, _json(question, request_id=request_id), request_id))
        except TimeoutError:
            return _late(settings)
        except (InvalidAnswer, ResponseProblem) as problem:
            return str(problem)
        except (ClientError, OSError, ValueError) as error:
            return f"it cannot be reached: {network_reason(error)}"
        finally:
            self._calls[app] -= 1
            self._free += 1


def over_http(session: ClientSession, clock: Callable[[], float]) -> Post:
    """Sends signed POST requests with a `client()`: no redirects, answers of at most 16 KiB. `clock`: Unix seconds.

    The caller sets the deadline. The signature is in the form of https://www.standardwebhooks.com
    """

    async def post(settings: AuthorizerSettings, body: bytes, request_id: str) -> bytes:
        now = int(clock())
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": request_id,
            "Webhook-Timestamp": str(now),
            "Webhook-Signature": signature(settings.secret, request_id, now, body),
        }

        async def send() -> bytes:
            async with session.post(settings.url, data=body, headers=headers, allow_redirects=False) as response:
                return await read_body(response, MAX_BYTES)

        try:
            return await send()
        except ClientConnectionError:  # usually an idle connection that the backend has closed
            return await send()

    return post


def _late(settings: AuthorizerSettings) -> str:
    return f"no answer within {settings.timeout} s"


def _key(settings: AuthorizerSettings, question: Question) -> bytes:
    """The cache key: a hash of the question and the authorizer's URL, without the request's id."""
    return hashlib.sha256(_json(question, url=settings.url)).digest()


def _json(question: Question, **more: str) -> bytes:
    fields = {**asdict(question), **more}
    return json.dumps(fields, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
