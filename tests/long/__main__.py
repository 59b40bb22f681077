"""The command: `python -m tests.long [NAME …] [--write]`. Exit 1: a bar was missed, or a script did not come to its end.

The results go to build/proofs/results.json; `--write` puts them into the table of docs/figures.md, too.
"""

import argparse
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.long import results, sizes
from tests.long.report import Report
from tests.long.results import Result

HERE: Final = Path(__file__).parent
DATA: Final = HERE.parents[1] / "build" / "proofs" / "results.json"
PAGE: Final = HERE.parents[1] / "docs" / "figures.md"


def scripts() -> list[str]:
    """Names of all scripts, in the order of their promises."""
    return sorted((path.stem for path in HERE.glob("*.py") if results.is_proof(path.stem)), key=results.order)


def main(arguments: Sequence[str]) -> int:
    """Run them one after the other, since each measures or loads the whole machine."""
    parser = argparse.ArgumentParser(prog="tests.long", description="Prove the promises at full size.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="promises or scripts: p1, rules_reference (all)")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/figures.md, too")
    options = parser.parse_args(arguments)
    known = scripts()
    wanted: list[str] = options.names or known
    chosen = [name for name in known if name in wanted or f"p{results.order(name)[0]}" in wanted]
    if not chosen:
        print(f"there is no such script; there are {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it ends the servers that it started
    failures: list[str] = []
    for name in chosen:
        report = Report()
        result = measured(name, report)
        results.keep(name, result, DATA)  # at once: whoever ends the rest keeps it
        if options.write:
            results.publish(name, result, PAGE)
        failures += [f"MISSED {name}: {miss}" for miss in report.misses]
        failures += [f"FAILED {name}: {result.failed}"] if result.failed else []
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def measured(name: str, report: Report) -> Result:
    """A run of this script. What it raises is its result, and no other script's."""
    print(f"## {name}", flush=True)
    sizes.CHANGED.clear()
    load, begun, now, failed = round(os.getloadavg()[0], 2), time.monotonic(), datetime.now(UTC), ""
    try:
        importlib.import_module(f"tests.long.{name}").run(report)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the other scripts are still to run
        if not isinstance(error, SystemExit):  # which says all in its sentence
            traceback.print_exc()
        failed = f"{type(error).__name__}: {error}"
    seconds = round(time.monotonic() - begun)
    report.detail("took", f"{seconds} s")
    return Result(
        promise=results.promise_of(name),
        measured=f"{now:%Y-%m-%d %H:%M} UTC",
        command=" ".join([*(f"{size}={many}" for size, many in sizes.CHANGED.items()), "python -m tests.long", name]),
        seconds=seconds,
        load=load,
        cores=os.cpu_count() or 1,
        failed=failed,
        bars=report.bars,
        figures=report.figures,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
