"""Thousands of hostile requests, the same ones each time: never a 5xx, never an exception in the log."""

import asyncio
from typing import Final

import pytest

from tests.system.connections.limited import Limited, serving_limited
from tests.unit.http import hostile_words as words
from tests.unit.http.hostile import EVERYTHING, Hostile
from tests.unit.http.running import OPEN

_HOW_MANY: Final = 3_000


async def _status(server: Limited, raw: bytes) -> int | None:
    """The status of the first answer; None where the server waits for more, as after half a body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(100), 1)
    except (ConnectionError, TimeoutError):
        return None
    finally:
        writer.close()
    return int(answer[9:12]) if answer else None


@pytest.mark.parametrize(
    ("text", "paths"), [(OPEN, words.PATHS), (EVERYTHING, words.PATHS + words.MORE_PATHS)], ids=["default", "all"]
)
async def test_no_request_makes_it_fail(text: str, paths: list[str]) -> None:
    hostile = Hostile(11, paths)
    seen: dict[int | None, int] = {}
    async with serving_limited(text) as server:

        async def some() -> None:
            for _ in range(_HOW_MANY // 30):
                raw = hostile.request()
                status = await _status(server, raw)
                seen[status] = seen.get(status, 0) + 1
                assert status is None or status < 500, raw[:2_000]

        await asyncio.gather(*(some() for _ in range(30)))
        assert (await server.token_request("GET", "/ping")).status == 200
        lines = server.lines
    assert not {str(line.get("at", line)) for line in lines if line["event"] != "request" or "exception" in line}
    assert {200, 204, 400, 404, 405, 413, 415} <= seen.keys(), seen
    assert seen.get(None, 0) < _HOW_MANY // 10, seen
