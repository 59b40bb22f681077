"""The consoles that are not an app's: of the admin listener, and of `tokend console`."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, expect

from tests.free_ports import free_port
from tests.running import ADMIN_DIGEST, ADMIN_KEY, DEMO, Running, clean_environment, serving
from tests.running import tokend as run_tokend
from tests.system.console.conftest import CONFIG
from tests.system.console.watching import watched
from tests.unit.http.running import KEY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """A running tokend, and the address of its admin listener."""
    port = free_port()
    server = f'server: {{admin: {{listen: "127.0.0.1:{port}", key: "{ADMIN_DIGEST}"}}}}\n'
    (tmp_path / "config.yaml").write_text(server + CONFIG)
    with serving(tmp_path, DEMO) as running:
        yield running, f"http://127.0.0.1:{port}"


async def test_the_operator_types_the_key_and_sees_rules_as_they_are_written(
    browser: Browser, operated: tuple[Running, str]
) -> None:
    async with watched(browser, f"{operated[1]}/console#token") as console:
        page = console.page
        key = page.get_by_label("Key of server.admin")
        await expect(key).to_be_focused()
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("This is not the key of server.admin.")
        await key.fill(ADMIN_KEY)
        await page.keyboard.press("Enter")
        await page.get_by_label("App", exact=True).select_option("demo")
        await page.get_by_role("tab", name="Get a token").click()
        await page.get_by_label("channel (required)").fill("secret-room")
        await page.get_by_role("button", name="Explain").click()
        row = page.locator("tbody tr").first
        await expect(row).to_contain_text('"channel":"demo-*"')
        await page.get_by_label("channel (required)").fill("demo-room")
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
        assert all(ADMIN_KEY not in url for url in console.requests)


@contextmanager
def _console_of(url: str, directory: Path) -> Iterator[str]:
    """The address of a `tokend console` for this URL."""
    command = [sys.executable, "-u", "-m", "tokend", "console", url]
    with subprocess.Popen(
        command, cwd=directory, env=clean_environment({}), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            greeting = process.stdout.readline()
            assert greeting.startswith(f"The console for {url} is at http://127.0.0.1:")
            yield greeting.rpartition(" is at ")[2].strip()
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0


async def test_tokend_console_serves_it_for_a_server_elsewhere(
    browser: Browser, tokend: Running, tmp_path: Path
) -> None:
    with _console_of(f"{tokend.url}/closed", tmp_path) as address:
        async with watched(browser, address) as console:
            page = console.page
            await page.get_by_label("channel (required)").fill("any")
            await page.get_by_label("Key or JWT").fill(KEY)
            await page.get_by_role("button", name="Get a token", exact=True).click()
            await expect(page.get_by_label("The token", exact=True)).to_be_visible()
            await expect(page.get_by_text("signed by")).to_be_visible()
            await expect(page.locator("pre").first).to_contain_text(f"'{tokend.url}/closed/v1/token'")


async def test_a_key_of_the_url_is_a_credential_in_every_console(
    browser: Browser, tokend: Running, tmp_path: Path
) -> None:
    url = f"{tokend.url}/talk/linked"  # its path has a k before a slash, which begins no key
    with _console_of(url, tmp_path) as address:
        for place in (f"{url}/console", f"{url}/k/another-key/console", address):
            async with watched(browser, place) as console:
                page = console.page
                await page.get_by_label("channel (required)").fill("any")
                await page.get_by_label("Credential").select_option("a key in the URL")
                await page.get_by_label("Key or JWT").fill(KEY)
                await page.get_by_role("button", name="Get a token", exact=True).click()
                await expect(page.get_by_label("The token", exact=True)).to_be_visible()
                await expect(page.get_by_text("signed by")).to_be_visible()
                await expect(page.locator("pre").first).to_contain_text(f"'{url}/k/YOUR-KEY/v1/token'")


async def test_code_to_copy_never_has_the_key_of_the_consoles_own_url(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/talk/linked/k/{KEY}/console") as console:
        page = console.page
        await page.get_by_label("channel (required)").fill("any")
        await page.get_by_role("button", name="Get a token", exact=True).click()
        await expect(page.get_by_label("The token", exact=True)).to_be_visible()
        for code in await page.locator("pre").all():
            await expect(code).not_to_contain_text(KEY)
        await expect(page.locator("pre").first).to_contain_text(f"'{tokend.url}/talk/linked/k/YOUR-KEY/v1/token'")


async def test_no_other_app_offers_a_key_in_the_url(browser: Browser, tokend: Running) -> None:
    async with watched(browser, f"{tokend.url}/closed/console") as console:
        options = console.page.get_by_label("Credential").locator("option")
        await expect(options).to_have_text(["none", "an API key", "a JWT, as Authorization: Bearer"])


async def test_tokend_console_serves_no_other_page_and_no_other_name(tokend: Running, tmp_path: Path) -> None:
    body = {"kind": "rtc", "channel": "demo-room", "uid": 7}
    with _console_of(f"{tokend.url}/demo", tmp_path) as address:
        base = address.removesuffix("/console")
        async with ClientSession(base) as session:
            for headers, status in (
                ({"X-Tokend-Console": "1"}, 200),
                ({}, 403),
                ({"X-Tokend-Console": "1", "Origin": "https://evil.example.com"}, 403),
                ({"X-Tokend-Console": "1", "Host": "evil.example.com"}, 403),
            ):
                async with session.post("/-/public/v1/token", json=body, headers=headers) as answer:
                    assert (headers, answer.status) == (headers, status)
            long = {"token": "a" * 70_000}
            async with session.post("/-/public/v1/inspect", json=long, headers={"X-Tokend-Console": "1"}) as answer:
                assert (answer.status, await answer.json()) == (413, {"error": "the body is over 65536 bytes"})
            async with session.get("/-/public/docs", headers={"X-Tokend-Console": "1"}) as answer:
                assert answer.status == 404
        tokend.stop()
        async with (
            ClientSession(base, headers={"X-Tokend-Console": "1"}) as session,
            session.post("/-/public/v1/token", json=body) as answer,
        ):
            assert answer.status == 502
            assert "the token server does not answer" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "/openapi.json is no OpenAPI document (the answer has status 404)"),
        ("/dema", "there is no app with the dialect native at"),
        ("/demo/v1", "there is no app with the dialect native at"),
    ],
)
async def test_tokend_console_refuses_an_address_without_an_app(
    path: str, sentence: str, tokend: Running, tmp_path: Path
) -> None:
    done = await asyncio.to_thread(run_tokend, tmp_path, {}, "console", f"{tokend.url}{path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tokend: there is no app")
    assert sentence in done.stderr


async def test_tokend_console_refuses_a_server_that_does_not_answer(tmp_path: Path) -> None:
    done = await asyncio.to_thread(run_tokend, tmp_path, {}, "console", f"http://127.0.0.1:{free_port()}/demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/demo does not answer: no connection: Connection refused" in done.stderr
