"""`tokend serve` with limits: a real process, with Redis, without its package, with a wrong URL, and behind a proxy."""

import io
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import pytest

from tests.running import DEMO, clean_environment, serving, tokend
from tests.system.limits.redis_server import RedisServer
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.adapters.redis_limiter import RedisLimiter
from tokend.adapters.resources import Resources, needed_by
from tokend.config.loading import load
from tokend.core.secrets import Secret
from tokend.installing import install_command
from tokend.issuing.server_settings import RedisSettings, RootOptions
from tokend.telemetry.log import JsonLog

CONFIG: Final = """
redis: {url: {env: REDIS_URL}, on_failure: closed}
apps:
  demo:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    limits: {user: 2/h, address: 100/h}
    callers: {anybody: {anonymous: true, rules: [{}]}}
"""
WITHOUT_PACKAGE: Final = (
    "import sys; sys.modules['redis'] = None; from tokend.cli import main; sys.exit(main(sys.argv[1:]))"
)
WARNING: Final = "limits by address are off"


def fetched(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/demo/rtc/room/publisher/uid/7", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_two_processes_count_together_and_end_well(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    environment = {**DEMO, "REDIS_URL": redis.url}
    with serving(tmp_path, environment) as one, serving(tmp_path, environment) as other:
        assert [fetched(at.url) for at in (one, other, one, other)] == [200, 200, 429, 429]
        assert (one.stop(), other.stop()) == (0, 0)
    for server in (one, other):
        events = [json.loads(line) for line in server.log.splitlines()]
        assert [WARNING in line.get("message", "") for line in events].count(True) == 1
        assert [line["event"] for line in events if line["level"] == "error"] == []
        assert events[-1]["event"] == "stopped"


def test_two_workers_of_one_server_count_together_and_a_reload_forgets_nothing(
    redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("2/h", "20/h"))
    with serving(tmp_path, {**DEMO, "REDIS_URL": redis.url}, "--workers", "2") as server:
        assert [fetched(server.url) for _ in range(12)] == [200] * 12
        (tmp_path / "config.yaml").write_text(CONFIG.replace("2/h", "20/h") + "    ttl: {default: 10m}\n")
        server.process.send_signal(signal.SIGHUP)
        assert [fetched(server.url) for _ in range(12)] == [200] * 8 + [429] * 4
        server.stop()


async def test_what_is_open_stays_open_for_the_next_setup_that_asks_for_it() -> None:
    outside = Resources(JsonLog(io.BytesIO(), time.time), "writer")
    without = RootOptions()
    with_redis, again, otherwise = (
        RootOptions(redis=RedisSettings(url=Secret("redis://127.0.0.1:1"), on_failure=on_failure))
        for on_failure in ("open", "open", "closed")
    )
    assert outside.open(without).limiter is outside.open(without).limiter
    limiter = outside.open(with_redis).limiter
    assert outside.open(again).limiter is limiter
    kept = outside.open(otherwise)
    assert kept.limiter is not limiter
    outside.close_all_except(needed_by(otherwise))
    assert outside.open(otherwise).limiter is kept.limiter
    assert outside.open(again).limiter is not limiter
    await outside.close()


def test_the_warning_goes_with_what_is_listened_on_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("redis:", "server: {listen: '0.0.0.0:0'}\n#"))
    for more, warned in (
        ({}, False),
        ({"PORT": "8080"}, True),
        ({"PORT": "8080", "SERVER_PORT": "8080"}, False),
        ({"TOKEND_HOST": "127.0.0.1"}, True),
        ({"TOKEND_HOST": "::1"}, True),
    ):
        configuration = load(None, DEMO | more, tmp_path)
        assert any(WARNING in one for one in configuration.warnings_at(0)) == warned
    assert WARNING in tokend(tmp_path, DEMO | {"PORT": "8080"}, "check").stdout
    with serving(tmp_path, DEMO, "--host", "127.0.0.1") as server:
        server.stop()
        assert WARNING in server.log


def test_without_the_package_it_does_not_start_and_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE, "serve", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment({**DEMO, "REDIS_URL": "redis://127.0.0.1:6379"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    sentence = f"tokend: redis is configured, but its package is missing: {install_command('redis')}\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_a_url_that_redis_does_not_take_keeps_it_from_starting_and_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    url = "redis://user:hidden@127.0.0.1:port/0"
    done = tokend(tmp_path, DEMO | {"REDIS_URL": url}, "serve", "--port", "0")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "redis.url cannot be used" in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.parametrize(
    "url", ["redis://h:port/0", "redis://h:99999/0", "redis+cluster://h:x", "redis://u:hidden@127.0.0.1:1/0?foo=bar"]
)
def test_check_finds_a_url_that_redis_does_not_take(url: str, tmp_path: Path) -> None:
    """It had no problems, and the start or the reload after it was refused."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = tokend(tmp_path, DEMO | {"REDIS_URL": url}, "check")
    assert done.returncode == 78, done.stdout
    assert "config.yaml: redis.url: cannot be used: it must be like" in done.stderr
    assert "hidden" not in done.stderr
    assert tokend(tmp_path, DEMO | {"REDIS_URL": "redis://127.0.0.1:1/0"}, "check").returncode == 0


@pytest.mark.parametrize(
    "url", ["redis://h/x?db=x", "redis://h?timeouts=1", "rediss://h?ssl_cert_reqs=x", "redis://h:99999x", "redis://[h"]
)
def test_so_does_an_option_that_redis_does_not_know(url: str) -> None:
    with pytest.raises(ValueError, match=r"^redis\.url"):
        RedisLimiter(
            RedisSettings(url=Secret(url)),
            JsonLog(io.BytesIO(), time.time),
            time.monotonic,
            LocalLimiter(time.monotonic),
        )
