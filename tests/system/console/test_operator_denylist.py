"""The tab Deny list, with the keyboard alone: what it adds and removes is in force, and what it cannot do it says."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Route

from tests.system.console.operator_page import OperatorPage, operated, operator_page
from tests.system.limits.redis_server import RedisServer, need_redis
from tests.system.workers.serving import serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]


def _entries(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "deny.jsonl").read_text().splitlines()]


def _audited(directory: Path, outcome: str) -> dict[str, Any]:
    """The audit's record of the only change with this outcome."""
    lines = [json.loads(line) for line in (directory / "audit.jsonl").read_text().splitlines()]
    (found,) = (line for line in lines if line.get("outcome") == outcome)
    return dict(found)


async def _says(page: OperatorPage, text: str) -> None:
    await page.panel.get_by_role("status").filter(has_text=text).wait_for()


@pytest.mark.parametrize("workers", [1, 2])
async def test_an_entry_is_added_and_removed_after_a_confirmation(
    browser: Browser, workers: int, tmp_path: Path
) -> None:
    async with operated(tmp_path, workers) as server, operator_page(browser, server.admin, "Deny list") as page:
        await page.panel.get_by_text("Nobody is denied here.").wait_for()
        await page.type_into("App", "demo")
        await page.type_into("User", "ann")
        await page.type_into("For", "30m")
        await page.type_into("Reason", "spam")
        await page.press("Deny")
        await _says(page, "Denied: user ann, app demo, for 30 min.")
        (entry,) = _entries(tmp_path)
        assert 0 < entry.pop("until") - time.time() <= 1800
        assert entry == {"app": "demo", "user": "ann"}
        assert _audited(tmp_path, "denied")["reason"] == "spam"
        row = page.panel.locator("tbody tr")
        assert re.search("in (29|30) min", await row.inner_text())

        await page.press("Remove user ann, app demo")
        await page.panel.get_by_role("dialog", name="Remove this entry?").wait_for()
        await page.page.keyboard.press("Escape")
        assert await page.panel.get_by_role("dialog").count() == 0
        assert len(_entries(tmp_path)) == 1

        await page.press("Remove user ann, app demo")
        await page.type_into("Reason, for the audit (optional)", "a mistake")
        await page.press("Remove")
        await _says(page, "Removed: user ann, app demo.")
        assert _entries(tmp_path) == []
        assert _audited(tmp_path, "allowed")["reason"] == "a mistake"


