"""Sends the service's state to systemd (sd_notify): ready, reloading, stopping, and alive for the watchdog."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress


class ServiceManager:
    """Sends messages to the service manager; none if NOTIFY_SOCKET is not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog = int(microseconds) / 1e6 if microseconds.isdigit() and mine else None

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    async def stay_alive(self, is_alive: Callable[[], bool]) -> None:
        """Notify the watchdog while `is_alive` holds, four times per interval, so that one missed message does no harm."""
        while self._watchdog is not None:
            if is_alive():
                self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 4)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # if the service manager has ended or does not read, the message is dropped
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
            end.setblocking(False)  # a service manager that does not read must not delay requests
            end.sendto(message.encode(), address)
