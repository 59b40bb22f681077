"""P22: certificates and API keys rotate without downtime. Each step is a reload under load, as an operator would do it.

A caller that changes to the new key while both are valid never fails. A removed key is refused from the reload's answer on.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import msgspec.json
from aiohttp import ClientSession

from tests.long.asking import Connection, get, milliseconds
from tests.long.report import Report
from tests.running import ADMIN, ADMIN_DIGEST, APP_ID
from tests.system.workers.serving import Running, serving
from tokend import agora
from tokend.auth.key_digests import digest_of

WORKERS: Final = 4
CLIENTS: Final = 8
ROTATIONS: Final = 10
STEP_SECONDS: Final = 0.8
PAUSE: Final = 0.005
CONFIG: Final = """
server: {{workers: {workers}, admin: {{listen: "127.0.0.1:{admin}", key: "{key}"}}}}
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{primary: {{file: primary}}, secondary: {{file: secondary}}, sign_with: {signing}}}
    callers: {{studio: {{api_key: [{keys}], rules: [{{channel: "demo-*"}}]}}}}
"""


class State(NamedTuple):
    """A configuration. Keys and certificates by number."""

    keys: tuple[int, ...]
    primary: int
    secondary: int
    signing: str

    @property
    def signs(self) -> int:
        return self.primary if self.signing == "primary" else self.secondary


class HttpResponse(NamedTuple):
    """When it was asked for and there, in seconds of the loop; the key's number, and the token, empty where refused."""

    begun: float
    ended: float
    key: int
    status: int
    token: str


class Reload(NamedTuple):
    """When it was asked for and answered, and what has counted since."""

    posted: float
    answered: float
    state: State


def states() -> Iterator[State]:
    """Add a key and a certificate, sign with it, take the old ones away, make it the primary; again and again."""
    for new in range(1, ROTATIONS + 1):
        old = new - 1
        yield State((old, new), old, new, "primary")
        yield State((old, new), old, new, "secondary")
        yield State((new,), new, old, "primary")


def certificate(number: int) -> str:
    return f"{number:02x}" * 16 if number else "ab" * 16


def key(number: int) -> str:
    return f"tk_studio_{number:04d}_0123456789abcdef"


def run(report: Report) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(_run(report, Path(directory)))


async def _run(report: Report, directory: Path) -> None:
    async with serving(directory, WORKERS) as server:
        began = State((0,), 0, 0, "primary")
        reloads = [await _reload(server, began)]
        answers: list[HttpResponse] = []
        in_use = [0]
        clients = [
            asyncio.create_task(_client(server.port, in_use, answers, one < CLIENTS)) for one in range(CLIENTS + 2)
        ]
        for state in states():
            reloads.append(await _reload(server, state))
            in_use[0] = state.keys[-1]  # callers change to the new key as soon as it is there
            await asyncio.sleep(STEP_SECONDS)
        for client in clients:
            client.cancel()
        for one in await asyncio.gather(*clients, return_exceptions=True):
            if not isinstance(one, asyncio.CancelledError):
                report.bar("a client's connection", repr(one), "no error", held=False)
    report.figure("reloads", f"{len(reloads) - 1}, of {ROTATIONS} rotations of key and certificate")
    _judge(report, answers, reloads)


async def _reload(server: Running, state: State) -> Reload:
    directory, loop = server.directory, asyncio.get_running_loop()
    for name, number in (("primary", state.primary), ("secondary", state.secondary)):
        (directory / name).write_text(certificate(number))
        (directory / name).chmod(0o600)
    keys = ", ".join(f'"{digest_of(key(one))}"' for one in state.keys)
    admin = server.admin.rpartition(":")[2]
    text = CONFIG.format(
        workers=WORKERS, admin=admin, key=ADMIN_DIGEST, app_id=APP_ID, signing=state.signing, keys=keys
    )
    (directory / "config.yaml").write_text(text)
    posted = loop.time()
    async with ClientSession(headers=ADMIN) as session, session.post(f"{server.admin}/-/reload") as answer:
        if answer.status != 200:
            raise SystemExit(f"a reload was refused: {await answer.text()}")
    return Reload(posted, loop.time(), state)


async def _client(port: int, in_use: list[int], answers: list[HttpResponse], current: bool) -> None:
    """Asks with the key in use; the others with the one before it, to see it refused."""
    loop = asyncio.get_running_loop()
    connection, number = await Connection.open(port), 0
    try:
        while True:
            number += 1
            used = in_use[0] if current else max(0, in_use[0] - 1)
            raw = get(f"/demo/rtc/demo-{number}/publisher/uid/{number}/", f"X-API-Key: {key(used)}")
            begun = loop.time()
            reply = await connection.token_request(raw)
            token = msgspec.json.decode(reply.body)["rtcToken"] if reply.status == 200 else ""
            answers.append(HttpResponse(begun, loop.time(), used, reply.status, token))
            await asyncio.sleep(PAUSE)
    finally:
        connection.close()


def _judge(report: Report, answers: list[HttpResponse], reloads: list[Reload]) -> None:
    """What may count for an answer: the last reload that was answered before it began, and those that it overlaps."""
    failed, refused = Counter[int](), Counter[int]()
    wrong, accepted_late = 0, [0.0]
    for one in answers:
        before = [reload for reload in reloads if reload.answered <= one.begun][-1]
        possible = [before, *(two for two in reloads if two.answered > one.begun and two.posted < one.ended)]
        if one.status != 200:
            if all(one.key in each.state.keys for each in possible):
                failed[one.status] += 1
            else:
                refused[one.status] += 1
            continue
        if not any(one.key in each.state.keys for each in possible):
            accepted_late.append(one.begun - before.answered)
        signed_by = {each.state.signs for each in possible}
        wrong += not any(agora.verify(one.token, app_id=APP_ID, certificate=certificate(each)) for each in signed_by)
    report.figure("requests", f"{len(answers):,}")
    told = {status: f"{count:,}" for status, count in refused.items()}
    report.bar("refusals of a key that was taken away, by status", told, "401 alone", set(refused) == {401})
    report.bar(
        "failed requests with a valid key", f"{sum(failed.values())} {dict(failed) or ''}".strip(), "none", not failed
    )
    report.figure("answers for a removed key after its reload was answered", len(accepted_late) - 1)
    report.bar("the last of them", milliseconds(max(accepted_late)), "at most 1 s", max(accepted_late) <= 1.0)
    report.bar("tokens that another certificate signed", wrong, "none", wrong == 0)
    slowest = max(one.answered - one.posted for one in reloads)
    report.figure("the slowest reload, from request to answer", milliseconds(slowest))
