"""An invalid app beside good ones in several processes: a small version of tests/long/invalid_apps.py, and new workers."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.long import invalid_apps
from tests.long.report import Report
from tests.running import ADMIN_KEY, tokend
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving

pytestmark = pytest.mark.serial
_OPERATOR = {"TOKEND_ADMIN_KEY": ADMIN_KEY}


def test_the_proof_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOF_INVALID_APPS", "5")
    report = Report()
    invalid_apps.run(report)
    assert report.misses == []


async def test_a_worker_that_starts_later_keeps_the_last_valid_version_too(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        server.write("demo-*", more="  other:\n    app_id: short\n")  # a new app, invalid from its beginning
        assert (await server.reload())[1]["result"] == "done"
        server.write("demo-*", app_id="short", more=f'  other: {{app_id: "{"a" * 32}"}}\n')
        await server.reload()
        await _replace_workers(server)
        path = "/demo/rtc/demo-room/publisher/uid/7/"
        assert {await invalid_apps._status(server, path) for _ in range(12)} == {200}


async def _replace_workers(server: Running) -> None:
    """Kill all workers, and wait for those that the parent starts in their place."""
    started = len(server.events("worker"))
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    for pause in waits(30):
        if len(server.events("worker")) >= started + 4 and len(server.workers()) == 2:
            break
        await asyncio.sleep(pause)
    await server.ready()


async def test_a_worker_that_starts_later_finds_the_same_app_invalid(tmp_path: Path) -> None:
    """It found both invalid, an app and a new one with its path: half of the requests to the served one got 503."""
    async with serving(tmp_path, 2) as server:
        newcomer = f'  other: {{app_id: "{"a" * 32}", certificate: {{file: certificate}}, routes: [{{path: /demo}}]'
        newcomer += ", callers: {any: {anonymous: true, rules: [{kinds: rtm, user: nobody}]}}}\n"
        server.write("demo-*", more=newcomer)
        assert list((await server.reload())[1]["invalid_apps"]) == ["other"]
        await _replace_workers(server)
        path = "/demo/rtc/demo-room/publisher/uid/7/"
        assert {await invalid_apps._status(server, path) for _ in range(12)} == {200}


async def test_a_worker_that_starts_after_many_changes_serves_the_last_version_of_each(tmp_path: Path) -> None:
    """After 100 reloads beside an invalid app it served others as they were when the server started: a key that was gone."""
    async with serving(tmp_path, 2) as server:
        late = f'  late: {{app_id: "{"a" * 32}", certificate: {{file: certificate}}, '
        late += 'callers: {any: {anonymous: true, rules: [{kinds: rtc, channel: "CHANNEL"}]}}}\n'
        old, new = late.replace("CHANNEL", "old-*"), late.replace("CHANNEL", "new-*")
        broken = new.replace("app_id", "unknown: 1, app_id")
        for number, written in enumerate([old, *[new] * 2, *[broken] * 101]):
            server.write(f"room-{number}-*", more=written + ("  other: {app_id: short}\n" if number else ""))
            assert (await server.reload())[1]["result"] == "done"
        await _replace_workers(server)
        for path, status in (
            ("/demo/rtc/room-103-a", 200),
            ("/demo/rtc/room-102-a", 403),
            ("/late/rtc/new-1", 200),
            ("/late/rtc/old-1", 403),
        ):
            assert {await invalid_apps._status(server, f"{path}/publisher/uid/7/") for _ in range(12)} == {status}


async def test_a_worker_that_starts_later_serves_no_version_before_the_last_valid_one(tmp_path: Path) -> None:
    """An app that a change outside the apps made invalid was served as at the start: with a key that was removed since."""
    proxied = '  late: {{app_id: "{id}", certificate: {{file: certificate}}, callers: {{'
    proxied += 'proxy: {{forward_auth: {{user: X-User}}, rules: [{{kinds: rtm, user: "*"}}]}}, '
    proxied += 'any: {{anonymous: true, rules: [{{kinds: rtc, channel: "{channel}"}}]}}}}}}\n'
    trusting, broken = ', trusted_proxies: ["10.0.0.1"]', "  other: {app_id: short}\n"
    async with serving(tmp_path, 2, server=trusting) as server:
        for channel, settings in (("old-*", trusting), ("new-*", trusting), ("new-*", "")):
            server._server = settings
            server.write("demo-*", more=proxied.format(id="a" * 32, channel=channel) + broken)
            assert (await server.reload())[1]["result"] == "done"
        server.write("room-*", more=proxied.format(id="a" * 32, channel="new-*") + broken)
        assert (await server.reload())[1]["serving_last_version"] == ["late"]
        assert "loads everything" not in {event["result"] for event in server.events("worker")}
        await _replace_workers(server)
        for path, status in (("/late/rtc/old-1", 403), ("/late/rtc/new-1", 200), ("/demo/rtc/room-1", 200)):
            assert {await invalid_apps._status(server, f"{path}/publisher/uid/7/") for _ in range(12)} == {status}


async def test_diff_says_per_app_what_a_reload_would_change(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        assert tokend(tmp_path, _OPERATOR, "diff").stdout == "no app would change\n"
        server.write("lobby-*")
        found = await asyncio.to_thread(tokend, tmp_path, _OPERATOR, "diff")
        assert (found.returncode, found.stdout.split()) == (1, ["changed", "demo", "callers.any.rules"])
        assert (await server.reload())[1]["result"] == "done"
        assert (await asyncio.to_thread(tokend, tmp_path, _OPERATOR, "diff")).returncode == 0
