"""Starts `python -m tokend serve` for the proofs, and kills it. Its log goes nowhere, so that no pipe can fill up."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.running import APP_ID, CERTIFICATE, clean_environment

ENVIRONMENT = {"CERTIFICATE": CERTIFICATE}
APP = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
"""
"""One app at /demo, for anybody, its certificate in ENVIRONMENT."""


class Server:
    """One process on 127.0.0.1:`port`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    @classmethod
    async def start(cls, config: Path, environment: Mapping[str, str] = ENVIRONMENT, *before: str) -> "Server":
        """On a free port. `before`: a command that the server's own goes behind, such as `taskset -c 0`."""
        process = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-m", "tokend", "serve", "--config", str(config), "--port", "0"),
            cwd=config.parent,
            env=clean_environment(environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        greeting = ""
        try:
            greeting = (await process.stdout.readline()).decode().strip()
        finally:
            if not greeting.startswith("tokend") and process.returncode is None:
                process.kill()
        if not greeting.startswith("tokend"):
            raise SystemExit(f"the server did not start with {config}")
        return cls(process, int(greeting.rpartition(":")[2]))

    async def kill(self) -> None:
        """kill -9, whatever it is doing."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return await self.process.wait()


@asynccontextmanager
async def serving(config: str, environment: Mapping[str, str] = ENVIRONMENT) -> AsyncIterator[Server]:
    """A server of this configuration, in a directory of its own, until the end."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "config.yaml")
        file.write_text(config)
        server = await Server.start(file, environment)
        try:
            yield server
        finally:
            await server.stop()
