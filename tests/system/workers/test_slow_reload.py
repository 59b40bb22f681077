"""A reload that takes a worker longer than HUNG_SECONDS: it answers meanwhile, and is not taken for one that hangs."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.system.workers.load import waits
from tests.system.workers.serving import serving
from tokend.process.multi_process import HUNG_SECONDS

pytestmark = pytest.mark.serial

_BACKEND = """
import time
from pydantic import field_validator
from tokend.backends.agora.rtc import Rtc
from tokend.core.validation import StrictModel

class Options(StrictModel):
    seconds: float = 0

    @field_validator("seconds")
    @classmethod
    def take(cls, seconds):
        time.sleep(seconds)
        return seconds

class Slow(Rtc):
    Options = Options
"""


async def test_a_worker_that_takes_long_to_build_an_app_is_not_hung(tmp_path: Path) -> None:
    """10,000 changed apps took a worker over ten seconds on a slow machine. Each was killed, with its connections."""
    package = tmp_path / "package"
    information = package / "slow-1.dist-info"
    information.mkdir(parents=True)
    (package / "slow_kind.py").write_text(_BACKEND)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[tokend.backends]\nslow = slow_kind:Slow\n")
    async with serving(tmp_path, 2, extra={"PYTHONPATH": f"{Path.cwd()}:{package}"}) as server:
        workers = server.workers()
        server.write("demo-*", f"    backends: {{rtc: {{}}, rtm: {{}}, slow: {{seconds: {HUNG_SECONDS + 1}}}}}")
        reload = asyncio.create_task(server.reload())
        answered = 0
        async with ClientSession() as session:
            for pause in waits(4.5 * HUNG_SECONDS, 0.5):
                if reload.done():
                    break
                async with session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/1/") as answer:
                    answered += answer.status == 200
                await asyncio.sleep(pause)
        status, body = await reload
        assert (status, body["result"]) == (200, "done"), body
        assert server.workers() == workers
        assert [event["result"] for event in server.events("worker")] == ["started", "started"]
        assert answered > 2 * HUNG_SECONDS
