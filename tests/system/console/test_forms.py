"""The console's forms: each kind of each backend as it opens, what stays in them and what does not, and copying."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.running import Running, serving
from tests.system.console.watching import watched
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import CERTIFICATE, KEY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]


@pytest.fixture
def every_kind(tmp_path: Path) -> Iterator[Running]:
    """A running tokend with an app of every kind, whose anonymous callers may have everything."""
    (tmp_path / "config.yaml").write_text(
        f"{ANYBODY['every capability']}    console: true\n    routes: [{{path: /all, dialect: native}}]\n"
    )
    with serving(tmp_path, {"CERTIFICATE": CERTIFICATE}) as running:
        yield running


async def test_the_form_of_each_kind_gets_a_token_as_it_opens(browser: Browser, every_kind: Running) -> None:
    async with watched(browser, f"{every_kind.url}/all/console") as console:
        page = console.page
        await expect(page.get_by_label("Kind of token")).to_be_visible()
        kinds = await page.get_by_label("Kind of token").locator("option").all_inner_texts()
        assert len(kinds) > 5
        for kind in kinds:
            await page.get_by_label("Kind of token").select_option(kind)
            await page.get_by_role("button", name="Get a token", exact=True).click()
            await expect(page.get_by_role("heading", name=f"✓ A token of the kind {kind}", exact=True)).to_be_visible()
            await expect(page.get_by_text("Reading the token…")).to_have_count(0)
            await expect(page.get_by_role("alert")).to_have_count(0)


async def test_what_is_typed_stays_for_another_kind(browser: Browser, every_kind: Running) -> None:
    async with watched(browser, f"{every_kind.url}/all/console") as console:
        page = console.page
        kinds = page.get_by_label("Kind of token")
        await kinds.select_option("rtc")
        await page.locator("form [name=channel]").fill("room-of-mine")
        await kinds.select_option("rtm")
        await kinds.select_option("rtc")
        await expect(page.locator("form [name=channel]")).to_have_value("room-of-mine")
        await kinds.select_option("livekit")
        await page.locator("form [name=attributes]").evaluate("node => node.closest('details').open = true")
        await page.locator("form [name=attributes]").fill('{"seat": "7"}')
        await kinds.select_option("rtc")
        await kinds.select_option("livekit")
        await expect(page.locator("form [name=attributes]")).to_have_value('{"seat": "7"}')


async def test_a_credential_stands_in_every_tab_and_no_longer_after_a_reload(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        page = console.page
        await page.get_by_label("Key or JWT").fill(KEY)
        await page.get_by_role("tab", name="Inspect").click()
        secret = page.locator("#panel-inspect").get_by_label("Key or JWT")
        await expect(secret).to_have_value(KEY)
        await secret.fill("another")
        await page.get_by_role("tab", name="Get a token").click()
        await expect(page.locator("#panel-token").get_by_label("Key or JWT")).to_have_value("another")
        await page.reload()
        await expect(page.get_by_label("Key or JWT")).to_have_value("")


async def test_the_test_page_is_that_of_the_kind_that_was_requested(browser: Browser, every_kind: Running) -> None:
    async with watched(browser, f"{every_kind.url}/all/console") as console:
        page = console.page
        kinds = page.get_by_label("Kind of token")
        await kinds.select_option("rtc")
        meanwhile = asyncio.Event()

        async def slowly(route: Route) -> None:
            await meanwhile.wait()
            await route.continue_()

        await page.route("**/v1/token", slowly)
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await kinds.select_option("livekit")
        meanwhile.set()
        await expect(page.get_by_role("heading", name="✓ A token of the kind rtc", exact=True)).to_be_visible()
        join = page.get_by_role("link", name="Join with the vendor's test page")
        assert "livekit" not in str(await join.get_attribute("href"))


async def test_copying_a_token_is_said(browser: Browser, tokend: Running) -> None:
    async with watched(
        browser, f"{tokend.url}/demo/console", permissions=["clipboard-read", "clipboard-write"]
    ) as console:
        page = console.page
        await page.get_by_label("channel (required)").fill("demo-room")
        await page.keyboard.press("Enter")
        await expect(page.locator("#announcement")).to_have_text("✓ A token of the kind rtc")
        await page.get_by_role("button", name="Copy the token").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        await expect(page.locator("#announcement")).to_have_text("Copied")
        token = await page.get_by_label("The token", exact=True).input_value()
        assert await page.evaluate("navigator.clipboard.readText()") == token
        await page.evaluate("navigator.clipboard.writeText('')")
        join = page.get_by_role("link", name="Join with the vendor's test page")
        await join.evaluate("link => { link.removeAttribute('href'); link.click(); }")  # no test opens another host
        await expect(page.get_by_text("The token is copied: paste it there.").first).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == token
