"""The cap of connections from one address spares trusted proxies, whose connections are those of many clients."""

import select
import socket
from pathlib import Path

import pytest

from tests.running import CERTIFICATE, Running, serving
from tests.unit.http.running import DEMO

pytestmark = pytest.mark.serial

SERVER = "server: {trusted_proxies: 127.0.0.1, connections: {per_address: 1}}\n"


def _answers(server: Running, source: str, *, closes: bool = False) -> list[bool]:
    """Whether each of two connections that are open at once is answered. `closes`: wait until the server closes the first."""
    host, port = server.url.removeprefix("http://").split(":")
    opened = [socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0)) for _ in range(2)]
    if closes:  # a request that arrived before the second connection would keep the first's place
        select.select(opened[:1], [], [], 10)
    found = []
    for one in opened:
        try:
            one.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
            found.append(one.recv(4096).startswith(b"HTTP/1.1 200"))
        except ConnectionError:
            found.append(False)
    for one in opened:
        one.close()
    return found


def test_the_cap_of_an_address_spares_a_trusted_proxy(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SERVER + DEMO)
    with serving(tmp_path, {"CERTIFICATE": CERTIFICATE}, lines=1) as server:
        assert _answers(server, "127.0.0.1") == [True, True]
        assert _answers(server, "127.0.0.2", closes=True) == [False, True]  # the second took the first's place
