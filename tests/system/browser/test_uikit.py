"""npm agora-react-uikit in Chromium, on another origin than tokend: it gets its tokens and joins with them.

The call cannot connect here. That the kit read a token is seen from what the vendor's own client then sends out: a
request to its gateway that holds the token, the channel and the uid.
"""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser

from tests.oracle import Vendor
from tests.running import APP_ID, CERTIFICATE, Running
from tests.system.browser.conftest import PREFIXES, Sites, requests_of
from tests.system.browser.watching import Handed, Watched, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]
CHANNEL = "demo-room"
PUBLISHER = {"1": 3600, "2": 3600, "3": 3600, "4": 3600}

FETCH = """async ([url, headers]) => {
    try {
        const answer = await fetch(url, { headers })
        return [answer.status, await answer.json(), answer.headers.get('X-Request-ID') !== null]
    } catch (error) {
        return [0, String(error), false]
    }
}"""


def kit(origin: str, token_url: str, uid: int) -> str:
    """The address of the page with the kit."""
    return f"{origin}/uikit.html?{urlencode({'tokenUrl': token_url, 'appId': APP_ID, 'channel': CHANNEL, 'uid': uid})}"


def decoded(vendor: Vendor, token: str) -> list[dict[str, Any]]:
    """The services of a token, as the vendor's own package reads them, after it verified the signature."""
    answer = vendor.token_request("verify007", token=token, certificate=CERTIFICATE)
    assert (answer["read"], answer["ok"], answer["app_id"], answer["expire"]) == (True, True, APP_ID, 3600)
    services: list[dict[str, Any]] = answer["services"]
    return services


def rtc(uid: str) -> list[dict[str, Any]]:
    return [{"type": 1, "channel": CHANNEL, "uid": uid, "privileges": PUBLISHER}]


