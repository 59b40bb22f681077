"""Runs Debian's nginx in front of a server, for any test that wants one: `with proxying(directory, locations) as url`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.free_ports import free_port

_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Where Debian puts it is on root's PATH alone."""
_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_FILE: Final = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_processes {workers};
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    {temporary}
    {http}
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""


def missing() -> str | None:
    """Why it cannot be started here, and what to do about it; None when it can."""
    found = shutil.which("nginx", path=_PATH)
    return None if found else "no nginx: it is not on the PATH nor in /usr/sbin (apt-get install nginx)"


@contextmanager
def proxying(directory: Path, locations: str, http: str = "", workers: int = 1) -> Iterator[str]:
    """Its URL. `locations` stand in its `server` block, `http` beside that (an `upstream`, say).

    `directory` is empty, and its own: the configuration and the error log are kept there.
    """
    port = free_port()
    text = _FILE.format(
        directory=directory,
        workers=workers,
        user="user root;" if os.geteuid() == 0 else "",  # its workers would be www-data, who may not read here
        temporary=" ".join(f"{name}_temp_path {directory}/{name};" for name in _TEMPORARY),
        http=http,
        port=port,
        locations=locations,
    )
    file, errors = directory / "nginx.conf", directory / "error.log"
    file.write_text(text)
    errors.touch()
    process = subprocess.Popen(
        ["nginx", "-c", str(file), "-p", str(directory), "-e", str(errors)],
        env={"PATH": _PATH},
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process, errors)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            if process.poll() is not None:
                break
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nginx did not start: {errors.read_text()}")
