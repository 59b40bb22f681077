"""The adapters of the JavaScript client with agora-rtc-sdk-ng, agora-rtm-sdk, agora-chat and RTCPeerConnection in Chromium."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.needs import skip_or_fail
from tests.running import DEMO, serving
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.clients.js.node import HERE, bundle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]
_CONFIG: Final = """
apps:
  demo:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    cors: {{origins: ["{origin}"]}}
    backends:
      rtc: {{}}
      rtm: {{}}
      chat: {{}}
      turn: {{secret: {{env: DEMO_APP_CERTIFICATE}}, uris: ["stun:turn.example.com", "turn:turn.example.com:3478"]}}
    callers:
      anybody:
        anonymous: true
        rules: [{{kinds: [rtc, rtm, chat], channel: "demo-*", user: "*"}}, {{kinds: turn, user: "*"}}]
"""


class Adapters:
    """The page, and the address of an app that it may talk to."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._url = url

    async def run(self, name: str) -> Any:
        """What an adapter of the page did."""
        return await self._page.evaluate("([name, url]) => adapters[name](url)", [name, self._url])


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site of the page; without Chromium or the packages the test is skipped, saying why."""
    skip_or_fail(parts.missing() or parts.missing_packages(parts.HERE, ("agora-chat", "agora-rtc-sdk-ng")))
    directory = tmp_path_factory.mktemp("adapters")
    bundle(HERE / "page/sdks.js", directory / "sdks.js")
    shutil.copy(HERE / "page/sdks.html", directory)
    with parts.site(directory) as origin:
        yield origin


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(origin: str) -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def adapters(browser: Browser, origin: str, tmp_path: Path) -> AsyncIterator[Adapters]:
    """The page in Chromium, and a running tokend for it."""
    (tmp_path / "config.yaml").write_text(_CONFIG.format(origin=origin))
    with serving(tmp_path, DEMO) as tokend:
        page = await browser.new_page()
        page.set_default_timeout(parts.SECONDS * 1000)
        await page.goto(f"{origin}/sdks.html")
        yield Adapters(page, f"{tokend.url}/demo")
        await page.close()


async def test_agora_rtc_gets_a_new_token_before_the_old_one_ends(adapters: Adapters) -> None:
    seen = await adapters.run("rtc")
    kept, renewed = seen["renewed"]
    assert kept == seen["first"]
    assert renewed.startswith("007")
    assert renewed != kept
    (expired,) = seen["expired"]
    assert expired == seen["last"] != renewed
    assert seen["listeners"] == [0, 0]
    *from_sdk, ended = seen["errors"]
    assert ["renewToken should not be called before user join" in error for error in from_sdk] == [True, True]
    assert "expired: the token has ended" in ended


async def test_agora_rtm_gets_a_new_token_for_the_login_and_for_a_stream_channel(adapters: Adapters) -> None:
    seen = await adapters.run("rtm")
    assert seen["channels"] == [None, "demo-stage"]
    login, stage = seen["renewed"]
    assert (login != seen["first"], stage == seen["stage"]) == (True, True)
    assert seen["expired"] == [seen["last"]]
    assert len(seen["errors"]) == 2  # the SDK is not logged in


async def test_agora_chat_gets_a_new_token_when_its_own_timers_say_so(adapters: Adapters) -> None:
    seen = await adapters.run("chat")
    assert len(seen["renewed"]) == len(seen["errors"]) == len(seen["expired"]) == 1, seen
    assert seen["expired"] == [seen["last"]]


async def test_a_connection_gets_each_new_credential(adapters: Adapters) -> None:
    seen = await adapters.run("turn")
    for answer, configuration in zip(seen["answers"], seen["configurations"], strict=False):
        assert configuration["iceTransportPolicy"] == "relay"
        stun, relay = configuration["iceServers"]
        assert stun["urls"] == ["stun:turn.example.com"]
        assert (relay["urls"], relay["username"]) == (["turn:turn.example.com:3478"], answer["username"])
        assert relay["credential"] == answer["password"]
    assert len({answer["username"] for answer in seen["answers"][:2]}) == 2
    assert len(seen["answers"]) == 3
    assert seen["errors"] == []
