"""The command: `python -m benchmarks [--runs N] [--seconds S] [--only NAME …] [--peer NAME=CMD …] [--write]`.

The samples go to build/benchmarks/results.json; `--write` puts the tables into docs/performance.md, too.
"""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import load, measure, peers, report
from benchmarks.load import Failed
from benchmarks.measure import Builder, Cores, Sample
from benchmarks.scenarios import Scenario, all_scenarios
from benchmarks.servers import HttpResponse

ROOT: Final = Path(__file__).parent.parent
DATA: Final = ROOT / "build" / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Measure tokend beside its peers, in turns, each on one core."
    )
    parser.add_argument("--runs", type=int, default=5, help="rounds: each measures everything once (5)")
    parser.add_argument(
        "--seconds", type=int, default=5, help="of load in each run, after two seconds of warming up (5)"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure this one; may stand again")
    parser.add_argument("--list", action="store_true", help="tell the names, and what cannot be measured here")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=CMD", help="a server with the Go service's URL, on $PORT"
    )
    parser.add_argument(
        "--vendor-python", metavar="DIR", help="the vendor's tools for Python 3: a folder that holds src"
    )
    parser.add_argument("--server-cores", default="0", help="where servers run, like 0 or 0,1 (0)")
    parser.add_argument("--load-cores", default="1", help="where wrk runs (1)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md, too")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Scenario | Builder]:
    """What is to be measured; prints what cannot be."""
    found, unmet = peers.all_peers()
    extra = [peers.given(one) for one in options.peer]
    builders = measure.builders(options.vendor_python, peers.HERE / "express")
    everything: list[Scenario | Builder] = [*all_scenarios(), *extra, *found, *builders]
    names = [one.name for one in everything]
    for line in unmet:
        print(f"left out: {line}", file=sys.stderr)
    if options.list:
        raise SystemExit("\n".join(f"{one.name:12}  {one.what}" for one in everything))
    unknown = [one for one in options.only if one not in names]
    if unknown or len(set(names)) != len(names):
        raise SystemExit(f"{', '.join(unknown) or 'a peer'}: there are {', '.join(names)}, each once")
    if options.only:
        return [one for one in everything if one.name in options.only]
    return everything


def cores(options: argparse.Namespace) -> Cores:
    server, driving = (frozenset(map(int, one.split(","))) for one in (options.server_cores, options.load_cores))
    if not server | driving <= os.sched_getaffinity(0):
        raise SystemExit("this machine does not have these cores: see --server-cores and --load-cores")
    return Cores(server, driving)


def measured(entries: list[Scenario | Builder], placed: Cores, rounds: int, seconds: int) -> dict[str, list[Sample]]:
    """Everything once a round, so that what disturbs the machine disturbs all of them alike."""
    runs: dict[str, list[Sample]] = {one.name: [] for one in entries}
    first: dict[str, HttpResponse] = {}
    for turn in range(rounds):
        for entry in entries:
            if isinstance(entry, Builder):
                sample = measure.build(entry, placed, seconds)
            elif entry.once and turn:
                continue
            else:
                sample, first[entry.name] = measure.serve(entry, placed, seconds)
            runs[entry.name].append(sample)
            print(f"{turn + 1}/{rounds} {entry.name}: {sample.rate:,.0f}/s, {sample.cpu_us:.1f} us", file=sys.stderr)
        _same_headers(first)
    return runs


def _same_headers(first: dict[str, HttpResponse]) -> None:
    """The floor is one only while it sends what tokend sends."""
    if {"zero", "hello"} <= first.keys() and first["zero"].headers.keys() != first["hello"].headers.keys():
        differ = sorted(first["zero"].headers.keys() ^ first["hello"].headers.keys())
        raise Failed(f"benchmarks/hello.py does not send the headers of tokend: {', '.join(differ)}")


def main() -> None:
    options = arguments()
    if (reason := load.missing()) is not None:
        raise SystemExit(reason)
    entries, placed = chosen(options), cores(options)
    os.sched_setaffinity(0, placed.load)
    try:
        runs = measured(entries, placed, options.runs, options.seconds)
    except Failed as error:
        raise SystemExit(f"failed: {error}") from error
    others = [one.others for samples in runs.values() for one in samples]
    about = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "how": f"{options.runs} rounds of {options.seconds} s, {load.CONNECTIONS} connections (8 for batches); "
        "medians, and ratios round by round",
        "others": f"other programs used {sum(others) / len(others):.2f} cores meanwhile, {max(others):.2f} at most",
    }
    if placed.server & placed.load:
        about["cores"] = "wrk had no core of its own: rates are lower than they would be with one"
    made = report.Report(about, {one.name: one.what for one in entries}, runs)
    print(report.text(made))
    report.keep(made, DATA)
    if options.write:
        report.publish(made, PAGE)


if __name__ == "__main__":
    main()