def rtm(user: str) -> list[dict[str, Any]]:
    return [{"type": 2, "user_id": user, "privileges": {"1": 3600}}]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_kit_joins_renews_and_shares_its_screen(
    prefix: str, browser: Browser, sites: Sites, tokend: Running, vendor: Vendor
) -> None:
    async with Watched(browser, kit(sites.allowed, tokend.url + prefix, 7), tokend.url) as watched:
        (joined,) = await watched.answers(1)
        assert (joined.path, joined.status) == (f"{prefix}/rtc/{CHANNEL}/publisher/uid/7/", 200)
        token = joined.body["rtcToken"]
        assert decoded(vendor, token) == rtc("7")
        assert await watched.hands_over(token) == Handed(token, CHANNEL, 7, APP_ID)

        await watched.page.evaluate("happens.callStands()")
        (*_, login) = await watched.answers(2)
        assert (login.path, login.status) == (f"{prefix}/rtm/7", 200)
        token = login.body["rtmToken"]
        assert decoded(vendor, token) == rtm("7")
        assert (await watched.hands_over(token)).channel == "7"

        await watched.page.locator("[style*=screenshare]").click()
        (*_, screen) = await watched.answers(3)
        assert (screen.path, screen.status) == (f"{prefix}/rtc/{CHANNEL}/publisher/uid/1/", 200)
        token = screen.body["rtcToken"]
        assert decoded(vendor, token) == rtc("1")
        assert await watched.hands_over(token) == Handed(token, CHANNEL, 1, APP_ID)

        for count, event in enumerate(("rtcTokenEndsSoon", "rtcTokenHasEnded"), 4):
            await watched.page.evaluate(f"happens.{event}()")
            (*_, renewal) = await watched.answers(count)
            assert renewal.path == joined.path
            assert decoded(vendor, renewal.body["rtcToken"]) == rtc("7")
        await watched.page.evaluate("happens.rtmTokenHasEnded()")
        answers = await watched.answers(7)
        # two listeners of the kit renew at once, and one of them writes the slash
        assert {one.path for one in answers[5:]} == {f"{prefix}/rtm/7", f"{prefix}/rtm/7/"}
        assert all(decoded(vendor, one.body["rtmToken"]) == rtm("7") for one in answers[5:])
        await watched.page.wait_for_function("renewed.length === 4")
        refresh_keys = await watched.page.evaluate("renewed")
        assert sorted(refresh_keys) == sorted(next(iter(one.body.values())) for one in answers[3:])
        assert {one.allowed for one in answers} == {sites.allowed}
    logged = requests_of(tokend)
    # the kit asks in a way that needs no preflight
    assert [(one["method"], one["status"], one["outcome"]) for one in logged] == [("GET", 200, "issued")] * 7
    assert [one["kind"] for one in logged] == ["rtc", "rtm", "rtc", "rtc", "rtc", "rtm", "rtm"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_kit_without_a_uid(
    prefix: str, browser: Browser, sites: Sites, tokend: Running, vendor: Vendor
) -> None:
    async with Watched(browser, kit(sites.allowed, tokend.url + prefix, 0), tokend.url) as watched:
        (joined,) = await watched.answers(1)
        assert (joined.path, joined.status) == (f"{prefix}/rtc/{CHANNEL}/publisher/uid/0/", 200)
        assert decoded(vendor, joined.body["rtcToken"]) == rtc("")
        assert (await watched.hands_over(joined.body["rtcToken"])).uid == 0

        await watched.page.evaluate("happens.callStands()")
        (*_, login) = await watched.answers(2)
        user = login.path.removeprefix(f"{prefix}/rtm/")
        assert user.isdigit()  # the time, which the kit takes for want of a uid
        assert decoded(vendor, login.body["rtmToken"]) == rtm(user)
        assert (await watched.hands_over(login.body["rtmToken"])).channel == user

        await watched.page.evaluate("happens.rtmTokenHasEnded()")
        answers = {one.path: one for one in (await watched.answers(4))[2:]}
        assert answers[f"{prefix}/rtm/{user}"].status == 200
        refused = answers[f"{prefix}/rtm/0/"]
        assert (refused.status, refused.allowed) == (400, sites.allowed)
        assert refused.body["error"]
        # the kit read both bodies: the refusal has no token
        await watched.page.wait_for_function("renewed.length === 2")
        refresh_keys = await watched.page.evaluate("renewed.map(one => one ?? null)")
        assert set(refresh_keys) == {None, answers[f"{prefix}/rtm/{user}"].body["rtmToken"]}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_from_another_origin_the_kit_reads_nothing(
    prefix: str, browser: Browser, sites: Sites, tokend: Running
) -> None:
    async with Watched(browser, kit(sites.other, tokend.url + prefix, 7), tokend.url) as watched:
        await until(lambda: any("Failed to fetch" in line for line in watched.console), "the kit's complaint")
        assert any("blocked by CORS policy" in line for line in watched.console)
        await asyncio.sleep(1)  # in which it would have joined: with a token it does at once
        assert watched.handed == []


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_preflight_holds_for_the_allowed_origin(
    prefix: str, browser: Browser, sites: Sites, tokend: Running, vendor: Vendor
) -> None:
    url = f"{tokend.url}{prefix}/rtc/{CHANNEL}/publisher/uid/7/?expiry=3600"
    # the vendor's page for the Web sends this header
    async with Watched(browser, f"{sites.allowed}/rtm.html", tokend.url) as watched:
        status, body, id_shown = await watched.page.evaluate(FETCH, [url, {"X-Requested-With": "XMLHttpRequest"}])
        assert (status, id_shown) == (200, True)
        assert decoded(vendor, body["rtcToken"]) == rtc("7")
        unknown, _, _ = await watched.page.evaluate(FETCH, [url, {"X-Unheard-Of": "1"}])
        assert unknown == 0
    assert [(one["method"], one["status"]) for one in requests_of(tokend)] == [
        ("OPTIONS", 200),
        ("GET", 200),
        ("OPTIONS", 403),
    ]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_another_origin_fails_at_the_preflight_and_reads_no_answer(
    prefix: str, browser: Browser, sites: Sites, tokend: Running
) -> None:
    url = f"{tokend.url}{prefix}/rtc/{CHANNEL}/publisher/uid/7/"
    async with Watched(browser, f"{sites.other}/rtm.html", tokend.url) as watched:
        for headers in ({"X-Requested-With": "XMLHttpRequest"}, {}):
            status, text, _ = await watched.page.evaluate(FETCH, [url, headers])
            assert (status, text) == (0, "TypeError: Failed to fetch")
    assert [(one["method"], one["status"]) for one in requests_of(tokend)] == [("OPTIONS", 403), ("GET", 200)]
