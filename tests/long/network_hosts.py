"""Three hosts in network namespaces of their own on one bridge, for what several hosts share. Needs root and iproute2.

The bridge is a namespace's own too, so that nothing of the machine's network is touched; all goes with the namespaces.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

NETWORK: Final = "10.213.77"
"""The first three numbers of the addresses; `.1` is the one where Redis is."""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """The namespaces: `middle`, which holds the bridge and Redis, and `names`, one a host."""

    def __init__(self, count: int) -> None:
        self.middle = f"proof{os.getpid()}m"
        self.names = [f"proof{os.getpid()}h{one}" for one in range(1, count + 1)]

    def address(self, name: str) -> str:
        """The IPv4 address of a namespace."""
        return f"{NETWORK}.1" if name == self.middle else f"{NETWORK}.{self.names.index(name) + 11}"

    def inside(self, name: str) -> tuple[str, ...]:
        """What a command goes behind to run in a namespace."""
        return ("ip", "netns", "exec", name)

    def make(self) -> None:
        _ip("netns", "add", self.middle)
        self._in(self.middle, "link", "add", "bridge", "type", "bridge")
        self._in(self.middle, "addr", "add", f"{NETWORK}.1/24", "dev", "bridge")
        for device in ("bridge", "lo"):
            self._in(self.middle, "link", "set", device, "up")
        for number, name in enumerate(self.names):
            _ip("netns", "add", name)
            end = f"port{number}"
            self._in(self.middle, "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name)
            self._in(self.middle, "link", "set", end, "master", "bridge", "up")
            self._in(name, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                self._in(name, "link", "set", device, "up")

    def remove(self) -> None:
        for name in (*self.names, self.middle):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)

    def _in(self, name: str, *words: str) -> None:
        _ip("-n", name, *words)


@asynccontextmanager
async def hosts(count: int) -> AsyncIterator[Hosts]:
    """`SystemExit` where they cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise SystemExit("network namespaces need root and ip (on Debian: apt-get install iproute2)")
    made = Hosts(count)
    try:
        made.make()
        yield made
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.cmd}: {error.stderr.decode()}") from error
    finally:
        made.remove()


@asynccontextmanager
async def redis_in(made: Hosts) -> AsyncIterator[str]:
    """A Redis in the middle; its URL."""
    address = made.address(made.middle)
    process = await asyncio.create_subprocess_exec(
        *(*made.inside(made.middle), "redis-server", "--port", "6379", "--bind", address, "--save", ""),
        *("--protected-mode", "no"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            if b"Ready to accept" in line:
                break
        yield f"redis://{address}:6379/0"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
