"""Clocks for clients of tokend: they stand still until somebody sleeps, and tests take no time."""

import asyncio
from collections.abc import Callable
from typing import Any


class SimulatedTime:
    """A monotonic and a wall clock, in seconds. `slept`: every sleep. `each_second`: called for each second of a sleep."""

    def __init__(self, wall: float = 1_800_000_000.0, each_second: Callable[[], None] = lambda: None) -> None:
        self.elapsed = 0.0
        self.wall = wall
        self.slept: list[float] = []
        self.each_second = each_second
        self._ends: list[float] = []

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
        self.wall += seconds

    async def sleep(self, seconds: float) -> None:
        """Time runs to the end of the shortest sleep, second by second."""
        self.slept.append(seconds)
        end = self.elapsed + seconds
        self._ends.append(end)
        try:
            while (left := end - self.elapsed) > 0:
                if end == min(self._ends):
                    self.advance(min(1.0, left))
                    self.each_second()
                await asyncio.sleep(0)
        finally:
            self._ends.remove(end)

    def arguments(self, random: float = 0.5) -> dict[str, Any]:
        """What a `TokenSource` takes. `random`: what its source of randomness returns."""
        return {
            "clock": lambda: self.elapsed,
            "wall_clock": lambda: self.wall,
            "sleep": self.sleep,
            "random": lambda: random,
        }
