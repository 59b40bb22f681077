"""Debian's Chromium, and a running tokend whose app has a console."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.needs import skip_or_fail
from tests.running import DEMO, Running, serving
from tests.system.browser.watching import chromium
from tests.system.console import watching
from tests.unit.http.running import KEY
from tokend.auth.key_digests import digest_of

CONFIG: Final = f"""
apps:
  demo:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    console: true
    backends: [rtc, rtm, chat, combined]
    callers:
      anybody:
        anonymous: true
        rules:
          - {{kinds: [rtc, rtm], channel: "demo-*", user: "*", ttl: {{max: 1h}}}}
          - {{kinds: rtm, user: ann}}
  closed:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    console: true
    callers:
      studio: {{api_key: "{digest_of(KEY)}", rules: [{{kinds: rtc}}]}}
  signaling:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    console: true
    callers:
      studio: {{api_key: "{digest_of(KEY)}", rules: [{{kinds: rtm}}]}}
  linked:
    app_id: {{env: DEMO_APP_ID}}
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    console: true
    callers:
      links: {{url_key: "{digest_of(KEY)}", rules: [{{kinds: rtc, user: "*"}}]}}
    routes: [{{path: /talk/linked, dialect: native}}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, for the tests of one file. Without it they are skipped, saying why; where CI=true they fail."""
    skip_or_fail(watching.missing())
    async with chromium() as running:
        yield running


@pytest.fixture
def tokend(tmp_path: Path) -> Iterator[Running]:
    """A running tokend with four apps."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    with serving(tmp_path, DEMO) as running:
        yield running
