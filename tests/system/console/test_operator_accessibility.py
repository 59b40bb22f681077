"""The operator's tabs for everybody: axe-core, narrow windows, and dark mode."""

import json
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser

from tests.system.console.operator_page import OperatorPage, operated, operator_page
from tests.system.console.watching import WIDTHS, Scheme

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]

_TABS: Final = ("Status", "Deny list", "Configuration")


async def _filled(page: OperatorPage, tab: str) -> None:
    """Wait for what a tab shows, and open what it folds."""
    if tab == "Status":
        await page.page.get_by_text("Measured at").wait_for()
        await page.page.locator(".plot summary").first.click()
    elif tab == "Deny list":
        await page.panel.get_by_role("cell", name="ann", exact=True).wait_for()
    else:
        await page.press("Open all")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", _TABS)
async def test_axe_finds_nothing_and_no_window_is_too_narrow(
    browser: Browser, tab: str, scheme: Scheme, tmp_path: Path
) -> None:
    async with operated(tmp_path) as server:
        long = json.dumps({"channel": "x" * 200})
        (tmp_path / "deny.jsonl").write_text(f'{{"app": "demo", "user": "ann"}}\n{long}\nnonsense\n')
        async with operator_page(browser, server.admin, tab, scheme=scheme) as page:
            await _filled(page, tab)
            for width in WIDTHS:
                await page.page.set_viewport_size({"width": width, "height": 900})
                assert not await page.watched.is_too_wide(), width
                await page.watched.shot(f"operator-{tab.replace(' ', '-').lower()}-{width}-{scheme}")
                assert await page.watched.violations() == [], width


async def test_axe_finds_nothing_in_the_dialog_and_at_a_mistake(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        (tmp_path / "deny.jsonl").write_text('{"app": "demo", "user": "ann"}\n')
        async with operator_page(browser, server.admin, "Deny list") as page:
            await page.press("Deny")
            assert await page.watched.violations() == []
            await page.press("Remove user ann, app demo")
            assert await page.watched.violations() == []
