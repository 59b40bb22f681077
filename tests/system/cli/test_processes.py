"""`serve` and `health` as processes: zero configuration, the greeting, ports that are taken, and SIGTERM."""

import json
import re
import urllib.request
from pathlib import Path

import pytest

from tests.installing import backend_package
from tests.running import CREDENTIALS, serving, tokend


def test_serves_from_the_environment_alone_and_stops_on_sigterm(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        assert "serves 1 app of environment" in server.greeting[0]
        with urllib.request.urlopen(server.greeting[1].split()[-1]) as answer:
            assert json.load(answer)["rtcToken"].startswith("007")
        assert tokend(tmp_path, {}, "health", "--url", server.url).returncode == 0
        taken = tokend(tmp_path, CREDENTIALS, "serve", "--port", server.url.rpartition(":")[2])
        assert taken.returncode == 1
        assert "address already in use; choose another with --host and --port" in taken.stderr.lower()
        assert server.stop() == 0
    events = [json.loads(line) for line in server.log.splitlines()]
    assert [one["event"] for one in events][:2] == ["listening", "warning"]
    assert events[0]["configuration"] == "environment"
    assert "API_KEY_SHA256" in events[1]["message"]
    assert events[-1]["event"] == "stopped"


@pytest.mark.parametrize("host", ["x" * 64, "exa..mple"])
def test_a_host_that_is_no_name_is_one_sentence(host: str, tmp_path: Path) -> None:
    """Python finds no address for it with an error of another kind, which was a traceback."""
    done = tokend(tmp_path, CREDENTIALS, "serve", "--host", host)
    problem = (
        f"tokend: cannot listen on {host}:8080: this is no name of a host; choose another with --host and --port\n"
    )
    assert (done.returncode, done.stderr) == (1, problem)


def test_a_path_too_long_for_a_unix_socket_is_one_sentence(tmp_path: Path) -> None:
    app = "{app_id: {env: APP_ID}, certificate: {env: APP_CERTIFICATE}, callers: {any: {anonymous: true, rules: [{kinds: rtm}]}}}"
    text = f'server: {{admin: "unix:/{"long/" * 30}socket"}}\napps: {{demo: {app}}}\n'
    (tmp_path / "config.yaml").write_text(text)
    done = tokend(tmp_path, CREDENTIALS, "serve", "--port", "0")
    assert (done.returncode, done.stderr.endswith("socket: AF_UNIX path too long\n")) == (1, True), done.stderr


def test_sigterm_while_a_kind_is_imported_is_no_error_of_the_configuration(tmp_path: Path) -> None:
    """It ended with code 78: "backend 'rtc' is broken inside: importing it raised SystemExit"."""
    source = (
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nfrom tokend.backends.agora.rtc import Rtc as Late\n"
    )
    package = backend_package(tmp_path, "late", source)
    credentials = "app_id: {env: APP_ID}, certificate: {env: APP_CERTIFICATE}"
    app = f"{credentials}, backends: [late], callers: {{any: {{anonymous: true, rules: [{{}}]}}}}"
    (tmp_path / "config.yaml").write_text(f"apps: {{demo: {{{app}}}}}\n")
    done = tokend(tmp_path, CREDENTIALS | {"PYTHONPATH": f"{Path.cwd()}:{package}"}, "serve", "--port", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_crash_leaves_no_core_dump_with_the_secrets_in_it(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)


def test_health_of_nothing_is_exit_code_1(tmp_path: Path) -> None:
    done = tokend(tmp_path, {}, "health", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("tokend: no healthy answer")
    assert tokend(tmp_path, {}, "health", "--url", "file:///etc/passwd").returncode == 1


def test_a_closed_environment_server_says_how_to_call_it(tmp_path: Path) -> None:
    digest = "0" * 64
    with serving(tmp_path, {**CREDENTIALS, "API_KEY_SHA256": digest}) as server:
        assert "X-API-Key: YOUR-KEY" in server.greeting[1]
        server.stop()
    assert "anonymous" not in server.log


def test_the_greeting_puts_a_url_key_into_the_url(tmp_path: Path) -> None:
    with serving(tmp_path, {**CREDENTIALS, "URL_KEY_SHA256": "0" * 64}) as server:
        assert server.greeting[1].split()[1:] == ["curl", f"{server.url}/k/YOUR-KEY/rtc/room/publisher/uid/1001/"]


def test_health_finds_the_port_of_the_environment_without_the_app_s_credentials(tmp_path: Path) -> None:
    with serving(tmp_path, CREDENTIALS) as server:
        done = tokend(tmp_path, {"PORT": server.url.rpartition(":")[2], "TOKEND_HOST": "0.0.0.0"}, "health")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{server.url}: 200\n"
