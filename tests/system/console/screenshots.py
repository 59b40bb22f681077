"""`make screenshots`: the pictures of the console in docs/pictures, taken in Chromium with the shipped configuration."""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Browser, Page

from tests.free_ports import free_port
from tests.running import ADMIN_DIGEST, ADMIN_KEY, DEMO, ROOT, serving
from tests.system.browser import parts
from tests.system.browser.watching import chromium

FOLDER: Final = ROOT / "docs/pictures"
WIDTH: Final = 1280
_SECONDS: Final = 150
LARGEST: Final = 150_000
"""Bytes of a picture."""


async def _take(page: Page, name: str, height: int = 900) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": height})
    await page.evaluate("window.scrollTo(0, 0)")
    path = FOLDER / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"{path.name} has {size:,} bytes, more than {LARGEST:,}")
    sys.stdout.write(f"{path.relative_to(ROOT)}: {size:,} bytes\n")


async def _page(browser: Browser, url: str) -> Page:
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": 900}, color_scheme="light", locale="en-GB", timezone_id="UTC"
    )
    page = await context.new_page()
    page.set_default_timeout(parts.SECONDS * 1000)
    await page.goto(url)
    return page


async def _of_an_app(browser: Browser, url: str) -> None:
    page = await _page(browser, f"{url}/demo/console")
    await page.get_by_label("channel (required)").fill("demo-room")
    await page.keyboard.press("Enter")
    await page.get_by_label("The token", exact=True).wait_for()
    await _take(page, "console-token")
    await page.get_by_label("channel (required)").fill("secret-room")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="What each rule requires").wait_for()
    await _take(page, "console-403", 600)


async def _of_the_operator(browser: Browser, admin: str, url: str) -> None:
    requests = (await browser.new_context()).request
    for second in range(_SECONDS):  # so that the plots have lines
        for channel in ("demo-room", "demo-lobby", "other")[: 1 + second % 3]:
            await requests.get(f"{url}/demo/rtc/{channel}/publisher/uid/1001/")
        await asyncio.sleep(1)
    page = await _page(browser, f"{admin}/console")
    await page.get_by_label("Key of server.admin").fill(ADMIN_KEY)
    await page.keyboard.press("Enter")
    await page.get_by_role("tab", name="Status", exact=True).click()
    await page.get_by_role("tabpanel").get_by_text("not_permitted").first.wait_for()
    await _take(page, "console-status")


async def main() -> None:
    """Take all pictures."""
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        port = free_port()
        admin = f'server:\n  admin: {{listen: "127.0.0.1:{port}", key: "{ADMIN_DIGEST}"}}'
        text = (ROOT / "config.yaml").read_text("utf-8").replace("server:", admin, 1)
        (directory / "config.yaml").write_text(text, "utf-8")
        with serving(directory, DEMO) as running:
            async with chromium() as browser:
                await _of_an_app(browser, running.url)
                await _of_the_operator(browser, f"http://127.0.0.1:{port}", running.url)


if __name__ == "__main__":
    if parts.chromium() is None:
        sys.exit("chromium is not on the PATH (on Debian: apt-get install chromium)")
    os.chdir(ROOT)
    asyncio.run(main())
