"""Commands whose input is closed, whose output is closed, full or not read, and whose directory is gone: a sentence each."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.running import CERTIFICATE, CREDENTIALS, clean_environment, serving, tokend
from tests.system.workers.load import waits
from tests.unit.config.writing import ONE_APP

ENVIRONMENT = {"CERTIFICATE": CERTIFICATE}
FIELDS = "rtc channel=room uid=7"
FROM_INPUT = ("key hash", "inspect -", "audit verify -", f"explain --bearer @- {FIELDS}")
PRINTING = (
    "--help",
    "--version",
    "token --help",
    "health --help",
    "check",
    "check --show demo",
    "schema",
    "plugins",
    "plugins --config config.yaml",
    "kinds rtc",
    "key new",
    f"token {FIELDS}",
    f"explain --as studio {FIELDS}",
    "audit verify audit.jsonl",
    "deny add --file deny.jsonl --user 7",
    "deny list --file list.jsonl",
    "plugins new wave",
)
OTHERS = (
    "",
    "nonsense",
    "inspect 007",
    "key url --caller studio --ttl 1h",
    "deny remove --file deny.jsonl --user 9",
    "reload",
    "diff",
    "health --url http://127.0.0.1:9",
    "kick --user 7 --for 10s",
)
STREAMS = {
    "closed input": 'exec "$@" <&-',
    "full output": 'exec "$@" >/dev/full',
    "closed output": 'exec "$@" >&-',
    "no directory": 'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
}


def _started(directory: Path, shell: str, command: str, stdout: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["/bin/sh", "-c", shell, "sh", sys.executable, "-m", "tokend", *command.split()],
        cwd=directory,
        env=clean_environment(ENVIRONMENT),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("command", [*FROM_INPUT, *PRINTING, *OTHERS])
def test_no_command_ends_in_a_traceback(command: str, tmp_path: Path) -> None:
    processes = {}
    for name, shell in STREAMS.items():
        directory = tmp_path / name
        directory.mkdir()
        (directory / "config.yaml").write_text(ONE_APP)
        (directory / "audit.jsonl").touch()
        (directory / "deny.jsonl").touch()
        (directory / "list.jsonl").write_text('{"user": "7"}\n')
        processes[name] = _started(directory, shell, command)
    unread = _started(tmp_path / "closed input", 'exec "$@"', command, stdout=subprocess.PIPE)
    assert unread.stdout is not None
    unread.stdout.close()
    processes["unread output"] = unread
    done = {name: (process.communicate(timeout=120)[1], process.returncode) for name, process in processes.items()}
    for name, (errors, code) in done.items():
        assert "Traceback" not in errors, (name, errors)
        assert "Exception ignored" not in errors, (name, errors)
        assert code in (0, 1, 2), (name, code, errors)
        assert code in (0, 2) or errors or name in ("closed input", "unread output"), (name, code)
    if command in FROM_INPUT:
        assert done["closed input"] == ("tokend: standard input is closed: there is nothing to read\n", 2)
    if command in PRINTING:
        assert done["full output"] == ("tokend: the output cannot be written: No space left on device\n", 1)
    if "--help" not in command and command not in ("", "nonsense", "--version") and not command.startswith("health"):
        closed = "tokend: the output cannot be written: standard output is closed\n"
        gone = "tokend: the working directory has been deleted: change to another one\n"
        assert done["closed output"] == (closed, 1)
        assert done["no directory"] == (gone, 1)


@pytest.mark.parametrize("command", ["explain --as studio rtc channel=room uid=0", "audit verify broken.jsonl"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_exit_code_of_a_refusal_stays_where_nobody_reads_the_output(
    command: str, unbuffered: str, tmp_path: Path
) -> None:
    """It was 0: a script that ends the output early, as `| head` does, took it for a token. The image sets the variable."""
    (tmp_path / "config.yaml").write_text(ONE_APP)
    (tmp_path / "broken.jsonl").write_text("{}\n" * 1_000)
    shell = f'PYTHONUNBUFFERED={unbuffered} exec "$@"'
    refused = _started(tmp_path, shell, command, stdout=subprocess.PIPE)
    assert refused.stdout is not None
    refused.stdout.close()
    assert (refused.communicate(timeout=120)[1], refused.returncode) == ("", 1)


@pytest.mark.parametrize("command", FROM_INPUT[:2])
def test_input_that_is_no_text_is_a_sentence(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tokend", *command.split()],
        cwd=tmp_path,
        env=clean_environment({}),
        input=b"\xff\xfe\n",
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("inspect -", -signal.SIGINT),
        ("audit verify -", -signal.SIGINT),
        ("check --config /dev/stdin", -signal.SIGINT),
        ("serve --config /dev/stdin", 0),  # as after SIGTERM
    ],
)
def test_an_interrupted_command_ends_without_a_traceback(command: str, code: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        # a shell starts background jobs with SIGINT ignored, and children inherit that
        ["env", "--default-signal=INT", sys.executable, "-m", "tokend", *command.split()],
        cwd=tmp_path,
        env=clean_environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"\n" * 200_000)  # more than a pipe holds: once it is written, the command reads
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1] == b""
    assert process.returncode == code


TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Starts a command whose terminal is its standard input."""


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (b"\x04", "there is no key: type it, or send it, as in tokend key hash < key.txt"),
        (b"secret-\xff\n", "a key must be printable ASCII text without spaces"),
    ],
)
def test_a_key_that_is_not_typed_or_is_no_text_is_a_sentence(typed: bytes, sentence: str, tmp_path: Path) -> None:
    terminal, inner = os.openpty()
    with os.fdopen(terminal, "r+b", buffering=0) as ours:
        process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, sys.executable, "-m", "tokend", "key", "hash"],
            cwd=tmp_path,
            env=clean_environment({}),
            stdin=inner,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        prompt = b""
        while not prompt.endswith(b"key: "):
            prompt += ours.read(1)
        ours.write(typed)
        errors = process.communicate(timeout=120)[1].decode()
    os.close(inner)
    assert (process.returncode, errors) == (1, f"tokend: {sentence}\n")


