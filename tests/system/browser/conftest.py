"""The pages, built once, on two origins: tokend's configuration allows one of them and not the other."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.needs import skip_or_fail
from tests.running import DEMO, Running, serving
from tests.system.browser import parts
from tests.system.browser.watching import chromium

URL_KEY: Final = "the-key-that-this-page-has-in-its-url"
PREFIXES: Final = ("/demo", f"/closed/k/{URL_KEY}")
"""What a page may have behind tokend's address as its `tokenUrl`."""

CONFIG: Final = """
apps:
  demo:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    cors: {{origins: ["{origin}"]}}
    callers:
      anybody:
        anonymous: true
        rules: [{{kinds: [rtc, rtm], channel: "demo-*", user: "*", capabilities: [wildcard_user, wildcard_publish]}}]
      page:
        url_key: "sha256:{digest}"
        rules: [{{kinds: [rtc, rtm], channel: "demo-*", user: "*", capabilities: [wildcard_user, wildcard_publish]}}]
    routes:
      - {{path: /demo, callers: [anybody]}}
      - {{path: /closed, callers: [page]}}
      - {{path: /old, dialect: agora-token-guide, callers: [anybody]}}
"""


class Sites(NamedTuple):
    """Two origins with the same pages."""

    allowed: str
    other: str


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Without Chromium or the packages the test is skipped, saying why; where CI=true it fails."""
    skip_or_fail(parts.missing())
    directory = tmp_path_factory.mktemp("pages")
    parts.build(directory)
    with parts.site(directory) as allowed, parts.site(directory) as other:
        yield Sites(allowed, other)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(sites: Sites) -> AsyncIterator[Browser]:
    """Debian's Chromium, for the tests of one file. They run in the file's own event loop."""
    async with chromium() as running:
        yield running


@pytest.fixture
def tokend(sites: Sites, tmp_path: Path) -> Iterator[Running]:
    """A running tokend for the pages."""
    digest = hashlib.sha256(URL_KEY.encode()).hexdigest()
    (tmp_path / "config.yaml").write_text(CONFIG.format(origin=sites.allowed, digest=digest))
    with serving(tmp_path, DEMO) as running:
        yield running


def requests_of(running: Running) -> list[dict[str, Any]]:
    """Stops tokend; gives what its log says of each request. No line holds the key."""
    running.stop()
    assert URL_KEY not in running.log
    lines = [json.loads(line) for line in running.log.splitlines()]
    return [line for line in lines if line["event"] == "request"]
