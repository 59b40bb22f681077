"""Several writers and one file, pieces that killed writers left, pipes."""

import os
from pathlib import Path

import pytest

from tokend.audit import Finding, verify
from tokend.server.audit_target import Target


def body(number: int) -> bytes:
    return b'{"number":%d}' % number


def found(file: Path) -> list[Finding]:
    return list(verify(file.read_bytes().splitlines()))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_several_writers_append_to_one_file(file: Path) -> None:
    targets = [Target(str(file), writer) for writer in "abc"]
    for number in range(30):
        targets[number % 3].write([body(number), body(number)])
    assert len(file.read_bytes().splitlines()) == 60
    assert found(file) == []
    assert b"\n\n" not in file.read_bytes()


@pytest.mark.parametrize("living", [True, False], ids=["one that lives on", "one that starts"])
def test_what_a_killed_writer_left_of_a_line_costs_nobody_elses_line(file: Path, living: bool) -> None:
    other = Target(str(file), "living")
    other.write([body(1)])
    with file.open("ab") as killed:
        killed.write(b'{"writer":"killed","sequence":0,"pre')
    if not living:
        other = Target(str(file), "starting")
    other.write([body(2)])
    other.write([body(3)])
    assert found(file) == [Finding(2, "is torn, or no line of an audit")]
    assert len(file.read_bytes().splitlines()) == 4


def test_a_file_that_was_copied_and_emptied_goes_on(file: Path) -> None:
    target = Target(str(file), "a")
    target.write([body(1), body(2)])
    first = file.read_bytes()
    os.truncate(file, 0)
    target.write([body(3)])
    assert list(verify((first + file.read_bytes()).splitlines())) == []


def test_a_pipe_without_its_reader_fails_and_goes_on_with_the_next_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device"):
        Target(str(pipe), "a")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target = Target(str(pipe), "a", synced=True)
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
