"""The audit of a running server: the line before the token, nothing issued without it, and killed in the middle."""

import asyncio
import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.running import APP_ID, CERTIFICATE, Running, clean_environment, serving, tokend
from tests.unit.adapters.audit_faults import SOON, until
from tests.unit.http.running import NOW, OPEN
from tests.unit.http.running import serving as in_process
from tokend.adapters.audit_log import Audit
from tokend.core.audit_records import verify
from tokend.core.interfaces import Interfaces
from tokend.issuing.server_settings import AuditSettings
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


def fetched(url: str, path: str) -> str:
    with urllib.request.urlopen(f"{url}/demo/rtc/{path}", timeout=5) as answer:
        return str(json.load(answer)["rtcToken"])


def audit_to(path: str, probe_seconds: float = 3600, **settings: Any) -> Audit:
    log = JsonLog(io.BytesIO(), lambda: NOW)
    return Audit(AuditSettings(to=(path,), **settings), "writer", log, probe_seconds=probe_seconds)


def test_a_line_says_who_got_what_and_never_the_token(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    with serving(tmp_path, ENVIRONMENT) as server:
        token = fetched(server.url, "demo-1/publisher/uid/7")
        with pytest.raises(urllib.error.HTTPError) as answer:
            fetched(server.url, "other/publisher/uid/7")
        answer.value.close()
        issued, refused = entries(tmp_path / "audit.jsonl")
        assert issued["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
        assert (issued["outcome"], issued["app"], issued["caller"], issued["rule"]) == (
            "issued",
            "demo",
            "anybody",
            "demo.anybody.rules[0]",
        )
        assert issued["services"][0]["channel"] == "demo-1"
        assert (refused["outcome"], refused["code"]) == ("refused", "not_permitted")
        assert token not in (tmp_path / "audit.jsonl").read_text()
        assert CERTIFICATE not in (tmp_path / "audit.jsonl").read_text()


def test_the_command_line_writes_its_tokens_too(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "tokend", "token", "rtc", "channel=room", "uid=7"]
    environment = clean_environment(ENVIRONMENT)
    token = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    (entry,) = entries(tmp_path / "audit.jsonl")
    assert entry["token_sha256"] == hashlib.sha256(token.strip().encode()).hexdigest()
    assert (entry["caller"], entry["request_id"]) == ("(operator)", "cli")


def test_no_client_holds_a_token_that_the_audit_does_not_hold(tmp_path: Path) -> None:
    """P1, small: killed in the middle of the load, several times over."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    get_keys: set[str] = set()
    for _ in range(4):
        with serving(tmp_path, ENVIRONMENT) as server:
            asyncio.run(_load_until_killed(server, get_keys))
    file = (tmp_path / "audit.jsonl").read_bytes()
    assert len(get_keys) > 20
    assert list(verify(file.splitlines())) == []
    assert get_keys - {json.loads(line).get("token_sha256") for line in file.splitlines() if line.strip()} == set()


async def _load_until_killed(server: Running, get_keys: set[str]) -> None:
    host, port = server.url.removeprefix("http://").split(":")

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for count in range(2_000):
                writer.write(
                    f"GET /demo/rtc/demo-{number}/publisher/uid/{count + 1} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                token = json.loads(await reader.readexactly(length))["rtcToken"]
                get_keys.add(hashlib.sha256(token.encode()).hexdigest())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def kill() -> None:
        await asyncio.sleep(0.15)
        server.process.send_signal(signal.SIGKILL)

    await asyncio.gather(kill(), *(client(number) for number in range(8)))


@pytest.mark.parametrize("sync", ["os", "batch"])
async def test_when_it_cannot_be_written_nothing_is_issued(sync: str) -> None:
    """P2: /dev/full answers every write with ENOSPC."""
    audit = audit_to("/dev/full", sync=sync)
    async with in_process(OPEN, interfaces=Interfaces(audit=audit)) as server:
        for _ in range(3):
            reply = await server.token_request("GET", "/rtc/room/publisher/uid/7")
            assert (reply.status, reply.json["code"]) == (503, "unavailable")
            assert b"007eJ" not in reply.body
        assert (await server.token_request("GET", "/readyz")).status == 503
        assert (await server.token_request("GET", "/healthz")).status == 200
    audit.close()


async def test_a_pipe_that_nobody_reads_is_a_failure_and_no_hang_and_it_recovers(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    audit = audit_to(str(pipe), SOON)
    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 1 << 16)
    async with in_process(OPEN, interfaces=Interfaces(audit=audit)) as server:
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


async def test_batches_are_on_the_disk_before_they_leave(tmp_path: Path) -> None:
    audit = audit_to(str(tmp_path / "audit.jsonl"), sync="batch")
    async with in_process(OPEN, interfaces=Interfaces(audit=audit)) as server:
        replies = await asyncio.gather(
            *(server.token_request("GET", f"/rtc/room/publisher/uid/{uid}") for uid in range(1, 30))
        )
        assert {one.status for one in replies} == {200}
    audit.close()
    assert len(entries(tmp_path / "audit.jsonl")) == 29
    assert list(verify((tmp_path / "audit.jsonl").read_bytes().splitlines())) == []


async def test_a_rotated_file_is_opened_anew(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    audit = audit_to(str(file))
    async with in_process(OPEN, interfaces=Interfaces(audit=audit)) as server:
        await server.token_request("GET", "/rtc/room/publisher/uid/7")
        file.rename(tmp_path / "audit.1")
        audit.reopen()
        await server.token_request("GET", "/rtc/room/publisher/uid/7")
    audit.close()
    joined = (tmp_path / "audit.1").read_bytes() + file.read_bytes()
    assert len(entries(file)) == 1
    assert list(verify(joined.splitlines())) == []


async def test_ids_are_hashed_where_asked(tmp_path: Path) -> None:
    audit = audit_to(str(tmp_path / "audit.jsonl"), hash_ids=True)
    async with in_process(OPEN, interfaces=Interfaces(audit=audit)) as server:
        await server.token_request("GET", "/rtc/secret-room/publisher/userAccount/alice-in-clear")
    audit.close()
    text = (tmp_path / "audit.jsonl").read_text()
    assert "alice-in-clear" not in text
    assert "secret-room" not in text
    assert hashlib.sha256(b"alice-in-clear").hexdigest() in text


def test_a_file_that_cannot_be_opened_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("audit.jsonl", "none/audit.jsonl"))
    done = tokend(tmp_path, ENVIRONMENT, "serve", "--port", "0")
    assert done.returncode == 1
    assert "the audit file cannot be opened" in done.stderr
