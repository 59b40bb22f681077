"""What `make bench` says of a run: goals, tables, plots and pages."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from benchmarks import builds, goals, pages, peers, pictures, plot, report, starts
from benchmarks.about import about, disturbed, python_build
from benchmarks.capacity import capacity
from benchmarks.goals import GOALS, Goal
from benchmarks.growth import CURVES, MAKERS
from benchmarks.reloads import Reload
from benchmarks.report import Report
from benchmarks.samples import PERCENTILES, Cores, Sample
from benchmarks.scenarios import all_scenarios

LATENCY = tuple(float(place + 1) for place in range(len(PERCENTILES)))
CORES = Cores(frozenset({0}), frozenset({1}))


def sample(factor: float = 1.0, **fields: Any) -> Sample:
    """One whose rate grows, and whose costs fall, with the factor."""
    plain = Sample(
        rate=1000 * factor,
        cpu_us=100 / factor,
        tokens=1000 * factor,
        latency_ms=tuple(latency / factor for latency in LATENCY),
        memory=50.0,
        peak=60.0,
        started=0.2,
        busy=0.1,
        faults=0.0,
    )
    return plain._replace(**fields)


def whole(peer: float = 0.2) -> Report:
    """A report that has every entry, peers `peer` times as fast."""
    entries = {goal.entry for goal in GOALS} | {curve.entry(size) for curve in CURVES for size in curve.sizes}
    runs = {name: [sample(), sample(1.1)] for name in entries | {"hello", "one-worker", "reload-base"}}
    runs |= {
        name: [sample(peer), sample(peer)] for name in ("go", "go-1", "go-post", "express-livekit", "build-python")
    }
    return Report({"measured": "once"}, dict.fromkeys(runs, "something"), runs, {})


def test_every_goal_names_what_is_measured() -> None:
    names = {scenario.name for scenario in all_scenarios()} | {"build", "build-python", "hello", "express-livekit"}
    names |= {curve.entry(size) for curve in CURVES for size in curve.sizes} | {start.name for start in starts.starts()}
    names |= {scenario.name for scenario in peers.go_service("go")[0]} | {Reload().name, Reload().base}
    for goal in GOALS:
        assert goal.entry in names
        assert goal.peer is None or goal.peer in names
        assert hasattr(sample(), goal.figure)


def test_every_curve_has_a_maker() -> None:
    assert [curve.name for curve in CURVES] == list(MAKERS)


def test_ratios_are_those_of_each_round() -> None:
    runs = {
        "zero": [Sample(100, 10), Sample(50, 20), Sample(90, 11)],
        "go": [Sample(25, 40), Sample(10, 80, others=0.3)],
    }
    assert goals.ratios(runs["zero"], runs["go"], "rate") == [4, 5]
    assert Sample(10, 100, tokens=1000).per_cpu_second == 1e6
    faster = goals.result(Goal("", "zero", "rate", 4, "go"), runs)
    assert faster == goals.Result(4.5, 4, 5, reached=True, enough=True, others=0.3)
    assert faster is not None
    assert faster.disturbed
    cheaper = goals.result(Goal("", "zero", "cpu_us", 0.2, "go", at_most=True), runs)
    assert cheaper is not None
    assert cheaper.verdict == "**missed**"
    accepted = goals.result(Goal("", "zero", "cpu_us", 0.2, "go", at_most=True, enough=0.3), runs)
    assert accepted is not None
    assert accepted.verdict == "accepted"
    assert goals.result(Goal("", "zero", "rate", 4, "express"), runs) is None
    assert goals.result(Goal("", "zero", "p99_ms", 20), runs) is None


def test_a_report_is_read_as_it_was_kept(tmp_path: Path) -> None:
    made, data = whole(), tmp_path / "build" / "results.json"
    report.keep(made, data)
    assert report.read(data) == made


def test_a_goal_that_was_not_measured_says_why() -> None:
    runs = {"zero": [sample()]}
    said = report.text(Report({}, {"zero": "nothing set"}, runs, {"go": "--go names no program"}))
    assert "| not measured: --go names no program |" in said
    assert "| not measured: not in this run |" in said
    assert "left out: `go`: --go names no program" in said
    assert "| `zero` nothing set | 1,000 | 0 % | 100.0 |" in said


def test_what_was_disturbed_is_told() -> None:
    quiet, busy = {"zero": [sample(others=0.02)]}, {"zero": [sample(others=0.02), sample(others=0.4)]}
    assert disturbed(quiet) == "by nobody: other programs used 0.02 cores at most"
    assert "`zero` 0.40" in disturbed(busy)
    assert "| **0.40** |" in report.text(Report({}, {}, busy, {}))


def test_the_build_of_python_is_named() -> None:
    found = about({}, CORES, 3, 3, 600)
    assert python_build() in found["measured"]
    assert found["measured"].endswith("in 10 minutes")


def test_pages_are_written_between_their_marks(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("performance.md", "capacity.md"):
        (tmp_path / name).write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n")
    pages.publish(whole(), tmp_path)
    for name, said in (("performance.md", "| reached |"), ("capacity.md", "tokens a second and core")):
        written = (tmp_path / name).read_text()
        assert written.startswith(f"before\n{pages.BEGIN}\n")
        assert written.endswith(f"{pages.END}\nafter\n")
        assert said in written
        assert "old" not in written
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert drawn == {"bench-goals.svg", "bench-latency.svg", "bench-growth.svg"}
    assert all(f"pictures/{name}" in (tmp_path / "performance.md").read_text() for name in drawn)


def test_the_table_of_capacity_comes_from_the_figures() -> None:
    lines = "\n".join(capacity(whole()))
    assert (
        "| tokens a second and core: no caller, no audit (zero configuration) | 10,476 | 95.5 us a request |" in lines
    )
    runs = {"start": [sample(memory=50.0)], "start-10000": [sample(memory=150.0)]}
    (row,) = capacity(Report({}, {}, runs, {}))[3:]
    assert row == "| memory of an app, each worker | 10.2 KiB | `start-10000` less `start`, by 10,000 |"


@pytest.mark.parametrize(
    "made", [whole(), whole(5.0), Report({}, {}, {"rules-1": [sample()], "rules-10": [sample()]}, {})]
)
def test_plots_are_drawn_from_what_there_is(made: Report) -> None:
    for text in pictures.pictures(made.runs).values():
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg")
        for shape in root.iter():
            for name in ("x", "y", "cx", "cy"):
                assert -1 <= float(shape.get(name, "0")) <= 1500
    assert pictures.pictures({}) == {}


def test_bars_have_one_each() -> None:
    drawn = plot.bars("a < b", {"one": 3.0, "two & three": 1.5})
    assert drawn.count("<rect") == 3
    assert "a &lt; b" in drawn
    assert "two &amp; three" in drawn


def test_the_build_of_the_go_service_is_read_from_it(tmp_path: Path) -> None:
    program = tmp_path / "service"
    program.write_bytes(b"\x7fELF\0\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.27.1\x83\x02mod")
    program.chmod(0o700)
    assert peers.go_build(f"{program} --flag") == "go1.27.1"
    assert peers.go_build("python3") == ""


def test_builders_that_are_not_here_are_told(tmp_path: Path) -> None:
    found, unmet = builds.builders(None, tmp_path)
    assert [builder.name for builder in found] == ["build"]
    assert set(unmet) == {"build-python", "build-npm"}
    assert peers.go_service(None) == (
        [],
        dict.fromkeys(("go", "go-1", "go-post"), "--go names no program of the Go service"),
    )
