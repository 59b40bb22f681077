"""The console of the admin listener in Chromium, opened with the admin key at one of the operator's tabs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator

from tests.running import ADMIN_KEY
from tests.system.console.watching import Scheme, Watched, watched
from tests.system.workers.serving import Running, serving


class OperatorPage:
    """A page of the console. `panel`: that of the chosen tab."""

    def __init__(self, watched_page: Watched, url: str) -> None:
        self.watched = watched_page
        self.page = watched_page.page
        self.panel = self.page.get_by_role("tabpanel")
        self.url = url

    async def open(self, tab: str) -> None:
        """Type the key, and choose the tab, with the keyboard alone."""
        await self.page.get_by_label("Key of server.admin").fill(ADMIN_KEY)
        await self.page.keyboard.press("Enter")
        await self.choose(tab)

    async def choose(self, tab: str) -> None:
        """Choose a tab with the arrow keys."""
        found = self.page.get_by_role("tab", name=tab, exact=True)
        await self.page.get_by_role("tab", selected=True).focus()
        for _ in range(6):
            if await found.get_attribute("aria-selected") == "true":
                return
            await self.page.keyboard.press("ArrowRight")
        raise AssertionError(f"the arrow keys do not reach the tab {tab}")

    async def tab_to(self, target: Locator) -> None:
        """Press Tab until the target has the focus."""
        for _ in range(80):
            if await target.evaluate("node => node === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")

    async def type_into(self, label: str, text: str) -> None:
        """Go to a field with Tab, and type."""
        await self.tab_to(self.panel.get_by_label(label, exact=True))
        await self.page.keyboard.type(text)

    async def press(self, name: str) -> None:
        """Go to a button with Tab, and press Enter."""
        await self.tab_to(self.panel.get_by_role("button", name=name, exact=True))
        await self.page.keyboard.press("Enter")


@asynccontextmanager
async def operator_page(
    browser: Browser, url: str, tab: str, *, scheme: Scheme = "light"
) -> AsyncIterator[OperatorPage]:
    """A page at a tab. It fails at the end if the browser complained of anything. Its language is English, its zone UTC."""
    options: dict[str, Any] = {"reduced_motion": "reduce", "locale": "en-GB", "timezone_id": "UTC"}
    async with watched(browser, f"{url}/console", scheme=scheme, **options) as found:
        page = OperatorPage(found, url)
        await page.open(tab)
        yield page
        assert [requested for requested in found.requests if not requested.startswith((url, "data:"))] == []


@asynccontextmanager
async def operated(
    directory: Path, workers: int = 1, more: str = "", server: str = "", deny: str = ""
) -> AsyncIterator[Running]:
    """A server with a deny list and an audit.

    `more`: keys of the configuration; `server`: keys of `server`; `deny`: keys of `deny` beside its file.
    """
    (directory / "deny.jsonl").touch()
    written = (
        f"deny: {{file: {directory / 'deny.jsonl'}{deny}}}\n"
        f"audit: {{to: {{file: {directory / 'audit.jsonl'}}}}}\n{more}"
    )
    async with serving(directory, workers, server) as running:
        running.write("demo-*", written)
        status, answer = await running.reload()
        assert (status, answer["problems"]) == (200, [])
        yield running
