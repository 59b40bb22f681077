"""The audit of a running server: the line before the token, nothing issued without it, and killed in the middle."""

import asyncio
import fcntl
import hashlib
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.running import APP_ID, CERTIFICATE
from tests.unit.adapters.audit_faults import SOON, until
from tests.unit.commands import Command
from tests.unit.http.running import NOW, OPEN, Serving
from tokend.adapters.audit_file import AuditTarget
from tokend.adapters.audit_log import Audit
from tokend.adapters.operator_audit import record_by_operator
from tokend.core.audit_records import verify
from tokend.core.deny_entries import DenyChange, parse_line
from tokend.core.errors import ApiError
from tokend.core.interfaces import Interfaces
from tokend.issuing.audit_settings import AuditSettings
from tokend.issuing.server_settings import RootOptions
from tokend.telemetry.log import JsonLog

CONFIG = f"""
audit: {{to: {{file: audit.jsonl}}}}
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
"""
ENVIRONMENT = {"CERTIFICATE": CERTIFICATE}


def entries(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def audit_to(path: str, probe_seconds: float = 3600, **settings: Any) -> Audit:
    log = JsonLog(io.BytesIO(), lambda: NOW)
    return Audit(AuditSettings(to=(path,), **settings), "writer", log, probe_seconds=probe_seconds)


def test_the_command_line_writes_its_tokens_too(tmp_path: Path, command: Command) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    token = command(tmp_path, ENVIRONMENT, "token", "rtc", "channel=room", "uid=7").stdout
    entry, closing = entries(tmp_path / "audit.jsonl")
    assert closing["outcome"] == "closed"
    assert entry["token_sha256"] == hashlib.sha256(token.strip().encode()).hexdigest()
    assert (entry["caller"], entry["request_id"]) == ("(operator)", "cli")


def test_a_file_that_root_makes_belongs_to_the_owner_of_its_directory(tmp_path: Path) -> None:
    """A command of root made a file that the server, of another user, could not open after its next start."""
    if os.geteuid() == 0:
        os.chown(tmp_path, 4711, 4712)
    audit_to(str(tmp_path / "new.jsonl")).close()
    made, directory = (tmp_path / "new.jsonl").stat(), tmp_path.stat()
    assert (made.st_uid, made.st_gid) == (directory.st_uid, directory.st_gid)
    target = tmp_path / "kept.jsonl"
    target.touch()
    (tmp_path / "link.jsonl").symlink_to(target)
    audit_to(str(tmp_path / "link.jsonl")).close()
    assert target.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("sync", ["os", "batch"])
async def test_when_it_cannot_be_written_nothing_is_issued(sync: str, serving: Serving) -> None:
    """P2: /dev/full answers every write with ENOSPC."""
    audit = audit_to("/dev/full", sync=sync)
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        for _ in range(3):
            reply = await server.token_request("GET", "/rtc/room/publisher/uid/7")
            assert (reply.status, reply.json["code"]) == (503, "unavailable")
            assert b"007eJ" not in reply.body
        assert (await server.token_request("GET", "/readyz")).status == 503
        assert (await server.token_request("GET", "/healthz")).status == 200
    audit.close()


@pytest.mark.parametrize("sync", ["os", "batch", "off"])
async def test_after_it_is_closed_nothing_is_issued(sync: str, tmp_path: Path, serving: Serving) -> None:
    """A request may outlive the audit of its configuration, which a reload replaces."""
    audit = audit_to(str(tmp_path / "audit.jsonl"), sync=sync)
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        assert (await server.token_request("GET", "/rtc/room/publisher/uid/7")).status == 200
        audit.close()
        reply = await server.token_request("GET", "/rtc/room/publisher/uid/8")
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
    assert [one["services"][0]["user"] for one in entries(tmp_path / "audit.jsonl")] == ["7"]


async def test_a_pipe_that_nobody_reads_is_a_failure_and_no_hang_and_it_recovers(
    tmp_path: Path, serving: Serving
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    audit = audit_to(str(pipe), SOON)
    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 1 << 16)
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        statuses = [(await server.token_request("GET", "/rtc/room/publisher/uid/7")).status for _ in range(400)]
        assert set(statuses) == {200, 503}
        assert statuses == sorted(statuses)
        assert (await server.token_request("GET", "/readyz")).status == 503
        drained = os.read(reading, 1 << 20)
        await until(audit.healthy)
        assert (await server.token_request("GET", "/readyz")).status == 200
        assert (await server.token_request("GET", "/rtc/room/publisher/uid/7")).status == 200
        drained += os.read(reading, 1 << 20)
    audit.close()
    os.close(reading)
    whole = [json.loads(line) for line in drained.splitlines() if line.startswith(b"{") and line.endswith(b"}")]
    assert [one["outcome"] for one in whole[-2:]] == ["probe", "issued"]


async def test_batches_are_on_the_disk_before_they_leave(tmp_path: Path, serving: Serving) -> None:
    audit = audit_to(str(tmp_path / "audit.jsonl"), sync="batch")
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        replies = await asyncio.gather(
            *(server.token_request("GET", f"/rtc/room/publisher/uid/{uid}") for uid in range(1, 30))
        )
        assert {one.status for one in replies} == {200}
    audit.close()
    assert len(entries(tmp_path / "audit.jsonl")) == 29
    assert list(verify((tmp_path / "audit.jsonl").read_bytes().splitlines())) == []


async def test_a_rotated_file_is_opened_anew(tmp_path: Path, serving: Serving) -> None:
    file = tmp_path / "audit.jsonl"
    audit = audit_to(str(file))
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        await server.token_request("GET", "/rtc/room/publisher/uid/7")
        file.rename(tmp_path / "audit.1")
        audit.reopen()
        await server.token_request("GET", "/rtc/room/publisher/uid/7")
    audit.close()
    joined = (tmp_path / "audit.1").read_bytes() + file.read_bytes()
    assert len(entries(file)) == 1
    assert list(verify(joined.splitlines())) == []


async def test_ids_are_hashed_where_asked(tmp_path: Path, serving: Serving) -> None:
    audit = audit_to(str(tmp_path / "audit.jsonl"), hash_ids=True)
    async with serving(OPEN, interfaces=Interfaces(audit=audit)) as server:
        await server.token_request("GET", "/rtc/secret-room/publisher/userAccount/alice-in-clear")
    audit.close()
    text = (tmp_path / "audit.jsonl").read_text()
    assert "alice-in-clear" not in text
    assert "secret-room" not in text
    assert hashlib.sha256(b"alice-in-clear").hexdigest() in text


def test_a_closed_target_writes_to_nobody(tmp_path: Path) -> None:
    """Its number may be that of a client's connection by then: a client received lines of the audit."""
    target = AuditTarget(str(tmp_path / "audit.jsonl"), "w")
    target.close()
    with (tmp_path / "another").open("wb"), pytest.raises(OSError, match="the audit is closed"):
        target.write([b"{}"])
    assert (tmp_path / "another").read_bytes() == b""


def test_what_cannot_be_recorded_of_an_operator_leaves_no_descriptor_open() -> None:
    """Each change in the console while the disk was full kept one."""
    options = RootOptions(audit=AuditSettings(to=("/dev/full",)))
    entry = parse_line(b'{"caller": "demo/web"}')
    assert entry is not None
    change = DenyChange(entry, is_added=True, source="file", time=NOW, request_id="request-1")
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(5):
        with pytest.raises(ApiError, match="No space left"):
            record_by_operator(options, [change], JsonLog(io.BytesIO(), lambda: NOW))
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_an_audit_that_cannot_open_its_second_file_leaves_the_first_one_closed(tmp_path: Path) -> None:
    """Each reload that was refused for it kept one descriptor open."""
    settings = AuditSettings(to=(str(tmp_path / "audit.jsonl"), str(tmp_path / "no folder" / "audit.jsonl")))
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(FileNotFoundError):
        Audit(settings, "w", JsonLog(io.BytesIO(), lambda: NOW))
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_an_audit_closes_also_if_no_thread_can_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stayed open, and so did everything else that was to close with it."""
    audit = audit_to(str(tmp_path / "audit.jsonl"))
    before = len([*Path("/proc/self/fd").iterdir()])

    def cannot_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", cannot_start)
    audit.close()
    assert len([*Path("/proc/self/fd").iterdir()]) == before - 1
