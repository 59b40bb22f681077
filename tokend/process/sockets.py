"""Listening sockets: bound here, or passed by the service manager (systemd's LISTEN_FDS)."""

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tokend.adapters.resources import CannotStart
from tokend.core.listening import Listen
from tokend.core.validation import redact_secrets

FIRST: Final = 3
"""The first descriptor that systemd passes."""
SEND_BUFFER: Final = 16 * 1024
"""Bytes of responses that the kernel buffers for a client that does not read; its default would be megabytes."""
RECEIVE_BUFFER: Final = 64 * 1024
"""Bytes of requests that the kernel buffers while we answer the previous one."""
PUBLIC: Final = "public"
ADMIN: Final = "admin"


def bind(listen: Listen, option: str = "choose another with --host and --port") -> socket.socket:
    """A TCP socket bound to the address; `CannotStart` if that fails. `option`: what the error advises."""
    where = f"{redact_secrets(listen.host)}:{listen.port}"
    try:
        family, kind, proto, _, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except UnicodeError as error:
        raise CannotStart(f"cannot listen on {where}: this is no name of a host; {option}") from error
    except OSError as error:
        raise CannotStart(f"cannot listen on {where}: {error.strerror}; {option}") from error
    return _bounded(listener)


def bind_unix(path: str) -> socket.socket:
    """A unix socket that only this user can open. Replaces the socket of a server that has ended; raises `CannotStart`."""
    try:
        if Path(path).is_socket():
            if _is_answered(path):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            Path(path).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        Path(path).chmod(0o600)
        listener.listen()  # at once: without it, another server takes this for the socket of one that has ended
    except OSError as error:
        raise CannotStart(
            f"cannot listen on the unix socket {redact_secrets(path)}: {error.strerror or error}"
        ) from error
    return listener


def _is_answered(path: str) -> bool:
    """Whether a process still has a unix socket, also one of another type. `OSError`: this user may not find out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        code = client.connect_ex(path)
    if code in (errno.EACCES, errno.EPERM):
        raise OSError(code, os.strerror(code))
    return code not in (errno.ECONNREFUSED, errno.ENOENT)


def handed_over(environment: Mapping[str, str]) -> dict[str, socket.socket]:
    """The sockets that systemd opened for this process, by name; one without a name is the public one.

    Raises `CannotStart` for two of one purpose, since the clients of the first would wait for ever, and for what is no
    stream socket.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    count = environment.get("LISTEN_FDS", "0")
    if not (count.isascii() and count.isdigit()):
        raise CannotStart("LISTEN_FDS must be a number: unset LISTEN_PID if nothing hands over sockets")
    found: dict[str, socket.socket] = {}
    for index in range(int(count)):
        name = names[index] if index < len(names) else ""
        listener = _stream_socket(FIRST + index)
        listener.set_inheritable(False)
        purpose = ADMIN if name.startswith(ADMIN) else PUBLIC
        if purpose in found:
            raise CannotStart(f"systemd hands over two sockets for the {purpose} listener: keep one ListenStream")
        found[purpose] = _bounded(listener)
    return found


def _stream_socket(descriptor: int) -> socket.socket:
    """The socket of an inherited descriptor; `CannotStart` if it is another thing."""
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise CannotStart(
            f"descriptor {descriptor}, which systemd hands over, is no socket: {error.strerror}"
        ) from error
    if listener.type != socket.SOCK_STREAM:
        listener.close()
        raise CannotStart(f"descriptor {descriptor}, which systemd hands over, is no stream socket: use ListenStream")
    return listener


def _bounded(listener: socket.socket) -> socket.socket:
    """Set the sizes of the buffers, which its connections inherit."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return listener


def address_of(listener: socket.socket) -> Listen | None:
    """The address of the listener; None for a unix socket."""
    if listener.family == socket.AF_UNIX:
        return None
    return Listen(*listener.getsockname()[:2])
