"""P11: strangers with unfinished bodies take neither memory nor all connections."""

import asyncio
from contextlib import suppress
from typing import Final

from tests.long.disturbance import disturbed, many_descriptors, resident
from tests.long.report import Report
from tests.long.sizes import amount
from tests.system.workers.serving import Running

BODIES: Final = 3_000
SLOTS: Final = 200
SERVED: Final = 50
MOST_MIB: Final = 32.0
HELD_SECONDS: Final = 3.0
AT_ONCE: Final = 3_000
"""Connections that are opened at once: all, as strangers would."""
_PIECE: Final = b"{" + b" " * 15_000
_HEAD: Final = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n%b\r\n"
_WRONG: Final = b"X-API-Key: tk_wrong_0123456789abcdef\r\n"
_CLOSED: Final = """
  closed:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {env: CERTIFICATE}
    callers: {studio: {api_key: "sha256:%s"}}
"""


def run(report: Report) -> None:
    many_descriptors(amount("UNFINISHED_BODIES", BODIES) + 200)
    asyncio.run(_memory(report))
    asyncio.run(_slots(report))


async def _memory(report: Report) -> None:
    async with disturbed(1) as server:
        server.write("demo-*", _CLOSED % ("0" * 64))
        if (await server.reload())[0] != 200:
            raise SystemExit("the configuration with a key was not loaded")
        process = server.workers()[0] if server.workers() else server.process.pid
        await asyncio.gather(*(_ping(server, f"127.0.0.{number}") for number in range(2, 50)))
        before = resident(process)
        most = before
        opening = asyncio.Semaphore(AT_ONCE)
        senders = [
            asyncio.create_task(
                _unfinished(server, opening, _HEAD % (b"/closed/v1/token", _WRONG), f"127.0.1.{number % 200 + 1}")
            )
            for number in range(amount("UNFINISHED_BODIES", BODIES))
        ]
        while not all(sender.done() for sender in senders):
            await asyncio.sleep(0.05)
            most = max(most, resident(process))
        report.bar("more memory", f"{most - before:.1f} MiB", "at most 32 MiB", most - before <= MOST_MIB)


async def _slots(report: Report) -> None:
    async with disturbed(1, f", connections: {{max: {SLOTS}}}") as server:
        opening = asyncio.Semaphore(AT_ONCE)
        senders = [
            asyncio.create_task(_unfinished(server, opening, _HEAD % (b"/demo/v1/token", b""), "127.0.0.2"))
            for _ in range(SLOTS)
        ]
        await asyncio.sleep(1.0)
        served = sum([await _ping(server, "127.0.0.3") for _ in range(SERVED)])
        report.bar("others served", f"{served} of {SERVED}", "all", served == SERVED)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)


async def _unfinished(server: Running, opening: asyncio.Semaphore, head: bytes, source: str) -> None:
    """A body of which a part is sent, held for some seconds or until the server closes."""
    with suppress(OSError, TimeoutError):
        async with opening:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
            writer.write(head + _PIECE)
            await writer.drain()
        try:
            async with asyncio.timeout(HELD_SECONDS):
                await reader.read()
        finally:
            writer.close()


async def _ping(server: Running, source: str) -> bool:
    """Whether another client is served."""
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
            writer.write(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer.startswith(b"HTTP/1.1 200")
    except (OSError, TimeoutError):
        return False
