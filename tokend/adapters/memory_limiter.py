"""Rate limits in the memory of this process. Each worker and host counts separately; `redis_limiter.py` counts for all."""

from collections.abc import Callable, Sequence

from tokend.core.rate_limits import BucketGroup, Excess, GcraLimiter


class LocalLimiter:
    """`elapsed`: a monotonic clock, in seconds."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._counters = GcraLimiter()

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        """See `core.interfaces.Limiter.take`."""
        return self._counters.take(groups, int(self._elapsed() * 1_000_000))
