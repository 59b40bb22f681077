"""P8: a bad reload takes nobody down. Each bad configuration under load, and as what a server is started with."""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.long.bad_configurations import CANARY, Bad, bad_configurations
from tests.long.disturbance import GOOD, disturbed, failures, milliseconds
from tests.long.report import Report
from tests.running import clean_environment
from tests.system.workers.load import Load
from tests.system.workers.serving import Running
from tests.unit.config.bad_files import ENVIRONMENT

WORKERS: Final = 2
ANSWER_SECONDS: Final = 2.0
AT_LEAST: Final = 60
AT_START: Final = 2
"""How many of them are started with at once."""
SECRETS: Final = (*ENVIRONMENT.values(), CANARY)
_PLACE: Final = re.compile(r"[^\s:]+(:[0-9]+:[0-9]+)?: .|(the|no) [a-z].* (file|config)")
"""A file and, where it can be read at all, line and column; or which file of the server's own cannot be used."""


def run(report: Report) -> None:
    bad = bad_configurations()
    report.bar("bad configurations", len(bad), f"at least {AT_LEAST}", len(bad) >= AT_LEAST)
    asyncio.run(_reloads(report, bad))
    asyncio.run(_starts(report, bad))


async def _reloads(report: Report, bad: list[Bad]) -> None:
    wrong: list[str] = []
    slowest = 0.0
    loop = asyncio.get_running_loop()
    async with disturbed(WORKERS, extra=ENVIRONMENT) as server:
        fingerprint = (await server.reload())[1]["fingerprint"]
        async with Load(server.url + GOOD, 6, pause=0.01) as kept, Load(server.url + GOOD, 2, fresh=True) as fresh:
            for one in bad:
                one.make(server.directory)
                begun = loop.time()
                try:
                    status, answer = await asyncio.wait_for(server.reload(), 2 * ANSWER_SECONDS)
                    wrong += [f"{one.name}: {fault}" for fault in _faults(status, answer, fingerprint)]
                except TimeoutError:
                    wrong.append(f"{one.name}: no answer")
                slowest = max(slowest, loop.time() - begun)
        failures(report, "failed requests", kept, fresh)
        await _still_the_old_one(report, server, fingerprint)
        log = (server.directory / "log").read_text()
    report.bar("bad reloads answered wrongly", "; ".join(wrong) or 0, "none", not wrong)
    report.bar("slowest answer", milliseconds(slowest), "at most 2 s", slowest <= ANSWER_SECONDS)
    report.bar("pieces of secrets in the log", _pieces(log) or 0, "none", not _pieces(log))
    report.bar("tracebacks in the log", log.count("Traceback"), "none", "Traceback" not in log)


def _faults(status: int, answer: Any, fingerprint: str) -> list[str]:
    problems = answer["problems"]
    faults = [f"status {status}"] if status != 409 or not problems else []
    faults += ["another fingerprint"] if answer["fingerprint"] != fingerprint else []
    faults += [f"says no place: {one}" for one in problems if not _PLACE.match(one)]
    faults += [f"says {piece}" for piece in _pieces("\n".join(problems))]
    return faults


async def _still_the_old_one(report: Report, server: Running, fingerprint: str) -> None:
    server.write("demo-*")
    status, answer = await server.reload()
    kept = (status, answer["result"], answer["fingerprint"]) == (200, "unchanged", fingerprint)
    report.bar("the configuration that serves", "unchanged" if kept else answer, "unchanged", kept)


def _pieces(text: str) -> list[str]:
    """Every eight characters of a secret that stand in a text."""
    low = text.lower()
    pieces = {secret[start : start + 8].lower() for secret in SECRETS for start in range(len(secret) - 7)}
    return sorted(piece for piece in pieces if piece in low and piece.strip())


async def _starts(report: Report, bad: list[Bad]) -> None:
    limit = asyncio.Semaphore(AT_START)
    wrong: list[str] = []

    async def start(one: Bad) -> None:
        async with limit:
            with tempfile.TemporaryDirectory() as directory:
                one.make(Path(directory))
                wrong.extend(f"{one.name}: {fault}" for fault in await _started(Path(directory)))

    await asyncio.gather(*(start(one) for one in bad))
    report.bar("bad starts that end wrongly", "; ".join(wrong) or 0, "none (exit 78, or 1 for a file)", not wrong)


async def _started(directory: Path) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tokend", "serve", "--port", "0"),
        cwd=directory,
        env=clean_environment({**ENVIRONMENT, "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd()))}),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, raw = await asyncio.wait_for(process.communicate(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ["does not end"]
    said = raw.decode()
    faults = [f"exit {process.returncode}"] if process.returncode not in (1, 78) else []
    faults += ["a traceback"] if "Traceback" in said or not said else []
    return faults + [f"says {piece}" for piece in _pieces(said)]
