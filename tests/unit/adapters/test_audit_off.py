"""`sync: off`: lines are written soon, issuing does not wait; but once a write has failed nothing is issued."""

import errno
from pathlib import Path

import pytest

from tests.unit.adapters.audit_faults import SOON, Made, failed, numbers, until
from tokend.adapters.audit_log import LATE_LINES
from tokend.core.audit_records import verify


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def test_lines_are_written_soon(file: Path) -> None:
    made = Made(file, sync="off")
    assert await made.record(1, 2, 3) == [None] * 3
    assert made.targets[0].writes == []
    await until(lambda: numbers(file) == [1, 2, 3])
    assert len(made.targets[0].writes) == 1
    made.audit.close()


async def test_so_many_lines_are_written_at_once(file: Path) -> None:
    made = Made(file, sync="off")
    await made.record(*range(LATE_LINES - 1))
    assert numbers(file) == []
    await made.record(LATE_LINES)
    assert len(numbers(file)) == LATE_LINES
    made.audit.close()


async def test_nothing_is_lost_at_the_end_and_at_a_rotation(tmp_path: Path, file: Path) -> None:
    made = Made(file, sync="off")
    await made.record(1)
    file.rename(tmp_path / "audit.1")
    made.audit.reopen()
    await made.record(2)
    made.audit.close()
    assert numbers(tmp_path / "audit.1") == [1]
    assert numbers(file) == [2]


async def test_once_a_write_has_failed_nothing_is_issued_until_one_succeeds_and_no_line_is_lost(file: Path) -> None:
    made = Made(file, sync="off")
    assert await made.record(1, 2) == [None, None]
    made.targets[0].fault = errno.EIO
    await until(lambda: not made.audit.healthy())
    assert failed(await made.record(3, 4))
    assert failed(await made.record(5))
    made.targets[0].fault = None
    assert await made.record(6) == [None]
    assert made.audit.healthy()
    made.audit.close()
    assert numbers(file) == [1, 2, 6]
    assert list(verify(file.read_bytes().splitlines())) == []


async def test_a_probe_brings_the_late_lines_along(file: Path) -> None:
    made = Made(file, sync="off", probe_seconds=SOON)
    await made.record(1)
    made.targets[0].fault, made.targets[0].takes = errno.ENOSPC, 50
    await until(lambda: not made.audit.healthy())
    made.targets[0].fault = None
    await until(made.audit.healthy)
    made.audit.close()
    assert numbers(file) == [1]
    assert [one.sentence for one in verify(file.read_bytes().splitlines())] == ["is cut off, or is no line of an audit"]


async def test_the_write_that_fails_first_refuses_the_one_who_brought_it_about(file: Path) -> None:
    made = Made(file, sync="off")
    made.targets[0].fault = errno.ENOSPC
    outcomes = await made.record(*range(LATE_LINES + 1))
    assert outcomes[: LATE_LINES - 1] == [None] * (LATE_LINES - 1)
    assert failed(outcomes[LATE_LINES - 1 :], errno.ENOSPC)
    made.audit.close()
    assert made.messages[-1] == "lines are lost at the end: No space left on device"


async def test_a_target_that_works_gets_each_late_line_once(tmp_path: Path) -> None:
    files = tmp_path / "one", tmp_path / "two"
    made = Made(*files, sync="off")
    made.targets[1].fault = errno.EIO
    await made.record(1, 2)
    await until(lambda: not made.audit.healthy())
    assert failed(await made.record(3))
    made.targets[1].fault = None
    await made.record(4)
    made.audit.close()
    assert numbers(files[0]) == [1, 2, 3, 4]
    assert numbers(files[1]) == [1, 2, 4]
    assert all(list(verify(one.read_bytes().splitlines())) == [] for one in files)
