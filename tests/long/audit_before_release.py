"""P1: no client holds a token that the audit does not hold. Two servers on one audit file are killed -9 under load.

Clients keep the SHA-256 of every token whose last byte reached them, in answers that were cut short too.
"""

import asyncio
import hashlib
import random
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec.json

from tests.long.report import Report
from tests.long.servers import APP, Server
from tokend.core.audit_records import verify

TOKENS = 1_000_000
KILLS = 200
SERVERS = 2
CLIENTS_EACH = 3
LONGEST_LIFE = 2.0
"""Seconds that a server lives at most from when it listens."""
BATCH = msgspec.json.encode(
    {"requests": [{"kind": "rtc", "channel": f"demo-{one}", "uid": one + 1} for one in range(100)]}
)
REQUEST = (
    b"POST /demo/v1/tokens HTTP/1.1\r\nHost: proofs\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BATCH), BATCH)
)


class Slot:
    """A place where a server lives, dies and is born again."""

    def __init__(self) -> None:
        self.server: Server | None = None
        self.kills = 0


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config, file = Path(directory, "config.yaml"), Path(directory, "audit.jsonl")
        config.write_text(f"audit: {{to: {{file: {file}}}}}\n{APP}")
        seed = random.randrange(1 << 32)
        report.figure("seed of the moments of the kills", seed)
        held: set[bytes] = set()
        kills = asyncio.run(_load_and_kill(config, held, random.Random(seed)))
        report.bar("tokens that clients hold", f"{len(held):,}", f"at least {TOKENS:,}", len(held) >= TOKENS)
        report.bar("kill -9 of a server", kills, f"at least {KILLS}", kills >= KILLS)
        _compare(report, file, held)


async def _load_and_kill(config: Path, held: set[bytes], chance: random.Random) -> int:
    slots = [Slot() for _ in range(SERVERS)]

    def enough() -> bool:
        return len(held) >= TOKENS and sum(slot.kills for slot in slots) >= KILLS

    clients = [asyncio.create_task(_client(slot, held)) for slot in slots for _ in range(CLIENTS_EACH)]
    await asyncio.gather(*(_live_and_die(slot, config, chance, enough) for slot in slots))
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return sum(slot.kills for slot in slots)


async def _live_and_die(slot: Slot, config: Path, chance: random.Random, enough: Callable[[], bool]) -> None:
    try:
        while not enough():
            slot.server = await Server.start(config)
            await asyncio.sleep(chance.uniform(0.02, LONGEST_LIFE))
            server, slot.server = slot.server, None
            await server.kill()
            slot.kills += 1
    finally:
        if slot.server is not None:
            await slot.server.kill()


async def _client(slot: Slot, held: set[bytes]) -> None:
    while True:
        if slot.server is None:
            await asyncio.sleep(0.02)
            continue
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", slot.server.port)
            try:
                while True:
                    writer.write(REQUEST)
                    received, whole = await _answer(reader)
                    tokens = re.findall(rb'"token":"([^"]+)"', received)
                    held.update(hashlib.sha256(token).digest() for token in tokens)
                    if not whole:
                        break
            finally:
                writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """What came of an answer, and whether that is all of it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: ([0-9]+)", head)
        return await reader.readexactly(int(length[1]) if length else 0), True
    except asyncio.IncompleteReadError as error:
        return error.partial, False


def _compare(report: Report, file: Path, held: set[bytes]) -> None:
    findings: list[str] = []
    lines = 0
    with file.open("rb") as stream:

        def striking_off(line: bytes) -> bytes:
            nonlocal lines
            lines += 1
            with suppress(ValueError, KeyError):
                held.discard(bytes.fromhex(msgspec.json.decode(line)["token_sha256"]))
            return line

        findings = [one.sentence for one in verify(map(striking_off, stream))]
    report.figure("lines of the audit", f"{lines:,}, {file.stat().st_size / 1e6:,.0f} MB")
    report.bar("tokens that the audit does not hold", len(held), "none", not held)
    report.bar("lines that are torn, damaged, missing or out of order", len(findings), "none", not findings)
