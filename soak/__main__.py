"""`python -m soak [NAME…]`: all scripts, or those whose names begin so (`p1`, `p2_full_disk`). Exit 1: a bar was missed."""

import importlib
import re
import signal
import sys
import time
from pathlib import Path

from soak.report import Report


def scripts() -> list[str]:
    """Names of all scripts, in the order of their promises."""
    names = [path.stem for path in Path(__file__).parent.glob("p[0-9]*_*.py")]
    return sorted(names, key=lambda name: (int(re.findall("[0-9]+", name)[0]), name))


def main(wanted: list[str]) -> int:
    """Run them one after the other, since each measures or loads the whole machine."""
    known = scripts()
    chosen = [name for name in known if not wanted or any(f"{name}_".startswith(f"{one}_") for one in wanted)]
    if not chosen:
        print(f"there is no such script; there are {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it ends the servers that it started
    misses: list[str] = []
    for name in chosen:
        print(f"## {name}", flush=True)
        begun, report = time.monotonic(), Report()
        importlib.import_module(f"soak.{name}").run(report)
        report.figure("took", f"{time.monotonic() - begun:.0f} s")
        misses += [f"{name}: {miss}" for miss in report.misses]
    for miss in misses:
        print(f"MISSED {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
