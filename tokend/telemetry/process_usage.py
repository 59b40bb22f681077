"""What this process uses, under the names that Prometheus' client libraries use.

prometheus-client's ProcessCollector is not used: it reads one process, and a counter must not fall when a worker ends.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokend.telemetry.metrics import Values

_STARTED: Final = time.time()
_PROC: Final = Path("/proc/self")


def process_usage() -> Values:
    """CPU in seconds, memory in bytes, open descriptors, start in Unix seconds; only CPU and start without `/proc`."""
    found: Values = {
        "process_cpu_seconds": {(): time.process_time()},
        "process_start_time_seconds": {(): _STARTED},
    }
    with suppress(OSError):
        pages = int((_PROC / "statm").read_text().split()[1])
        found["process_resident_memory_bytes"] = {(): float(pages * os.sysconf("SC_PAGE_SIZE"))}
        # Linux 6.2 and later say how many there are; listing thousands takes milliseconds
        descriptors = (_PROC / "fd").stat().st_size or sum(1 for _ in (_PROC / "fd").iterdir())
        found["process_open_fds"] = {(): float(descriptors)}
    return found
