"""The console of the admin listener in Chromium, opened with the admin key at one of the operator's tabs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page, Request

from tests.running import ADMIN_KEY
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.workers.serving import Running, serving

_NO_CHROMIUM: Final = "no console tests: chromium is not on the PATH (on Debian: apt-get install chromium)"


class OperatorPage:
    """A page of the console. `panel`: that of the chosen tab.

    `troubles`: console errors, violations of the policy, and requests to other hosts.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.panel = page.get_by_role("tabpanel")
        self.url = url
        self.troubles: list[str] = []
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._requested)

    def _note(self, text: str) -> None:
        if "Failed to load resource" not in text:  # Chromium writes it for each 4xx, which the page shows
            self.troubles.append(text)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.troubles.append(request.url)

    async def open(self, tab: str) -> None:
        """Type the key, and choose the tab, with the keyboard alone."""
        await self.page.goto(f"{self.url}/console")
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

    async def is_narrow(self) -> bool:
        """Whether nothing is wider than the window."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@asynccontextmanager
async def operator_page(url: str, tab: str, *, width: int = 1280, is_dark: bool = False) -> AsyncIterator[OperatorPage]:
    """A page at a tab, in a Chromium of its own. It fails at the end if the browser complained of anything.

    Without Chromium the test is skipped, saying why; where CI=true it fails.
    """
    parts.skip_or_fail(None if parts.chromium() else _NO_CHROMIUM)
    async with chromium() as browser:
        page = await browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if is_dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        page.set_default_timeout(parts.SECONDS * 1000)
        operator = OperatorPage(page, url)
        await operator.open(tab)
        yield operator
    assert operator.troubles == []


@asynccontextmanager
async def operated(directory: Path, workers: int = 1, more: str = "", server: str = "") -> AsyncIterator[Running]:
    """A server with a deny list and an audit. `more`: keys of the configuration; `server`: keys of `server`."""
    (directory / "deny.jsonl").touch()
    written = (
        f"deny: {{file: {directory / 'deny.jsonl'}}}\naudit: {{to: {{file: {directory / 'audit.jsonl'}}}}}\n{more}"
    )
    async with serving(directory, workers, server) as running:
        running.write("demo-*", written)
        assert (await running.reload())[0] == 200
        yield running
