"""The reloader by itself: which files it notices, whatever else happens during a reload."""

import asyncio
import io
import time
from pathlib import Path

from tests.unit.config.writing import CERTIFICATE, ENVIRONMENT, ONE_APP, OTHER, write
from tokend.config.files import Files
from tokend.config.isolation import Isolated
from tokend.config.loading import Source, load_for_start
from tokend.http.reloader import Reloader
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics

TWO_CHANGES = 2


async def test_o1_a_file_that_changes_while_a_reload_runs_is_in_force_after_the_next(tmp_path: Path) -> None:
    config = ONE_APP.replace("{env: CERTIFICATE}", "{file: certificate}")
    write(tmp_path, {"config.yaml": config, "certificate": CERTIFICATE})
    source = Source(None, ENVIRONMENT, tmp_path)
    files = Files()
    installed: list[str] = []

    async def install(isolated: Isolated, files: Files) -> list[str]:
        """A reload that is not over yet while the certificate changes once more."""
        backend = isolated.configuration.apps["demo"].backends["rtc"]
        installed.append(backend.app_credentials.certificates["primary"].reveal())
        if len(installed) == 1:
            write(tmp_path, {"certificate": OTHER})
        return []

    log = JsonLog(io.BytesIO(), time.time)
    reloader = Reloader(source, load_for_start(source, files), files, install, log, Metrics(), lambda *_: ())
    watching = asyncio.create_task(reloader.watch())
    write(tmp_path, {"certificate": CERTIFICATE[::-1]})
    async with asyncio.timeout(10):
        while len(installed) < TWO_CHANGES:
            await asyncio.sleep(0.05)
    watching.cancel()
    assert installed == [CERTIFICATE[::-1], OTHER]
