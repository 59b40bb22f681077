"""Runs Debian's Caddy in front of a server: `with proxying(directory, caddyfile, environment) as caddy`."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.free_ports import free_port

_AUTHORITY: Final = "caddy/pki/authorities/local/root.crt"


def missing() -> str | None:
    """Why it cannot be started here, and what to do about it; None when it can."""
    return None if shutil.which("caddy") else "no caddy on the PATH (on Debian: apt-get install caddy)"


@dataclass(frozen=True)
class Caddy:
    """`url` has TLS by an authority of Caddy's own, which `tls` trusts; `plain_url` has none."""

    url: str
    plain_url: str
    tls: ssl.SSLContext


@contextmanager
def proxying(directory: Path, caddyfile: str, environment: Mapping[str, str]) -> Iterator[Caddy]:
    """It serves `localhost` on the ports that it gets as HTTP_PORT and HTTPS_PORT. `directory` is empty, and its own."""
    http, https = free_port(), free_port()
    (directory / "Caddyfile").write_text(caddyfile)
    ports = {"HTTP_PORT": str(http), "HTTPS_PORT": str(https)}
    places = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"],
            env={"PATH": os.environ["PATH"], **places, **ports, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        tls = _trusted(https, process, directory)
        yield Caddy(f"https://localhost:{https}", f"http://localhost:{http}", tls)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _trusted(port: int, process: "subprocess.Popen[bytes]", directory: Path) -> ssl.SSLContext:
    """What trusts its authority, once a handshake succeeds: its files are there before they are whole and in use."""
    for _ in range(500):
        if process.poll() is not None:
            break
        if (directory / _AUTHORITY).exists():
            try:
                tls = ssl.create_default_context(cafile=str(directory / _AUTHORITY))
                with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
                    tls.wrap_socket(plain, server_hostname="localhost").close()
                    return tls
            except (ConnectionError, ssl.SSLError):
                pass
        time.sleep(0.02)
    raise AssertionError(f"caddy did not start: {(directory / 'log').read_text()}")
