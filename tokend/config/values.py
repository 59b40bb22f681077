"""Single values of the configuration: durations, names of variables and headers, paths, addresses, lists of one or more."""

import re
from ipaddress import ip_network
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from tokend.core.durations import UNITS
from tokend.core.lists import ItemOrList
from tokend.core.rate_limits import Limit
from tokend.core.validation import invalid

_RATE: Final = re.compile(r"([1-9][0-9]{0,5})/([smh])(?: burst ([1-9][0-9]{0,5}))?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NETWORK: Final = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")
_CREDENTIAL: Final = re.compile(r"[^/:\x00-\x1f]{1,255}")
_LISTEN: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")


def _rate(text: object) -> Limit:
    """A burst that is not said is one period's worth."""
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("must be a rate such as 20/s, 100/m or 1000/h, or 20/s burst 40; its numbers are 1 to 999999")
    return Limit(int(found[1]), UNITS[found[2]], int(found[3] or found[1]))


def _variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise invalid("must be the name of an environment variable")
    return text


def _file(text: str) -> str:
    if not text or "\0" in text:
        raise invalid("must be the path of a file")
    return text


def _proxy(text: str) -> str:
    if text != "unix" and not _is_network(text):
        raise invalid(
            "must be an address such as 10.0.0.7, a network such as 10.0.0.0/8 (not 10.0.0.7/8, not all), or unix"
        )
    return text


def _is_network(text: str) -> bool:
    """IPv4 addresses written as IPv6 would fit no peer, and everybody is nobody to trust."""
    try:
        network = ip_network(text)
    except ValueError:
        return False
    mapped = network.version == 6 and network.network_address.ipv4_mapped is not None
    return _NETWORK.fullmatch(text) is not None and network.prefixlen > 0 and not mapped


def _credential(text: str) -> str:
    if _CREDENTIAL.fullmatch(text) is None or text in (".", ".."):
        raise invalid("must be the name of a systemd credential, which has no slash")
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080` or `name:8080` taken apart; a pydantic error otherwise."""
    found = _LISTEN.fullmatch(text)
    if found is None or not 0 <= int(found[3]) <= 65_535:
        raise invalid("must be an address and a port: 127.0.0.1:8080 or [::1]:8080")
    return found[1] or found[2], int(found[3])


T = TypeVar("T")
OneOrMore = ItemOrList[T]
Rate = Annotated[
    Limit,
    PlainValidator(_rate, json_schema_input_type=Annotated[str, Field(pattern=f"^{_RATE.pattern}$")]),
]
Variable = Annotated[str, AfterValidator(_variable)]
Proxy = Annotated[str, AfterValidator(_proxy)]
File = Annotated[str, AfterValidator(_file)]
Credential = Annotated[str, AfterValidator(_credential)]
Listen = Annotated[tuple[str, int], BeforeValidator(lambda text: host_and_port(str(text)), json_schema_input_type=str)]
