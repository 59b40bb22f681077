"""`serve` and `health` as processes: zero configuration, the greeting, ports that are taken, and SIGTERM."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.running import CREDENTIALS, clean_environment, serving


def run(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tokend", *arguments],
        cwd=directory,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_serves_from_the_environment_alone_and_stops_on_sigterm(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        assert "serves 1 app of environment" in server.greeting[0]
        with urllib.request.urlopen(server.greeting[1].split()[-1]) as answer:
            assert json.load(answer)["rtcToken"].startswith("007")
        assert run(tmp_path, "health", "--url", server.url).returncode == 0
        taken = subprocess.run(
            [sys.executable, "-m", "tokend", "serve", "--port", server.url.rpartition(":")[2]],
            cwd=tmp_path,
            env=clean_environment(CREDENTIALS),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert taken.returncode == 1
        assert "address already in use; choose another with --host and --port" in taken.stderr.lower()
        assert server.stop() == 0
    events = [json.loads(line) for line in server.log.splitlines()]
    assert [one["event"] for one in events][:2] == ["listening", "warning"]
    assert events[0]["configuration"] == "environment"
    assert "API_KEY_SHA256" in events[1]["message"]
    assert events[-1]["event"] == "stopped"


def test_a_crash_leaves_no_core_dump_with_the_secrets_in_it(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)


def test_health_of_nothing_is_exit_code_1(tmp_path: Path) -> None:
    done = run(tmp_path, "health", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("tokend: no healthy answer")
    assert run(tmp_path, "health", "--url", "file:///etc/passwd").returncode == 1


def test_a_closed_environment_server_says_how_to_call_it(tmp_path: Path) -> None:
    digest = "0" * 64
    with serving(tmp_path, {**CREDENTIALS, "API_KEY_SHA256": digest}) as server:
        assert "X-API-Key: YOUR-KEY" in server.greeting[1]
        server.stop()
    assert "anonymous" not in server.log


def test_health_finds_the_port_of_the_environment_without_the_app_s_credentials(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        done = subprocess.run(
            [sys.executable, "-m", "tokend", "health"],
            cwd=tmp_path,
            env=clean_environment({"PORT": server.url.rpartition(":")[2], "TOKEND_HOST": "0.0.0.0"}),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{server.url}: 200\n"
