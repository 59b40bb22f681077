"""Measures what docs/figures.md says of start-up: time to listen, memory then, and both with 1,000 apps.

Starts `python -m tokend serve` as its users do, several times, and prints the median of each. Linux only (/proc).
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 7
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
APP_ID = "970CA35de60c44645bbae8a215061b33"


def started(config: Path | None) -> tuple[float, float]:
    """Seconds until it listens, and its resident memory in MiB then."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
    arguments = ["--config", str(config)] if config else []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as empty:
        process = subprocess.Popen(
            [sys.executable, "-m", "tokend", "serve", "--port", "0", *arguments],
            cwd=empty,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            if process.stdout is None or not process.stdout.readline().startswith("tokend"):
                raise SystemExit("the server did not start")
            seconds = time.monotonic() - begun
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return seconds, int(found[1]) / 1024 if found else float("nan")


def many_apps(count: int, directory: Path) -> Path:
    """A configuration of `count` apps, each with a key of its own and one line."""
    lines = ["defaults:", "  certificate: {env: APP_CERTIFICATE}", f'  app_id: "{APP_ID}"', "apps:"]
    lines += [f'  app{one}: {{callers: {{studio: {{api_key: "sha256:{one:064x}"}}}}}}' for one in range(count)]
    path = directory / "many.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        cases = {"environment only": None, "1,000 apps": many_apps(1_000, Path(directory))}
        for name, config in cases.items():
            runs = [started(config) for _ in range(RUNS)]
            seconds = statistics.median(one[0] for one in runs)
            memory = statistics.median(one[1] for one in runs)
            spread = max(one[0] for one in runs) - min(one[0] for one in runs)
            print(
                f"{name}: listening after {seconds:.2f} s (spread {spread:.2f} s of {RUNS}), {memory:.0f} MiB resident"
            )


if __name__ == "__main__":
    main()
