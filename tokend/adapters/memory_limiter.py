"""Counts in this process alone. Several workers or hosts each count by themselves: `redis_limiter.py` counts for all."""

from collections.abc import Callable, Sequence

from tokend.core.rate_limits import BucketGroup, GcraLimiter


class LocalLimiter:
    """`elapsed`: seconds that only go forward."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._counters = GcraLimiter()

    async def take(self, groups: Sequence[BucketGroup]) -> list[float | None]:
        return self._counters.take(groups, int(self._elapsed() * 1_000_000))

    async def close(self) -> None:
        """There is nothing to end."""
