"""Public keys of identity providers: fetched when first needed, kept, and never asked for more often than is decent.

One fetch at a time and source; a cool-down between fetches, whatever key ids strangers send; what is known stays good
while the provider is down, up to a limit, after which the answer is 503 and not 401.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from tokend import strict_json
from tokend.auth.jwt import import_keys
from tokend.model import Code, KeySource, Refusal
from tokend.server.log import JsonLog

FRESH: Final = 600.0
"""Seconds after which known keys are looked up again, beside the requests that use them."""
STALE: Final = 86_400.0
"""Seconds for which known keys count while the provider cannot be reached."""
COOL_DOWN: Final = 30.0
"""Seconds between two fetches from one source."""
TIMEOUT: Final = 5.0
MAX_BYTES: Final = 256 * 1024
DISCOVERY: Final = "/.well-known/openid-configuration"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class KeyCache:
    """`elapsed`: seconds that only go forward. `fetch` gets a URL's JSON; `over_http` does, in a running server."""

    def __init__(self, fetch: Callable[[str], Any], elapsed: Callable[[], float], log: JsonLog) -> None:
        self._fetch = fetch
        self._elapsed = elapsed
        self._log = log
        self._sources: dict[KeySource, _Source] = {}

    async def find(self, source: KeySource, key_id: str | None) -> Sequence[Any]:
        entry = self._sources.setdefault(source, _Source())
        now = self._elapsed()
        missing = key_id is not None and all(one.kid != key_id for one in entry.keys)
        due = entry.fetched_at is None or now - entry.fetched_at >= FRESH
        if entry.fetched_at is None or missing:
            await self._refresh(source, entry)
        elif due:
            entry.task = entry.task or asyncio.ensure_future(self._refresh(source, entry))
            entry.task.add_done_callback(lambda _: setattr(entry, "task", None))
        if entry.fetched_at is None or self._elapsed() - entry.fetched_at >= STALE:
            raise Refusal(
                Code.UNAVAILABLE, "the identity provider cannot be reached", operator=f"no keys of {source.url}"
            )
        return entry.keys

    async def _refresh(self, source: KeySource, entry: "_Source") -> None:
        """At most one fetch at a time, and one a cool-down; those who wait share its outcome."""
        async with entry.lock:
            now = self._elapsed()
            if entry.tried_at is not None and now - entry.tried_at < COOL_DOWN:
                return
            entry.tried_at = now
            try:
                entry.keys = import_keys(await self._document(source))
                entry.fetched_at = self._elapsed()
            except (ClientError, OSError, ValueError, TimeoutError) as error:
                self._log.event(
                    "keys", "error", source=source.url, message=f"cannot be fetched: {type(error).__name__}"
                )

    async def _document(self, source: KeySource) -> Any:
        if not source.discovery:
            return await self._fetch(source.url)
        found = await self._fetch(source.url.rstrip("/") + DISCOVERY)
        if not isinstance(found, dict) or found.get("issuer") != source.url:
            raise ValueError("the discovery document is of another issuer")
        url = found.get("jwks_uri")
        if not isinstance(url, str) or urlsplit(url).hostname != urlsplit(source.url).hostname:
            raise ValueError("jwks_uri lies on another host")
        return await self._fetch(url)


class _Source:
    """What is known of one source; times on the clock that only goes forward."""

    def __init__(self) -> None:
        self.keys: tuple[Any, ...] = ()
        self.fetched_at: float | None = None
        self.tried_at: float | None = None
        self.lock = asyncio.Lock()
        self.task: asyncio.Future[None] | None = None


def over_http(session: ClientSession) -> Callable[[str], Any]:
    """Fetch by GET: https (http on loopback alone), no redirects, no proxies, 5 s, 256 KiB, strict JSON."""

    async def fetch(url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("keys come over https")
        async with session.get(url, allow_redirects=False, timeout=ClientTimeout(total=TIMEOUT)) as answer:
            if answer.status != 200:
                raise ValueError("the provider answered with another status than 200")
            raw = b""
            async for piece in answer.content.iter_any():
                raw += piece
                if len(raw) > MAX_BYTES:
                    raise ValueError("the document is over 256 KiB")
            return strict_json.loads(raw)

    return fetch
