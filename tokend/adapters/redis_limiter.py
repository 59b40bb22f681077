"""Counts in Redis, for all hosts and workers that share it. A Redis that fails costs nobody more than CALL_SECONDS.

What waits while one call is under way goes together in the next one: a connection is enough, and a failure is met once,
by one call. After it nothing waits for Redis: `on_failure` decides, and a probe in the background looks for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

from tokend.adapters.loop_timeout import within
from tokend.adapters.redis_script import SCRIPT, request_of
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Limiter
from tokend.core.rate_limits import Group, Limit
from tokend.core.secrets import Secret
from tokend.issuing.server_settings import RedisSettings
from tokend.telemetry.log import JsonLog

CALL_SECONDS: Final = 0.1
"""The longest that a request waits for a call, its connecting included, as far as this process is not late itself."""
PROBE_SECONDS: Final = 1.0
"""How long a probe may take to connect and count, and how long after a failed one the next one is sent."""
CALM_SECONDS: Final = 10.0
"""When it has counted for so long, the first probe is sent at once: one late answer is no outage."""
MAX_TOKEN_REQUESTS: Final = 256
"""What goes into one call, so that no script holds Redis up; a larger batch goes alone."""
_PROBE: Final[Group] = [("probe", Limit(999_999, 1, 999_999))]


class _Waiting(Struct, frozen=True):
    """A request's asks, and where their waits go: None where Redis did not say."""

    groups: Sequence[Group]
    answer: "asyncio.Future[list[float | None] | None]"


class RedisLimiter:
    """Belongs to one event loop; connects with the first ask. `local` decides where `on_failure` says so."""

    def __init__(
        self,
        settings: RedisSettings,
        log: JsonLog,
        elapsed: Callable[[], float],
        local: Limiter,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        """`elapsed`: seconds that only go forward. `ValueError` where the URL cannot be used."""
        self._on_failure = settings.on_failure
        self._log = log
        self._elapsed = elapsed
        self._local = local
        self._call_seconds = call_seconds
        self._client = _client_of(settings.url)
        self._script = self._client.register_script(SCRIPT)
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._down_since: float | None = None
        self._back_since = -CALM_SECONDS
        self._probe_at = 0.0
        self._without = 0

    async def take(self, groups: Sequence[Group]) -> list[float | None]:
        if self._down_since is None:
            one = _Waiting(groups, asyncio.get_running_loop().create_future())
            self._waiting.append(one)
            if self._sending is None:
                self._sending = asyncio.create_task(self._send_all())
            waits = await one.answer
            if waits is not None:
                return waits
        elif self._probing is None and self._elapsed() >= self._probe_at:
            self._probing = asyncio.create_task(self._probe())
        return await self._decide_without(groups)

    def healthy(self) -> bool:
        """Whether Redis counts; while it does not, `on_failure` decides."""
        return self._down_since is None

    async def close(self) -> None:
        """End what is under way, and the connections."""
        for task in (self._sending, self._probing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._client.aclose()

    async def _decide_without(self, groups: Sequence[Group]) -> list[float | None]:
        self._without += 1
        if self._on_failure == "closed":
            raise ApiError(
                Code.UNAVAILABLE, "the rate limits cannot be checked", operator="redis: on_failure is closed"
            )
        return await self._local.take(groups) if self._on_failure == "local" else [None] * len(groups)

    async def _send_all(self) -> None:
        """Call after call, until nothing waits. Whatever happens, nobody is left waiting."""
        together: list[_Waiting] = []
        try:
            while self._waiting:
                together = self._next()
                waits = await self._call([group for one in together for group in one.groups], self._call_seconds)
                for one in together:
                    count = len(one.groups)
                    _tell(one, waits[:count])
                    waits = waits[count:]
        except Exception as error:  # noqa: BLE001  # whatever a library raises here, Redis did not count
            self._went_down(error)
        finally:
            self._sending = None
            left, self._waiting = together + self._waiting, []
            for one in left:
                _tell(one, None)

    def _next(self) -> list[_Waiting]:
        token_requests, number = 0, 0
        while number < len(self._waiting) and (
            not number or token_requests + len(self._waiting[number].groups) <= MAX_TOKEN_REQUESTS
        ):
            token_requests += len(self._waiting[number].groups)
            number += 1
        together, self._waiting = self._waiting[:number], self._waiting[number:]
        return together

    async def _call(self, groups: Sequence[Group], seconds: float) -> list[float | None]:
        keys, arguments = request_of(groups)
        waits = await within(seconds, self._script(keys, arguments))
        return [wait / 1_000_000 if wait else None for wait in waits]

    def _went_down(self, error: Exception) -> None:
        self._down_since = self._elapsed()
        calm = self._down_since - self._back_since >= CALM_SECONDS
        self._probe_at = self._down_since + (0.0 if calm else PROBE_SECONDS)
        message = f"Redis cannot be asked, on_failure is {self._on_failure}"
        self._log.event("limiter", "error", message=message, reason=type(error).__name__)

    async def _probe(self) -> None:
        """Calls that count, as asks do: a server that only reads, or is full, is not back, nor is one that is too slow.

        On a connection of its own: an answer that comes late on the old one must not be taken for this one's.
        """
        try:
            await self._client.connection_pool.disconnect()
            await self._call([_PROBE], PROBE_SECONDS)
            await self._call([_PROBE], self._call_seconds)
        except Exception:  # noqa: BLE001  # see _send_all
            self._probe_at = self._elapsed() + PROBE_SECONDS
        else:
            self._back_since = self._elapsed()
            seconds = round(self._back_since - (self._down_since or 0.0), 1)
            self._log.event("limiter", message="Redis counts again", seconds=seconds, requests_without=self._without)
            self._down_since, self._without = None, 0
        finally:
            self._probing = None


def _tell(one: _Waiting, waits: list[float | None] | None) -> None:
    """A request that was given up waits no more."""
    if not one.answer.done():
        one.answer.set_result(waits)


def _client_of(url: Secret) -> Redis:
    """Not connected yet. The library tells of wrong options only when it makes a connection, so one is made in vain."""
    try:
        client = Redis.from_url(
            url.reveal(),
            socket_connect_timeout=PROBE_SECONDS,
            socket_timeout=PROBE_SECONDS,
            retry=Retry(NoBackoff(), 1, (ConnectionError,)),  # an idle connection may have been closed meanwhile
            max_connections=2,
            driver_info=None,
        )
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (ValueError, TypeError, RedisError):  # their texts may quote the URL
        raise ValueError("redis.url cannot be used: it must be like redis://USER:PASSWORD@HOST:PORT/DATABASE") from None
    return client
