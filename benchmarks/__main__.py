"""The command: `python -m benchmarks [--full] [--rounds N] [--seconds S] [--only NAME …] [--go CMD] …`.

The samples go to build/benchmarks/results.json, and the tables and plots of a whole run into docs/.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import builds, growth, load, measure, pages, peers, reloads, report, starts
from benchmarks.about import about
from benchmarks.builds import Builder
from benchmarks.load import Failed
from benchmarks.reloads import Reload
from benchmarks.samples import Cores, Sample
from benchmarks.scenarios import Scenario, all_scenarios
from benchmarks.servers import HttpResponse
from benchmarks.starts import Start

ROOT: Final = Path(__file__).parent.parent
DATA: Final = ROOT / "build" / "benchmarks" / "results.json"
Entry = Scenario | Builder | Start | Reload
_ROUNDS: Final = (3, 5)
"""Of a run of 15 minutes, and of a full one."""
_SECONDS: Final = (3, 8)
"""Of load in each run."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Measure tokend beside its peers, in turns, each on one core."
    )
    parser.add_argument("--full", action="store_true", help="longer and more often: an hour in place of 15 minutes")
    parser.add_argument("--rounds", type=int, help="each measures everything once (3, with --full 5)")
    parser.add_argument("--seconds", type=int, help="of load in each run, after one of warming up (3, with --full 8)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure this one; may stand again")
    parser.add_argument("--list", action="store_true", help="print the names, and what cannot be measured here")
    parser.add_argument("--go", metavar="CMD", help="how the Go service is started: agora-token-service, built")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=CMD", help="a server with the Go service's URL, on $PORT"
    )
    parser.add_argument(
        "--vendor-python", metavar="DIR", help="the vendor's tools for Python 3: a folder that holds src"
    )
    parser.add_argument("--server-cores", default="0", help="where servers run, like 0 or 0,1 (0)")
    parser.add_argument("--load-cores", default="1", help="where wrk runs (1)")
    parser.add_argument("--write", action="store_true", help="write the docs after a part of it (--only), too")
    parser.add_argument("--again", action="store_true", help="measure nothing: write the docs from the last results")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> tuple[list[Entry], dict[str, str]]:
    """What is to be measured, and for each of what cannot be, why not."""
    vendor = options.vendor_python
    parts: list[tuple[Sequence[Entry], dict[str, str]]] = [
        peers.go_service(options.go),
        (all_scenarios(), {}),
        ([peers.given(peer) for peer in options.peer], {}),
        peers.all_peers(),
        builds.builders(vendor, peers.HERE / "express"),
        growth.all_growth(),
    ]
    everything: list[Entry] = [entry for found, _ in parts for entry in found] + [*starts.starts(), *reloads.RELOADED]
    unmet = {name: reason for _, missing in parts for name, reason in missing.items()}
    names = [entry.name for entry in everything]
    for name, reason in unmet.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    if options.list:
        print("\n".join(f"{entry.name:18}  {entry.what}" for entry in everything))
        raise SystemExit
    unknown = [name for name in options.only if name not in names]
    if unknown or len(set(names)) != len(names):
        raise SystemExit(f"{', '.join(unknown) or 'a peer'}: there are {', '.join(names)}, each once")
    if options.only:
        return [entry for entry in everything if entry.name in options.only], unmet
    return everything, unmet


def cores(options: argparse.Namespace) -> Cores:
    server, driving = (frozenset(map(int, named.split(","))) for named in (options.server_cores, options.load_cores))
    if not server | driving <= os.sched_getaffinity(0):
        raise SystemExit("this machine does not have these cores: see --server-cores and --load-cores")
    return Cores(server, driving)


def measured(
    entries: list[Entry], placed: Cores, rounds: int, seconds: int
) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """Everything once a round, so that what disturbs the machine disturbs all of them alike.

    Also the reason of each entry that failed: it is not tried again, and has no figure.
    """
    runs: dict[str, list[Sample]] = {}
    failed: dict[str, str] = {}
    first: dict[str, HttpResponse] = {}
    for turn in range(rounds):
        for entry in entries:
            if entry.name in failed or (entry.rounds is not None and turn >= entry.rounds):
                continue
            try:
                found = _samples(entry, placed, seconds, first)
            except Failed as error:
                print(f"{turn + 1}/{rounds} {entry.name} failed: {error}", file=sys.stderr)
                failed[entry.name] = f"failed: {error}"
                runs.pop(entry.name, None)
                continue
            for name, samples in found.items():
                runs.setdefault(name, []).extend(samples)
                for sample in samples:
                    said = f"{sample.rate:,.0f}/s, {sample.cpu_us:.1f} us, others {sample.others:.2f}"
                    print(f"{turn + 1}/{rounds} {name}: {said}", file=sys.stderr)
        _same_headers(first)
    return runs, failed


def _samples(
    entry: Entry, placed: Cores, seconds: int, first: dict[str, HttpResponse]
) -> Mapping[str, Sequence[Sample]]:
    if isinstance(entry, Builder):
        return {entry.name: [builds.build(entry, placed, seconds)]}
    if isinstance(entry, Start):
        return {entry.name: [starts.start(entry, placed)]}
    if isinstance(entry, Reload):
        return reloads.reload(entry, placed, seconds)
    sample, first[entry.name] = measure.serve(entry, placed, seconds)
    return {entry.name: [sample]}


def _same_headers(first: dict[str, HttpResponse]) -> None:
    """The floor is one only while it sends what tokend sends."""
    if {"zero", "hello"} <= first.keys() and first["zero"].headers.keys() != first["hello"].headers.keys():
        differ = sorted(first["zero"].headers.keys() ^ first["hello"].headers.keys())
        raise Failed(f"benchmarks/hello.py does not send the headers of tokend: {', '.join(differ)}")


def main() -> None:
    options = arguments()
    if options.again:
        pages.publish(report.read(DATA))
        return
    if (reason := load.missing()) is not None:
        raise SystemExit(reason)
    entries, unmet = chosen(options)
    placed, begun = cores(options), time.monotonic()
    rounds, seconds = options.rounds or _ROUNDS[options.full], options.seconds or _SECONDS[options.full]
    os.sched_setaffinity(0, placed.load)
    try:
        runs, failed = measured(entries, placed, rounds, seconds)
    except Failed as error:
        raise SystemExit(f"failed: {error}") from error
    names = {entry.name: entry.what for entry in entries}
    names |= {entry.base: "the same load before the reload" for entry in entries if isinstance(entry, Reload)}
    where = about(runs, placed, rounds, seconds, time.monotonic() - begun)
    if options.go is not None:
        where["Go service"] = f"built by {peers.go_build(options.go) or 'an unknown version of Go'}"
    made = report.Report(where, names, runs, unmet | failed)
    print(report.text(made))
    report.keep(made, DATA)
    if options.write or not options.only:
        pages.publish(made)
    if failed:
        raise SystemExit("\n".join(f"{name} {reason}" for name, reason in failed.items()))


if __name__ == "__main__":
    main()
