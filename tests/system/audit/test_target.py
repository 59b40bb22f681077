"""Several writers and one file, writers that are killed or stopped inside a write, pipes."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tokend.adapters.audit_file import AuditTarget
from tokend.core.audit_records import BLOCK_SIZE, AuditProblem, verify

KILLS: Final = 8
WRITER: Final = """
import os, sys
from tokend.adapters.audit_file import AuditTarget
target = AuditTarget(sys.argv[1], str(os.getpid()))
bodies = [b'{"number":%d,"filling":"%b"}' % (one, b"x" * (400 + one)) for one in range(100)]
print(flush=True)
while True:
    target.write(bodies)
"""


UNREAD: Final = """
import sys
from tokend.adapters.audit_file import AuditTarget
target = AuditTarget(None, "a")
try:
    for _ in range(1000):
        target.write([b'{"filling":"%b"}' % (b"x" * 700)] * 10)
except BlockingIOError:
    sys.exit(3)
"""


def body(number: int) -> bytes:
    return b'{"number":%d}' % number


def found(file: Path) -> list[AuditProblem]:
    return list(verify(file.read_bytes().splitlines()))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_several_writers_append_to_one_file(file: Path) -> None:
    targets = [AuditTarget(str(file), writer) for writer in "abc"]
    for number in range(30):
        targets[number % 3].write([body(number), body(number)])
    assert len(file.read_bytes().splitlines()) == 60
    assert found(file) == []
    assert b"\n\n" not in file.read_bytes()


@pytest.mark.parametrize("living", [True, False], ids=["one that lives on", "one that starts"])
def test_what_a_killed_writer_left_of_a_line_costs_nobody_elses_line(file: Path, living: bool) -> None:
    other = AuditTarget(str(file), "living")
    other.write([body(1)])
    with file.open("ab") as killed:
        killed.write(b'{"writer":"killed","sequence":0,"pre')
    if not living:
        other = AuditTarget(str(file), "starting")
    other.write([body(2)])
    other.write([body(3)])
    assert found(file) == [AuditProblem(2, "is cut off, or is no line of an audit")]
    assert len(file.read_bytes().splitlines()) == 4


def test_writers_that_are_killed_in_the_middle_of_a_write_leave_no_piece_of_a_line(file: Path) -> None:
    """P1. When lines lay across pages, four kills in ten left one."""
    for kill in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(file)]
        writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(0.02 + kill / 1000)
        for writer in writers:
            writer.kill()
            writer.communicate()
        assert found(file) == []
        assert file.read_bytes().count(b"{") > 200
        file.unlink()


def test_a_writer_that_was_stopped_does_not_stop_the_others(file: Path) -> None:
    target = AuditTarget(str(file), "a")
    with file.open("ab") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        for number in range(200):
            target.write([body(number)])
    target.write([body(200)])
    assert found(file) == []
    with file.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert len(file.read_bytes().splitlines()) == 201


def test_spaces_that_a_killed_writer_left_are_no_piece_of_a_line(file: Path) -> None:
    target = AuditTarget(str(file), "living")
    target.write([body(1)])
    with file.open("ab") as killed:
        killed.write(b" " * (BLOCK_SIZE - killed.tell()))
    target.write([body(2)])
    assert found(file) == []
    assert len([line for line in file.read_bytes().splitlines() if line.strip()]) == 2


def test_a_file_that_was_copied_and_emptied_goes_on(file: Path) -> None:
    target = AuditTarget(str(file), "a")
    target.write([body(1), body(2)])
    first = file.read_bytes()
    os.truncate(file, 0)
    target.write([body(3)])
    assert list(verify((first + file.read_bytes()).splitlines())) == []


def test_a_pipe_without_its_reader_fails_and_goes_on_with_the_next_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device"):
        AuditTarget(str(pipe), "a")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target = AuditTarget(str(pipe), "a", synced=True)
    target.write([body(1)])
    target.sync()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        target.write([body(2)])
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target.write([body(3)])
    assert b'"sequence":1' in os.read(reader, 1000)
    os.close(reader)
    target.close()


def test_writers_of_a_pipe_that_is_full_leave_no_piece_of_a_line(tmp_path: Path) -> None:
    """A line of one was glued to what had been left of another's: a token was issued that the audit did not name."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    targets = [AuditTarget(str(pipe), writer) for writer in ("a", "b")]
    read = b""
    for _ in range(20):
        for target in targets:
            with pytest.raises(BlockingIOError):
                while True:
                    target.write([b'{"filling":"%b"}' % (b"x" * size) for size in range(700, 720)])
            read += os.read(reader, 3 * BLOCK_SIZE + 100)
    written = sum(target.head[0] + 1 for target in targets if target.head is not None)
    for target in targets:
        target.close()
    while piece := os.read(reader, 1 << 20):
        read += piece
    os.close(reader)
    lines = read.splitlines()
    assert len(lines) == written
    assert all(json.loads(line)["filling"] for line in lines)


def test_a_socket_that_nobody_reads_holds_nothing_up() -> None:
    """systemd gives a service such a standard output: while the journal stood still, so did the server, also on SIGTERM."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-c", UNREAD],
            stdout=theirs.fileno(),
            cwd=Path(__file__).parents[3],
            check=False,
            timeout=60,
        )
    assert done.returncode == 3
