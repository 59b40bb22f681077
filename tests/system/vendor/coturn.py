"""Debian's coturn on this machine, with a shared secret, and its own client, which relays with credentials or cannot."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.free_ports import free_port
from tests.needs import skip_or_fail

SECONDS: Final = 20.0
"""The longest that a test waits for coturn or its client."""
_PROGRAMS: Final = ("turnserver", "turnutils_uclient")
_BINDING: Final = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"twelve bytes"
"""A STUN binding request (RFC 8489, section 6)."""
_COUNTS: Final = re.compile(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)")


def need_coturn() -> None:
    """Without coturn the test is skipped, saying why; where CI=true it fails."""
    unmet = [program for program in _PROGRAMS if shutil.which(program) is None]
    if not unmet:
        return
    reason = f"no coturn: {unmet[0]} is not on the PATH (on Debian: apt-get install coturn)"
    skip_or_fail(reason)


class Coturn:
    """A context manager that starts turnserver on 127.0.0.1 and ends it. `secrets`: all that it accepts."""

    def __init__(self, directory: Path, *secrets: str, separator: str | None = None) -> None:
        self.port = free_port()
        self._log = directory / "turnserver.log"
        file = directory / "turnserver.conf"
        lines = [
            *("listening-ip=127.0.0.1", "relay-ip=127.0.0.1", f"listening-port={self.port}", "realm=turn.example.com"),
            *("use-auth-secret", *(f"static-auth-secret={secret}" for secret in secrets)),
            *("no-tls", "no-dtls", "no-cli", "allow-loopback-peers", "log-file=stdout", "no-software-attribute"),
            *(f"userdb={directory}/turndb", f"pidfile={directory}/turnserver.pid"),
            *([] if separator is None else [f"rest-api-separator={separator}"]),
        ]
        file.write_text("\n".join(lines) + "\n")
        self._command = ("turnserver", "-c", str(file))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return self
        self.__exit__(None, None, None)
        raise AssertionError(f"turnserver did not start: {self.log[-500:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, record: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(SECONDS)

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text("utf-8", "replace")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.2)
            asking.connect(("127.0.0.1", self.port))
            try:
                asking.send(_BINDING)
                return asking.recv(1024).startswith(b"\x01\x01")
            except OSError:
                time.sleep(0.05)
                return False

    def relays(self, username: str, password: str) -> bool:
        """Whether two clients with these credentials reach each other over two relays of this server."""
        client = subprocess.run(
            [
                *("turnutils_uclient", "-y", "-c", "-X", "-m", "2", "-n", "1", "-p", str(self.port)),
                *("-u", username, "-w", password, "127.0.0.1"),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS * 3,
            check=False,
        )
        counts = _COUNTS.findall(client.stdout)
        if client.returncode == 0:
            return bool(counts) and int(counts[-1][0]) == int(counts[-1][1]) > 0
        if "Cannot complete Allocation" not in client.stdout or f"credentials of user <{username}>" not in self.log:
            raise AssertionError(
                f"the client failed for another reason: {username!r} {password!r}: {client.stdout[-500:]}"
            )
        return False
