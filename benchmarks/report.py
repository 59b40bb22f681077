"""What was measured, as tables for people and as the data that they are made from again."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.goals import GOALS, Goal, Runs, ratios, result
from benchmarks.samples import DISTURBED, Sample

_FIGURES: Final = ("cpu_us", "faults", "p50_ms", "p99_ms", "memory", "started", "busy")
_HEAD: Final = (
    *("what", "requests/s", "spread", "CPU us", "faults", "p50 ms", "p99 ms", "MiB", "listens after s", "wrk busy"),
    *("to go", "by CPU", "others"),
)


class Report(NamedTuple):
    """`about`: where and how it was measured; `names`: what each entry is, in a few words; `runs`: its samples.

    `unmet`: why an entry could not be measured.
    """

    about: Mapping[str, str]
    names: Mapping[str, str]
    runs: Runs
    unmet: Mapping[str, str]


def median(samples: Sequence[Sample], figure: str) -> float | None:
    return median_of([value for sample in samples if (value := getattr(sample, figure)) is not None])


def median_of(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def spread(samples: Sequence[Sample], figure: str) -> float:
    """The greatest less the least, as a part of the median; 0 where there is none."""
    values: list[float] = [getattr(sample, figure) for sample in samples]
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def figures(report: Report) -> list[str]:
    """The table of what was measured, in Markdown."""
    return table(_HEAD, [_row(name, samples, report) for name, samples in report.runs.items()])


def goals(report: Report) -> list[str]:
    """The table of goals, in Markdown; what this run lacks says why."""
    rows = []
    for goal in GOALS:
        found = result(goal, report.runs)
        if found is None:
            rows.append([goal.what, _bound(goal), f"not measured: {_reason(goal, report)}", "", "", "", ""])
            continue
        rows.append(
            [
                goal.what,
                _bound(goal),
                f"{number(found.median)} {goal.unit}".rstrip(),
                f"{number(found.least)} to {number(found.greatest)}",
                _by_cpu(goal, report.runs),
                found.verdict,
                _others(found.others),
            ]
        )
    return table(("goal", "bound", "measured", "spread", "by CPU", "result", "others"), rows)


def text(report: Report) -> str:
    about = [f"{name}: {value}  " for name, value in report.about.items()]
    left_out = [f"left out: `{name}`: {reason}  " for name, reason in report.unmet.items()]
    return "\n".join([*about, *left_out, "", *goals(report), "", *figures(report)])


def keep(report: Report, data: Path) -> None:
    """Write the data file, and the folders above it."""
    runs = {name: [sample._asdict() for sample in samples] for name, samples in report.runs.items()}
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(json.dumps({**report._asdict(), "runs": runs}, indent=1) + "\n")


def read(data: Path) -> Report:
    """What `keep` wrote."""
    found = json.loads(data.read_text())
    runs = {name: [_sample(fields) for fields in samples] for name, samples in found["runs"].items()}
    return Report(**{**found, "runs": runs})


def number(value: float | None) -> str:
    """With three digits that say something; nothing for None."""
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """In Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _sample(fields: Mapping[str, object]) -> Sample:
    latency = fields["latency_ms"]
    return Sample(**{**fields, "latency_ms": tuple(latency) if isinstance(latency, list) else None})  # type: ignore[arg-type]


def _row(name: str, samples: Sequence[Sample], report: Report) -> list[str]:
    against = report.runs["go"] if "go" in report.runs and samples[0].tokens else []
    shown = [median(samples, figure) for figure in _FIGURES]
    rate = median(samples, "rate")
    return [
        f"`{name}` {report.names.get(name, '')}".rstrip(),
        number(rate) if rate else "",
        f"{spread(samples, 'rate') * 100:.0f} %" if rate else "",
        *(number(value) if value or figure == "faults" else "" for figure, value in zip(_FIGURES, shown, strict=True)),
        *(number(median_of(ratios(samples, against, figure))) for figure in ("tokens", "per_cpu_second")),
        _others(max(sample.others for sample in samples)),
    ]


def _others(cores: float) -> str:
    return f"**{cores:.2f}**" if cores > DISTURBED else f"{cores:.2f}"


def _by_cpu(goal: Goal, runs: Runs) -> str:
    """The ratio of tokens for each second of CPU: on a busy machine, the core was not the server's alone."""
    if goal.peer is None or goal.figure not in ("rate", "tokens"):
        return ""
    return f"{statistics.median(ratios(runs[goal.entry], runs[goal.peer], 'per_cpu_second')):.2f} x"


def _reason(goal: Goal, report: Report) -> str:
    for name in (goal.entry, goal.peer):
        if name is not None and name in report.unmet:
            return report.unmet[name]
    return "not in this run"


def _bound(goal: Goal) -> str:
    accepted = "" if goal.enough is None else f", accepted {number(goal.enough)}"
    return f"{'at most' if goal.at_most else 'at least'} {number(goal.bound)}{accepted} {goal.unit}".rstrip()
