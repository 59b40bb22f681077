"""Addresses that the configuration names: where to listen, and which proxies are trusted."""

import re
from ipaddress import ip_network
from typing import Annotated, Final

from pydantic import AfterValidator

from tokend.core.listening import parse_address
from tokend.core.validation import invalid

_NETWORK: Final = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")


def host_and_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080` or `name:8080` as its two parts; a pydantic error otherwise."""
    try:
        return parse_address(text)
    except ValueError as problem:
        raise invalid(str(problem)) from None


def _proxy(text: str) -> str:
    if text != "unix" and not _is_network(text):
        raise invalid(
            "must be an address such as 10.0.0.7, a network such as 10.0.0.0/8 (not 10.0.0.7/8, not all), or unix"
        )
    return text


def _is_network(text: str) -> bool:
    """IPv4 addresses written as IPv6 would fit no peer, and a network of everybody trusts everybody."""
    try:
        network = ip_network(text)
    except ValueError:
        return False
    mapped = network.version == 6 and network.network_address.ipv4_mapped is not None
    return _NETWORK.fullmatch(text) is not None and network.prefixlen > 0 and not mapped


Proxy = Annotated[str, AfterValidator(_proxy)]
"""An address or a network of a proxy, or `unix`."""
