"""What the process itself needs: descriptors, aiohttp's C parser, no core dumps, and a quiet collector."""

import gc
import sys
from importlib.util import find_spec
from typing import Final

from aiohttp import http_parser

from tokend.adapters.resources import CannotStart
from tokend.http.connection_limiter import RESERVED, Caps
from tokend.issuing.server_settings import ServerSettings

IMPORTED_LATER: Final = ("joserfc", "prometheus_client")
CONNECTIONS: Final = 10_000
"""The most connections of a worker where `server.connections` does not say."""


def caps_of(settings: ServerSettings) -> Caps:
    """The caps on connections. Raises the descriptor limit of the process as far as it may; `CannotStart` if it is too low."""
    room = _descriptors() - RESERVED
    if settings.connections.max is not None and settings.connections.max > room:
        raise CannotStart(
            f"server.connections.max is {settings.connections.max}, and the descriptor limit leaves room for {room}: "
            "raise it (ulimit -n, LimitNOFILE=) or lower the setting"
        )
    if room < 1:
        raise CannotStart(f"the descriptor limit is below {RESERVED + 1}: raise it (ulimit -n, LimitNOFILE=)")
    return Caps(settings.connections.max or min(CONNECTIONS, room), settings.connections.per_address)


def check_parser() -> None:
    """`CannotStart` if aiohttp fell back to its Python parser, which most of its past advisories concern."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise CannotStart("aiohttp's C parser is missing: install a wheel of aiohttp, and unset AIOHTTP_NO_EXTENSIONS")


def check_packages() -> None:
    """`CannotStart` if a package is missing that would be imported only once it is needed."""
    for name in IMPORTED_LATER:
        if find_spec(name) is None:
            raise CannotStart(
                f"the package {name} is missing: install tokend with its dependencies (pip install tokend)"
            )


def no_core_dumps() -> None:
    """A core dump would hold every secret."""
    if sys.platform != "win32":
        import resource  # not to be had on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def collect_seldom() -> None:
    """Call it once all is loaded: what is there by now stays, and need not be looked through again.

    A full collection stops the loop, for 0.1 s with 4,500 connections. Requests and connections leave no cycles behind,
    but for what cannot be parsed: so it waits for a million objects that stay. The young are looked through often: what
    cannot be parsed would be some megabytes at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 50, 10)


def prefer_event_loop() -> None:
    """Let a thread that builds a configuration give way to the event loop after 1 ms, not 5."""
    sys.setswitchinterval(0.001)


def _descriptors() -> int:
    if sys.platform == "win32":
        return CONNECTIONS + RESERVED
    import resource  # not to be had on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        raised = max(soft, CONNECTIONS + RESERVED) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    return soft
