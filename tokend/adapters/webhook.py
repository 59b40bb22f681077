"""Asks apps' own backends before tokens are issued. Whatever is no answer is a 503: nothing is issued without one.

Bounded in everything: seconds a request, calls and waiting requests an app, bytes an answer, answers that are kept. Only
the very same question may share an answer, and only for the seconds that the app allows.
"""

import asyncio
import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import ClientConnectionError, ClientError, ClientSession
from msgspec import Struct
from msgspec.structs import asdict

from tokend.adapters.http_client import AnswerProblem, body_of
from tokend.core.authorizer_messages import Answer, InvalidAnswer, read_answer, signature, unavailable
from tokend.core.errors import ApiError
from tokend.core.interfaces import AuthorizerSettings, Question
from tokend.core.model import Restriction

CONNECTIONS: Final = 500
"""Of all apps together: what is over it waits, as long as its deadline lasts."""
CALLS: Final = 100
"""Calls under way, an app."""
WAITING: Final = 1_000
"""Questions that wait for an answer, an app: over it and CALLS the answer is 503 at once."""
OF_ONE_REQUEST: Final = 10
"""Questions of one request that are asked at once."""
KEPT: Final = 10_000
"""Answers that are kept, of all apps; the one that was used longest ago goes first."""
MAX_BYTES: Final = 16 * 1024

Post = Callable[[AuthorizerSettings, bytes, str], Awaitable[bytes]]
"""Sends a question under a request's id; gives the answer's body. `over_http` does, in a running server."""
_Told = Answer | str
"""An answer, or why there is none."""


class CacheEntry(Struct, frozen=True):
    """An answer, and when it was asked for."""

    answer: Answer
    asked_at: float


class WebhookClient:
    """Every app's authorizer. `elapsed`: seconds that only go forward, for the ages of the `room` answers that are kept."""

    def __init__(self, post: Post, elapsed: Callable[[], float], room: int = KEPT) -> None:
        self._post = post
        self._elapsed = elapsed
        self._room = room
        self._kept: OrderedDict[bytes, CacheEntry] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[_Told]] = {}
        self._calls: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> list[Restriction | ApiError | None]:
        deadline = asyncio.get_running_loop().time() + settings.timeout
        batch_scheduler = asyncio.Semaphore(OF_ONE_REQUEST)

        async def asked(question: Question, key: bytes) -> Restriction | ApiError | None:
            try:
                async with asyncio.timeout_at(deadline), batch_scheduler:
                    told = await self._token_request(settings, question, key, request_id)
            except TimeoutError:
                told = _late(settings)
            return unavailable(told) if isinstance(told, str) else told.outcome

        keys = [_key(settings, one) for one in questions]
        kept = [answer for key in keys if (answer := self._kept_for(settings, key)) is not None]
        if len(kept) == len(keys):  # no tasks for what is known
            return [answer.outcome for answer in kept]
        return await asyncio.gather(*map(asked, questions, keys))

    def _kept_for(self, settings: AuthorizerSettings, key: bytes) -> Answer | None:
        kept = self._kept.get(key)
        if kept is None or self._elapsed() - kept.asked_at >= settings.cache:
            return None
        self._kept.move_to_end(key)
        return kept.answer

    async def _token_request(
        self, settings: AuthorizerSettings, question: Question, key: bytes, request_id: str
    ) -> _Told:
        app = question.app
        if not settings.cache:
            return await self._call(settings, question, request_id)
        if (answer := self._kept_for(settings, key)) is not None:
            return answer
        if self._waiting[app] >= WAITING:
            return f"{WAITING} questions of the app wait already"
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._call_and_keep(key, settings, question, request_id))
        self._waiting[app] += 1
        try:
            return await asyncio.shield(task)  # others may wait for it too
        finally:
            self._waiting[app] -= 1

    async def _call_and_keep(
        self, key: bytes, settings: AuthorizerSettings, question: Question, request_id: str
    ) -> _Told:
        asked_at = self._elapsed()
        try:
            told = await self._call(settings, question, request_id)
        finally:
            del self._under_way[key]
        if isinstance(told, Answer):
            self._kept[key] = CacheEntry(told, asked_at)
            self._kept.move_to_end(key)
            if len(self._kept) > self._room:
                self._kept.popitem(last=False)
        return told

    async def _call(self, settings: AuthorizerSettings, question: Question, request_id: str) -> _Told:
        app = question.app
        if self._calls[app] >= CALLS:
            return f"{CALLS} calls of the app are under way already"
        self._calls[app] += 1
        try:
            async with asyncio.timeout(settings.timeout):
                return read_answer(await self._post(settings, _json(question, request_id=request_id), request_id))
        except TimeoutError:
            return _late(settings)
        except (InvalidAnswer, AnswerProblem) as problem:
            return str(problem)
        except (ClientError, OSError, ValueError) as error:
            return f"it cannot be reached: {type(error).__name__}"
        finally:
            self._calls[app] -= 1


def over_http(session: ClientSession, clock: Callable[[], float]) -> Post:
    """POST with a `client()`, signed: no redirects, 16 KiB. `clock`: Unix seconds. The deadline is the caller's."""

    async def post(settings: AuthorizerSettings, body: bytes, request_id: str) -> bytes:
        now = int(clock())
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": request_id,
            "Webhook-Timestamp": str(now),
            "Webhook-Signature": signature(settings.secret, request_id, now, body),
        }

        async def once() -> bytes:
            async with session.post(settings.url, data=body, headers=headers, allow_redirects=False) as answer:
                return await body_of(answer, MAX_BYTES)

        try:
            return await once()
        except ClientConnectionError:  # mostly an idle connection that the backend had closed
            return await once()

    return post


def _late(settings: AuthorizerSettings) -> str:
    return f"no answer within {settings.timeout} s"


def _key(settings: AuthorizerSettings, question: Question) -> bytes:
    """Of the question alone, whatever request it comes with, and of where it is asked."""
    return hashlib.sha256(_json(question, url=settings.url)).digest()


def _json(question: Question, **more: str) -> bytes:
    # not orjson, which knows no whole numbers over 64 bits: a claim may be one
    fields = {**asdict(question), **more}
    return json.dumps(fields, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
