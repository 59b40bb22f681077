"""The address on which the server listens, from its text and the environment. Imports nothing, for `tokend health`."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

PORT_VARIABLES: Final = ("SERVER_PORT", "PORT")
"""Environment variables that override the port; the first that is set counts."""
_ADDRESS: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")
_PORT: Final = re.compile(r"[0-9]{1,5}")


class Listen(NamedTuple):
    """The address and port on which the server listens."""

    host: str = "127.0.0.1"
    port: int = 8080

    @property
    def reachable(self) -> str:
        """The address for clients on this machine: loopback in place of a wildcard."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # compared, not bound

    @property
    def url(self) -> str:
        """The base URL for clients on this machine."""
        host = self.reachable
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse_address(text: str) -> Listen:
    """`127.0.0.1:8080`, `[::1]:8080` or `name:8080` as its two parts. Raises `ValueError` for any other text."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[3]) > 65_535:
        raise ValueError("must be an address and a port: 127.0.0.1:8080 or [::1]:8080")
    return Listen(found[1] or found[2], int(found[3]))


def port_variable(environment: Mapping[str, str]) -> str | None:
    """The name of the variable that overrides the port, or None."""
    return next((name for name in PORT_VARIABLES if environment.get(name)), None)


def is_port(text: str) -> bool:
    """Whether a text is a port, 0 to 65535."""
    return _PORT.fullmatch(text) is not None and int(text) <= 65_535


def listening_address(written: Listen, environment: Mapping[str, str]) -> Listen:
    """Where the server listens: TOKEND_HOST, and SERVER_PORT or else PORT, override `server.listen`.

    Raises `ValueError` if the variable is no port.
    """
    host = environment.get("TOKEND_HOST") or written.host
    name = port_variable(environment)
    if name is None:
        return Listen(host, written.port)
    if not is_port(environment[name]):
        raise ValueError(f"{name} must be a port, 0 to 65535")
    return Listen(host, int(environment[name]))
