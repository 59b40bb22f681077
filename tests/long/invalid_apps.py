"""P8: an invalid app takes no other app down. Sixty of them beside good ones under load, while a good one changes.

P7 for this case: each change of a good app is in force within a second, while the number of invalid apps grows.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from tests.long.disturbance import GOOD, disturbed, failures, milliseconds
from tests.long.report import Report
from tests.long.sizes import amount
from tests.system.workers.load import Load
from tests.system.workers.serving import Running

WORKERS: Final = 2
IN_FORCE_SECONDS: Final = 1.0
_APP: Final = """app_id: "970CA35de60c44645bbae8a215061b33"
certificate: {{file: certificate}}
callers: {{open: {{anonymous: true, rules: [{{channel: "{channel}"}}]}}}}
"""
_MISTAKES: Final = (
    ("channel: ", "chanel: "),
    ("anonymous: true", "anonymous: false"),
    ("{file: certificate}", "{file: nowhere}"),
    ('app_id: "970CA35de60c44645bbae8a215061b33"', "app_id: short"),
    ("callers: {", "callers: ["),
)


def run(report: Report) -> None:
    asyncio.run(_measure(report, amount("PROOF_INVALID_APPS", 60)))


async def _measure(report: Report, count: int) -> None:
    slowest, late, answers = 0.0, 0, Counter[int]()
    async with disturbed(WORKERS) as server:
        folder = server.directory / "apps.d"
        folder.mkdir()
        for number in range(3):
            _write(folder, f"good{number}", "room-0")
        server.write("demo-*", more="include: apps.d/*.yaml\n")
        assert not (await server.reload())[1]["invalid_apps"]
        first = GOOD.replace("/demo/", "/good0/").replace("demo-room", "room-0")
        async with Load(server.url + GOOD, 4, pause=0.01) as kept, Load(server.url + first, 2, fresh=True) as fresh:
            for number in range(count):
                _write(folder, f"bad{number}", "room-0", _MISTAKES[number % len(_MISTAKES)])
                _write(folder, "good1", f"room-{number + 1}")
                seconds = await _until_in_force(server, number + 1)
                slowest, late = max(slowest, seconds), late + (seconds > IN_FORCE_SECONDS)
                answers.update([await _status(server, f"/bad{number}/rtc/room-0/publisher/uid/7/")])
        valid = await server.metrics()
    failures(report, "failed requests of good apps", kept, fresh)
    report.bar("invalid apps beside them", count, f"{count}", sum(answers.values()) == count)
    report.bar("answers of the invalid apps, by status", dict(answers), "503 alone", set(answers) == {503})
    report.bar("changes that were not in force within a second", late, "none", late == 0)
    report.bar("the slowest change", milliseconds(slowest), "at most 1 s", slowest <= IN_FORCE_SECONDS)
    named = sum(value == 0 for name, value in valid.items() if name.startswith("tokend_app_valid{"))
    report.bar("invalid apps that the metric names", named, f"{count}", named == count)


def _write(folder: Path, name: str, channel: str, mistake: tuple[str, str] = ("", "")) -> None:
    fresh = folder.parent / "fresh-app"
    fresh.write_text(_APP.format(channel=channel).replace(*mistake, 1))
    fresh.rename(folder / f"{name}.yaml")


async def _until_in_force(server: Running, number: int) -> float:
    """Seconds from the beginning of the reload until a token for the new channel is issued."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await server.reload()
    while await _status(server, f"/good1/rtc/room-{number}/publisher/uid/7/") != 200:
        if loop.time() - begun > 10 * IN_FORCE_SECONDS:
            break
        await asyncio.sleep(0.005)
    return loop.time() - begun


async def _status(server: Running, path: str) -> int:
    async with ClientSession() as session, session.get(server.url + path) as answer:
        return answer.status
