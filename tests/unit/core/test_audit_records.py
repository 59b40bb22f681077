"""Audit lines hang together: whatever is torn, missing, doubled, moved or changed is found."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokend.cli import main
from tokend.cli.audit import LONGEST_LINE
from tokend.core.audit_records import BLOCK_SIZE, FIRST_PREVIOUS, AuditProblem, HashChain, align_to_blocks, verify


def written(writer: str, count: int) -> list[bytes]:
    chain = HashChain(writer)
    lines = []
    for number in range(count):
        made = chain.lines([b'{"number":%d}' % number])
        chain.commit(made)
        lines += [line + b"\n" for line in made]
    return lines


def test_chains_of_several_writers_may_be_mixed() -> None:
    ours, theirs = written("a", 5), written("b", 5)
    assert list(verify([line for pair in zip(ours, theirs, strict=True) for line in pair])) == []


def test_lines_made_together_are_one_chain() -> None:
    chain = HashChain("a")
    lines = chain.lines([b'{"number":1}', b'{"number":2}'])
    assert list(verify(lines)) == []
    assert [json.loads(line)["sequence"] for line in lines] == [0, 1]


def test_what_was_not_committed_is_made_again() -> None:
    chain = HashChain("a")
    first, second = chain.lines([b'{"number":1}', b'{"number":2}'])
    chain.commit([first])
    assert chain.lines([b'{"number":2}']) == [second]
    chain.commit([])
    assert chain.lines([b'{"number":2}']) == [second]


def file_of(writers: str) -> list[bytes]:
    """The lines of a file to which these writers wrote in turn."""
    chains = {name: HashChain(name) for name in writers}
    lines: list[bytes] = []
    for number, name in enumerate(writers):
        last = hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST_PREVIOUS
        after = None if number and writers[number - 1] == name else last
        made = chains[name].lines([b'{"number":%d}' % number], after)
        chains[name].commit(made)
        lines += made
    return lines


@given(writers=st.text("abc", min_size=3, max_size=12), data=st.data())
def test_what_follows_lines_that_were_deleted_is_verified(writers: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(writers) - 2))
    lines = file_of(writers)[cut:]
    assert list(verify(lines, continued=True)) == []
    of_deletion = len(list(verify(lines)))
    assert of_deletion, "without the option, it is reported"
    at = data.draw(st.integers(0, len(lines) - 2))
    changed = [*lines[:at], lines[at].replace(b'"number":', b'"numbeR":'), *lines[at + 1 :]]
    assert list(verify(changed, continued=True))
    assert len(list(verify(changed))) > of_deletion


@pytest.mark.parametrize(
    ("writers", "cut", "removed", "at"),
    [("abb", 0, 1, 2), ("aabba", 1, 2, 2), ("acabb", 1, 3, 3), ("aabbcc", 1, 2, 2)],
)
def test_the_removal_of_the_line_where_another_writer_begins_is_found(
    writers: str, cut: int, removed: int, at: int
) -> None:
    """The writer's next line does not name the one before it, so it seemed to begin in a file that was deleted."""
    lines = file_of(writers)
    left = [line for number, line in enumerate(lines) if number >= cut and number != removed]
    assert [(problem.line, problem.sentence[:15]) for problem in verify(left, continued=True)] == [
        (at, "does not follow")
    ]


def test_lines_without_a_lock_may_stand_where_the_files_begin() -> None:
    """A write with a lock names, or goes on from, a line before those that were written meanwhile without one."""
    chains = {name: HashChain(name) for name in "abc"}
    last, lines = FIRST_PREVIOUS, list[bytes]()
    # in capitals: without a lock, so b's second line goes on from its first
    for number, name in enumerate("abAbAcc"):
        unlocked, own_last = name.isupper(), number in (3, 6)
        chain = chains[name.lower()]
        made = chain.lines([b'{"number":1}'], None if unlocked or own_last else last, unlocked=unlocked)
        chain.commit(made)
        lines += made
        last = last if unlocked else hashlib.sha256(made[0]).hexdigest()
    for cut in range(len(lines)):
        assert list(verify(lines[cut:], continued=True)) == []
    pipe = [*written("a", 3)[1:], *written("b", 4)[2:]]
    assert list(verify(pipe, continued=True)) == [], "lines of a pipe do not name those of others"


def test_a_change_is_found_where_the_next_line_begins_a_chain_that_began_before() -> None:
    """The sentence about what is missing before that line hid the change."""
    lines = file_of("abab")[2:]
    changed = [lines[0].replace(b'"number":', b'"numbeR":'), lines[1]]
    assert [problem.sentence for problem in verify(changed)][1:] == [
        "has sequence 1 where 0 was due: a line is missing before it",
        "does not follow the line that it names: lines before it were removed, changed or moved",
    ]


