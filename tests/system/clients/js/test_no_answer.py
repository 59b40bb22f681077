"""What the JavaScript client says if no answer comes: in node, which knows why, and in pages, which do not."""

import shutil
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.running import DEMO, serving
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.clients.js.node import need_node, run_tests
from tests.system.clients.js.test_types import CLIENT

_YAML: Final = """
apps:
  demo:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{channel: "demo-*", user: "*"}]}}
"""
_LOAD: Final = "async (address) => { window.client = await import(address) }"
_DETAIL: Final = """
(url) => new Promise((resolve) => {
    const onError = (error) => (source.stop(), resolve(error.detail))
    const source = window.client.tokenSource({ url, kind: 'rtc', fields: { channel: 'demo-room', uid: 7 }, onError })
    source.start()
})
"""


async def test_node_says_why_and_what_to_check() -> None:
    need_node()
    assert await run_tests("no_answer.test.mjs", {"CLOSED": f"http://127.0.0.1:{free_port()}"}) == 4


async def test_a_page_says_only_what_applies_to_it(tmp_path: Path) -> None:
    skip_or_fail(parts.missing())
    (tmp_path / "config.yaml").write_text(_YAML)
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(CLIENT / "tokend-client.js", site)
    (site / "index.html").write_text("<!doctype html>")
    async with chromium() as browser:
        with serving(tmp_path, DEMO) as server, parts.site(site) as origin:
            url = f"{server.url}/demo"
            page = await browser.new_page()
            await _opened(page, f"{origin}/index.html", "/tokend-client.js")
            assert await page.evaluate(_DETAIL, url) == (
                f"no answer from {server.url}: is the server running, is url right, "
                f"and does the app's cors name this page's origin, {origin}?"
            )
            await _opened(page, f"{server.url}/ping", "/demo/client.js")
            await page.context.set_offline(True)
            assert await page.evaluate(_DETAIL, url) == (
                f"no answer from {server.url}: the browser says that this device is offline"
            )
            await page.context.set_offline(False)
            server.stop()
            assert await page.evaluate(_DETAIL, url) == f"no answer from {server.url}: is the server running?"


async def _opened(page: Page, address: str, client: str) -> None:
    page.set_default_timeout(parts.SECONDS * 1000)
    await page.goto(address)
    await page.evaluate(_LOAD, client)
