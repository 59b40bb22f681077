"""The parts of deploy/compose as processes: Redis, tokend and Caddy with those very files; only addresses are others."""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple
from urllib.error import HTTPError

import pytest
from redis import Redis

from tests.needs import skip_or_fail
from tests.running import DEMO, ROOT, serving, tokend
from tests.system.deploy.clients import statuses
from tests.system.limits.redis_server import RedisServer, need_redis
from tests.system.proxy.caddy import Caddy, missing, proxying
from tests.system.workers.load import waits

pytestmark = pytest.mark.xdist_group("compose")

_FOLDER: Final = ROOT / "deploy/compose"
_PATH: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"
_BURST: Final = 100
"""What `limits: {address: …}` of the configuration admits at once."""


class Parts(NamedTuple):
    """What runs. `directory` has the configuration, and `environment` the variables that it names."""

    caddy: Caddy
    redis: RedisServer
    directory: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    need_redis()
    skip_or_fail(missing())
    tmp_path = tmp_path_factory.mktemp("compose")
    (tmp_path / "caddy").mkdir()
    settings = (_FOLDER / "redis.conf").read_text().replace("dir /data", f"dir {tmp_path}")
    (tmp_path / "redis.conf").write_text(settings)
    text = (_FOLDER / "config.yaml").read_text()
    assert text.count("172.30.80.2 ") == 1
    (tmp_path / "config.yaml").write_text(text.replace("172.30.80.2 ", "127.0.0.1 "))
    with RedisServer(file=tmp_path / "redis.conf") as redis:
        environment = {**DEMO, "REDIS_URL": redis.url}
        with serving(tmp_path, environment) as server:
            address = {"TOKEND_ADDRESS": server.url.removeprefix("http://")}
            with proxying(tmp_path / "caddy", (_FOLDER / "Caddyfile").read_text(), address) as caddy:
                yield Parts(caddy, redis, tmp_path, environment)


def _get(url: str, tls: ssl.SSLContext) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=10, context=tls) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_token_comes_through_tls_and_plain_http_is_redirected(parts: Parts) -> None:
    status, answer = _get(parts.caddy.url + _PATH.format(uid=7), parts.caddy.tls)
    assert status == 200
    assert str(answer["rtcToken"]).startswith("007")
    host = parts.caddy.plain_url.removeprefix("http://")
    connection = HTTPConnection(host, timeout=10)
    connection.request("GET", _PATH.format(uid=7))
    redirect = connection.getresponse()
    assert (redirect.status, str(redirect.headers["Location"]).startswith("https://localhost")) == (308, True)
    connection.close()


async def test_limits_count_caddys_clients_in_redis_and_a_forged_address_counts_for_nothing(parts: Parts) -> None:
    url = parts.caddy.url + _PATH
    first = await statuses(url, 5 * _BURST, tls=parts.caddy.tls, source="127.0.0.2")
    assert set(first) == {200, 429}
    assert first[200] >= _BURST  # both workers count together: `address: 20/s burst 100`
    forged = {"X-Forwarded-For": "192.0.2.1"}
    assert 429 in await statuses(url, 2 * _BURST, tls=parts.caddy.tls, source="127.0.0.2", headers=forged)
    assert await statuses(url, 10, tls=parts.caddy.tls, source="127.0.0.3") == {200: 10}
    with Redis.from_url(parts.redis.url) as client:
        assert any(b"{limits}" in key for key in client.keys("tokend:*"))


def test_a_user_on_the_deny_list_in_redis_gets_no_token(parts: Parts) -> None:
    denied = tokend(parts.directory, parts.environment, "deny", "add", "--app", "demo", "--user", "9")
    assert denied.returncode == 0, denied.stderr
    for pause in waits(10):
        status, answer = _get(parts.caddy.url + _PATH.format(uid=9), parts.caddy.tls)
        if status != 200:
            break
        time.sleep(pause)
    assert status == 403, answer
    assert _get(parts.caddy.url + _PATH.format(uid=8), parts.caddy.tls)[0] == 200
