"""A page in Chromium, watched from outside: what tokend answered to it, and what the vendor's clients sent on.

Requests are only listened to: were they intercepted, playwright would answer the preflights in tokend's place.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Request, Response, async_playwright

from tests.system.browser import parts

ARGUMENTS: Final = (
    "--no-sandbox",  # as root Chromium wants it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # nothing that a test does reaches the vendor, wherever it runs
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# the JSON in which a client of the vendor asks its gateway for a place: all of the body, or a part of a form
_ASKS_GATEWAY: Final = re.compile(rb'^\{.*"key":".*\}\r?$', re.MULTILINE)


class HttpResponse(NamedTuple):
    """tokend's answer to a request of the page. `allowed`: the origin that may read it, as the answer says."""

    path: str
    status: int
    body: Mapping[str, Any]
    allowed: str | None


class Handed(NamedTuple):
    """What a client of the vendor gave its platform: the token and where to. RTM's `channel` is the user."""

    token: str
    channel: str
    uid: int
    app_id: str | None


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=parts.chromium(), args=list(ARGUMENTS))


class Watched:
    """A page of `url`'s site that talks to the tokend at `server`; a context manager that closes the page."""

    page: Page

    def __init__(self, browser: Browser, url: str, server: str) -> None:
        self._browser = browser
        self._url = url
        self._server = server
        self._answered: list[Response] = []
        self.handed: list[Handed] = []
        self.console: list[str] = []

    async def __aenter__(self) -> Self:
        # with a context of its own: pages share no cache, of preflights neither
        self.page = await self._browser.new_page()
        self.page.set_default_timeout(parts.SECONDS * 1000)
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("console", lambda message: self.console.append(message.text))
        await self.page.goto(self._url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, record: TracebackType | None
    ) -> None:
        await self.page.close()

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname == "127.0.0.1":
            return
        found = _ASKS_GATEWAY.search(request.post_data_buffer or b"")
        if found is not None:
            self.handed.append(_handed(json.loads(found[0])))

    def _response(self, response: Response) -> None:
        if response.url.startswith(self._server):
            self._answered.append(response)

    async def answers(self, count: int) -> list[HttpResponse]:
        """tokend's answers, in their order, when there are `count` of them."""
        await until(lambda: len(self._answered) >= count, f"{count} answers of tokend")
        return [await self._answer(one) for one in self._answered]

    async def _answer(self, response: Response) -> HttpResponse:
        path = response.url.removeprefix(self._server)
        body = json.loads(await response.body())
        return HttpResponse(path, response.status, body, response.headers.get("access-control-allow-origin"))

    async def hands_over(self, token: str) -> Handed:
        """What the vendor's client sent with this token."""
        await until(lambda: any(one.token == token for one in self.handed), "the token in a request to the platform")
        return next(one for one in self.handed if one.token == token)


def _handed(body: Mapping[str, Any]) -> Handed:
    """RTC's client wraps what RTM's sends bare; RTM 2's has the App ID among its details."""
    inner = body["request_bodies"][0]["buffer"] if "request_bodies" in body else body
    app_id = body.get("appid") or inner["detail"].get("25")
    return Handed(inner["key"], inner["cname"], inner["uid"], app_id)


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for `holds`, not for ever."""
    try:
        async with asyncio.timeout(parts.SECONDS):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {parts.SECONDS:.0f} s in vain for {what}") from None
