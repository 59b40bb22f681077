"""Runs the programs of `programs/` in node, and says why a test is skipped."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.needs import skip_or_fail
from tests.running import clean_environment
from tests.system.browser.parts import HERE as BROWSER
from tests.system.browser.parts import missing_packages

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


def bundle(source: Path, target: Path, *packages: Path) -> None:
    """One script for a browser of a module. Its packages come from tests/system/browser and these directories."""
    found = os.pathsep.join(str(directory / "node_modules") for directory in (BROWSER, *packages))
    settings = ("--bundle", "--jsx=automatic", "--format=esm", '--define:process.env.NODE_ENV="production"')
    subprocess.run(
        [
            str(BROWSER / "node_modules/.bin/esbuild"),
            str(source),
            *settings,
            f"--outfile={target}",
            "--log-level=error",
        ],
        check=True,
        timeout=SECONDS,
        env=clean_environment({"NODE_PATH": found}),
    )


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
