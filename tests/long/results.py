"""The newest run of each script: as data (build/proofs/results.json), and as a row of the table in docs/figures.md."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.long.report import Bar, Figure

BEGIN: Final = "<!-- written by make proofs: begin -->"
END: Final = "<!-- written by make proofs: end -->"
HEAD: Final = "| promise | held | what has to hold | also found | run |\n| --- | --- | --- | --- | --- |\n"
_NUMBER: Final = re.compile(r"P([0-9]+)\b")
_NAME: Final = re.compile(r"`[^`|]*python -m tests\.long (\w+)`<br>[^|]*\|$")
LONGEST: Final = 160
"""Characters of one figure on the page; the data has all of them."""


class Result(NamedTuple):
    """One run. `promise`: what the script proves; `measured`: when it began, in UTC; `command`: how to run it again, with
    the sizes that the environment gave it; `seconds`: how long it took; `load`: the load average of the minute before;
    `failed`: what ended it before its time, or nothing.
    """

    promise: str
    measured: str
    command: str
    seconds: int
    load: float
    cores: int
    failed: str
    bars: Sequence[Bar]
    figures: Sequence[Figure]

    @property
    def held(self) -> bool:
        """Whether it came to its end and missed no bar."""
        return not self.failed and all(bar.held for bar in self.bars)


Results = Mapping[str, Result]
"""By the name of the script."""


@cache
def promise_of(name: str) -> str:
    """The first sentence of the script, such as `P1: no client holds …`."""
    docstring = ast.get_docstring(ast.parse((Path(__file__).parent / f"{name}.py").read_text())) or name
    return " ".join(docstring.split()).partition(". ")[0].rstrip(".")


def is_proof(name: str) -> bool:
    """Whether the script proves a promise: its first sentence begins with the promise's number."""
    return _NUMBER.match(promise_of(name)) is not None


def order(name: str) -> tuple[int, str]:
    """Scripts stand in the order of their promises."""
    number = _NUMBER.match(promise_of(name))
    return (int(number[1]) if number else 0), name


def read(data: Path) -> dict[str, Result]:
    """What `keep` wrote; nothing yet if there is no such file."""
    if not data.exists():
        return {}
    found: dict[str, Result] = {}
    for name, entry in json.loads(data.read_text()).items():
        bars = [Bar(**bar) for bar in entry.pop("bars")]
        figures = [Figure(**figure) for figure in entry.pop("figures")]
        found[name] = Result(**entry, bars=bars, figures=figures)
    return found


def keep(name: str, result: Result, data: Path) -> None:
    """Put the run into the data, in the place of an older one of this script."""
    found = {**read(data), name: result}
    data.parent.mkdir(parents=True, exist_ok=True)
    entries = {name: _entry(found[name]) for name in sorted(found, key=order)}
    data.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def publish(name: str, result: Result, page: Path) -> None:
    """Put the run's row between the two marks of the page, in the place of an older one; the other rows stay as they are."""
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    rows = {**published(page), name: row(result)}
    table = "\n".join(rows[name] for name in sorted(rows, key=order))
    page.write_text(f"{before}{BEGIN}\n\n{HEAD}{table}\n\n{END}{after}")


def published(page: Path) -> dict[str, str]:
    """The rows that stand on the page, by script. `KeyError`: a row that names no script of this folder."""
    table = page.read_text().partition(BEGIN)[2].partition(END)[0]
    rows: dict[str, str] = {}
    for line in table.replace(HEAD, "").split("\n"):
        if not line:
            continue
        name = _NAME.search(line)
        if name is None or not (Path(__file__).parent / f"{name[1]}.py").exists():
            raise KeyError(f"{page.name}: this row names no script of tests/long: {line[:LONGEST]}")
        rows[name[1]] = line
    return rows


def row(result: Result) -> str:
    """The run as a row of the table, in Markdown."""
    bars = [f"{_short(bar.name)}: {_short(bar.figure)} ({_judged(bar)})" for bar in result.bars]
    run = f"{result.measured}, {result.seconds} s, load {result.load:.1f} on {result.cores} cores"
    cells = [
        _short(result.promise),
        "yes" if result.held else "**no**",
        "<br>".join([*bars, f"**did not come to its end**: {_short(result.failed)}"] if result.failed else bars),
        "<br>".join(f"{_short(figure.name)}: {_short(figure.figure)}" for figure in result.figures),
        f"`{result.command}`<br>{run}",
    ]
    return f"| {' | '.join(cells)} |"


def _entry(result: Result) -> dict[str, object]:
    bars = [bar._asdict() for bar in result.bars]
    figures = [figure._asdict() for figure in result.figures]
    return {**result._asdict(), "bars": bars, "figures": figures}


def _judged(bar: Bar) -> str:
    return f"{_short(bar.bar)}: held" if bar.held else f"**{_short(bar.bar)}: MISSED**"


def _short(text: str) -> str:
    """As it may stand in a cell."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*")
