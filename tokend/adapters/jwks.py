"""Public keys of identity providers: fetched when first needed, kept, and never asked for more often than is decent.

One refresh at a time and source; at most two requests a minute, whatever key ids strangers send. What is known stays
good while the provider is down, up to a limit; what cannot be told without the provider is 503 and not 401.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from tokend.adapters.http_client import AnswerProblem, body_of
from tokend.auth.jws import KeysProblem
from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import KeySource
from tokend.core.urls import is_secure_url
from tokend.telemetry.log import JsonLog

FRESH: Final = 600.0
"""Seconds after which known keys are looked up again, beside the requests that use them."""
STALE: Final = 86_400.0
"""Seconds for which known keys count while the provider cannot be reached."""
COOL_DOWN: Final = 30.5
"""Seconds between two refreshes from one source."""
MINUTE: Final = 61.0
"""Seconds: a minute as the provider sees it, for one request may be longer on its way than the next."""
PER_MINUTE: Final = 2
"""Requests to one source in any minute: a refresh that asks where the keys lie as well takes both."""
REDISCOVER: Final = 3600.0
"""Seconds after which it is asked again where the keys lie."""
TIMEOUT: Final = 4.5
"""Seconds for one request: with the cool-down, a new key counts within 35."""
MAX_BYTES: Final = 256 * 1024
DISCOVERY: Final = "/.well-known/openid-configuration"

Fetch = Callable[[str], Awaitable[Any]]


class KeyCache:
    """`elapsed`: seconds that only go forward. `fetch` gets a URL's JSON; `over_http` does, in a running server."""

    def __init__(self, fetch: Fetch, elapsed: Callable[[], float], log: JsonLog) -> None:
        self._fetch = fetch
        self._elapsed = elapsed
        self._log = log
        self._sources: dict[KeySource, _Source] = {}

    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        """The keys as they are known; waits for the provider only where there are none, or they are too old."""
        entry = self._sources.setdefault(source, _Source())
        if self._age(entry) >= STALE:
            await self._refreshed(source, entry)
            if self._age(entry) >= STALE:
                raise _unreachable(source)
        elif self._age(entry) >= FRESH:
            self._refreshing(source, entry)
        return entry.keys

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        """The keys once more, for a token that none of those held fits; fetched unless that was just done."""
        entry = self._sources.setdefault(source, _Source())
        await self._refreshed(source, entry)
        if entry.failing:  # the provider may have a new key: nobody can tell
            raise _unreachable(source)
        return entry.keys

    def ages(self) -> Iterator[tuple[str, float]]:
        """Each source that was reached, with the seconds since."""
        for source, entry in self._sources.items():
            if entry.fetched_at is not None:
                yield source.url, self._age(entry)

    def _age(self, entry: "_Source") -> float:
        return math.inf if entry.fetched_at is None else self._elapsed() - entry.fetched_at

    async def _refreshed(self, source: KeySource, entry: "_Source") -> None:
        if (task := self._refreshing(source, entry)) is not None:
            await asyncio.shield(task)  # others wait for it too

    def _refreshing(self, source: KeySource, entry: "_Source") -> "asyncio.Task[None] | None":
        """The refresh under way, or a new one; None while the source cools down."""
        if entry.task is None or entry.task.done():
            now = self._elapsed()
            lately = [one for one in entry.asked_at if now - one < MINUTE]
            needed = 1 if not source.discovery or self._is_placed(entry) else 2
            if len(lately) + needed > PER_MINUTE or (lately and now - lately[-1] < COOL_DOWN):
                return None
            entry.task = asyncio.create_task(self._refresh(source, entry))
        return entry.task

    def _is_placed(self, entry: "_Source") -> bool:
        """Whether it is known where the keys lie."""
        return entry.jwks is not None and self._elapsed() - entry.discovered_at < REDISCOVER

    async def _refresh(self, source: KeySource, entry: "_Source") -> None:
        try:
            from tokend.auth.jwk import import_keys  # see there why not above

            entry.keys = import_keys(await self._document(source, entry))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            if isinstance(error, KeysProblem):
                entry.jwks = None  # perhaps they lie elsewhere by now
            if not entry.failing:
                why = str(error) if isinstance(error, KeysProblem | AnswerProblem) else type(error).__name__
                self._log.event("keys", "error", source=source.url, message=f"cannot be had: {why}")
            entry.failing = True
            return
        if entry.failing:
            self._log.event("keys", "info", source=source.url, message="can be had again")
        entry.failing = False
        entry.fetched_at = self._elapsed()

    async def _document(self, source: KeySource, entry: "_Source") -> Any:
        """The JWKS; where it lies is asked for first, unless that is known."""
        if not source.discovery:
            return await self._asked(source.url, entry)
        if not self._is_placed(entry):
            now = self._elapsed()
            entry.jwks = _jwks_of(await self._asked(source.url.rstrip("/") + DISCOVERY, entry), source.url)
            entry.discovered_at = now
        return await self._asked(entry.jwks or "", entry)

    async def _asked(self, url: str, entry: "_Source") -> Any:
        entry.asked_at.append(self._elapsed())
        return await self._fetch(url)


class _Source:
    """What is known of one source; times on the clock that only goes forward."""

    def __init__(self) -> None:
        self.keys: tuple[Any, ...] = ()
        self.fetched_at: float | None = None
        self.asked_at: deque[float] = deque(maxlen=PER_MINUTE)
        self.failing = False
        self.jwks: str | None = None
        self.discovered_at = 0.0
        self.task: asyncio.Task[None] | None = None


def _unreachable(source: KeySource) -> ApiError:
    return ApiError(Code.UNAVAILABLE, "the identity provider cannot be reached", operator=f"no keys of {source.url}")


def _jwks_of(found: Any, issuer: str) -> str:
    """Where the keys lie, by a discovery document."""
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise KeysProblem("the discovery document is of another issuer")
    url = found.get("jwks_uri")
    if not isinstance(url, str) or not is_secure_url(url) or urlsplit(url).hostname != urlsplit(issuer).hostname:
        raise KeysProblem("jwks_uri lies on another host, or is no https URL; if it is meant, write it as jwks")
    return url


def over_http(session: ClientSession, timeout: float = TIMEOUT) -> Fetch:
    """Fetch by GET with a `client()`: https (http on loopback alone), no redirects, 4.5 s, 256 KiB, strict JSON."""

    async def fetch(url: str) -> Any:
        if not is_secure_url(url):
            raise KeysProblem("keys come over https")
        async with session.get(url, allow_redirects=False, timeout=ClientTimeout(total=timeout)) as answer:
            raw = await body_of(answer, MAX_BYTES)
        try:
            return strict_json.loads(raw)
        except ValueError as error:
            raise KeysProblem("the answer is not strictly JSON") from error

    return fetch
