"""Redis by TLS, with a certificate of a private authority."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import certificate
from tests.free_ports import free_port
from tests.system.limits.hosts import host
from tests.system.limits.redis_server import RedisServer, need_redis


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    need_redis()
    certificate(tmp_path, "localhost")
    port, file, key = free_port(), str(tmp_path / "fullchain.pem"), str(tmp_path / "privkey.pem")
    keys = ("--tls-cert-file", file, "--tls-key-file", key, "--tls-auth-clients", "no")
    with RedisServer("--tls-port", str(port), *keys):
        yield f"rediss://localhost:{port}/0"


async def test_the_url_names_the_authority(url: str, tmp_path: Path) -> None:
    async with host(f"{url}?ssl_ca_certs={tmp_path / 'fullchain.pem'}", "{caller: 2/h}") as server:
        assert await server.statuses(3) == [200, 200, 429]
        assert server.log == ""


@pytest.mark.parametrize("scheme", ["rediss", "rediss+cluster"])
async def test_the_log_says_that_the_certificate_is_not_accepted(url: str, scheme: str) -> None:
    """It named the class of an error, which the other failures of a connection have too."""
    async with host(url.replace("rediss", scheme), "{caller: 2/h}") as server:
        assert await server.statuses(1) == [503]
        assert json.loads(server.log.splitlines()[0])["reason"] == "the TLS certificate is not accepted"
