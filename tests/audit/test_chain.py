"""Audit lines hang together: whatever is torn, missing, doubled, moved or changed is found."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokend.audit import Chain, verify
from tokend.cli import main


def written(writer: str, count: int) -> list[bytes]:
    chain = Chain(writer)
    lines = []
    for number in range(count):
        line, sequence, previous = chain.lines([{"number": number}])
        chain.commit(sequence, previous)
        lines.append(line)
    return lines


def test_chains_of_several_writers_may_be_mixed() -> None:
    ours, theirs = written("a", 5), written("b", 5)
    assert list(verify([line for pair in zip(ours, theirs, strict=True) for line in pair])) == []


def test_lines_made_together_are_one_chain() -> None:
    chain = Chain("a")
    lines, *_ = chain.lines([{"number": 1}, {"number": 2}])
    assert list(verify(lines.splitlines())) == []
    assert [json.loads(line)["sequence"] for line in lines.splitlines()] == [0, 1]


def test_what_was_not_committed_is_made_again() -> None:
    chain = Chain("a")
    assert chain.lines([{"number": 1}]) == chain.lines([{"number": 1}])


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


def test_the_command_tells_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    lines = written("a", 4)
    file.write_bytes(b"".join(lines))
    assert main(["audit", "verify", str(file)]) == 0
    assert capsys.readouterr().out == "4 lines, 0 problems\n"
    file.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert main(["audit", "verify", str(file)]) == 1
    assert f"{file}:3: has sequence 3 where 2 was due: a line is missing before it" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path / "none")]) == 1
