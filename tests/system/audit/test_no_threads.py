"""A process that can start no more threads, such as one of a unit with a small `TasksMax`."""

import subprocess
import sys
from pathlib import Path
from typing import Final

RECORDED: Final = """
import asyncio, resource, sys, threading, time
from tests.unit.adapters.audit_faults import decided
from tokend.adapters.resources import open_audit
from tokend.issuing.audit_settings import AuditSettings
from tokend.telemetry.log import standard_error

async def record():
    audit = open_audit(AuditSettings(to=(sys.argv[1],), sync="batch"), "writer", standard_error(time.time), None)
    pages = int(open("/proc/self/statm").read().split()[0])
    most = pages * resource.getpagesize() + (4 << 20)  # a thread takes 8 MiB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        await asyncio.wait_for(audit.record([decided(1)]), 5)
        print("recorded")
    audit.close()

asyncio.run(record())
"""


def test_a_token_needs_no_new_thread_with_batch(tmp_path: Path) -> None:
    """Requests waited until their connections were closed, also once there were threads again; /readyz said 200."""
    done = subprocess.run(
        [sys.executable, "-c", RECORDED, str(tmp_path / "audit.jsonl")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("recorded\n", 0), done.stderr
