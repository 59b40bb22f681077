"""Rate limits in Redis, shared by all hosts and workers. If Redis fails, a request waits at most CALL_SECONDS for it.

Requests that arrive during a call are sent together in the next call, so that a single connection is enough. After a
failed call no request waits for Redis: `on_failure` decides, and a probe in the background finds out when it is back.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from tokend.adapters.loop_timeout import loop_timeout
from tokend.adapters.redis_client import client_of, error_name
from tokend.adapters.redis_script import SCRIPT, read_answer, script_arguments
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Limiter
from tokend.core.rate_limits import BucketGroup, Excess, Limit
from tokend.issuing.server_settings import RedisSettings
from tokend.telemetry.log import JsonLog

CALL_SECONDS: Final = 0.1
"""The longest time a request waits for a call, connecting included. Time in which this process is late is not counted."""
PROBE_SECONDS: Final = 1.0
"""The timeout of a probe, and the pause after a failed probe."""
CALM_SECONDS: Final = 10.0
"""If Redis has worked for this long, the first probe after a failure is sent at once: a late answer is not an outage."""
MAX_COUNTERS: Final = 1024
"""The most counters in a call, so that no script blocks Redis for long. A larger group has a call of its own."""
_PROBE: Final[BucketGroup] = [("probe", Limit(999_999, 1, 999_999))]


class _Call(Struct, frozen=True):
    """Groups of a request, and the future of their answers; its result is None if Redis did not answer."""

    groups: Sequence[BucketGroup]
    answers: "asyncio.Future[list[Excess | None] | None]"


class RedisLimiter:
    """Connects at the first request. `local` decides while Redis is down, if `on_failure` is `local`."""

    def __init__(
        self,
        settings: RedisSettings,
        log: JsonLog,
        elapsed: Callable[[], float],
        local: Limiter,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        """Needs a running loop. `elapsed`: a monotonic clock, in seconds. `ValueError` if the URL cannot be used."""
        self._on_failure = settings.on_failure
        self._log = log
        self._elapsed = elapsed
        self._local = local
        self._call_seconds = call_seconds
        self._client = client_of(settings.url, SCRIPT, PROBE_SECONDS)
        self._waiting: list[_Call] = []
        self._sending: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._down_since: float | None = None
        self._back_since = -CALM_SECONDS
        self._probe_at = 0.0
        self._requests_without = 0

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        """See `core.interfaces.Limiter.take`."""
        if self._down_since is None:
            calls = [_Call(part, asyncio.get_running_loop().create_future()) for part in _parts(groups)]
            self._waiting += calls
            if self._sending is None:
                self._sending = asyncio.create_task(self._send_all())
            answers: list[Excess | None] = []
            for call in calls:
                answered = await call.answers
                answers += await self._decide_without(call.groups) if answered is None else answered
            return answers
        if self._probing is None and self._elapsed() >= self._probe_at:
            self._probing = asyncio.create_task(self._probe())
        return await self._decide_without(groups)

    def healthy(self) -> bool:
        """Whether Redis counts; while it does not, `on_failure` decides."""
        return self._down_since is None

    async def close(self) -> None:
        """Cancel the call and the probe that are under way, and close the connections."""
        for task in (self._sending, self._probing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._client.close()

    async def _decide_without(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        self._requests_without += 1
        if self._on_failure == "closed":
            raise ApiError(
                Code.UNAVAILABLE, "the rate limits cannot be checked", operator="redis: on_failure is closed"
            )
        return await self._local.take(groups) if self._on_failure == "local" else [None] * len(groups)

    async def _send_all(self) -> None:
        """Send calls until no request waits. Whatever happens, no request is left waiting."""
        together: list[_Call] = []
        try:
            while self._waiting:
                together = self._next_calls()
                answers = await self._run_script(
                    [group for call in together for group in call.groups], self._call_seconds
                )
                for call in together:
                    count = len(call.groups)
                    _resolve(call, answers[:count])
                    answers = answers[count:]
        except Exception as error:  # noqa: BLE001  # whatever the library raises, Redis did not count
            self._went_down(error)
        finally:
            self._sending = None
            unanswered, self._waiting = together + self._waiting, []
            for call in unanswered:
                _resolve(call, None)

    def _next_calls(self) -> list[_Call]:
        counters, number = 0, 0
        for call in self._waiting:
            counters += sum(map(len, call.groups))
            if number and counters > MAX_COUNTERS:
                break
            number += 1
        together, self._waiting = self._waiting[:number], self._waiting[number:]
        return together

    async def _run_script(self, groups: Sequence[BucketGroup], seconds: float) -> list[Excess | None]:
        keys, arguments = script_arguments(groups)
        return read_answer(groups, await loop_timeout(seconds, self._client.script(keys, arguments)))

    def _went_down(self, error: Exception) -> None:
        self._down_since = self._elapsed()
        calm = self._down_since - self._back_since >= CALM_SECONDS
        self._probe_at = self._down_since + (0.0 if calm else PROBE_SECONDS)
        message = f"Redis cannot be reached, on_failure is {self._on_failure}"
        self._log.event("limiter", "error", message=message, reason=error_name(error))

    async def _probe(self) -> None:
        """Find out whether Redis counts again: a server that is read-only, full or too slow is not back.

        Uses a new connection: a late answer on the old one must not be taken for the probe's.
        """
        try:
            await self._client.reset()
            await self._run_script([_PROBE], PROBE_SECONDS)
            await self._run_script([_PROBE], self._call_seconds)
        except Exception:  # noqa: BLE001  # see _send_all
            self._probe_at = self._elapsed() + PROBE_SECONDS
        else:
            self._back_since = self._elapsed()
            seconds = round(self._back_since - (self._down_since or 0.0), 1)
            self._log.event(
                "limiter", message="Redis counts again", seconds=seconds, requests_without=self._requests_without
            )
            self._down_since, self._requests_without = None, 0
        finally:
            self._probing = None


def _parts(groups: Sequence[BucketGroup]) -> Iterator[Sequence[BucketGroup]]:
    """The groups, in parts of MAX_COUNTERS. Each group counts by itself."""
    start, counters = 0, 0
    for place, group in enumerate(groups):
        counters += len(group)
        if counters > MAX_COUNTERS and place > start:
            yield groups[start:place]
            start, counters = place, len(group)
    yield groups[start:]


def _resolve(call: _Call, answers: list[Excess | None] | None) -> None:
    if not call.answers.done():  # a cancelled request no longer waits
        call.answers.set_result(answers)
