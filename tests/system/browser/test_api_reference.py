"""The API reference in Chromium: it works by keyboard, in any width and colour scheme, and calls no other host."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Locator, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

import tokend
from tests.needs import skip_or_fail
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.console.watching import Scheme, missing, violations
from tokend.auth.key_digests import digest_of

KEY: Final = "tk_studio_0123456789abcdef"
SECRETS: Final = {"CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b"}
CONFIG: Final = f"""
apps:
  demo:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {{env: CERTIFICATE}}
    backends: {{rtc: {{}}, rtm: {{}}, chat: {{}}, turn: {{secret: {{env: CERTIFICATE}}, uris: ["turn:turn.example.com"]}}}}
    callers:
      studio: {{api_key: "{digest_of(KEY)}", rules: [{{capabilities: [wildcard_user]}}]}}
      link: {{url_key: "{digest_of("another-key-of-the-tests")}", rules: [{{channel: "lobby-*", user: ann}}]}}
    routes:
      - {{path: /, dialect: native}}
      - {{path: /demo, dialect: [native, agora-token-service, ice-servers]}}
      - {{path: "/watch/{{channel}}", kind: rtc, set: {{role: subscriber, uid: 9}}}}
"""
_VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_OF_SWAGGER_UI: Final = {
    "color-contrast": "its colours of versions, of Cancel and of numbers",
    "label": "its field for a body",
    "nested-interactive": "a link inside the button of an operation",
    "region": "it has no landmarks but those of its page",
    "select-name": "its lists of servers and of examples",
}
"""What axe-core finds in the viewer, which is a package that we do not change. docs/plain is the page without it."""
TOKEN: Final = "#operations-native-native_post_v1_token"
_SLOW: Final = parts.SECONDS * 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium. Without it the tests are skipped, saying why; where CI=true they fail."""
    if parts.chromium() is None:
        skip_or_fail("no browser tests: chromium is not on the PATH (on Debian: apt-get install chromium)")
    async with chromium() as found:
        yield found


@asynccontextmanager
async def site(directory: Path, prefix: str = "") -> AsyncIterator[str]:
    """The application on loopback, mounted at the prefix of another one if there is one; gives its URL."""
    (directory / "config.yaml").write_text(CONFIG, "utf-8")
    app = tokend.create_app(directory / "config.yaml", environ=SECRETS)
    if prefix:
        host = web.Application()
        host.add_subapp(prefix, app)
        app = host
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url(prefix or "/")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def reference(browser: Browser, url: str, **settings: Any) -> AsyncIterator[Page]:
    """The page at a URL, opened and drawn. At the end, nothing may have gone wrong that a browser notices."""
    problems: list[str] = []
    page = await browser.new_page(**settings)
    origin = url[: url.index("/", len("http://"))]
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if _is_own(request.url, origin) else problems.append(request.url))
    await page.add_init_script(_VIOLATIONS)
    await page.goto(url)
    await expect(page.locator(TOKEN)).to_be_visible(timeout=_SLOW)
    yield page
    assert not problems
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await page.close()


def _is_own(url: str, origin: str) -> bool:
    return url.startswith((f"{origin}/", "data:", "blob:"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_the_width_and_follows_the_colour_scheme(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    async with (
        site(tmp_path) as url,
        reference(browser, f"{url}/demo/docs", viewport={"width": width, "height": 900}, color_scheme=scheme) as page,
    ):
        await page.screenshot(path=tmp_path / f"reference-{scheme}-{width}.png")
        await page.locator(f"{TOKEN} .opblock-summary-control").click()
        await expect(page.locator(f"{TOKEN} .execute")).to_be_visible(timeout=_SLOW)
        await page.screenshot(path=tmp_path / f"operation-{scheme}-{width}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        red, green, blue = (
            int(part)
            for part in (await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g)"))[:3]
        )
        is_dark = red + green + blue < 384
        assert (scheme == "dark") == (is_dark and (red, green, blue) != (0, 0, 0))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("prefix", "path"), [("", "/demo"), ("", ""), ("/tokens", "/demo"), ("/tokens", "")])
async def test_a_request_is_tried_by_keyboard_alone(browser: Browser, tmp_path: Path, prefix: str, path: str) -> None:
    async with site(tmp_path, prefix) as url, reference(browser, f"{url}{path}/docs") as page:
        await _tab_to(page, "button.authorize")
        await page.keyboard.press("Enter")
        await _tab_to(page, "#api_key_value")
        await page.keyboard.type(KEY)
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        await _tab_to(page, f"{TOKEN} .opblock-summary-control")
        await page.keyboard.press("Enter")
        await expect(page.locator(f"{TOKEN} .execute")).to_be_visible(timeout=_SLOW)
        answer = page.locator(f"{TOKEN} .live-responses-table .response")
        await _execute(page, answer)
        await expect(answer.locator(".response-col_status")).to_have_text("200", timeout=_SLOW)
        await expect(answer).to_contain_text('"token": "007', timeout=_SLOW)
        await expect(page.locator(f"{TOKEN} .request-url")).to_contain_text(f"{url}{path}/v1/token")


async def _execute(page: Page, answer: Locator) -> None:
    """Press Execute until there is an answer: while the viewer draws, on a busy machine, it may not take a press."""
    for _ in range(3):
        await _tab_to(page, f"{TOKEN} .execute")
        await page.keyboard.press("Enter")
        with suppress(PlaywrightTimeoutError):
            await answer.first.wait_for(timeout=_SLOW)
            return
    raise AssertionError("Execute was pressed three times, and there is no answer")


async def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    await expect(page.locator(selector).first).to_be_visible(timeout=_SLOW)
    for _ in range(200):
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["docs", "docs/plain"])
async def test_axe_finds_nothing_that_is_ours(browser: Browser, tmp_path: Path, path: str, scheme: Scheme) -> None:
    skip_or_fail(missing())
    async with site(tmp_path) as url:
        page = await browser.new_page(color_scheme=scheme)
        await page.goto(f"{url}/demo/{path}")
        if path == "docs":
            await page.locator(f"{TOKEN} .opblock-summary-control").click(timeout=_SLOW)
            await expect(page.locator(f"{TOKEN} .execute")).to_be_visible(timeout=_SLOW)
        rules = {violation["id"] for violation in await violations(page)}
        assert rules - set(_OF_SWAGGER_UI if path == "docs" else ()) == set()
        await page.close()
