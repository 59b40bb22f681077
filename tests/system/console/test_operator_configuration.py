"""The tab Configuration: what serves, what is wrong with it, what ends, and a reload with its result."""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser

from tests.system.console.operator_page import OperatorPage, operated, operator_page
from tests.system.workers.serving import Running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]

_SCHOOL: Final = """
  school:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {file: certificate}
    callers:
      old:
        api_key:
          sha256: "sha256:bf21eee91524b4aec6f8cb66df6dc6b7f77e6191fbd3b068cd7eda85885ad2b5"
          not_after: 2030-01-31T00:00:00Z
deny:"""


def _edit(server: Running, old: str, new: str) -> None:
    file = server.directory / "config.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


async def _part(page: OperatorPage, title: str) -> str:
    return await page.page.get_by_role("region", name=title).inner_text()


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_change_is_shown_and_reloaded(browser: Browser, workers: int, tmp_path: Path) -> None:
    async with operated(tmp_path, workers) as server, operator_page(browser, server.admin, "Configuration") as page:
        await page.page.get_by_text("Nothing: what serves is what the files say.").wait_for()
        _edit(server, "demo-*", "lesson-*")
        _edit(server, "deny:", _SCHOOL.lstrip("\n"))
        await page.press("Read again")
        await page.page.get_by_text("callers.any.rules").wait_for()
        assert re.search(
            r"school added.*demo changed", (await _part(page, "What a reload would change")).replace("\n", " ")
        )
        await page.press("Reload")
        await page.page.get_by_role("status").filter(has_text="The configuration was reloaded").wait_for()
        await page.page.get_by_text("Nothing: what serves is what the files say.").wait_for()
        ends = await page.page.get_by_role("row", name=re.compile("school")).get_by_role("cell").all_inner_texts()
        assert ends[:2] == ["school", "old"]
        assert "31 Jan 2030" in ends[2]
        await page.press("Reload")
        await page.page.get_by_role("status").filter(has_text="Nothing has changed").wait_for()


async def test_a_rejected_reload_has_its_problems(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Configuration") as page:
        await page.page.get_by_text("Nothing: what serves is what the files say.").wait_for()
        _edit(server, "server: {", "server: {colour: red, ")
        await page.press("Reload")
        await page.page.get_by_role("status").filter(has_text="The reload was rejected.").wait_for()
        for part in await page.page.get_by_role("listitem").filter(has_text="server.colour: unknown key").all():
            assert "config.yaml:2" in await part.inner_text()
        await page.page.get_by_text("It would be rejected:").wait_for()


async def test_invalid_apps_and_warnings_are_listed(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        _edit(server, "deny:", _SCHOOL.lstrip("\n").replace("not_after", "<i>after</i>"))
        await server.reload()
        async with operator_page(browser, server.admin, "Configuration") as page:
            part = page.page.get_by_role("region", name="Apps that are invalid")
            await part.get_by_text("<i>after</i>").first.wait_for()
            assert "school" in await part.inner_text()
            warnings = page.page.get_by_role("region", name="Warnings")
            await warnings.get_by_text("caller any is anonymous").first.wait_for()
            assert await page.page.locator("main i").count() == 0


async def test_a_reload_names_the_apps_that_it_does_not_serve(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Configuration") as page:
        _edit(server, "deny:", _SCHOOL.lstrip("\n").replace("not_after", "after"))
        await page.press("Reload")
        await page.page.get_by_role("status").filter(has_text="Invalid, and not served: school.").wait_for()


async def test_an_app_of_a_reload_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Configuration") as page:
        app = page.page.locator("#app")
        assert await app.locator("option").all_inner_texts() == ["demo"]
        _edit(server, "deny:", _SCHOOL.lstrip("\n"))
        await page.press("Reload")
        await page.page.get_by_role("status").filter(has_text="The configuration was reloaded").wait_for()
        await app.focus()
        await app.locator("option").filter(has_text="school").wait_for(state="attached")
        assert await app.input_value() == "demo"
        await app.select_option("school")
        await page.choose("Get a token")
        await page.page.get_by_label("Key or JWT").wait_for()


async def test_the_tree_opens_and_marks_what_is_not_shown(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        _edit(server, "deny:", _SCHOOL.lstrip("\n"))
        await server.reload()
        async with operator_page(browser, server.admin, "Configuration") as page:
            school = page.page.locator("summary").filter(has_text="school")
            await school.wait_for()
            assert not await page.page.get_by_text("file certificate").first.is_visible()
            await page.tab_to(school)
            await page.page.keyboard.press("Enter")
            assert "not shown" in await page.page.get_by_text("file certificate").last.inner_text()
            await page.press("Open all")
            text = await _part(page, "Configuration in force")
            assert "digest of a key" in text
            assert "bf21eee9" not in await page.page.content()
            assert await page.page.get_by_text("demo-*").is_visible()
            await page.press("Close all")
            assert not await page.page.get_by_text("demo-*").is_visible()


async def test_what_was_repaired_elsewhere_is_gone_when_the_tab_is_chosen_again(
    browser: Browser, tmp_path: Path
) -> None:
    async with operated(tmp_path) as server:
        _edit(server, "deny:", _SCHOOL.lstrip("\n").replace("not_after", "after"))
        await server.reload()
        async with operator_page(browser, server.admin, "Configuration") as page:
            invalid = page.page.get_by_role("region", name="Apps that are invalid")
            await invalid.get_by_role("heading", name="school").wait_for()
            await page.choose("Status")
            _edit(server, "          after:", "          not_after:")
            assert (await server.reload())[0] == 200
            await page.choose("Configuration")
            await page.page.get_by_role("row", name=re.compile("school")).wait_for()
            assert not await invalid.is_visible()
