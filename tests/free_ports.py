"""Ports for the servers of tests. One place, because the usual way to find one loses a race in a long run."""

import os
import socket
from collections.abc import Iterator


def _candidates() -> Iterator[int]:
    """11000 to 32767, each once: above those that browsers refuse, below those that Linux gives to connections."""
    first, last = 11_000, 32_767
    count = last - first + 1
    start = os.getpid() * 1009
    for offset in range(count):
        yield first + (start + offset) % count


_PORTS = _candidates()


def free_port() -> int:
    """A port of this machine that nobody listens on, over TCP or UDP; this process gets each once."""
    for port in _PORTS:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port of 11000 to 32767 is free")