@pytest.mark.parametrize("command", ["kinds", "deny list --file list.jsonl --json"])
def test_output_is_utf_8_in_any_locale(command: str, tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text('{"user":"René"}\n', "utf-8")
    outputs = [
        subprocess.run(
            [sys.executable, "-m", "tokend", *command.split()],
            cwd=tmp_path,
            env=clean_environment({"PYTHONIOENCODING": encoding}),
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for encoding in ("ascii", "latin-1", "utf-8")
    ]
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize("output", [">/dev/full", ">&-"])
def test_a_server_whose_greeting_cannot_be_written_serves(output: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(ONE_APP)
    process = _started(tmp_path, f'exec "$@" {output}', "serve --port 0")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert '"listening"' in line
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_server_without_standard_streams_serves_and_ends(tmp_path: Path) -> None:
    """It ended with code 1 and no word where standard error was closed."""
    with serving(tmp_path, CREDENTIALS) as reference:
        port = reference.url.rpartition(":")[2]
    (tmp_path / "config.yaml").write_text(ONE_APP)
    process = _started(tmp_path, 'exec "$@" <&- >&- 2>&-', f"serve --port {port} --workers 2")
    health = f"health --url http://127.0.0.1:{port}"
    for pause in waits(20):
        checked = _started(tmp_path, 'exec "$@"', health)
        checked.communicate(timeout=120)
        if checked.returncode == 0:
            break
        time.sleep(pause)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_an_audit_on_a_closed_standard_output_is_a_sentence(tmp_path: Path) -> None:
    """The server started, and answered 503 to each request."""
    (tmp_path / "config.yaml").write_text(f"audit: {{to: stdout}}\n{ONE_APP}")
    process = _started(tmp_path, 'exec "$@" >&-', "serve --port 0")
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (1, "tokend: standard output is closed, and the audit goes there\n")


def test_health_tells_by_its_exit_code_where_its_output_is_full(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        for output in (">/dev/full", ">&-"):
            checked = _started(tmp_path, f'exec "$@" {output}', f"health --url {server.url}")
            assert (checked.communicate(timeout=120)[1], checked.returncode) == ("", 0)


def test_a_key_that_is_too_short_is_a_problem_and_no_warning_of_a_library(tmp_path: Path) -> None:
    """The library's warning, with a line of our source, stood before the problem, or between the lines of a server's log."""
    short = generate_private_key(65537, 1024).public_key()
    pem = short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    jwt = 'jwt: {issuer: "https://id.example.com", audience: tokend, keys: [{file: key.pem}]}'
    (tmp_path / "config.yaml").write_text(f'{ONE_APP}      web: {{{jwt}, rules: [{{user: "*"}}]}}\n')
    done = tokend(tmp_path, ENVIRONMENT, "check")
    assert "is neither a public key in PEM form" in done.stderr
    assert "Warning" not in done.stderr
