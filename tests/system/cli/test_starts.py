"""What keeps a server from starting is told in a sentence, and what it warns of when it starts."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.running import CERTIFICATE, clean_environment, serving, tokend
from tests.unit.adapters.test_audit_writing import CONFIG as AUDITED
from tests.unit.config.writing import DIGEST, ONE_APP
from tests.unit.http.running import DEMO

ENVIRONMENT = {"CERTIFICATE": CERTIFICATE}


@pytest.mark.parametrize("content", [None, b"junk\n"])
def test_a_deny_file_that_cannot_be_used(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "deny.jsonl").write_bytes(content)
    (tmp_path / "config.yaml").write_text(f"deny: {{file: deny.jsonl}}\n{DEMO}")
    done = tokend(tmp_path, ENVIRONMENT, "serve", "--port", "0")
    assert done.returncode == 78
    assert "the deny file" in done.stderr
    checked = tokend(tmp_path, ENVIRONMENT, "check")
    assert checked.returncode == 78
    assert "deny.jsonl" in checked.stderr


def test_check_tells_of_the_deny_file_beside_an_invalid_app(tmp_path: Path) -> None:
    """It told of the file only once the app was valid."""
    (tmp_path / "config.yaml").write_text(f"deny: {{file: deny.jsonl}}\n{DEMO}\n  odd: {{}}\n")
    done = tokend(tmp_path, ENVIRONMENT, "check")
    assert done.returncode == 78
    assert "apps.odd" in done.stderr
    assert "deny.file: the deny file cannot be read" in done.stderr


def test_an_audit_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(AUDITED.replace("audit.jsonl", "none/audit.jsonl"))
    done = tokend(tmp_path, ENVIRONMENT, "serve", "--port", "0")
    assert done.returncode == 1
    assert "the audit file cannot be opened" in done.stderr


@pytest.mark.parametrize(("ends", "warned"), [("2020-01-01T00:00:00Z", True), ("9999-12-31T23:59:59Z", False)])
def test_it_warns_of_keys_that_have_ended(ends: str, warned: bool, tmp_path: Path) -> None:
    key = f'{{sha256: "{"0" * 64}", not_after: {ends}}}'
    (tmp_path / "config.yaml").write_text(ONE_APP.replace(f'"{DIGEST}"', key))
    with serving(tmp_path, ENVIRONMENT) as server:
        server.stop()
    assert (
        f"a key of caller studio (api_key) ended at {ends}, and requests with that key are refused" in server.log
    ) is warned


def test_it_warns_of_a_dotenv_that_others_may_change(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(ONE_APP)
    (tmp_path / ".env").write_text(f"CERTIFICATE={CERTIFICATE}\n")
    (tmp_path / ".env").chmod(0o666)
    with serving(tmp_path, {}) as server:
        server.stop()
    assert "(mode 0666) can be read and changed by others than its owner: chmod 600 " in server.log


_TWO_SOCKETS: Final = """
import os, socket, sys
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for place, listener in enumerate(listeners, 20):
    os.dup2(listener.fileno(), place)
os.dup2(20, 3)
os.dup2(21, 4)
os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})
"""


def test_two_sockets_of_systemd_for_one_listener(tmp_path: Path) -> None:
    """The first was dropped without a word, and its clients waited."""
    (tmp_path / "config.yaml").write_text(ONE_APP)
    done = subprocess.run(
        [sys.executable, "-c", _TWO_SOCKETS, sys.executable, "-m", "tokend", "serve"],
        cwd=tmp_path,
        env=clean_environment(ENVIRONMENT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "systemd hands over two sockets for the public listener: keep one ListenStream" in done.stderr
    assert "Traceback" not in done.stderr


_UNIX_SOCKET: Final = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("public.sock")
os.dup2(listener.fileno(), 20)
os.dup2(20, 3)
os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""


def test_the_greeting_on_a_unix_socket_has_no_url(tmp_path: Path) -> None:
    """It told to call curl with the path of the socket, and named a page of the console there."""
    (tmp_path / "config.yaml").write_text(f"{ONE_APP}    console: true\n")
    with subprocess.Popen(
        [sys.executable, "-c", _UNIX_SOCKET, sys.executable, "-m", "tokend", "serve"],
        cwd=tmp_path,
        env=clean_environment(ENVIRONMENT),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        greeting = server.stdout.readline()
        server.terminate()
        assert (server.stdout.read(), server.wait(30)) == ("", 0)
    assert greeting.endswith("serves 1 app of config.yaml at public.sock\n")
