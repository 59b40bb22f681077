"""The deny list in Redis, for all hosts and workers that share one. Each looks at it five times a second.

It is a hash with two fields: `entries` are the lines of a file, compressed (zlib); `version` is a text that differs after
each change, so that only a list that has changed is sent. It begins with a number that rises: a Redis that has lost changes is
found out, and removes nothing. While Redis cannot be read, or has lost the list, the entries that were read last count.
Until the list has been read once, nobody gets a token.
"""

import asyncio
import contextlib
import secrets
import time
import zlib
from collections.abc import Callable
from typing import Final

from tokend.adapters.deny_source import MAX_BYTES, TOO_LARGE, DenySource, joined
from tokend.adapters.loop_timeout import loop_timeout
from tokend.adapters.redis_client import Client, client_of, error_name
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.core.secrets import Secret
from tokend.telemetry.log import JsonLog

KEY: Final = "tokend:{deny}"
CHECK_SECONDS: Final = 0.2
"""Seconds between two looks at the list."""
ANSWER_SECONDS: Final = 2.0
"""The timeout of connecting and of an answer. No request waits for an answer, except for the first."""
CALL_SECONDS: Final = 5.0
"""The timeout of a call with all attempts to reach a server."""
FIRST_SECONDS: Final = 1.0
"""How long a request, a reload and the start of another worker wait until the list has been read."""
MAX_ATTEMPTS: Final = 20
"""How often a change is tried again because somebody else has changed the list meanwhile."""

# ARGV: the version that is known; to change the list, a new version and the new entries. Nothing is written over a version
# that is not known. The answer is the version, and the entries if they are not known.
SCRIPT: Final = """
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version ~= ARGV[1] then return {version, redis.call('HGET', KEYS[1], 'entries') or ''} end
if not ARGV[2] then return {version} end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'entries', ARGV[3])
return {ARGV[2]}
"""


class DenyRedis(DenySource):
    """The entries of the list in Redis."""

    def __init__(self, url: Secret, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """Connects when it is started. `ValueError` if the URL cannot be used."""
        super().__init__("redis", log, clock, elapsed)
        self._client = client_of(url, SCRIPT, ANSWER_SECONDS)
        self._known = b""
        self._newest = 0
        self._first_look = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Look at the list until `close`. Needs a running loop."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more, and close the connections."""
        self._closed = True  # the library may swallow the cancellation
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._client.close()

    async def first_look(self) -> None:
        """See `DenySource.first_look`. Waits for FIRST_SECONDS at most."""
        if not self._first_look.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._first_look.wait()

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """See `DenySource.denies`. Waits for the first look at the list."""
        await self.first_look()
        return await super().denies(app, caller, reach)

    async def check(self) -> None:
        """Look at the list once, and use it if it has changed."""
        try:
            version, *entries = await loop_timeout(CALL_SECONDS, self._client.script([KEY], [self._known]))
            if not version and self._known:
                raise ValueError("Redis has lost it")
            has_lost_changes = 0 < _number(version) < self._newest
            if entries or not self.has_been_read:
                packed = entries[0] if entries else b""
                await asyncio.to_thread(lambda: self._use(_unpacked(packed), removes=not has_lost_changes))
                self._known, self._newest = version, max(self._newest, _number(version))
            if has_lost_changes:
                raise ValueError("Redis has lost its latest changes")
        except Exception as error:  # noqa: BLE001  # whatever the library raises, the list could not be read
            self._fail(str(error) if type(error) is ValueError else f"Redis cannot be read: {error_name(error)}")
            await self._disconnect()
        else:
            if self._error is not None:
                self._log.event("deny", source=self.name, message="the deny list can be read again")
            self._error, self._checked_at = None, self._elapsed()
        self._first_look.set()

    async def _watch(self) -> None:
        while not self._closed:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)

    async def _disconnect(self) -> None:
        """A late answer on an old connection must not be taken for another's; another server may be the master now."""
        try:
            await loop_timeout(CALL_SECONDS, self._client.reset())
        except Exception as error:  # noqa: BLE001  # the next look fails as well, or does not
            self._fail(f"Redis cannot be read: {error_name(error)}")


async def read_deny_redis(url: Secret) -> bytes:
    """Return the lines of the list. Raises what redis-py raises; `ValueError` if the URL cannot be used."""
    client = client_of(url, SCRIPT, ANSWER_SECONDS)
    try:
        _, raw = await _read(client)
        return raw
    finally:
        await client.close()


async def edit_deny_redis(url: Secret, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Replace the lines of the list by what `change` makes of them.

    `change` is called again if somebody else has changed the list meanwhile. Raises as `read_deny_redis` does, and
    `TimeoutError` if others change the list all the time.
    """
    client = client_of(url, SCRIPT, ANSWER_SECONDS)
    try:
        known, raw = await _read(client)
        for _ in range(MAX_ATTEMPTS):
            lines = change(raw.splitlines())
            new_version = b"%d-%s" % (max(_number(known) + 1, time.time_ns()), secrets.token_hex(8).encode())
            packed = zlib.compress(joined(lines), zlib.Z_BEST_SPEED)
            version, *others = await loop_timeout(CALL_SECONDS, client.script([KEY], [known, new_version, packed]))
            if version == new_version:
                return
            known, raw = version, _unpacked(others[0])
        raise TimeoutError("other commands keep changing it")
    finally:
        await client.close()


async def _read(client: Client) -> tuple[bytes, bytes]:
    """The version of the list, and its lines."""
    version, *entries = await loop_timeout(CALL_SECONDS, client.script([KEY], [b""]))
    return version, _unpacked(entries[0] if entries else b"")


def _number(version: bytes) -> int:
    """It rises with each change: the time, or one more than before. 0 if there is none: tokend 0.2.0 wrote none."""
    number, _, rest = version.partition(b"-")
    return int(number) if rest and number.isdigit() else 0


def _unpacked(packed: bytes) -> bytes:
    """The lines; `ValueError` if it is no compressed list, or too large a one."""
    if not packed:
        return b""
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(packed, MAX_BYTES)
    except zlib.error:
        raise ValueError("what Redis holds is no deny list") from None
    if unpacking.unconsumed_tail:
        raise ValueError(TOO_LARGE)
    if not unpacking.eof:
        raise ValueError("what Redis holds is no deny list")
    return raw