async def test_an_entry_whose_time_is_no_date_is_shown_with_the_others(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        entries = [{"user": "ann", "until": 10**14}, {"user": "bob", "issued_before": 10**16}, {"user": "eve"}]
        (tmp_path / "deny.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
        async with operator_page(browser, server.admin, "Deny list") as page:
            rows = page.panel.locator("tbody tr")
            await rows.nth(2).wait_for()
            assert "(100000000000000)" in await rows.nth(0).inner_text()
            await page.press("Remove user bob, issued before 10000000000000000, all apps")


async def test_names_that_differ_by_their_spaces_look_different(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        (tmp_path / "deny.jsonl").write_text('{"channel": "a  b"}\n{"channel": "a b"}\n')
        async with operator_page(browser, server.admin, "Deny list") as page:
            channels = page.panel.locator("td.id").filter(has_text="a")
            await channels.first.wait_for()
            assert await channels.all_inner_texts() == ["a  b", "a b"]


async def test_the_servers_clock_says_when_an_entry_ends(browser: Browser, tmp_path: Path) -> None:
    async def half_an_hour_later(route: Route) -> None:
        answer = await route.fetch()
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)
        await route.fulfill(response=answer, headers={**answer.headers, "date": date})

    async with operated(tmp_path) as server:
        (tmp_path / "deny.jsonl").write_text(json.dumps({"user": "ann", "until": int(time.time()) + 3600}))
        async with operator_page(browser, server.admin, "Deny list") as page:
            await page.panel.get_by_text(re.compile("in (1 h|59 min)")).wait_for()
            await page.page.route("**/-/deny", half_an_hour_later)
            await page.press("Read again")
            await page.panel.get_by_text(re.compile("in (30|29) min")).wait_for()


async def test_fields_with_markup_and_times_are_kept_and_shown_as_they_are(browser: Browser, tmp_path: Path) -> None:
    channel = 'demo-<b onclick="x">room</b>'
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Deny list") as page:
        await page.type_into("Channel", channel)
        await page.panel.get_by_label("Issued before", exact=True).fill("2026-01-31T18:00:00")
        await page.press("Deny")
        await _says(page, "Denied: channel demo-<b")
        assert _entries(tmp_path) == [{"channel": channel, "issued_before": 1_769_882_400}]
        cells = await page.panel.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
        assert cells == ["all apps", "–", "–", channel, "–", "–", "31 Jan 2026, 18:00:00", "never", "Remove"]
        assert await page.page.locator("main b").count() == 0


@pytest.mark.parametrize(
    ("fields", "wrong", "sentence"),
    [
        ({"App": "demo"}, "User", "Name what to deny"),
        ({"User": "ann", "For": "an hour"}, "For", "90s, 30m, 2h or 1d"),
        ({"User": "ann", "For": "0s"}, "For", "90s, 30m, 2h or 1d"),
        ({"User": "ann", "For": "9999d"}, "For", "for"),
        ({"User": "ann", "App": "dema"}, "App", "there is no app dema, did you mean 'demo'?"),
        ({"Caller": "an", "App": "demo"}, "Caller", "app demo has no caller an, did you mean 'any'?"),
    ],
)
async def test_a_mistake_is_said_at_its_field(
    browser: Browser, fields: dict[str, str], wrong: str, sentence: str, tmp_path: Path
) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Deny list") as page:
        await page.panel.get_by_text("Nobody is denied here.").wait_for()
        for label, text in fields.items():
            await page.type_into(label, text)
        await page.press("Deny")
        await page.panel.get_by_role("alert").filter(has_text=sentence).wait_for()
        field = page.panel.get_by_label(wrong, exact=True)
        assert await field.get_attribute("aria-invalid") == "true"
        assert await field.evaluate("node => node === document.activeElement")
        described = (await field.get_attribute("aria-describedby") or "").split()
        assert sentence in await page.page.locator(f"#{described[0]}").inner_text()
        assert await page.page.locator("[aria-invalid]").count() == 1
        assert (tmp_path / "deny.jsonl").read_text() == ""


async def test_a_change_that_cannot_be_audited_is_not_made_and_said(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Deny list") as page:
        (tmp_path / "audit.jsonl").unlink(missing_ok=True)
        (tmp_path / "audit.jsonl").mkdir()
        await page.type_into("User", "ann")
        await page.press("Deny")
        await page.panel.get_by_role("alert").filter(has_text="the audit").wait_for()
        assert (tmp_path / "deny.jsonl").read_text() == ""
        assert await page.panel.get_by_label("User", exact=True).input_value() == "ann"


async def test_lines_that_are_no_entries_are_listed(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        (tmp_path / "deny.jsonl").write_text('{"user": "ann"}\n{"user": ""}\nnonsense\n')
        async with operator_page(browser, server.admin, "Deny list") as page:
            for sentence in ("line 2: user", "line 3: is no JSON object"):
                await page.panel.get_by_role("listitem").filter(has_text=sentence).wait_for()
            assert await page.panel.get_by_role("row").count() == 2


async def test_a_source_that_cannot_be_written_says_why_and_has_no_form(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        (tmp_path / "deny.jsonl").unlink()
        (tmp_path / "deny.jsonl").mkdir()
        async with operator_page(browser, server.admin, "Deny list") as page:
            await page.panel.get_by_text("can be neither read nor changed").wait_for()
            assert "deny.jsonl" in await page.panel.get_by_role("region", name="File").inner_text()
            assert await page.panel.get_by_role("button", name="Deny", exact=True).count() == 0


async def test_without_a_deny_list_the_page_says_how_to_have_one(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server, operator_page(browser, server.admin, "Deny list") as page:
        await page.panel.get_by_text("add deny: {file: deny.jsonl}").wait_for()
        assert await page.panel.get_by_role("button", name="Deny", exact=True).count() == 0


async def test_a_long_list_is_searched(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        lines = [json.dumps({"user": f"user-{number}"}) for number in range(1000)]
        (tmp_path / "deny.jsonl").write_text("\n".join(lines))
        async with operator_page(browser, server.admin, "Deny list") as page:
            await page.panel.get_by_text("The first 200 of 1000 entries.").wait_for()
            await page.type_into("Show entries that contain", "USER-77")
            await page.panel.get_by_text("The first 200").wait_for(state="detached")
            assert await page.panel.get_by_role("row").count() == 1 + 11


async def test_an_entry_in_redis_is_added_beside_the_file_and_removed(browser: Browser, tmp_path: Path) -> None:
    need_redis()
    with RedisServer() as redis:
        (tmp_path / "redis").write_text(redis.url)
        (tmp_path / "redis").chmod(0o600)
        more = f"redis: {{url: {{file: {tmp_path / 'redis'}}}}}\n"
        async with (
            operated(tmp_path, more=more, deny=", redis: true") as server,
            operator_page(browser, server.admin, "Deny list") as page,
        ):
            in_redis = page.panel.get_by_role("region", name="Redis")
            await in_redis.get_by_text("Nobody is denied here.").wait_for()
            await page.panel.get_by_label("Source", exact=True).select_option("redis")
            await page.type_into("User", "ann")
            await page.press("Deny")
            await _says(page, "Denied: user ann, all apps, for ever.")
            assert await in_redis.locator("tbody tr").count() == 1
            assert _entries(tmp_path) == []
            assert _audited(tmp_path, "denied")["entry"] == {"user": "ann"}
            redis.kill()
            await page.press("Read again")
            await in_redis.get_by_text("can be neither read nor changed").wait_for()
            redis.start()
            await page.press("Read again")
            await in_redis.get_by_text("Nobody is denied here.").wait_for()  # it came back empty
