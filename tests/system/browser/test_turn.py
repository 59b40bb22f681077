"""An answer of the dialect `ice-servers` in a browser's own `RTCPeerConnection`, which gathers a relay of coturn, or 401."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.needs import skip_or_fail
from tests.running import serving
from tests.system.browser import parts
from tests.system.browser.watching import ARGUMENTS
from tests.system.vendor.coturn import Coturn, need_coturn

SECRET: Final = "5d41402abc4b2a76b9719d91"
_CONFIG: Final = """
apps:
  demo:
    cors: {{origins: ["{origin}"]}}
    backends:
      turn: {{secret: {{env: TURN_SECRET}}, uris: ["stun:127.0.0.1:{port}", "turn:127.0.0.1:{port}?transport={transport}"]}}
    callers: {{anybody: {{anonymous: true, rules: [{{user: "guest-*"}}]}}}}
    routes: [{{path: /turn, dialect: ice-servers}}]
"""
_GATHER: Final = """
async url => {
  const answer = await fetch(url);
  const connection = new RTCPeerConnection({...await answer.json(), iceTransportPolicy: "relay"});
  const relays = [], errors = [];  // the first of either ends it
  const done = new Promise(resolve => {
    setTimeout(resolve, 15000);
    connection.onicecandidateerror = event => { errors.push(event.errorCode); resolve(); };
    connection.onicecandidate = event => {
      if (event.candidate && event.candidate.type === "relay") { relays.push(event.candidate.address); resolve(); }
    };
  });
  connection.createDataChannel("data");
  await connection.setLocalDescription();
  await done;
  connection.close();
  return {status: answer.status, relays, errors};
}
"""


@pytest_asyncio.fixture
async def loopback_browser() -> AsyncIterator[Browser]:
    """Chromium that gathers candidates on this machine alone."""
    if parts.chromium() is None:
        skip_or_fail("no browser tests: chromium is not on the PATH (on Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(
            executable_path=parts.chromium(), args=[*ARGUMENTS, "--allow-loopback-in-peer-connection"]
        )


async def _gathered(browser: Browser, directory: Path, transport: str, accepted: str) -> Any:
    """What the page gathers from tokend's answer at a coturn that accepts this secret."""
    need_coturn()
    (directory / "page").mkdir()
    (directory / "page/index.html").write_text("<!doctype html><title>TURN</title>")
    with parts.site(directory / "page") as origin, Coturn(directory, accepted) as coturn:
        written = _CONFIG.format(origin=origin, port=coturn.port, transport=transport)
        (directory / "config.yaml").write_text(written)
        with serving(directory, {"TURN_SECRET": SECRET}, lines=1) as tokend:
            page = await browser.new_page()
            page.set_default_timeout(parts.SECONDS * 1000)
            await page.goto(f"{origin}/index.html")
            gathering = page.evaluate(_GATHER, f"{tokend.url}/turn/ice-servers?user=guest-7")
            return await asyncio.wait_for(gathering, parts.SECONDS)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_browser_gathers_a_relay(transport: str, loopback_browser: Browser, tmp_path: Path) -> None:
    found = await _gathered(loopback_browser, tmp_path, transport, SECRET)
    assert found["status"] == 200
    assert "127.0.0.1" in found["relays"], found


async def test_a_browser_gets_401_from_a_server_with_another_secret(loopback_browser: Browser, tmp_path: Path) -> None:
    found = await _gathered(loopback_browser, tmp_path, "udp", "another")
    assert (found["relays"], set(found["errors"])) == ([], {401})
