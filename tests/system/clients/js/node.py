"""Runs the programs of `programs/` in node, and says why a test is skipped."""

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.running import clean_environment
from tests.system.browser.parts import missing_packages, skip_or_fail

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "programs"
SECONDS: Final = 120
"""The longest that a program may take."""


def need_node(directory: Path | None = None, *packages: str) -> None:
    """Without node, or these packages in `directory`, the test is skipped, saying why; where CI=true it fails."""
    if directory is not None:
        skip_or_fail(missing_packages(directory, packages))
    elif shutil.which("node") is None:
        skip_or_fail("no tests of the JavaScript client: node is not on the PATH")


async def run(*arguments: str, environment: Mapping[str, str] = {}, directory: Path | None = None) -> str:
    """Run node with these arguments to its end; give what it printed. `AssertionError` if it failed."""
    process = await asyncio.create_subprocess_exec(
        *("node", *arguments),
        cwd=directory or PROGRAMS,
        env=clean_environment(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    text = printed.decode()
    assert process.returncode == 0, text[-4_000:]
    return text


async def run_tests(program: str, environment: Mapping[str, str]) -> int:
    """Run the tests of a program; give how many passed. `AssertionError` with the report if one failed."""
    printed = await run("--test-reporter=tap", program, environment=environment)
    counts = {name: int(number) for name, number in re.findall(r"^# (\w+) (\d+)$", printed, re.MULTILINE)}
    assert counts["pass"] == counts["tests"], printed[-4_000:]
    return counts["pass"]
