"""Who sends a request: the peer of its connection, and behind trusted proxies the client that they name.

What a proxy says counts only where the peer is one of `server.trusted_proxies`: anybody else could have written it too.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import hdrs, web
from msgspec import Struct

UNIX: Final = "unix"
"""The peer of a connection over a unix socket."""
_LONGEST: Final = 64
"""Characters: no address with its port is longer."""


def peer_of(request: web.BaseRequest) -> str:
    """The address at the other end of the connection, UNIX for a unix socket; empty where it is gone already."""
    name = request.get_extra_info("peername")
    if isinstance(name, tuple):
        return str(name[0])
    return "" if name is None else UNIX


class Proxies:
    """The proxies that are trusted: addresses and networks as in the configuration, and perhaps `unix`."""

    def __init__(self, written: Sequence[str] = ()) -> None:
        self._unix = UNIX in written
        self._networks = tuple(ip_network(network) for network in written if network != UNIX)
        self._read = lru_cache(maxsize=4096)(self._parse)  # the same few proxies and many clients, over and over

    def trust(self, peer: str) -> bool:
        """Whether what this peer says of others counts."""
        if peer == UNIX or not self._networks:
            return peer == UNIX and self._unix
        known = self._read(peer)
        return known is not None and known.trusted

    def client_of(self, request: web.BaseRequest) -> str:
        """The address of the client that sent a request, as `client` finds it."""
        return self.client(peer_of(request), request.headers.getall(hdrs.X_FORWARDED_FOR, ()))

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The peer unless it is trusted, else the last address in X-Forwarded-For that is no trusted proxy.

        `forwarded_for`: the values of that header. The peer where what stands there cannot be read.
        """
        if not self.trust(peer):
            return peer
        client = peer
        for written in reversed(",".join(forwarded_for).split(",")):
            text = _without_port(written.strip())
            known = self._read(text) if len(text) <= _LONGEST else None
            if known is None:
                return peer
            client = known.text
            if not known.trusted:
                break
        return client

    def _parse(self, text: str) -> "_Address | None":
        """Without an interface's name (`%eth0`). A listener on `::` sees IPv4 peers as `::ffff:10.0.0.1`: IPv4 they are."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return _Address(str(address), any(address in network for network in self._networks))


class _Address(Struct, frozen=True):
    """An address in its one spelling."""

    text: str
    trusted: bool


def _without_port(text: str) -> str:
    """`203.0.113.7:4711` and `[2001:db8::7]:4711` without their ports."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
