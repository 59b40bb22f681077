"""Unix sockets of the admin listener."""

import errno
import os
import socket
from pathlib import Path

import pytest

from tokend.adapters.resources import CannotStart
from tokend.core.listening import Listen
from tokend.process import sockets
from tokend.process.sockets import bind, bind_unix, handed_over


def test_a_socket_on_which_another_server_listens_is_not_taken_away(tmp_path: Path) -> None:
    """A second server replaced it, and the first could not be reached any more, also after the second had ended."""
    path = str(tmp_path / "admin.sock")
    with bind_unix(path) as first:
        first.listen()
        with pytest.raises(CannotStart, match="Address already in use"):
            bind_unix(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_socket_of_a_server_that_still_starts_is_not_taken_away(tmp_path: Path) -> None:
    """It did not listen before its workers had started: of two servers that start together, one lost its socket."""
    path = str(tmp_path / "admin.sock")
    with bind_unix(path), pytest.raises(CannotStart, match="Address already in use"):
        bind_unix(path)


def test_the_socket_of_a_server_that_has_ended_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    bind_unix(str(path)).close()
    assert path.is_socket()
    with bind_unix(str(path)) as second:
        second.listen()
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host", ["3f9a1c7e5b2d8064a1b9c3d7e5f20861", "3f9a1c7e5b2d8064a1b9c3d7e5f20861..x"])
def test_a_secret_in_place_of_the_host_is_not_repeated(host: str) -> None:
    with pytest.raises(CannotStart, match="looks like a secret") as caught:
        bind(Listen(host, 0))
    assert host[:8] not in str(caught.value)


def test_a_socket_of_another_program_is_not_taken_away(tmp_path: Path) -> None:
    """Connecting to a datagram socket fails, as it does where nobody listens. It was removed."""
    path = str(tmp_path / "log.sock")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        other.bind(path)
        with pytest.raises(CannotStart, match="Address already in use"):
            bind_unix(path)
        client.connect(path)


def test_a_socket_that_this_user_may_not_open_is_said_to_be_such(tmp_path: Path) -> None:
    """Left behind by a server of root, it was replaced, and then was "already in use", although nobody used it."""
    path = str(tmp_path / "admin.sock")
    with socket.socket(socket.AF_UNIX) as earlier:
        earlier.bind(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect_ex", lambda *_: errno.EACCES)  # root may open everything
        with pytest.raises(CannotStart, match="Permission denied"):
            bind_unix(path)
    assert Path(path).is_socket()


def test_what_is_handed_over_and_is_no_stream_socket_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended with a traceback, or with no more than `Operation not supported`."""
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "two"}
    with pytest.raises(CannotStart, match="LISTEN_FDS must be a number"):
        handed_over(environment)
    environment["LISTEN_FDS"] = "1"
    read, write = os.pipe()
    datagram = socket.socket(type=socket.SOCK_DGRAM).detach()
    for descriptor, message in ((read, "is no socket"), (datagram, "is no stream socket")):
        monkeypatch.setattr(sockets, "FIRST", descriptor)
        with pytest.raises(CannotStart, match=message):
            handed_over(environment)
    os.close(read)
    os.close(write)
