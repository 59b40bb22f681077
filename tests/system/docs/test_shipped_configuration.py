"""config.yaml, as shipped: it shows the whole order on one screen, and serves what its comments say."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.running import DEMO, ROOT, Running, serving
from tokend import agora
from tokend.config.loading import load

TEXT = (ROOT / "config.yaml").read_text()


def test_it_shows_the_order_on_one_screen() -> None:
    assert len(TEXT.splitlines()) <= 40
    assert max(map(len, TEXT.splitlines())) <= 120
    configuration = load(None, DEMO, ROOT)
    assert list(configuration.apps) == ["demo", "school"]
    dialects = {dialect.name for route in configuration.routes for dialect in route.dialects}
    assert {"native", "agora-token-service"} <= dialects
    for name, app in configuration.apps.items():
        assert app.options.cors.origins.allow("http://localhost:5173")
        assert app.options.cors.origins.allow(f"https://{name}.example.com")
        assert not app.options.cors.origins.allow("https://example.org")
    bounds = {route.app.name: route.ttl for route in configuration.routes if route.prefix in ("/demo", "/school")}
    assert bounds["demo"].max == 12 * 3600
    assert (bounds["school"].default, bounds["school"].min, bounds["school"].max) == (1800, 60, 7200)
    anonymous, login = configuration.warnings
    assert "caller anybody is anonymous" in anonymous
    assert "permits a login as any user" in login  # a demo is for anybody


def test_the_makefile_and_the_test_give_it_the_same_variables() -> None:
    for name in DEMO:
        assert f"{{env: {name}}}" in TEXT
        assert f'echo "{name}=' in (ROOT / "Makefile").read_text()


def _answered(server: Running, path: str, body: dict[str, object] | None = None) -> tuple[int, Any, str | None]:
    headers = {"Origin": "http://localhost:5173"} | ({"Content-Type": "application/json"} if body else {})
    request = Request(server.url + path, json.dumps(body).encode() if body else None, headers)
    try:
        with urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read()), response.headers["Access-Control-Allow-Origin"]
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), error.headers["Access-Control-Allow-Origin"]


def test_it_serves_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(TEXT)
    with serving(tmp_path, DEMO) as server:
        status, answer, origin = _answered(server, "/demo/rtc/demo-room/publisher/uid/1001/")
        assert (status, origin) == (200, "http://localhost:5173")
        reading = agora.read(answer["rtcToken"])
        assert reading.expires_at is not None
        assert reading.issued_at is not None
        assert reading.expires_at - reading.issued_at == 3600
        status, answer, _ = _answered(server, "/demo/rte/demo-room/publisher/uid/1001/")
        assert (status, sorted(answer)) == (200, ["rtcToken", "rtmToken"])
        request: dict[str, object] = {"kind": "rtc", "channel": "other", "uid": 7}
        assert _answered(server, "/demo/v1/token", request)[0] == 403
        assert _answered(server, "/demo/v1/token", {**request, "channel": "demo-1"})[0] == 200
        assert _answered(server, "/demo/v1/token", {**request, "channel": "demo-1", "uid": 0})[0] == 403
        assert _answered(server, "/demo/v1/token", {"kind": "rtm", "user": "ann"})[0] == 200
        assert _answered(server, "/school/v1/token", request)[0] == 401
        assert _answered(server, "/school/watch/lesson-1?uid=7")[0] == 401
        assert _answered(server, "/school/old/rtc/lesson-1/publisher/uid/7/")[0] == 401
