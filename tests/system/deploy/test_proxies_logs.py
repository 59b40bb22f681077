"""Keys in URLs stay out of the proxies' logs, as docs/deploy.md, docs/operating.md and deploy/compose set them up."""

import re
import ssl
import urllib.request
from pathlib import Path
from typing import Final
from urllib.error import HTTPError

import pytest

from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.deploy.examples import MISSING, proxying
from tests.system.proxy import caddy, nginx

_KEY: Final = "a-key-in-the-url"
_TARGET: Final = f"/demo/k/{_KEY}/rtc/lobby-1/audience/uid/7/"


def _fails(url: str, tls: ssl.SSLContext | None = None) -> None:
    """A request with keys that the proxy answers with 502, since nobody listens behind it."""
    request = urllib.request.Request(url + _TARGET, headers={"X-API-Key": _KEY})
    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20, context=tls)
    with caught.value as error:
        assert error.code == 502


@pytest.mark.parametrize("file", ["docs/deploy.md", "deploy/compose/Caddyfile"])
def test_caddys_log_of_a_failed_request_holds_no_key(file: str, tmp_path: Path) -> None:
    skip_or_fail(MISSING["caddy"]())
    port = free_port()
    if file == "docs/deploy.md":
        with proxying("caddy", tmp_path, port, "lb_try_duration 0s") as site:
            _fails(site.url, site.tls)
    else:
        text = (ROOT / file).read_text().replace("lb_try_duration 10s", "lb_try_duration 0s")
        with caddy.proxying(tmp_path, text, {"TOKEND_ADDRESS": f"127.0.0.1:{port}"}) as running:
            _fails(running.url, running.tls)
    log = (tmp_path / "log").read_text()
    assert "/demo/k/REDACTED/rtc/lobby-1/audience/uid/7/" in log
    assert _KEY not in log


def test_nginxs_access_log_holds_no_request_with_a_key(tmp_path: Path) -> None:
    skip_or_fail(MISSING["nginx"]())
    (block,) = re.findall(
        r"^```nginx without-keys.conf\n(.*?)^```", (ROOT / "docs/operating.md").read_text(), re.M | re.S
    )
    log = tmp_path / "access.log"
    http = block.replace("/var/log/nginx/access.log", str(log))
    location = f"access_log {log} combined if=$loggable;\nlocation / {{ return 200; }}"
    with nginx.proxying(tmp_path, location, http) as url:
        for target in (_TARGET, "/demo/rtc/lobby-1/audience/uid/7/"):
            urllib.request.urlopen(url + target, timeout=20).close()
    text = log.read_text()
    assert "/demo/rtc/lobby-1" in text
    assert _KEY not in text
