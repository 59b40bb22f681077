"""The console of an app when the server, or what stands before it, fails: each time a sentence, and the next try works."""

from http.server import BaseHTTPRequestHandler

import pytest
from playwright.async_api import Browser, Route, expect

from tests.plain_web import plain_web
from tests.running import Running
from tests.system.console.watching import watched

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]
SENTENCE = "The server does not answer. Is it running, and is this machine online?"


class _Cut(BaseHTTPRequestHandler):
    """Answers with less than it announces."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"token": "007')
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


async def test_an_answer_that_is_cut_off_is_a_sentence(browser: Browser, tokend: Running) -> None:
    with plain_web(_Cut) as cut:

        async def through(route: Route) -> None:
            await route.continue_(url=f"{cut}/")

        async with watched(browser, f"{tokend.url}/demo/console") as console:
            page = console.page
            await page.get_by_label("channel (required)").fill("demo-room")
            await page.route("**/v1/token", through)
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_have_text(SENTENCE)
            await page.unroute("**/v1/token")
            await page.keyboard.press("Enter")
            await expect(page.get_by_label("The token", exact=True)).to_be_visible()
            console.problems = [problem for problem in console.problems if "ERR_CONTENT_LENGTH" not in problem]


async def test_a_server_that_hangs_is_a_sentence_after_half_a_minute(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/demo/console") as console:
        page = console.page
        await page.get_by_label("channel (required)").fill("demo-room")
        await page.route("**/v1/token", lambda route: None)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Waiting for the server…")).to_be_visible()
        await expect(page.get_by_role("alert")).to_have_text(SENTENCE, timeout=45_000)
        await page.unroute("**/v1/token")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
