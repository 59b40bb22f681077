"""The code that the console shows, copied and run as it is: curl, JavaScript in a page, and Python."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, expect

from tests.needs import skip_or_fail
from tests.running import Running, clean_environment
from tests.system.browser import parts
from tests.system.console.watching import watched
from tests.unit.http.running import KEY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]
_ODD = "demo-$HOME & {x} %s"


def _begins_with(text: str) -> Callable[[ConsoleMessage], bool]:
    return lambda message: message.text.startswith(text)


async def _code(browser: Browser, url: str, channel: str, key: str = "") -> list[str]:
    """The code for a token of a channel: curl, JavaScript, Python, and JavaScript without the client."""
    async with watched(browser, f"{url}/console") as console:
        page = console.page
        await page.get_by_label("channel (required)").fill(channel)
        if key:
            await page.get_by_label("Key or JWT").fill(key)
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
        for summary in ("JavaScript, renewed by itself", "Python, renewed by itself", "JavaScript, once"):
            await page.get_by_text(summary, exact=True).click()
        found = [await page.locator("pre").nth(number).inner_text() for number in range(4)]
        assert key == "" or all(key not in code for code in found)
        return found


async def test_no_text_of_a_request_ends_the_script_that_it_is_copied_into(browser: Browser, tokend: Running) -> None:
    _, renewed, _, once = await _code(browser, f"{tokend.url}/demo", "demo-<!--<script>")
    assert r"demo-\u003c!--\u003cscript>" in renewed
    assert "<" not in renewed + once


async def test_without_a_key_the_code_has_none(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await page.get_by_label("Credential").select_option("apiKey")
        await page.get_by_label("channel (required)").fill("demo-room")
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
        assert "YOUR-KEY" not in await page.locator("pre").first.inner_text()
        await page.get_by_label("channel (required)").fill("other")
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.locator("#announcement")).to_have_text("Below the error: what each rule requires")


async def test_curl_and_python_get_a_token(browser: Browser, tokend: Running) -> None:
    curl, _, python, _ = await _code(browser, f"{tokend.url}/demo", _ODD)
    done = subprocess.run(["sh", "-c", f"{curl} -s"], capture_output=True, text=True, check=True, timeout=parts.SECONDS)
    assert json.loads(done.stdout)["token"].startswith("007")
    with subprocess.Popen(
        [sys.executable, "-u", "-c", python], stdout=subprocess.PIPE, text=True, env=clean_environment({})
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
    assert line.startswith("a token until")


async def test_javascript_gets_a_token_in_a_page_of_the_same_server(browser: Browser, tokend: Running) -> None:
    _, renewed, _, once = await _code(browser, f"{tokend.url}/demo", _ODD)
    async with watched(browser, f"{tokend.url}/ping") as page_of_user:
        page = page_of_user.page
        for code, printed in ((renewed, "a token until"), (once, "007")):
            async with page.expect_console_message(_begins_with(printed)):
                await page.add_script_tag(type="module", content=code)


async def test_javascript_with_a_key_gets_a_token_in_node(browser: Browser, tokend: Running, tmp_path: Path) -> None:
    """Node imports no URL, so the code says how to save the client."""
    skip_or_fail(None if shutil.which("node") else "node is not installed")
    _, renewed, _, once = await _code(browser, f"{tokend.url}/closed", _ODD, KEY)
    (save,) = (line.removeprefix("//") for line in renewed.splitlines() if line.startswith("// curl "))
    subprocess.run(["sh", "-c", save], cwd=tmp_path, check=True, capture_output=True, timeout=parts.SECONDS)
    for code, printed in ((renewed, "a token until"), (once, "007")):
        program = tmp_path / "program.mjs"
        program.write_text(code.replace("YOUR-KEY", KEY))
        with subprocess.Popen(["node", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.kill()
        assert line.startswith(printed)
