"""npm agora-rtm-sdk 2 in Chromium reads the App ID out of our token before it goes to any network.

A token that passes is what it then asks its gateway with, and the link ends as LOGIN_TIMEOUT, which is said of the
network alone. One that does not pass fails at once, and the gateway is not asked.
"""

import base64
import json
import urllib.request
import zlib
from collections.abc import Callable

import pytest
from playwright.async_api import Browser

from tests.running import APP_ID, Running
from tests.system.browser.conftest import Sites
from tests.system.browser.watching import Handed, Watched

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]
USER = "alice"
OTHER_APP_ID = "0123456789abcdef0123456789abcdef"
LOGIN = "([appId, user, token]) => login(appId, user, token)"


def token_of(url: str, name: str, token_request: dict[str, object] | None = None) -> str:
    """A token from a running tokend: by GET, or by POST of `ask`."""
    body = None if token_request is None else json.dumps(token_request).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        token: str = json.load(answer)[name]
        return token


def from_service(url: str) -> str:
    return token_of(f"{url}/demo/rtm/{USER}", "rtmToken")


def from_service_with_a_channel(url: str) -> str:
    token_request: dict[str, object] = {"tokenType": "rtm", "uid": USER, "channel": "demo-room", "role": "publisher"}
    return token_of(f"{url}/demo/getToken", "token", token_request)


def from_native(url: str) -> str:
    return token_of(f"{url}/demo/v1/token", "token", {"kind": "rtm", "user": USER})


def version_006(url: str) -> str:
    return token_of(f"{url}/old/rtm/{USER}", "rtmToken")


def cut_short(token: str) -> str:
    """Before the App ID, which stands behind the signature. The client reads no further, so it misses no more."""
    return token[:24]


def without_app_id(token: str) -> str:
    """Something else where the App ID stands."""
    content = zlib.decompress(base64.b64decode(token[3:]))
    assert content.count(APP_ID.encode()) == 1
    return token[:3] + base64.b64encode(zlib.compress(content.replace(APP_ID.encode(), b"?" * 32))).decode()


def beheaded(token: str) -> str:
    return token[1:]


def of_another_version(token: str) -> str:
    return "008" + token[3:]


def no_base64(token: str) -> str:
    return token[:60] + "?" + token[61:]


@pytest.mark.parametrize("source", [from_service, from_service_with_a_channel, from_native, version_006])
async def test_our_token_passes(source: Callable[[str], str], browser: Browser, sites: Sites, tokend: Running) -> None:
    token = source(tokend.url)
    assert token.startswith("006" if source is version_006 else "007")
    async with Watched(browser, f"{sites.allowed}/rtm.html", tokend.url) as watched:
        await watched.page.evaluate(LOGIN, [APP_ID, USER, token])
        assert await watched.hands_over(token) == Handed(token, USER, 0, APP_ID)
        assert await watched.page.evaluate("[links, window.ended ?? null]") == [["CONNECTING LOGIN"], None]
        if source is from_service:  # some 5 s, which once is enough
            await watched.page.wait_for_function("links.length > 1")
            assert (await watched.page.evaluate("links"))[1] == "DISCONNECTED LOGIN_TIMEOUT"


async def test_another_app_id_and_damaged_tokens_fail_before_any_network(
    browser: Browser, sites: Sites, tokend: Running
) -> None:
    good = from_service(tokend.url)
    damaged = [harm(good) for harm in (cut_short, without_app_id, beheaded, of_another_version, no_base64)]
    async with Watched(browser, f"{sites.allowed}/rtm.html", tokend.url) as watched:
        for app_id, token, code, reason in [
            (OTHER_APP_ID, good, -10016, "INCONSISTENT_APP_ID"),
            (OTHER_APP_ID, version_006(tokend.url), -10016, "INCONSISTENT_APP_ID"),
            *((APP_ID, token, -10005, "INVALID_TOKEN") for token in damaged),
        ]:
            await watched.page.reload()
            await watched.page.evaluate(LOGIN, [app_id, USER, token])
            await watched.page.wait_for_function("window.ended")
            assert await watched.page.evaluate("ended") == {"code": code, "operation": "login"}
            assert await watched.page.evaluate("links") == ["CONNECTING LOGIN", f"FAILED {reason}"]
        assert watched.handed == []
