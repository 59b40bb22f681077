"""P7: a reload is atomic. A hundred of them under load, each changing App ID, certificate and lifetime at once.

Every answer holds two tokens; both must be of one configuration, and that the one which was in service.
"""

import asyncio
from functools import partial
from typing import Final, NamedTuple

import msgspec.json
from aiohttp import ClientSession

from tests.long.disturbance import base_of, disturbed, failures, latency, milliseconds
from tests.long.report import Report
from tests.running import APP_ID, CERTIFICATE
from tests.system.workers.load import Load
from tests.system.workers.serving import Running
from tokend import agora

RELOADS: Final = 100
SECONDS: Final = 60.0
WORKERS: Final = 4
FRESH_CONNECTIONS: Final = 8
"""New connections that ask right after each reload, to meet every worker."""
BOTH: Final = "/demo/rte/demo-room/publisher/uid/{uid}/"


class Version(NamedTuple):
    """What changes with a reload."""

    app_id: str
    certificate: str
    ttl: int


VERSIONS: Final = (Version(APP_ID, CERTIFICATE, 600), Version("0123456789abcdef" * 2, "fedcba9876543210" * 2, 1200))


class HttpResponse(NamedTuple):
    """When it was asked for and when it was there, in seconds of the loop."""

    begun: float
    ended: float
    body: bytes


class Reload(NamedTuple):
    """When it was asked for and when it was answered."""

    posted: float
    answered: float
    version: int


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    async with disturbed(WORKERS) as server:
        _write(server, 0)
        await server.reload()
        answers: list[HttpResponse] = []

        def told(begun: float, ended: float, body: bytes) -> None:
            answers.append(HttpResponse(begun, ended, body))

        kept = partial(Load, server.url + BOTH, 8, pause=0.03, told=told)
        fresh = partial(Load, server.url + BOTH, 2, fresh=True, pause=0.03, told=told)
        base = await base_of(report, kept)
        answers.clear()
        async with kept() as load, fresh() as new:
            reloads = await _reloads(server, answers)
        failures(report, "failed requests", load, new)
        _judge(report, answers, reloads)
        latency(report, load, 2 * base, "2 x base")
        slowest = max(one.answered - one.posted for one in reloads)
        report.figure("the slowest reload, from request to answer", milliseconds(slowest))


def _write(server: Running, version: int) -> None:
    app_id, certificate, ttl = VERSIONS[version]
    (server.directory / "certificate").write_text(certificate)
    server.write("demo-*", f"    ttl: {{default: {ttl}s}}", app_id)
    file = server.directory / "config.yaml"  # both tokens of an answer need one rule for a login and a channel
    file.write_text(file.read_text().replace("{kinds: rtm}", '{kinds: [rtc, rtm], channel: "demo-*", user: "*"}'))


async def _reloads(server: Running, answers: list[HttpResponse]) -> list[Reload]:
    loop = asyncio.get_running_loop()
    begun, found = loop.time(), []
    for number in range(1, RELOADS + 1):
        _write(server, number % 2)
        posted = loop.time()
        status, answer = await server.reload()
        if status != 200 or answer["result"] != "done":
            raise SystemExit(f"a reload was refused: {answer}")
        found.append(Reload(posted, loop.time(), number % 2))
        await asyncio.gather(*(_ask_anew(server.url, answers) for _ in range(FRESH_CONNECTIONS)))
        await asyncio.sleep(max(0.0, begun + number * SECONDS / RELOADS - loop.time()))
    return found


async def _ask_anew(url: str, answers: list[HttpResponse]) -> None:
    begun = asyncio.get_running_loop().time()
    async with ClientSession() as session, session.get(url + BOTH.replace("{uid}", "7")) as answer:
        body = await answer.read()
        answers.append(HttpResponse(begun, asyncio.get_running_loop().time(), body))


def _judge(report: Report, answers: list[HttpResponse], reloads: list[Reload]) -> None:
    """An answer that begins after a reload's answer, and ends before the next reload begins, must be the new one's."""
    mixed, late = 0, [0.0]
    for one in answers:
        version = _version_of(one.body)
        mixed += version is None
        before = [reload for reload in reloads if reload.answered <= one.begun]
        possible = {before[-1].version if before else 0}
        possible |= {reload.version for reload in reloads if reload.answered > one.begun and reload.posted < one.ended}
        if version is not None and version not in possible:
            late.append(one.begun - before[-1].answered)
    report.figure("answers whose tokens were decoded", f"{len(answers):,} over {len(reloads)} reloads")
    report.bar("answers mixed of two configurations", mixed, "none", mixed == 0)
    report.figure("answers of the old configuration after a reload was answered", len(late) - 1)
    report.bar("all workers new after", milliseconds(max(late)), "at most 1 s after the answer", max(late) <= 1.0)


def _version_of(body: bytes) -> int | None:
    """Which configuration this answer is of; None if it is of neither, or of both."""
    tokens = [text for name, text in msgspec.json.decode(body).items() if name in ("rtcToken", "rtmToken")]
    found = {_version_of_token(text) for text in tokens}
    return found.pop() if len(tokens) == 2 and len(found) == 1 else None


def _version_of_token(token: str) -> int | None:
    grant = agora.read(token).grant
    for number, (app_id, certificate, ttl) in enumerate(VERSIONS):
        signed = agora.verify(token, app_id=app_id, certificate=certificate)
        if signed and (grant.app_id, grant.ttl) == (app_id, ttl):
            return number
    return None