@given(at=st.integers(1, 8), change=st.sampled_from(["drop", "double", "swap", "edit", "tear"]))
def test_every_change_is_found(at: int, change: str) -> None:
    lines = written("a", 10)
    match change:
        case "drop":
            del lines[at]
        case "double":
            lines.insert(at, lines[at])
        case "swap":
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        case "edit":
            lines[at] = lines[at].replace(b'"number":', b'"numbeR":')
        case "tear":
            lines[at] = lines[at][: len(lines[at]) // 2]
    assert list(verify(lines))


@given(start=st.integers(0, 3 * BLOCK_SIZE), sizes=st.lists(st.integers(100, BLOCK_SIZE + 100), max_size=20))
def test_no_line_lies_across_the_end_of_a_page(start: int, sizes: list[int]) -> None:
    """So that a kill, which cuts a write at the end of a page, cuts no line."""
    lines = HashChain("a").lines([b'{"filling":"%b"}' % (b"x" * (size - 100)) for size in sizes])
    written = align_to_blocks(lines, start)
    assert list(verify(written.splitlines())) == []
    assert [line.lstrip(b" ") for line in written.splitlines()] == lines
    for line in lines:
        begins = start + written.index(line)
        assert begins // BLOCK_SIZE == (begins + len(line)) // BLOCK_SIZE or len(line) >= BLOCK_SIZE
        assert json.loads(line) == json.loads(b" " + line)


def test_a_line_behind_a_piece_of_another_one_is_read() -> None:
    ours, theirs = written("a", 2), written("b", 2)
    glued = theirs[1][:40] + ours[1]
    findings = list(verify([ours[0], theirs[0], glued]))
    assert findings == [
        AuditProblem(3, "begins with a piece of a line that was cut off, and goes on with another line")
    ]


def test_a_changed_line_is_named_by_the_next_one_of_its_writer() -> None:
    """It said "the line before it", which was another writer's."""
    ours, theirs = written("a", 2), written("b", 2)
    changed = ours[0].replace(b'"number":0', b'"number":7')
    assert changed != ours[0]
    says = "does not name line 1, the one of its writer before it: that one, or this one, was changed"
    assert AuditProblem(4, says) in list(verify([changed, theirs[0], theirs[1], ours[1]]))
    first = ours[0].replace(b'"previous":"', b'"previous":"f', 1)
    says = "was changed: it is the first line of its writer, and names one before it"
    assert AuditProblem(1, says) in list(verify([first]))


def test_a_body_may_say_what_a_line_begins_with() -> None:
    lines = HashChain("a").lines([b'{"detail":{"writer":"b","sequence":9}}', b'{"number":2}'])
    assert list(verify(lines)) == []


def test_the_last_line_may_be_torn_and_an_endless_one_is_not_held_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.jsonl"
    lines = written("a", 3)
    file.write_bytes(b"".join(lines)[:-20])
    assert main(["audit", "verify", str(file)]) == 1
    assert f"{file}:3: is cut off, or is no line of an audit" in capsys.readouterr().out
    file.write_bytes(lines[0] + b"x" * (3 * LONGEST_LINE))
    assert main(["audit", "verify", str(file)]) == 1
    assert capsys.readouterr().out.endswith("4 lines, 3 problems\n")


@pytest.mark.parametrize("name", ["writer", "previous"])
def test_a_line_that_is_not_utf_8_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk may change any byte. The decoder has another error for these than for what is no JSON."""
    file = tmp_path / "audit.jsonl"
    lines = written("a", 3)
    lines[1] = lines[1].replace(b'"%b":"' % name.encode(), b'"%b":"\xed' % name.encode())
    file.write_bytes(b"".join(lines))
    assert main(["audit", "verify", str(file)]) == 1
    assert f"{file}:2: is cut off, or is no line of an audit" in capsys.readouterr().out


def test_the_command_tells_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    lines = written("a", 4)
    file.write_bytes(b"".join(lines))
    assert main(["audit", "verify", str(file)]) == 0
    last = hashlib.sha256(lines[3].strip()).hexdigest()
    assert capsys.readouterr().out.splitlines() == [
        f"not closed: writer a, sequence 3, sha256 {last}",
        "1 chain: 0 closed, 1 not closed",
        "4 lines, 0 problems",
    ]
    file.write_bytes(b"".join([*lines[:2], b"    \n", *lines[2:]]))
    assert main(["audit", "verify", str(file)]) == 0
    assert capsys.readouterr().out.endswith("4 lines, 0 problems\n"), "spaces that a kill left are no line"
    file.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert main(["audit", "verify", str(file)]) == 1
    assert f"{file}:3: has sequence 3 where 2 was due: a line is missing before it" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path / "none")]) == 1
    file.write_bytes(b"".join(lines[2:]))
    assert [main(["audit", "verify", *option, str(file)]) for option in ([], ["--continued"])] == [1, 0]


def test_each_line_names_the_instance_where_it_is_set() -> None:
    """Lines without it, of earlier versions or of servers without a name, stay sound beside them."""
    named = HashChain("a", 'fra-1 "west"')
    lines = [
        *named.lines([b'{"number":1}', b'{"outcome":"closed"}'], "0" * 64),
        *HashChain("b").lines([b'{"number":2}']),
    ]
    assert list(verify(lines)) == []
    assert [json.loads(line).get("instance") for line in lines] == ['fra-1 "west"', 'fra-1 "west"', None]
    assert list(verify([lines[0].replace(b"fra-1", b"fra-2"), lines[1]]))
