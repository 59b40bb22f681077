"""The console's form works for each kind of each backend as it opens, and the code that it shows runs."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.running import Running, clean_environment, serving
from tests.system.console.watching import Watched, watched
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import CERTIFICATE, KEY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]
CHANNEL: Final = "demo-$HOME <b>"
"""A shell would replace a part of it, and a page would take another part for markup."""


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


async def _code(console: Watched, heading: str) -> str:
    """The code below a heading, with the caller's key in its place."""
    page = console.page
    await page.get_by_label("channel (required)").fill(CHANNEL)
    await page.get_by_label("Key or JWT").fill(KEY)
    await page.get_by_role("button", name="Get a token", exact=True).click()
    shown = page.locator("details").filter(has=page.get_by_text(heading, exact=True))
    await shown.locator("summary").click()
    text = await shown.locator("pre").text_content()
    assert text is not None
    assert KEY not in text
    return text.replace("YOUR-KEY", KEY)


async def test_its_curl_line_gets_a_token(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        code = await _code(console, "curl")
    process = await asyncio.create_subprocess_exec("sh", "-c", f"{code} --silent", stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert '"token":"007' in output.decode().replace(" ", "")


@pytest.mark.parametrize("heading", ["JavaScript, renewed by itself", "JavaScript, once"])
async def test_its_javascript_gets_a_token(heading: str, browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        code = await _code(console, heading)
        code = code.replace("import { tokenSource } from", "const { tokenSource } = await import(").replace(
            'client.js";', 'client.js");'
        )
        code = code.replace("console.log(", "void (")
        answer = await console.page.evaluate(f"(async () => {{ {code}\nreturn answer; }})()")
        assert answer["channel"] == CHANNEL
        assert answer["token"].startswith("007")


async def test_its_python_gets_a_token(browser: Browser, tokend: Running, tmp_path: Path) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        code = await _code(console, "Python, renewed by itself")
    program = tmp_path / "program.py"
    program.write_text(code)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(program), stdout=asyncio.subprocess.PIPE, env=clean_environment({})
    )
    assert process.stdout is not None
    try:
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).startswith(b"a token until ")
    finally:
        process.terminate()
        await process.wait()


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
