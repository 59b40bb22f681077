"""Every line of an audit file names the one before it: whatever is removed, changed or moved is noticed."""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.adapters.audit_faults import NOW, decided
from tokend.adapters import audit_file
from tokend.adapters.audit_file import AuditTarget
from tokend.adapters.audit_log import Audit
from tokend.cli import main
from tokend.core import audit_records
from tokend.core.audit_records import ChainState, HashChain, verify
from tokend.issuing.audit_settings import AuditSettings
from tokend.telemetry.log import JsonLog


def body(number: int) -> bytes:
    return b'{"number":%d}' % number


def write(file: Path, writers: str, start: int = 0) -> None:
    """A letter writes a line, each letter with a chain of its own; a capital closes it. A digit is a command: one line."""
    targets: dict[str, AuditTarget] = {}
    for number, writer in enumerate(writers, start):
        name = writer.lower()
        if name not in targets:
            targets[name] = AuditTarget(str(file), f"{name}{start}")
        target = targets[name]
        if writer.isupper():
            target.close_chain()
        else:
            target.write([body(number)])
        if writer.isdigit():
            target.close_chain()
            target.close()
            del targets[writer]
    for target in targets.values():
        target.close()


def found(lines: list[bytes]) -> list[str]:
    return [problem.sentence for problem in verify(lines)]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two starts, of two workers each, and commands between and before their lines."""
    file = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    write(file, "1aabab2baB3aA")
    write(file, "45cdcdd6cC7dD", 100)
    return file.read_bytes().splitlines()


def test_several_chains_in_one_file_are_sound(lines: list[bytes]) -> None:
    chains: dict[str, ChainState] = {}
    assert list(verify(lines, chains)) == []
    assert len(chains) == 11
    assert all(chain.closed for chain in chains.values())


def test_removing_any_lines_in_a_row_is_noticed(lines: list[bytes]) -> None:
    for first in range(len(lines) - 1):
        for end in range(first + 1, len(lines)):
            assert found(lines[:first] + lines[end:]), (first, end)


def test_removing_the_whole_chain_of_any_writer_is_noticed(lines: list[bytes]) -> None:
    last = json.loads(lines[-1])["writer"]
    for writer in {json.loads(line)["writer"] for line in lines} - {last}:
        assert found([line for line in lines if json.loads(line)["writer"] != writer]), writer


def test_changing_any_line_is_noticed(lines: list[bytes]) -> None:
    for at in range(len(lines) - 1):
        changed = lines[at].replace(b'"number":', b'"numbeR":').replace(b'"closed"', b'"open"')
        assert changed != lines[at]
        assert found([*lines[:at], changed, *lines[at + 1 :]]), at


def test_exchanging_any_two_lines_and_writing_any_twice_is_noticed(lines: list[bytes]) -> None:
    for at in range(len(lines)):
        for other in range(at):
            exchanged = list(lines)
            exchanged[at], exchanged[other] = lines[other], lines[at]
            assert found(exchanged), (at, other)
        for place in range(len(lines) + 1):
            assert found([*lines[:place], lines[at], *lines[place:]]), (at, place)


@given(kept=st.sets(st.integers(0, 27)))
def test_removing_any_lines_before_the_last_is_noticed(kept: set[int], lines: list[bytes]) -> None:
    chosen = sorted({*(number for number in kept if number < len(lines)), len(lines) - 1})
    assert bool(found([lines[number] for number in chosen])) is (len(chosen) < len(lines))


def test_a_line_after_the_closing_line_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    target = AuditTarget(str(file), "a")
    target.write([body(1)])
    target.close_chain()
    target.write([body(2)])
    target.close()
    assert found(file.read_bytes().splitlines()) == ["goes on with a chain that was closed"]


def test_what_others_wrote_before_a_rotation_is_bound_to_what_follows(tmp_path: Path) -> None:
    file, old = tmp_path / "audit.jsonl", tmp_path / "audit.1"
    first, second = AuditTarget(str(file), "a"), AuditTarget(str(file), "b")
    for target in (first, second):
        target.write([body(1)])
    write(file, "1", 50)
    file.rename(old)
    first.reopen()
    first.write([body(2)])
    second.write([body(2)])
    second.reopen()
    second.write([body(3)])
    lines = old.read_bytes().splitlines() + file.read_bytes().splitlines()
    assert found(lines) == []
    for at in range(len(lines) - 1):
        assert found(lines[:at] + lines[at + 1 :]), at
    for target in (first, second):
        target.close()


def test_a_writer_without_the_lock_raises_no_false_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit.jsonl"
    locked, unlocked = AuditTarget(str(file), "a"), AuditTarget(str(file), "b")
    unlocked.write([body(1)])
    put = locked.put

    def late(data: bytes) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(audit_file, "_lock", lambda *_: False)
            unlocked.write([body(2), body(3)])
        return put(data)

    locked.put = late  # type: ignore[method-assign]
    for number in (4, 5):
        locked.write([body(number), body(number)])
        unlocked.write([body(6)])
    lines = file.read_bytes().splitlines()
    assert b'"after":null' in lines[1]
    assert found(lines) == []
    for target in (locked, unlocked):
        target.close()


def test_a_long_write_without_the_lock_raises_no_false_alarm() -> None:
    """The holder of the lock may name the first of these lines, since it read the file before all of them were in it."""
    with_lock, without = HashChain("a"), HashChain("b")
    begun = with_lock.lines([body(1)], audit_records.FIRST_PREVIOUS)
    with_lock.commit(begun)
    long = without.lines([body(number) for number in range(6_400)], unlocked=True)
    for number in (0, 1, 6_399):
        named = hashlib.sha256(long[number]).hexdigest()
        lines = [*begun, *long, *with_lock.lines([body(2)], named)]
        assert found(lines) == []
        assert found([*lines[:3_000], *lines[3_001:]]), "each is a line of its writer's chain"


def test_a_pipe_has_no_links(tmp_path: Path) -> None:
    reading = tmp_path / "pipe"
    os.mkfifo(reading)
    descriptor = os.open(reading, os.O_RDONLY | os.O_NONBLOCK)
    target = AuditTarget(str(reading), "a")
    target.write([body(1)])
    target.close_chain()
    lines = os.read(descriptor, 4096).splitlines()
    assert not any(b'"after"' in line for line in lines)
    assert found(lines) == []
    target.close()
    os.close(descriptor)


async def test_the_heads_of_the_chains_are_logged(tmp_path: Path) -> None:
    file, log = tmp_path / "audit.jsonl", io.BytesIO()
    audit = Audit(AuditSettings(to=(str(file),)), "writer", JsonLog(log, lambda: NOW))
    await audit.record((decided(1),))
    await audit.record((decided(2),))
    audit.log_heads()
    audit.close_chains()
    audit.close()
    chains: dict[str, ChainState] = {}
    assert list(verify(file.read_bytes().splitlines()[:2], chains)) == []
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["writer"], line["sequence"]) == ("audit_head", "writer", 1)
    assert line["sha256"] == chains["writer"].hash


def test_the_command_says_how_many_chains_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    write(file, "1aab")
    assert main(["audit", "verify", str(file)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.partition(", sha256")[0] for line in shown] == [
        "not closed: writer a0, sequence 1",
        "not closed: writer b0, sequence 0",
        "3 chains: 1 closed, 2 not closed",
        "5 lines, 0 problems",
    ]


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_long_last_line_is_read(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    first, second = AuditTarget(str(file), "a"), AuditTarget(str(file), "b")
    for target in (first, second, first):
        target.write([b'{"long":"%b"}' % (b"x" * 20_000)])
    assert found(file.read_bytes().splitlines()) == []
    assert ["after" in line for line in read(file)] == [True, True, True]
    for target in (first, second):
        target.close()
