"""The trusted proxies, and the client that they name. Any client can send their headers, so those of others do not count."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Final

from msgspec import Struct
from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import core_schema

from tokend.core.lists import ItemOrList
from tokend.core.validation import satisfying

UNIX: Final = "unix"
"""The peer of a connection over a unix socket."""
_LONGEST: Final = 64
"""Characters. No address with a port is longer."""
_NETWORK: Final = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")


class TrustedProxies:
    """The trusted proxies: addresses and networks as the configuration writes them, and `unix`."""

    def __init__(self, written: Sequence[str] = ()) -> None:
        """`written`: as in the configuration, already checked."""
        self.written = tuple(written)
        self._unix = UNIX in written
        self._networks = tuple(ip_network(network) for network in written if network != UNIX)
        self._read = lru_cache(maxsize=4096)(self._parse)  # the same addresses come again and again

    def trust(self, peer: str) -> bool:
        """Whether this peer is a trusted proxy."""
        if peer == UNIX:
            return self._unix
        known = self._read(peer)
        return known is not None and known.trusted

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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """An address or a network, or a list of them, as text."""
        return core_schema.no_info_after_validator_function(cls, handler.generate_schema(ItemOrList[_Proxy]))


def _is_network(text: str) -> bool:
    """IPv4 addresses written as IPv6 would fit no peer, and a network of everybody trusts everybody."""
    try:
        network = ip_network(text)
    except ValueError:
        return False
    mapped = network.version == 6 and network.network_address.ipv4_mapped is not None
    return _NETWORK.fullmatch(text) is not None and network.prefixlen > 0 and not mapped


_Proxy = Annotated[
    str,
    AfterValidator(
        satisfying(
            lambda text: text == UNIX or _is_network(text),
            "must be an address such as 10.0.0.7, a network such as 10.0.0.0/8 (not 10.0.0.7/8, not all), or unix",
        )
    ),
]


class _Address(Struct, frozen=True):
    """An address in its canonical form."""

    text: str
    trusted: bool


def _without_port(text: str) -> str:
    """`203.0.113.7:4711` and `[2001:db8::7]:4711` without their ports."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
