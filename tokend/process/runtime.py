"""Settings and checks of the process: descriptors, aiohttp's C parser, core dumps, threads."""

import resource
import sys
from importlib.util import find_spec
from typing import Final

import aiohttp
from aiohttp import http_parser
from aiohttp.web_protocol import RequestHandler

from tokend.adapters.resources import CannotStart
from tokend.http.connection_limiter import RESERVED, Caps
from tokend.http.server import PRIVATE_NAMES
from tokend.installing import install_command
from tokend.issuing.server_settings import ServerSettings

IMPORTED_LATER: Final = ("joserfc", "prometheus_client")
CONNECTIONS: Final = 10_000
"""The most connections of a worker if `server.connections` does not set it."""


def caps_of(settings: ServerSettings) -> Caps:
    """The caps on connections. Increases the process's descriptor limit to its maximum; `CannotStart` if that is too low."""
    room = _descriptors() - RESERVED
    if settings.connections.max is not None and settings.connections.max > room:
        raise CannotStart(
            f"server.connections.max is {settings.connections.max}, and the descriptor limit leaves room for {room}: "
            "raise it (ulimit -n, LimitNOFILE=) or lower the setting"
        )
    if room < 1:
        raise CannotStart(f"the descriptor limit is below {RESERVED + 1}: raise it (ulimit -n, LimitNOFILE=)")
    total = settings.connections.max or min(CONNECTIONS, room)
    # half: a proxy that is not in `trusted_proxies` may hold many, but no address can take all
    return Caps(total, settings.connections.per_address or (total + 1) // 2)


def check_aiohttp() -> None:
    """Raise `CannotStart` if aiohttp uses its Python parser, which most of its past advisories concern.

    Also if it has not the private names that the deadlines of connections need.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise CannotStart("aiohttp's C parser is missing: install a wheel of aiohttp, and unset AIOHTTP_NO_EXTENSIONS")
    if missing := sorted(PRIVATE_NAMES - set(RequestHandler.__slots__)):
        found = f"aiohttp {aiohttp.__version__} is not supported: its RequestHandler has no {', '.join(missing)}"
        raise CannotStart(f"{found}; install the version that requirements.txt pins")


def check_packages() -> None:
    """Raise `CannotStart` if a package is missing that is imported only when it is needed."""
    for name in IMPORTED_LATER:
        if find_spec(name) is None:
            raise CannotStart(
                f"the package {name} is missing: install tokend with its dependencies: {install_command()}"
            )


def no_core_dumps() -> None:
    """Disable core dumps, since they would contain every secret."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def prefer_event_loop() -> None:
    """Let the event loop interrupt a thread that builds a configuration after 0.2 ms instead of 5.

    A request waits so long for the interpreter each time that it reads or writes a socket.
    """
    sys.setswitchinterval(0.0002)


def _descriptors() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        raised = max(soft, CONNECTIONS + RESERVED) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    return soft
