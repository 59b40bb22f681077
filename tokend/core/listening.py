"""The address on which the server listens, from its text and the environment. Imports nothing, for `tokend health`."""

import re
from collections.abc import Mapping
from typing import Final

Address = tuple[str, int]
"""A host and a port."""
LISTEN: Final[Address] = ("127.0.0.1", 8080)
"""Where the server listens if nothing says otherwise."""
PORT_VARIABLES: Final = ("SERVER_PORT", "PORT")
"""Environment variables that override the port; the first that is set counts."""
_ADDRESS: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def parse_address(text: str) -> Address:
    """`127.0.0.1:8080`, `[::1]:8080` or `name:8080` as its two parts. Raises `ValueError` for any other text."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[3]) > 65_535:
        raise ValueError("must be an address and a port: 127.0.0.1:8080 or [::1]:8080")
    return found[1] or found[2], int(found[3])


def port_variable(environment: Mapping[str, str]) -> str | None:
    """The name of the variable that overrides the port, or None."""
    return next((name for name in PORT_VARIABLES if environment.get(name)), None)


def is_port(text: str) -> bool:
    """Whether a text is a port, 0 to 65535."""
    return _PORT.fullmatch(text) is not None and int(text) <= 65_535


def listening_address(written: Address, environment: Mapping[str, str]) -> Address:
    """Where the server listens: TOKEND_HOST, and SERVER_PORT or else PORT, override `server.listen`.

    Raises `ValueError` if the variable is no port.
    """
    host, port = environment.get("TOKEND_HOST") or written[0], written[1]
    name = port_variable(environment)
    if name is None:
        return host, port
    if not is_port(environment[name]):
        raise ValueError(f"{name} must be a port, 0 to 65535")
    return host, int(environment[name])


def reachable(host: str) -> str:
    """The address for clients on this machine: loopback in place of a wildcard."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound


def url_of(address: Address) -> str:
    """The base URL for clients on this machine."""
    host, port = reachable(address[0]), address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
