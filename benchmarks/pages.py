"""What a run writes into the documentation: tables between two marks of a page, and plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.capacity import capacity
from benchmarks.pictures import pictures
from benchmarks.report import Report

DOCS: Final = Path(__file__).parent.parent / "docs"
BEGIN: Final = "<!-- written by make bench: begin -->"
END: Final = "<!-- written by make bench: end -->"


def publish(made: Report, docs: Path = DOCS) -> None:
    """Write performance.md, capacity.md and the plots in pictures/."""
    drawn = pictures(made.runs)
    for name, text in drawn.items():
        (docs / "pictures" / name).write_text(text)
    plots = [f"![{_name(name)}](pictures/{name})\n" for name in drawn]
    write(docs / "performance.md", ["\n".join([*plots, report.text(made)])])
    write(docs / "capacity.md", [f"Measured: {made.about.get('measured', '')}.", "", *capacity(made)])


def write(page: Path, lines: Sequence[str]) -> None:
    """Write the lines between the two marks of a page."""
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    page.write_text("\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]))


def _name(file: str) -> str:
    return Path(file).stem.replace("-", " ")
