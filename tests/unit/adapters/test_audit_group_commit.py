"""One write a turn for all that are decided in it; what fails fails for each of them; order and chain stay right."""

import asyncio
import errno
from pathlib import Path
from typing import Final

import pytest

from tests.unit.adapters.audit_faults import SOON, Made, decided, failed, numbers, until
from tokend.core.audit_records import verify

OPEN_FILES: Final = Path("/proc/self/fd")


def findings(file: Path) -> list[str]:
    return [one.sentence for one in verify(file.read_bytes().splitlines())]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def test_all_of_one_turn_go_out_in_one_write_in_their_order(file: Path) -> None:
    made = Made(file)
    assert await made.record(*range(50)) == [None] * 50
    assert len(made.targets[0].writes) == 1
    assert await made.record(50) == [None]
    assert len(made.targets[0].writes) == 2
    made.audit.close()
    assert numbers(file) == list(range(51))
    assert findings(file) == []


async def test_a_line_is_there_when_record_returns(file: Path) -> None:
    made = Made(file)
    for number in range(5):
        await made.audit.record((decided(number),))
        assert numbers(file)[-1] == number
    made.audit.close()


async def test_nothing_decided_is_nothing_written(file: Path) -> None:
    made = Made(file)
    await made.audit.record(())
    made.audit.close()
    assert made.targets[0].writes == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EAGAIN, errno.EPIPE, errno.EFBIG])
async def test_a_failed_write_fails_everyone_who_waits_for_it(file: Path, code: int) -> None:
    made = Made(file)
    made.targets[0].fault = code
    assert failed(await made.record(*range(10)), code)
    assert not made.audit.healthy()
    made.targets[0].fault = None
    assert await made.record(10) == [None]
    assert made.audit.healthy()
    made.audit.close()
    assert numbers(file) == [10]
    assert findings(file) == []
    assert [one.split(":")[0] for one in made.messages] == [
        "cannot be written, nothing is issued",
        "can be written again",
    ]


async def test_a_short_write_leaves_one_torn_line_and_the_chain_goes_on_behind_it(file: Path) -> None:
    made = Made(file)
    assert await made.record(0) == [None]
    length = file.stat().st_size
    made.targets[0].fault, made.targets[0].takes = errno.ENOSPC, 2 * length + 100
    assert failed(await made.record(1, 2, 3, 4), errno.ENOSPC)
    made.targets[0].fault = None
    assert await made.record(5) == [None]
    made.audit.close()
    assert numbers(file) == [0, 1, 2, 5], "whole lines of tokens that were not released may stand there"
    assert findings(file) == ["is cut off, or is no line of an audit"]


async def test_a_short_write_that_ends_with_a_line_leaves_nothing_torn(file: Path) -> None:
    made = Made(file)
    assert await made.record(0) == [None]
    first = file.stat().st_size
    assert await made.record(1) == [None]
    made.targets[0].fault, made.targets[0].takes = errno.ENOSPC, file.stat().st_size - first
    assert failed(await made.record(2, 3), errno.ENOSPC)
    made.targets[0].fault = None
    assert await made.record(4) == [None]
    made.audit.close()
    assert numbers(file) == [0, 1, 2, 4]
    assert findings(file) == []


@pytest.mark.parametrize("broken", [0, 1])
async def test_each_target_keeps_its_own_chain_when_the_other_one_fails(tmp_path: Path, broken: int) -> None:
    files = tmp_path / "one", tmp_path / "two"
    made = Made(*files)
    assert await made.record(0) == [None]
    made.targets[broken].fault = errno.EIO
    assert failed(await made.record(1, 2))
    made.targets[broken].fault = None
    assert await made.record(3, 4) == [None, None]
    made.audit.close()
    assert numbers(files[broken]) == [0, 3, 4]
    assert set(numbers(files[1 - broken])) >= {0, 3, 4}
    assert findings(files[0]) == findings(files[1]) == []


async def test_a_probe_finds_out_by_itself_that_it_can_be_written_again(file: Path) -> None:
    made = Made(file, probe_seconds=SOON)
    made.targets[0].fault = errno.ENOSPC
    assert failed(await made.record(0), errno.ENOSPC)
    await asyncio.sleep(3 * SOON)
    assert not made.audit.healthy()
    made.targets[0].fault = None
    await until(made.audit.healthy)
    made.audit.close()
    assert b'"outcome":"probe"}\n' in file.read_bytes()
    assert findings(file) == []
    assert made.messages[1:] == ["can be written again"]


