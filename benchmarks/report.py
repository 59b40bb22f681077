"""What was measured, as tables for people and as the data that they are made from again."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.goals import GOALS, Goal, Runs, ratios, result
from benchmarks.measure import Sample

BEGIN: Final = "<!-- written by make benchmarks: begin -->"
END: Final = "<!-- written by make benchmarks: end -->"


class Report(NamedTuple):
    """`about`: where and how it was measured; `names`: what each entry is, in a few words; `runs`: its samples."""

    about: Mapping[str, str]
    names: Mapping[str, str]
    runs: Runs


def median(samples: Sequence[Sample], figure: str) -> float | None:
    return median_of([value for one in samples if (value := getattr(one, figure)) is not None])


def median_of(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def spread(samples: Sequence[Sample], figure: str) -> float:
    """The greatest less the least, as a part of the median."""
    values: list[float] = [getattr(one, figure) for one in samples]
    return (max(values) - min(values)) / statistics.median(values)


def figures(report: Report) -> list[str]:
    """The table of what was measured, in Markdown."""
    head = [
        "what",
        "requests/s",
        "spread",
        "CPU us",
        "faults",
        "p50 ms",
        "p99 ms",
        "MiB",
        "listens after s",
        "wrk busy",
        "to go",
        "by CPU",
    ]
    rows = [head, ["---"] * len(head)]
    rows += [_row(name, samples, report) for name, samples in report.runs.items()]
    return _lines(rows)


def goals(report: Report) -> list[str]:
    """The table of goals, in Markdown; what this run lacks stands as not measured."""
    rows = [["goal", "bound", "measured", "rounds", "by CPU", "reached"], ["---"] * 6]
    for goal in GOALS:
        found = result(goal, report.runs)
        if found is None:
            rows.append([goal.what, _bound(goal), "not in this run", "", "", ""])
            continue
        between = f"{_number(found.least)} to {_number(found.greatest)}"
        measured = f"{_number(found.median)} {goal.unit}".rstrip()
        rows.append(
            [
                goal.what,
                _bound(goal),
                measured,
                between,
                _by_cpu(goal, report.runs),
                "yes" if found.reached else "**no**",
            ]
        )
    return _lines(rows)


def text(report: Report) -> str:
    about = [f"{name}: {value}  " for name, value in report.about.items()]
    return "\n".join([*about, "", *goals(report), "", *figures(report)])


def keep(report: Report, data: Path) -> None:
    """Write the data file, and the folders above it."""
    runs = {name: [sample._asdict() for sample in samples] for name, samples in report.runs.items()}
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(json.dumps({"about": report.about, "names": report.names, "runs": runs}, indent=1) + "\n")


def publish(report: Report, page: Path) -> None:
    """Write the tables between the two marks of the page."""
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{text(report)}\n\n{END}{after}")


def read(data: Path) -> Report:
    """What `keep` wrote."""
    found = json.loads(data.read_text())
    runs = {name: [Sample(**one) for one in samples] for name, samples in found["runs"].items()}
    return Report(found["about"], found["names"], runs)


def _row(name: str, samples: Sequence[Sample], report: Report) -> list[str]:
    against = report.runs["go"] if "go" in report.runs and samples[0].tokens else []
    shown = [median(samples, one) for one in ("cpu_us", "faults", "p50_ms", "p99_ms", "memory", "started", "busy")]
    return [
        f"`{name}` {report.names[name]}",
        _number(median(samples, "rate")),
        f"{spread(samples, 'rate') * 100:.0f} %",
        *map(_number, shown),
        *(_number(median_of(ratios(samples, against, one))) for one in ("tokens", "per_cpu_second")),
    ]


def _by_cpu(goal: Goal, runs: Runs) -> str:
    """The ratio of tokens for each second of CPU: on a busy machine, the core was not the server's alone."""
    if goal.peer is None or goal.figure not in ("rate", "tokens"):
        return ""
    return f"{statistics.median(ratios(runs[goal.entry], runs[goal.peer], 'per_cpu_second')):.2f} x"


def _bound(goal: Goal) -> str:
    return f"{'at most' if goal.at_most else 'at least'} {_number(goal.bound)} {goal.unit}".rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in rows]
