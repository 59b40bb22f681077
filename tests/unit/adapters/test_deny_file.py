"""The deny list as a file: what counts when, and that no mistake in the file lets anybody in."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.http.running import DEMO, KEY, NOW, Serving
from tokend.adapters import deny_source
from tokend.adapters.deny_file import DenyFile
from tokend.core.deny_entries import Entry, parse_line
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.telemetry.log import JsonLog

NONE: frozenset[str] = frozenset()


class Watched:
    """A deny file with a clock of its own."""

    def __init__(self, directory: Path, *entries: dict[str, Any] | bytes) -> None:
        self.path = directory / "deny.jsonl"
        self.now = 0.0
        self.log = io.BytesIO()
        self.write(*entries)
        self.deny = DenyFile(str(self.path), JsonLog(self.log, lambda: NOW), lambda: NOW, lambda: self.now)

    def write(self, *entries: dict[str, Any] | bytes) -> None:
        lines = [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in entries]
        self.path.write_bytes(b"".join(line + b"\n" for line in lines))

    def check(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 0.1
            self.deny.check()

    async def denied(self, *users: str) -> list[str]:
        """Those of the users who are denied."""
        found = []
        for user in users:
            reach = Reach(frozenset((user,)), NONE, NONE, NONE)
            if await self.deny.denies("demo", Caller("studio"), reach) is not None:
                found.append(user)
        return found

    @property
    def messages(self) -> list[str]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line["message"] for line in lines if line["level"] == "error"]


ADA, BOB, CAROL = {"user": "ada"}, {"user": "bob"}, {"user": "carol"}


async def test_an_added_entry_counts_at_once_and_a_removed_one_when_the_file_stands_still(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA)
    watched.write(ADA, BOB)
    watched.check()
    assert await watched.denied("ada", "bob") == ["ada", "bob"]
    watched.write(BOB)
    watched.check()
    assert await watched.denied("ada", "bob") == ["ada", "bob"]
    watched.check()
    assert await watched.denied("ada", "bob") == ["bob"]
    assert (watched.deny.entries, watched.deny.problems) == (1, 0)


async def test_good_lines_count_beside_bad_ones_and_nobody_is_let_in_by_them(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA)
    watched.write({"usr": "ada"}, BOB, b"junk")
    watched.check(3)
    assert await watched.denied("ada", "bob", "carol") == ["ada", "bob"]
    assert watched.deny.problems == 2
    watched.write({"usr": "ada"}, BOB, b"junk", CAROL)
    watched.check(3)
    assert await watched.denied("ada", "bob", "carol") == ["ada", "bob", "carol"]
    assert [message.partition(" is no JSON")[0].partition(" must")[0] for message in watched.messages] == [
        "deny list: line 1:",
        "deny list: line 3:",
    ]  # each once
    watched.write(BOB)
    watched.check(3)
    assert await watched.denied("ada", "bob", "carol") == ["bob"]
    assert watched.deny.problems == 0


async def test_bad_lines_at_the_start_do_not_stop_good_ones(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA, {"user": ""})
    assert await watched.denied("ada") == ["ada"]
    assert (watched.deny.entries, watched.deny.problems) == (1, 1)


async def test_an_empty_file_counts_after_two_seconds(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA)
    watched.write()
    watched.check(19)
    assert await watched.denied("ada") == ["ada"]
    watched.write(BOB)
    watched.check(2)
    assert await watched.denied("ada", "bob") == ["bob"]
    watched.write()
    watched.check(19)
    assert await watched.denied("bob") == ["bob"]
    watched.check(3)
    assert await watched.denied("bob") == []
    assert watched.deny.age() == 0


async def test_a_file_that_is_gone_lets_nobody_in_and_is_reported_after_two_seconds(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA)
    watched.path.unlink()
    watched.check(19)
    assert watched.deny.problems == 0
    watched.check(30)
    assert await watched.denied("ada") == ["ada"]
    assert watched.deny.problems == 1
    assert watched.messages == ["the deny entries that were read last stay in force: No such file or directory"]
    assert watched.deny.age() > 4
    watched.write(BOB)
    watched.check(2)
    assert await watched.denied("ada", "bob") == ["bob"]
    assert (watched.deny.problems, watched.deny.age()) == (0, 0)


async def test_a_file_that_comes_back_empty_counts_after_two_seconds(tmp_path: Path) -> None:
    """The two seconds were counted from when it went missing, so an empty file let everybody in at once."""
    watched = Watched(tmp_path, ADA)
    watched.path.unlink()
    watched.check(40)
    watched.write()
    watched.check(19)
    assert await watched.denied("ada") == ["ada"]
    watched.check(3)
    assert await watched.denied("ada") == []


async def test_a_copy_that_takes_a_while_counts_when_it_stands_still(tmp_path: Path) -> None:
    everybody = [{"user": f"user-{number}"} for number in range(50)]
    watched = Watched(tmp_path, *everybody)
    for written in (0, 10, 20, 30, 40):
        watched.write(*everybody[:written])
        watched.check()
        assert await watched.denied("user-49") == ["user-49"]
    watched.write(*everybody)
    watched.check()
    assert watched.deny.entries == 50


async def test_only_lines_that_have_changed_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = [{"user": f"user-{number}"} for number in range(50)]
    watched = Watched(tmp_path, *everybody, ADA)
    parsed: list[bytes] = []

    def parse(line: bytes) -> Entry | None:
        parsed.append(line.rstrip())
        return parse_line(line)

    monkeypatch.setattr(deny_source, "parse_line", parse)
    watched.write(*reversed(everybody), ADA, BOB)
    watched.check()
    assert parsed == [b'{"user": "bob"}']
    assert await watched.denied("ada", "bob", "user-49") == ["ada", "bob", "user-49"]
    watched.write(*everybody[:30], *everybody[31:], BOB)
    watched.check(2)
    assert sorted(parsed[1:]) == [b'{"user": "ada"}', b'{"user": "user-30"}']
    assert await watched.denied("ada", "bob", "user-30", "user-49") == ["bob", "user-49"]
    assert watched.deny.entries == 50


async def test_no_entry_is_removed_while_a_line_is_wrong(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA, b"junk")
    watched.write(b"junk", BOB)
    watched.check(2)
    assert await watched.denied("ada", "bob") == ["ada", "bob"]
    watched.write(BOB)
    watched.check(2)
    assert await watched.denied("ada", "bob") == ["bob"]


@pytest.mark.parametrize("content", [b"x" * (32 * 1024 * 1024 + 1), None])
async def test_what_is_no_deny_list_changes_nothing(tmp_path: Path, content: bytes | None) -> None:
    watched = Watched(tmp_path, ADA)
    watched.path.unlink()
    if content is None:
        watched.path.mkdir()
    else:
        watched.path.write_bytes(content)
    watched.check(30)
    assert await watched.denied("ada") == ["ada"]
    assert watched.deny.problems == 1
    assert len(watched.messages) == 1


def test_many_bad_lines_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ADA)
    watched.write(ADA, *[b"junk"] * 30)
    watched.check()
    assert watched.deny.problems == 30
    assert len(watched.messages) == 21
    assert "10 more lines are no entries" in watched.messages[-1]


async def test_a_thread_reads_what_changes(tmp_path: Path, serving: Serving) -> None:
    file, log = tmp_path / "deny.jsonl", io.BytesIO()
    file.write_bytes(b"")
    deny = DenyFile(str(file), JsonLog(log, lambda: NOW), lambda: NOW, lambda: 0.0)
    read = threading.Event()
    check = deny.check

    def checked() -> None:
        check()
        if deny.entries:
            read.set()

    deny.check = checked  # type: ignore[method-assign]
    deny.start()
    header = ("X-API-Key", KEY)
    async with serving(DEMO, interfaces=Interfaces(deny=deny)) as server:
        path = "/demo/rtc/lobby/publisher/userAccount/ada"
        assert (await server.token_request("GET", path, None, header)).status == 200
        file.write_bytes(b'{"user": "ada"}\n')
        assert read.wait(5)
        refused = await server.token_request("GET", path, None, header)
        assert (refused.status, refused.json["code"]) == (403, "not_permitted")
        assert "on the deny list" in refused.json["error"]
    await deny.close()
