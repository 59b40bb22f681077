"""Runs the server as one process or several until a signal stops it. Opens the sockets and handles the signals."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from tokend.core.listening import Listen
from tokend.http.reloader import Reloaded
from tokend.http.server import BACKLOG
from tokend.issuing.server_settings import Admin as AdminSettings
from tokend.process import event_loop
from tokend.process.control import LaunchOptions, ServerHandle
from tokend.process.multi_process import MultiProcessServer
from tokend.process.runtime import check_aiohttp, check_packages, no_core_dumps
from tokend.process.service_manager import ServiceManager
from tokend.process.single_process import SingleProcessServer
from tokend.process.sockets import ADMIN, PUBLIC, address_of, bind, bind_unix, handed_over
from tokend.telemetry.log import JsonLog, capture_libraries, exception_fields

_ADMIN_OPTION: Final = "change server.admin"


def serve(
    start: LaunchOptions,
    log: JsonLog,
    on_listening: Callable[[str, LaunchOptions], None],
    early_signals: Collection[int] = (),
) -> None:
    """Serve until SIGTERM or SIGINT. Raises `CannotStart`.

    Calls `on_listening` with the base URL, and `start` with the address that the listener has. `early_signals`: those that came
    while the configuration was read; it may be added to until the server listens.
    """
    capture_libraries(log)
    no_core_dumps()
    check_aiohttp()
    check_packages()
    event_loop.run(_serve(start, log, on_listening, early_signals), log)


async def _serve(
    start: LaunchOptions,
    log: JsonLog,
    on_listening: Callable[[str, LaunchOptions], None],
    early_signals: Collection[int],
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # while it starts, too: workers must not be left behind
        loop.add_signal_handler(number, stop.set)
    log.buffer(loop.call_later)
    service_manager = ServiceManager(os.environ)
    handed = handed_over(os.environ)
    listener = handed.get(PUBLIC) or bind(start.listen)
    listener.listen(BACKLOG)
    address = address_of(listener)
    start = replace(start, listen=address or Listen())  # a unix socket is as local as the loopback address
    settings = start.configuration.options.server
    admin_listener = _admin_listener(settings.admin, handed.get(ADMIN))
    of_processes = MultiProcessServer if start.workers > 1 else SingleProcessServer
    server_handle: ServerHandle = of_processes(start, log, listener)
    if not await _start(server_handle, stop):
        log.event("stopped")
        log.buffer(None)
        return
    admin = None
    if admin_listener is not None:
        from tokend.process.admin import admin_runner  # it imports prometheus_client, which is slow

        admin = admin_runner(server_handle, settings.admin, log, address)
        await admin.start(admin_listener)
    background = [_obey_signals(server_handle, service_manager, early_signals, log)]
    if settings.watch:
        background.append(asyncio.create_task(server_handle.reloader.watch()))
    background.append(asyncio.create_task(service_manager.stay_alive(lambda: server_handle.alive(loop.time()))))
    on_listening(address.url if address else str(listener.getsockname()), start)
    service_manager.ready(f"serving {start.configuration.source}")
    await stop.wait()
    service_manager.stopping()
    log.event("stopping")
    await server_handle.stop(settings.drain)
    for task in background:
        task.cancel()
    if admin is not None:
        await admin.cleanup()
    log.event("stopped")
    log.buffer(None)


async def _start(server_handle: ServerHandle, stop: asyncio.Event) -> bool:
    """Whether the server has started; False if it was stopped first: a worker may hang where a package's backend is made."""
    starting, stopping = asyncio.create_task(server_handle.start()), asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return False
    return True


def _admin_listener(settings: AdminSettings | None, handed: socket.socket | None) -> socket.socket | None:
    if handed is not None or settings is None:
        return handed
    if isinstance(settings.listen, str):
        return bind_unix(settings.listen)
    return bind(settings.listen, _ADMIN_OPTION)


def _status(reloaded: Reloaded) -> str:
    """What a reload did, for the status that systemd shows."""
    if reloaded.problems:
        return "the reload was refused: see the log"
    invalid = len(reloaded.invalid_apps)
    return f"reloaded; invalid apps: {invalid}, see the log" if invalid else "reloaded"


def _obey_signals(
    server_handle: ServerHandle, service_manager: ServiceManager, early_signals: Collection[int], log: JsonLog
) -> asyncio.Task[None]:
    """Handle signals in a task: SIGHUP reloads, SIGUSR1 reopens the audit, SIGUSR2 replaces the workers.

    Early ones are obeyed now, but for SIGUSR2, whose workers are new.
    """
    signals: asyncio.Queue[str] = asyncio.Queue()
    waiting: set[str] = set()

    def received(name: str) -> None:
        """Note a signal. One that comes again while it waits is the same: what it starts has not begun."""
        if name not in waiting:
            waiting.add(name)
            signals.put_nowait(name)

    async def obey() -> None:
        while True:
            name = await signals.get()
            waiting.discard(name)
            if name == "reload":
                service_manager.reloading()
                found = await server_handle.reloader.reload()
                service_manager.ready(_status(found))
            else:
                try:
                    await server_handle.replace_workers()
                except Exception as error:  # noqa: BLE001  # else no later signal would be obeyed
                    log.event("workers", "error", message="cannot be replaced", **exception_fields(error))

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, received, "reload")
    loop.add_signal_handler(signal.SIGUSR1, server_handle.reopen_audit)
    loop.add_signal_handler(signal.SIGUSR2, received, "replace")
    if signal.SIGHUP in early_signals:
        received("reload")
    if signal.SIGUSR1 in early_signals:
        server_handle.reopen_audit()
    return asyncio.create_task(obey())
