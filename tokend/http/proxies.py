"""The sender of a request: the peer of its connection or, behind trusted proxies, the client that they name.

Headers of a proxy count only if the peer is one of `server.trusted_proxies`, since any client can send such headers.
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
"""Characters. No address with a port is longer."""


def peer_of(request: web.BaseRequest) -> str:
    """The address of the connection's peer: UNIX for a unix socket, empty if the connection is closed already."""
    name = request.get_extra_info("peername")
    if isinstance(name, tuple):
        return str(name[0])
    return "" if name is None else UNIX


class Proxies:
    """The trusted proxies: addresses and networks as the configuration writes them, and `unix`."""

    def __init__(self, written: Sequence[str] = ()) -> None:
        self._unix = UNIX in written
        self._networks = tuple(ip_network(network) for network in written if network != UNIX)
        self._read = lru_cache(maxsize=4096)(self._parse)  # the same addresses come again and again

    def trust(self, peer: str) -> bool:
        """Whether this peer is a trusted proxy."""
        if peer == UNIX or not self._networks:
            return peer == UNIX and self._unix
        known = self._read(peer)
        return known is not None and known.trusted

    def client_of(self, request: web.BaseRequest) -> str:
        """The address of the client that sent a request, as `client` finds it."""
        return self.client(peer_of(request), request.headers.getall(hdrs.X_FORWARDED_FOR, ()))

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of the client: the last one in X-Forwarded-For that is not a trusted proxy.

        Returns the peer if it is not trusted, or if the header cannot be read. `forwarded_for`: the values of that header.
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
        """The address without an interface name (`%eth0`). `::ffff:10.0.0.1` is IPv4: a listener on `::` sees IPv4 peers so."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return _Address(str(address), any(address in network for network in self._networks))


class _Address(Struct, frozen=True):
    """An address in its canonical form."""

    text: str
    trusted: bool


def _without_port(text: str) -> str:
    """`203.0.113.7:4711` and `[2001:db8::7]:4711` without their ports."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
