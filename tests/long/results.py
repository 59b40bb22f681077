"""The newest run of each script, as data (tests/long/results.json) and as the table of a page (docs/figures.md) made from it."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.long.report import Bar, Figure

BEGIN: Final = "<!-- written by make soak: begin -->"
END: Final = "<!-- written by make soak: end -->"
_NUMBER: Final = re.compile(r"P([0-9]+)\b")
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
        return not self.failed and all(one.held for one in self.bars)


Results = Mapping[str, Result]
"""By the name of the script."""


@cache
def promise_of(name: str) -> str:
    """The first sentence of the script, such as `P1: no client holds …`."""
    told = ast.get_docstring(ast.parse((Path(__file__).parent / f"{name}.py").read_text())) or name
    return " ".join(told.split()).partition(". ")[0].rstrip(".")


def is_proof(name: str) -> bool:
    """Whether the script proves a promise: its first sentence begins with the promise's number."""
    return _NUMBER.match(promise_of(name)) is not None


def order(name: str) -> tuple[int, str]:
    """Scripts stand in the order of their promises."""
    number = _NUMBER.match(promise_of(name))
    return (int(number[1]) if number else 0), name


def read(data: Path) -> dict[str, Result]:
    """What `write` wrote; nothing yet if there is no such file."""
    if not data.exists():
        return {}
    found: dict[str, Result] = {}
    for name, entry in json.loads(data.read_text()).items():
        bars = [Bar(**one) for one in entry.pop("bars")]
        figures = [Figure(**one) for one in entry.pop("figures")]
        found[name] = Result(**entry, bars=bars, figures=figures)
    return found


def write(newest: Results, data: Path, page: Path) -> None:
    """These in the place of older ones of the same scripts, and the table of all between the two marks of the page."""
    found = {**read(data), **newest}
    found = {name: found[name] for name in sorted(found, key=order)}
    entries = {name: _entry(one) for name, one in found.items()}
    data.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{text(found)}\n\n{END}{after}")


def text(found: Results) -> str:
    """The table, in Markdown."""
    rows = [["promise", "held", "what has to hold", "also found", "run"], ["---"] * 5]
    rows += [_row(one) for one in found.values()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _entry(one: Result) -> dict[str, object]:
    bars, figures = [bar._asdict() for bar in one.bars], [figure._asdict() for figure in one.figures]
    return {**one._asdict(), "bars": bars, "figures": figures}


def _row(one: Result) -> list[str]:
    bars = [f"{_short(bar.name)}: {_short(bar.figure)} ({_judged(bar)})" for bar in one.bars]
    run = f"{one.measured}, {one.seconds} s, load {one.load:.1f} on {one.cores} cores"
    return [
        _short(one.promise),
        "yes" if one.held else "**no**",
        "<br>".join([*bars, f"**did not come to its end**: {_short(one.failed)}"] if one.failed else bars),
        "<br>".join(f"{_short(figure.name)}: {_short(figure.figure)}" for figure in one.figures),
        f"`{one.command}`<br>{run}",
    ]


def _judged(bar: Bar) -> str:
    return f"{_short(bar.bar)}: held" if bar.held else f"**{_short(bar.bar)}: MISSED**"


def _short(text: str) -> str:
    """As it may stand in a cell."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*")
