"""A cache of identity providers' public keys (JWKS), fetched when first needed.

Each source has at most one refresh under way and at most two requests a minute, whatever key ids clients send. Cached keys
stay valid for a day while the provider is down. A token that only the provider's keys could decide gets 503, not 401.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from time import sleep
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from tokend.adapters.http_client import ResponseProblem, network_reason, read_body
from tokend.auth.jws import KeysProblem, quoted
from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import KeySource
from tokend.core.urls import is_secure_url
from tokend.telemetry.log import JsonLog

FRESH: Final = 600.0
"""Age in seconds from which cached keys are refreshed in the background, while requests still use them."""
STALE: Final = 86_400.0
"""Age in seconds from which cached keys are no longer used."""
COOL_DOWN: Final = 30.5
"""Seconds between two refreshes of the same source."""
MINUTE: Final = 61.0
"""Seconds: a little over a minute, since requests may take different times to reach the provider."""
PER_MINUTE: Final = 2
"""Requests to the same source in any minute. A refresh that also fetches the discovery document uses two."""
_MOVED: Final = (404, 410)
"""Statuses with which the old place of keys answers. Others, such as 503, pass."""
REDISCOVER: Final = 3600.0
"""Seconds after which the discovery document is fetched again."""
TIMEOUT: Final = 4.5
"""Timeout of a request in seconds: together with COOL_DOWN, a new key is accepted within 35 seconds."""
MAX_BYTES: Final = 256 * 1024
MAX_VALUES: Final = 5_000
"""The most values of a document, which take 5 ms to parse. Fifty keys have some 500."""
IMPORT_SECONDS: Final = 2.0
"""The longest time that importing the keys of a document may take. It takes milliseconds."""
IMPORT_PAUSE: Final = 0.005
"""Seconds between two keys of a long document, in its thread: to import one stops the event loop for up to a millisecond."""
DISCOVERY: Final = "/.well-known/openid-configuration"

Fetch = Callable[[str], Awaitable[Any]]
"""Fetches a URL and gives its JSON."""


class KeyCache:
    """`fetch`: `over_http(…)` in a running server. `elapsed`: a monotonic clock, in seconds."""

    def __init__(self, fetch: Fetch, elapsed: Callable[[], float], log: JsonLog) -> None:
        self._fetch = fetch
        self._elapsed = elapsed
        self._log = log
        self._entries: dict[KeySource, _Entry] = {}

    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        """The cached keys. Waits for the provider only if there are none or they are too old; `ApiError` (503) if it is down."""
        entry = self._needed(source)
        if self._age(entry) >= STALE:
            await self._refresh_and_wait(entry)
            if self._age(entry) >= STALE:
                raise _unavailable(entry)
        elif self._age(entry) >= FRESH:
            self._start_refresh(entry)
        return entry.keys

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        """The keys after a refresh, for a token that fits no cached key; `ApiError` (503) if the provider is down.

        The refresh is skipped during the cool-down.
        """
        entry = self._needed(source)
        await self._refresh_and_wait(entry)
        if entry.failing:  # the provider may have a new key
            raise _unavailable(entry)
        return entry.keys

    def ages(self) -> Iterator[tuple[str, float]]:
        """The URL of each source that was fetched, and how old its keys were when a request last needed them, in seconds."""
        for entry in self._entries.values():
            if entry.fetched_at is not None:
                yield entry.source.url, max(0.0, entry.needed_at - entry.fetched_at)

    def _needed(self, source: KeySource) -> "_Entry":
        entry = self._entries.setdefault(source, _Entry(source))
        entry.needed_at = self._elapsed()
        return entry

    def _age(self, entry: "_Entry") -> float:
        return math.inf if entry.fetched_at is None else self._elapsed() - entry.fetched_at

    async def _refresh_and_wait(self, entry: "_Entry") -> None:
        if (task := self._start_refresh(entry)) is not None:
            await asyncio.shield(task)  # other requests may wait for it too

    def _start_refresh(self, entry: "_Entry") -> "asyncio.Task[None] | None":
        """The refresh that is under way, or a new one; None during the cool-down."""
        if entry.task is None or entry.task.done():
            now = self._elapsed()
            recent = [time for time in entry.request_times if now - time < MINUTE]
            needed = 1 if not entry.source.discovery or self._knows_jwks_url(entry) else 2
            if len(recent) + needed > PER_MINUTE or (recent and now - recent[-1] < COOL_DOWN):
                return None
            entry.task = asyncio.create_task(self._refresh(entry))
        return entry.task

    def _knows_jwks_url(self, entry: "_Entry") -> bool:
        """Whether the JWKS URL is known from a recent discovery document."""
        return entry.jwks_url is not None and self._elapsed() - entry.discovered_at < REDISCOVER

    async def _refresh(self, entry: "_Entry") -> None:
        try:
            from tokend.auth.jwk import import_keys  # imports joserfc, only when needed

            document = await self._fetch_jwks(entry)
            async with asyncio.timeout(IMPORT_SECONDS):
                entry.keys = await asyncio.to_thread(import_keys, document, partial(sleep, IMPORT_PAUSE))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            if isinstance(error, KeysProblem) or (isinstance(error, ResponseProblem) and error.status in _MOVED):
                entry.jwks_url = None  # the keys may have moved
            why = str(error) if isinstance(error, KeysProblem | ResponseProblem) else network_reason(error)
            if not entry.failing:
                self._log.event("keys", "error", source=entry.source.url, message=f"cannot be fetched: {why}")
            entry.failing = True
            entry.reason = why
            return
        if entry.failing:
            self._log.event("keys", "info", source=entry.source.url, message="can be fetched again")
        entry.failing = False
        entry.fetched_at = self._elapsed()

    async def _fetch_jwks(self, entry: "_Entry") -> Any:
        """The JWKS document. Its URL comes from the discovery document, unless the configuration or an earlier fetch gives it."""
        url = entry.source.url
        if entry.source.discovery and not self._knows_jwks_url(entry):
            now = self._elapsed()
            entry.jwks_url = _jwks_url(await self._fetch_counted(url.rstrip("/") + DISCOVERY, entry), url)
            entry.discovered_at = now
        return await self._fetch_counted(entry.jwks_url or url, entry)

    async def _fetch_counted(self, url: str, entry: "_Entry") -> Any:
        entry.request_times.append(self._elapsed())
        return await self._fetch(url)


class _Entry:
    """What the cache holds of a source. All times are those of the monotonic clock."""

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self.keys: tuple[Any, ...] = ()
        self.fetched_at: float | None = None
        self.needed_at = 0.0
        self.request_times: deque[float] = deque(maxlen=PER_MINUTE)
        self.failing = False
        self.reason = "they were not fetched yet"
        self.jwks_url: str | None = None
        self.discovered_at = 0.0
        self.task: asyncio.Task[None] | None = None


def _unavailable(entry: _Entry) -> ApiError:
    """The error for a token that only such keys could decide. The operator learns why the last fetch failed."""
    return ApiError(
        Code.UNAVAILABLE,
        "the keys of the identity provider are not available",
        operator=f"no keys of {entry.source.url}: {entry.reason}",
    )


def _jwks_url(document: Any, issuer: str) -> str:
    """The JWKS URL that a discovery document names; `KeysProblem` if it is not to be trusted."""
    if not isinstance(document, dict):
        raise KeysProblem("the discovery document is no JSON object")
    if document.get("issuer") != issuer:
        named = "no issuer" if "issuer" not in document else f"the issuer {quoted(document['issuer'])}"
        raise KeysProblem(f"the discovery document names {named}, and {issuer} is configured")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or not is_secure_url(url) or urlsplit(url).hostname != urlsplit(issuer).hostname:
        raise KeysProblem(
            "jwks_uri must be an https URL on the issuer's host; if another host is intended, set it as jwks"
        )
    return url


def over_http(session: ClientSession, timeout: float = TIMEOUT) -> Fetch:
    """Fetches by GET with a `client()`: https (http only on loopback), no redirects, at most 256 KiB of strict JSON."""

    async def fetch(url: str) -> Any:
        if not is_secure_url(url):
            raise KeysProblem("the URL of keys must be https")
        async with session.get(url, allow_redirects=False, timeout=ClientTimeout(total=timeout)) as response:
            raw = await read_body(response, MAX_BYTES)
        if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MAX_VALUES:
            raise KeysProblem(f"the answer holds over {MAX_VALUES} values")
        try:
            return await asyncio.to_thread(strict_json.loads, raw)
        except ValueError as error:
            raise KeysProblem("the answer is not strictly JSON") from error

    return fetch
