"""A console in Chromium, watched: what it writes to the browser's console, what it breaks of its policy, which hosts it asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Request

from tests.running import ROOT
from tests.system.browser import parts

AXE: Final = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS: Final = ROOT / "build" / "console"
WIDTHS: Final = (390, 1280)
Scheme = Literal["light", "dark"]
_FAILED_REQUEST: Final = "Failed to load resource: the server responded with a status of"
"""Chromium writes it for each answer with an error, which is no mistake of the page."""


class Watched:
    """A page and what went wrong on it. `requests`: the URLs that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(parts.SECONDS * 1000)
        page.on("console", self._wrote)
        page.on("pageerror", lambda error: self.problems.append(f"an exception: {error}"))
        page.on("request", self._asked)

    def _wrote(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_FAILED_REQUEST):
            self.problems.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.problems.append(f"another host: {request.url}")

    async def violations(self) -> list[str]:
        """What axe-core finds, a line for each rule."""
        return [
            f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
            for violation in await violations(self.page)
            for node in violation["nodes"]
        ]

    async def shot(self, name: str) -> None:
        """A picture of the whole page, to be looked at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    async def is_too_wide(self) -> bool:
        """Whether the page scrolls sideways."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@asynccontextmanager
async def watched(
    browser: Browser, url: str, *, scheme: Scheme = "light", width: int = 1280, **options: Any
) -> AsyncIterator[Watched]:
    """A page in a context of its own. Fails if anything went wrong on it."""
    context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, **options)
    try:
        found = Watched(await context.new_page())
        await found.page.goto(url)
        yield found
        assert found.problems == []
    finally:
        await context.close()


async def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds on a page, as it describes it: a dictionary for each rule, with its `id`, `help` and `nodes`."""
    await page.evaluate(AXE.read_text("utf-8"))  # past the page's policy, as a developer's tools are
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return list(found["violations"])


def missing() -> str | None:
    """What these tests need and this machine does not have; None if it has all."""
    return parts.missing() or (None if AXE.is_file() else f"axe-core: npm install --prefix {_place(AXE)}")


def _place(path: Path) -> str:
    return "/".join(path.relative_to(ROOT).parts[:2])
