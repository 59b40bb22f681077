"""Runs a Setup on a socket until it is told to stop, and then finishes what it has begun."""

import asyncio
import logging
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable

from aiohttp import web

from tokend.ports import Ports
from tokend.server.audit import Audit
from tokend.server.deny import DenyFile
from tokend.server.door import Door
from tokend.server.jwks import KeyCache, client, over_http
from tokend.server.log import JsonLog, LibraryHandler
from tokend.server.protocol import Runner
from tokend.setup import Listen, Setup

DRAIN_SECONDS = 10.0
"""The longest that requests in flight are waited for."""
BACKLOG = 1024
LINGER_SECONDS = 1.0
"""The longest that the rest of a refused body is read and thrown away, so that its sender sees the answer."""


class CannotStart(Exception):
    """The address cannot be listened on, or a file of the server's own cannot be used, in a sentence."""


def serve(setup: Setup, log: JsonLog, on_listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `on_listening` gets the base URL. Raises `CannotStart`."""
    root = logging.getLogger()
    root.handlers[:] = [LibraryHandler(log)]
    _no_core_dumps()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(setup, log, on_listening))


def _no_core_dumps() -> None:
    """A core dump would hold every secret."""
    if sys.platform != "win32":
        import resource  # not to be had on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # not to be had on Windows

    return uvloop.new_event_loop


async def _serve(setup: Setup, log: JsonLog, on_listening: Callable[[str], None]) -> None:
    listener = _bind(setup.listen.host, setup.listen.port)
    audit = open_audit(setup, log)
    deny = open_deny(setup, log)
    session = client()
    door = Door(setup, log, ports=Ports(audit, KeyCache(over_http(session), time.monotonic, log), deny))
    runner = runner_of(door)
    await runner.setup()
    site = web.SockSite(runner, listener, backlog=BACKLOG)
    await site.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if audit is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, audit.reopen)
    on_listening(Listen(setup.listen.host, listener.getsockname()[1]).url)
    await stop.wait()
    log.event("stopping", in_flight=door.in_flight)
    door.draining = True
    await site.stop()
    await _drained(door)
    await runner.cleanup()
    await session.close()
    if audit is not None:
        audit.close()
    log.event("stopped")


def open_audit(setup: Setup, log: JsonLog) -> Audit | None:
    """The audit that the Setup asks for; `CannotStart` where its file cannot be opened."""
    if setup.audit is None:
        return None
    try:
        return Audit(setup.audit, secrets.token_hex(8), log)
    except OSError as error:
        raise CannotStart(f"the audit file cannot be opened: {error.filename}: {error.strerror}") from error


def open_deny(setup: Setup, log: JsonLog) -> DenyFile | None:
    """The deny file that the Setup names; `CannotStart` where it cannot be read."""
    if setup.deny_file is None:
        return None
    try:
        return DenyFile(setup.deny_file, log, time.time, time.monotonic)
    except OSError as error:
        raise CannotStart(f"the deny file cannot be read: {setup.deny_file}: {error.strerror}") from error
    except ValueError as error:
        raise CannotStart(f"the deny file is wrong: {setup.deny_file}: {error}") from error


def runner_of(door: Door) -> web.AppRunner:
    """What runs the door, with every setting of aiohttp's that is not its default."""
    return Runner(
        door.application(),
        door.refuse_unread,
        access_log=None,
        keepalive_timeout=75.0,
        lingering_time=LINGER_SECONDS,
        auto_decompress=False,
    )


async def _drained(door: Door) -> None:
    """Wait for the requests in flight, up to DRAIN_SECONDS."""
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
    while door.in_flight and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        sentence = f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host and --port"
        raise CannotStart(sentence) from error
    return listener
