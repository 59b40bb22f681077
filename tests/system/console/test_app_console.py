"""The console of an app in Chromium: each flow by keyboard alone, what axe-core finds, and that nothing leaves the page."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.running import Running
from tests.system.console.watching import WIDTHS, Scheme, watched
from tests.unit.http.running import KEY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]
MARKUP = "demo-<b>&amp;"
ENDS = re.compile("ends in (1 h|59 min)")


async def _focus(page: Page, name: str, steps: int = 60) -> None:
    """Go with Tab to the control that has this label or text."""
    for _ in range(steps):
        found = await page.evaluate(
            "(() => { const e = document.activeElement; return e.labels?.[0]?.textContent ?? e.textContent ?? ''; })()"
        )
        if str(found).strip() == name:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached with Tab")


async def _fill(page: Page, name: str, text: str) -> None:
    await _focus(page, name)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


async def test_a_token_by_keyboard_alone(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", MARKUP)
        await page.keyboard.press("Enter")
        token = page.get_by_label("The token", exact=True)
        await expect(token).to_be_visible()
        assert (await token.input_value()).startswith("007")
        await expect(page.get_by_role("heading", name="✓ A token of the kind rtc")).to_be_visible()
        await expect(page.locator("dd li").first).to_contain_text(f'RTC "{MARKUP}" user "7" as publisher: join 1 hour')
        await _focus(page, "Every other field")
        await page.keyboard.press("Enter")
        await expect(page.locator("dd code").get_by_text(MARKUP, exact=True).last).to_be_visible()
        assert await page.locator("main b").count() == 0
        await expect(page.get_by_role("progressbar")).to_have_attribute("max", "3600")
        await expect(page.get_by_text(ENDS).first).to_be_visible()
        code = await page.locator("pre").first.inner_text()
        assert f"'{tokend.url}/demo/v1/token'" in code
        assert json.dumps(MARKUP) in code
        join = page.get_by_role("link", name="Join with the vendor's test page")
        assert "token" not in str(await join.get_attribute("href"))
        assert await join.get_attribute("rel") == "noopener noreferrer"
        assert all(url.startswith(f"{tokend.url}/demo/") for url in console.requests)


async def test_what_each_rule_requires_stands_below_a_403(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "secret-room")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="What each rule requires")).to_be_visible()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("the rule of this caller does not permit this: channel does not match")
        await expect(page.locator("#announcement")).to_have_text("Below the error: what each rule requires")
        rows = page.locator("tbody tr")
        await expect(rows).to_have_count(2)
        await expect(rows.nth(0)).to_contain_text('channel "secret-room" does not match "demo-*"')
        await expect(rows.nth(1)).to_contain_text("kind rtc is not among kinds")
        await page.get_by_label("Kind of token").select_option("chat")
        await page.get_by_label("user", exact=True).fill("bob")
        await page.keyboard.press("Enter")
        await expect(alert).to_contain_text("no rule of this caller permits this")
        await expect(rows.nth(0)).to_contain_text("kind chat is not among kinds")
        await page.get_by_role("button", name="Explain").click()
        await expect(page.get_by_role("heading", name="✗ No token would be issued")).to_be_visible()
        assert "v1/explain" not in await page.locator(".result").inner_text()


async def test_kinds_that_no_rule_permits_stand_apart(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        permitted, others = (page.locator("optgroup").nth(number).locator("option") for number in (0, 1))
        await expect(permitted).to_have_text(["rtc", "rtm"])
        await expect(others).to_have_text(["chat", "combined"])
        note = page.get_by_text("No rule of this caller permits this kind of token.")
        await expect(note).to_be_hidden()
        await page.get_by_label("Kind of token").select_option("chat")
        await expect(note).to_be_visible()
        await page.get_by_label("Kind of token").select_option("rtm")
        await expect(note).to_be_hidden()


async def test_the_kinds_of_a_caller_are_known_with_its_key(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/signaling/console") as console:
        page = console.page
        await expect(page.get_by_label("Key or JWT")).to_be_visible()
        assert not any("v1/explain" in url for url in console.requests)
        await page.get_by_label("Key or JWT").fill(KEY)
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("Kind of token")).to_have_value("rtm")
        await expect(page.locator("optgroup").nth(1).locator("option")).to_have_text(["rtc", "chat"])
        await page.get_by_label("Kind of token").select_option("chat")
        await page.get_by_label("Key or JWT").fill(f"{KEY}0")
        await page.keyboard.press("Tab")
        await expect(page.locator("optgroup")).to_have_count(0)
        await expect(page.get_by_label("Kind of token")).to_have_value("chat")


async def test_an_error_marks_its_field_and_goes_to_it(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "demo-room")
        await _fill(page, "ttl", "99999999")
        await page.keyboard.press("Enter")
        ttl = page.get_by_label("ttl", exact=True)
        await expect(ttl).to_have_attribute("aria-invalid", "true")
        await expect(ttl).to_be_focused()
        sentence = await page.get_by_role("alert").inner_text()
        assert "ttl must be 60 to" in sentence
        assert await page.locator(".problem").first.inner_text() in sentence


async def test_a_key_is_used_and_never_kept(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "any")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Error code: unauthenticated")
        secret = page.get_by_label("Key or JWT")
        await expect(secret).to_be_focused()
        await page.keyboard.type(KEY)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
        kept = await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        )
        assert KEY not in kept
        assert KEY not in await page.content()
        assert all(KEY not in url for url in console.requests)
        await page.reload()
        await expect(page.get_by_label("Key or JWT")).to_have_value("")


async def test_inspect_by_keyboard_alone(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "demo-room")
        await page.keyboard.press("Enter")
        token = await page.get_by_label("The token", exact=True).input_value()
        await page.get_by_role("tab", name="Get a token").focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("tab", name="Inspect")).to_be_focused()
        await _fill(page, "Token", f'{{"rtcToken": "{token}"}}')
        await _focus(page, "Would a join work?")
        await page.keyboard.press("Enter")
        await _fill(page, "Channel", "demo-other")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="✗ A problem")).to_be_visible()
        await expect(page.locator("li.problem")).to_contain_text("demo-room")
        await expect(page.locator("#panel-inspect").get_by_text(ENDS)).to_be_visible()


@pytest.mark.parametrize("text", ["nonsense <img src=x onerror=alert(1)>", "Bearer abc.def.ghi", "007"])
async def test_what_is_no_token_gets_a_sentence(text: str, browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console#inspect") as console:
        page = console.page
        await page.get_by_label("Token", exact=True).fill(text)
        await page.get_by_role("button", name="Inspect", exact=True).click()
        outcome = page.locator("#panel-inspect .result")
        await expect(outcome.locator(".alert, .problem").first).to_be_visible()
        assert await page.locator("img").count() == 0
        assert "{" not in await outcome.inner_text()


async def test_a_server_that_is_gone_is_a_sentence(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await page.get_by_label("channel (required)").fill("demo-room")
        tokend.stop()
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        console.problems = [problem for problem in console.problems if "ERR_CONNECTION" not in problem]


async def test_every_kind_has_a_form(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        kinds = console.page.get_by_label("Kind of token")
        for kind in ("rtc", "rtm", "chat", "combined"):
            await kinds.select_option(kind)
            await expect(console.page.locator("form [name=ttl]")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_and_nothing_is_cut_off(
    scheme: Scheme, width: int, browser: Browser, tokend: Running
) -> None:
    async with watched(browser, f"{tokend.url}/demo/console", scheme=scheme, width=width) as console:
        page = console.page
        await page.get_by_label("channel (required)").fill(MARKUP)
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_text("signed by")).to_be_visible()
        token = await page.get_by_label("The token", exact=True).input_value()
        await console.shot(f"token-{scheme}-{width}")
        found = await console.violations()
        await page.get_by_role("button", name="Explain").click()
        await expect(page.locator("tbody tr").first).to_be_visible()
        await console.shot(f"explain-{scheme}-{width}")
        found += await console.violations()
        await page.get_by_label("Kind of token").select_option("chat")
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_role("heading", name="What each rule requires")).to_be_visible()
        await console.shot(f"requirements-{scheme}-{width}")
        found += await console.violations()
        await page.get_by_role("tab", name="Inspect").click()
        await page.get_by_label("Token", exact=True).fill("Bearer abc.def.ghi")
        await page.get_by_role("button", name="Inspect", exact=True).click()
        await expect(page.locator("#panel-inspect .problem, #panel-inspect .alert").first).to_be_visible()
        await console.shot(f"inspect-{scheme}-{width}")
        found += await console.violations()
        await page.get_by_label("Token", exact=True).fill(token)
        await page.get_by_text("Would a join work?").click()
        await page.get_by_label("Channel", exact=True).fill("demo-other")
        await page.get_by_role("button", name="Inspect", exact=True).click()
        await expect(page.get_by_role("heading", name="✗ A problem")).to_be_visible()
        await page.locator("#panel-inspect").get_by_text("Every other field").click()
        await console.shot(f"problem-{scheme}-{width}")
        found += await console.violations()
        assert found == []
        assert not await console.is_too_wide()


async def test_reduced_motion_and_forced_colours_keep_it_usable(browser: Browser, tokend: Running) -> None:
    url = f"{tokend.url}/demo/console"
    async with watched(browser, url, reduced_motion="reduce", forced_colors="active") as console:
        await console.page.get_by_label("channel (required)").fill("demo-room")
        await console.page.keyboard.press("Enter")
        await expect(console.page.get_by_label("The token", exact=True)).to_be_visible()


async def test_back_and_forward_change_the_tab_and_keep_what_was_typed(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "demo-room")
        await page.get_by_role("tab", name="Inspect").click()
        await page.get_by_label("Token", exact=True).fill("007eJx")
        await page.go_back()
        await expect(page.get_by_role("tab", name="Get a token")).to_have_attribute("aria-selected", "true")
        await expect(page.get_by_label("channel (required)")).to_have_value("demo-room")
        await page.go_forward()
        await expect(page.get_by_role("tab", name="Inspect")).to_have_attribute("aria-selected", "true")
        await expect(page.get_by_label("Token", exact=True)).to_have_value("007eJx")
        await page.go_back()
        await page.get_by_role("tab", name="Get a token").click()  # it is chosen already: no entry of the history
        await page.go_forward()
        await expect(page.get_by_role("tab", name="Inspect")).to_have_attribute("aria-selected", "true")


async def test_the_link_to_the_content_stays_at_the_tab(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console#inspect") as console:
        page = console.page
        await expect(page.get_by_label("Token", exact=True)).to_be_visible()
        await _focus(page, "Skip to the content")
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await expect(page.get_by_role("tab", name="Inspect")).to_have_attribute("aria-selected", "true")


async def test_the_servers_clock_says_how_long_a_token_lasts(browser: Browser, tokend: Running) -> None:
    async def half_an_hour_later(route: Route) -> None:
        answer = await route.fetch()
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)
        await route.fulfill(response=answer, headers={**answer.headers, "date": date})

    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await _fill(page, "channel (required)", "demo-room")
        await page.keyboard.press("Enter")
        token = await page.get_by_label("The token", exact=True).input_value()
        await page.route("**/v1/inspect", half_an_hour_later)
        await page.get_by_role("tab", name="Inspect").click()
        await page.get_by_label("Token", exact=True).fill(token)
        await page.get_by_role("button", name="Inspect", exact=True).click()
        await expect(page.locator("#panel-inspect .life")).to_contain_text(re.compile("ends in (30|29) min"))


async def test_a_text_that_is_too_long_is_said_at_its_field_by_the_server(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console#inspect") as console:
        text = console.page.get_by_label("Token", exact=True)
        await text.fill("007" + "a" * 70_000)
        await console.page.get_by_role("button", name="Inspect", exact=True).click()
        await expect(text).to_have_attribute("aria-invalid", "true")
        sentence = await console.page.get_by_role("alert").locator("strong").inner_text()
        assert sentence.startswith("the body is over ")
        await expect(console.page.locator(".problem")).to_have_text(sentence)
