"""Sends hostile requests for P10, from a process of its own: one after the other or several at once on each connection."""

import asyncio
import random
import re
from collections import Counter
from typing import Final

from tests.unit.http.hostile import Hostile
from tests.unit.http.hostile_words import MORE_PATHS, PATHS

CONNECTIONS: Final = 24
PIPELINED: Final = 5
"""The most requests that are sent at once on one connection; most often it is one."""
PATIENCE: Final = 0.25
"""Seconds until a request without an answer is given up: half a body has none."""
NO_ANSWER: Final = 0
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [ -~]*\r\n")
_CLOSES: Final = re.compile(rb"(?i)\r\nconnection: close\r\n|HTTP/1\.0 ")


def attack(port: int, seed: int, count: int) -> Counter[int]:
    """Answers by status, NO_ANSWER for those without one; at least `count` in all. What a closed connection swallowed
    of a pipeline is not counted."""
    with asyncio.Runner() as runner:
        return runner.run(_attack(port, seed, count))


async def _attack(port: int, seed: int, count: int) -> Counter[int]:
    seen: Counter[int] = Counter()
    each = range(CONNECTIONS)
    await asyncio.gather(*(_client(port, seed * CONNECTIONS + one, count, seen) for one in each))
    return seen


async def _client(port: int, seed: int, count: int, seen: Counter[int]) -> None:
    hostile, pick = Hostile(seed, PATHS + MORE_PATHS), random.Random(seed)
    while seen.total() < count:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            continue
        try:
            while seen.total() < count:
                many = pick.randrange(2, PIPELINED) if pick.random() < 0.1 else 1
                writer.write(b"".join(hostile.request() for _ in range(many)))
                found, closes = await _answers(reader, many)
                seen.update(found or [NO_ANSWER])
                if closes:
                    break
        except ConnectionError:
            seen[NO_ANSWER] += 1
        finally:
            writer.close()


async def _answers(reader: asyncio.StreamReader, many: int) -> tuple[list[int], bool]:
    """The statuses of the answers to `many` requests, and whether that is the connection's end.

    There are fewer where the server closed, or waits for more.
    """
    found: list[int] = []
    received = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while len(found) < many and (piece := await reader.read(2**17)):
                received += piece
                found = [int(status) for status in _STATUS.findall(received) if status != b"100"]
    except TimeoutError:
        pass
    return found, len(found) < many or _CLOSES.search(received) is not None
