"""The clock and the randomness of this machine. All other modules take them as arguments."""

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct


class Clock(Struct, frozen=True):
    """`time`: Unix seconds. `monotonic`: seconds that never go back."""

    time: Callable[[], float]
    monotonic: Callable[[], float]


class Nonces(Protocol):
    """Random numbers for tokens and requests."""

    def nonce(self) -> int:
        """A number of 128 bits, 0 to 2**128 - 1: makes two tokens with the same content differ."""

    def request_id(self) -> str:
        """16 hexadecimal digits."""


class SystemNonces:
    """Those of the operating system."""

    def nonce(self) -> int:
        """See `Nonces.nonce`."""
        return int.from_bytes(os.urandom(16))

    def request_id(self) -> str:
        """See `Nonces.request_id`."""
        return os.urandom(8).hex()


SYSTEM_CLOCK: Final = Clock(time.time, time.monotonic)
SYSTEM_NONCES: Final[Nonces] = SystemNonces()
