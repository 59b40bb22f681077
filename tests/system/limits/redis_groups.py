"""Starts a Redis Cluster, or a master with a replica and three Sentinels, on loopback."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.free_ports import free_port
from tests.system.limits.redis_server import SECONDS, RedisServer

SLOTS: Final = 16_384
SERVICE: Final = "limits"
DOWN_AFTER: Final = 1_000
"""Milliseconds without an answer, after which a Sentinel takes a server for down."""


@contextmanager
def cluster(masters: int) -> Iterator[list[RedisServer]]:
    """Masters without replicas, which share the slots."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        nodes = [stack.enter_context(_node(Path(directory) / str(number))) for number in range(masters)]
        bounds = [SLOTS * number // masters for number in range(masters + 1)]
        for node, (first, after) in zip(nodes, pairwise(bounds), strict=True):
            node.command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
        for node in nodes[1:]:
            node.command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, _bus_port(nodes[0]))
        wait_until(lambda: all(_knows_all(node, masters) for node in nodes))
        yield nodes


def cluster_url(nodes: list[RedisServer]) -> str:
    """The URL that tokend is given."""
    return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in nodes)}"


class Sentinels:
    """A master, its replica, and three Sentinels of which two have to agree."""

    def __init__(self, master: RedisServer, replica: RedisServer, sentinels: list[RedisServer]) -> None:
        self.master = master
        self.replica = replica
        self._sentinels = sentinels
        addresses = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        self.url = f"redis+sentinel://{addresses}/{SERVICE}"

    def master_port(self) -> int:
        """The port of the server that the Sentinels name."""
        return int(self._sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])

    def ready(self) -> bool:
        """Whether a failover can begin: the replica follows, and each Sentinel knows the others and the replica."""
        states = [sentinel.command("SENTINEL", "MASTER", SERVICE) for sentinel in self._sentinels]
        known = all((state[b"num-other-sentinels"], state[b"num-slaves"]) == (b"2", b"1") for state in states)
        return known and self.replica.command("INFO", "replication")["master_link_status"] == "up"


@contextmanager
def sentinels() -> Iterator[Sentinels]:
    """Ready for a failover."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        master = stack.enter_context(RedisServer("--dir", directory))
        replica = stack.enter_context(RedisServer("--dir", directory, "--replicaof", f"127.0.0.1 {master.port}"))
        started = []
        for number in range(3):
            file = Path(directory) / f"sentinel-{number}.conf"
            file.write_text(
                f"dir {directory}\nsentinel monitor {SERVICE} 127.0.0.1 {master.port} 2\n"
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}\nsentinel failover-timeout {SERVICE} 5000\n"
            )
            started.append(stack.enter_context(RedisServer("--sentinel", file=file)))
        group = Sentinels(master, replica, started)
        wait_until(group.ready)
        yield group


def wait_until(holds: Callable[[], bool], seconds: float = 3 * SECONDS) -> None:
    """Look again and again; `AssertionError` if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.02)


def _node(directory: Path) -> RedisServer:
    directory.mkdir()
    return RedisServer("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--dir", str(directory))


def _bus_port(node: RedisServer) -> int:
    return int(node.settings[node.settings.index("--cluster-port") + 1])


def _knows_all(node: RedisServer, masters: int) -> bool:
    lines = node.command("CLUSTER", "INFO").split()
    return b"cluster_state:ok" in lines and f"cluster_size:{masters}".encode() in lines
