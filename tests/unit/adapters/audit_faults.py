"""Decisions to record, and a target that counts its writes and fails as it is told."""

import asyncio
import errno
import io
import json
import os
import threading
from pathlib import Path
from typing import Any, Final

from tokend.adapters.audit_file import AuditTarget
from tokend.adapters.audit_log import Audit
from tokend.core.model import Decision, Grant, Service, TokenRequest
from tokend.issuing.audit_settings import AuditSettings
from tokend.telemetry.log import JsonLog

NOW: Final = 1_800_000_000
SOON: Final = 0.001
"""Seconds until a probe, where a test waits for one."""
NEVER: Final = 3600.0


class FaultyTarget(AuditTarget):
    """`fault`: the errno of every write; `takes`: bytes that it takes before that. The same for `sync_fault`.

    A sync waits for `may_sync`.
    """

    def __init__(self, path: str | None, writer: str, *, synced: bool = False, instance: str | None = None) -> None:
        super().__init__(path, writer, synced=synced, instance=instance)
        self.fault: int | None = None
        self.takes = 0
        self.writes: list[bytes] = []
        self.sync_fault: int | None = None
        self.syncs = 0
        self.may_sync = threading.Event()
        self.may_sync.set()

    def put(self, data: bytes) -> int:
        if self.fault is None:
            self.writes.append(data)
            return super().put(data)
        if not self.takes:
            raise OSError(self.fault, os.strerror(self.fault))
        taken, self.takes = super().put(data[: self.takes]), 0
        return taken

    def sync(self) -> None:
        assert self.may_sync.wait(5)
        self.syncs += 1
        if self.sync_fault is not None:
            raise OSError(self.sync_fault, os.strerror(self.sync_fault))
        super().sync()


class Made:
    """An Audit with its faulty targets and its log."""

    def __init__(self, *files: Path, probe_seconds: float = NEVER, **settings: Any) -> None:
        self.targets: list[FaultyTarget] = []
        self._log = io.BytesIO()
        self.audit = Audit(
            AuditSettings(to=tuple(map(str, files)), **settings),
            "writer",
            JsonLog(self._log, lambda: NOW),
            target=self._target,
            probe_seconds=probe_seconds,
        )

    def _target(self, path: str | None, writer: str, *, synced: bool, instance: str | None) -> AuditTarget:
        self.targets.append(FaultyTarget(path, writer, synced=synced, instance=instance))
        return self.targets[-1]

    @property
    def messages(self) -> list[str]:
        return [str(json.loads(line)["message"]) for line in self._log.getvalue().splitlines()]

    async def record(self, *numbers: int) -> list[BaseException | None]:
        """All in one turn, each on its own; what became of each."""
        return await asyncio.gather(
            *(self.audit.record((decided(number),)) for number in numbers), return_exceptions=True
        )


def decided(number: int) -> Decision:
    """A token of this number that is about to be released."""
    token_request = TokenRequest("rtc", {"channel": "room", "uid": number})
    grant = Grant("0" * 32, "007", 600, (Service("rtc", str(number), "room", {"join_channel": 600}),))
    return Decision("demo", "web", token_request, grant, "demo.web.rules[0]", f"{number:064x}", NOW, None, "request-1")


def numbers(file: Path) -> list[int]:
    """The tokens that a file holds, in order; lines that are none are passed over."""
    found = []
    for line in file.read_bytes().splitlines():
        try:
            found.append(int(json.loads(line)["token_sha256"], 16))
        except (ValueError, KeyError):
            continue
    return found


def failed(outcomes: list[BaseException | None], code: int = errno.EIO) -> bool:
    """Whether every one failed, and so."""
    return all(isinstance(one, OSError) and one.errno == code for one in outcomes)


async def until(condition: Any) -> None:
    """Lets the event loop turn until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(SOON)