async def test_one_who_has_gone_harms_nobody_else(file: Path) -> None:
    made = Made(file)
    tasks = [asyncio.create_task(made.audit.record((decided(number),))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    made.audit.close()
    assert [type(one) for one in outcomes] == [type(None), asyncio.CancelledError, type(None)]
    assert numbers(file) == [0, 1, 2]


async def test_those_who_come_during_a_sync_share_the_next_one(file: Path) -> None:
    made = Made(file, sync="batch")
    made.targets[0].may_sync.clear()
    first = asyncio.create_task(made.record(0))
    await until(lambda: numbers(file) == [0])
    others = [asyncio.create_task(made.record(number)) for number in range(1, 20)]
    await until(lambda: len(numbers(file)) == 20)
    assert not any(one.done() for one in (first, *others)), "written, but not on the disk yet"
    made.targets[0].may_sync.set()
    assert await asyncio.gather(first, *others) == [[None]] * 20
    assert made.targets[0].syncs == 2
    made.audit.close()


async def test_a_sync_that_fails_fails_everyone_whose_line_may_be_lost(file: Path) -> None:
    """The error is told once: the next fdatasync would succeed, and bring back nothing."""
    made = Made(file, sync="batch")
    made.targets[0].may_sync.clear()
    made.targets[0].sync_fault = errno.EIO
    first = asyncio.create_task(made.record(0))
    await until(lambda: numbers(file) == [0])
    second = asyncio.create_task(made.record(1))
    await until(lambda: numbers(file) == [0, 1])
    made.targets[0].may_sync.set()
    assert failed(await first)
    assert failed(await second)
    assert not made.audit.healthy()
    made.targets[0].sync_fault = None
    assert await made.record(2) == [None]
    assert made.audit.healthy()
    made.audit.close()


async def test_a_sync_that_ends_well_does_not_hide_a_write_that_failed_meanwhile(file: Path) -> None:
    made = Made(file, sync="batch")
    made.targets[0].may_sync.clear()
    first = asyncio.create_task(made.record(0))
    await until(lambda: numbers(file) == [0])
    made.targets[0].fault = errno.ENOSPC
    assert failed(await made.record(1), errno.ENOSPC)
    made.targets[0].may_sync.set()
    assert await first == [None]
    assert not made.audit.healthy()
    made.audit.close()


async def test_rotated_files_are_closed_although_no_token_follows(file: Path) -> None:
    """Each SIGUSR1 to an idle server kept a descriptor open."""
    made = Made(file, sync="batch")
    before = len([*OPEN_FILES.iterdir()])
    for _ in range(20):
        made.audit.reopen()
    await until(lambda: len([*OPEN_FILES.iterdir()]) <= before)
    assert made.audit.healthy()
    made.audit.close()


async def test_a_rotated_file_is_synced_before_its_lines_count(tmp_path: Path, file: Path) -> None:
    made = Made(file, sync="batch")
    made.targets[0].may_sync.clear()
    first = asyncio.create_task(made.record(0))
    await until(lambda: numbers(file) == [0])
    file.rename(tmp_path / "audit.1")
    made.audit.reopen()
    second = asyncio.create_task(made.record(1))
    await until(lambda: file.exists() and numbers(file) == [1])
    made.targets[0].may_sync.set()
    assert [*await asyncio.gather(first, second)] == [[None], [None]]
    made.audit.close()
    assert list(verify([*(tmp_path / "audit.1").read_bytes().splitlines(), *file.read_bytes().splitlines()])) == []


async def test_the_end_does_not_wait_for_a_disk_that_hangs(file: Path) -> None:
    """A reload to another audit stopped the event loop half a minute later, for as long as the old disk hung."""
    made = Made(file, sync="batch")
    made.targets[0].may_sync.clear()
    syncing = asyncio.create_task(made.record(0))
    await until(lambda: numbers(file) == [0])
    waiting = asyncio.create_task(made.record(1))
    await until(lambda: numbers(file) == [0, 1])
    closed = made.audit.end()
    assert failed(await waiting, errno.EBADF)
    assert not closed.done()
    made.targets[0].may_sync.set()
    assert await syncing == [None]
    await asyncio.wrap_future(closed)


@pytest.mark.parametrize("sync", ["os", "batch", "off"])
async def test_a_request_that_outlives_its_audit_starts_no_probes(file: Path, sync: str) -> None:
    """Each second a probe was written to the closed audit, for ever."""
    made = Made(file, sync=sync, probe_seconds=SOON)
    await made.record(0)
    made.audit.close()
    assert failed(await made.record(1), errno.EBADF)
    await asyncio.sleep(10 * SOON)
    assert made.messages == []
