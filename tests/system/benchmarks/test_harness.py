"""The harness of `make bench`: no failed request, no made-up token and no other server's figure gets into a table."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from benchmarks import __main__ as command
from benchmarks import growth, load, measure, reloads, servers, starts, tokens
from benchmarks.load import Failed
from benchmarks.reloads import Reload
from benchmarks.samples import PERCENTILES, Cores
from benchmarks.scenarios import Scenario, all_scenarios, apps_yaml, asked, jwt_scenario, rtc, serve, variants
from benchmarks.servers import Command
from benchmarks.starts import Start
from tests.needs import skip_or_fail
from tokend import agora

PRINTED: Final = """Running 1s test @ http://127.0.0.1:1/
figure bodies 7b7d,5b5d,
figure good 5000
figure not_200 0
figure microseconds 1000000
figure latency_us 6000
figure latency_us 12500
figure error_connect 0
figure error_read 0
figure error_write 0
figure error_timeout 0
figure error_status 0
"""
ALL_CORES: Final = frozenset(os.sched_getaffinity(0))

SERVER: Final = """
import http.server, os, sys
STATUSES = list(map(int, sys.argv[1].split(",")))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    turn = 0
    def do_GET(self):
        Handler.turn += 1
        status = STATUSES[0] if Handler.turn < 20 else STATUSES[Handler.turn % len(STATUSES)]
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def wrk() -> None:
    """Without wrk the test is skipped, saying why; where CI=true it fails."""
    skip_or_fail(load.missing())


def test_what_wrk_printed_is_read() -> None:
    found = load.read(PRINTED, 0.5)
    assert found == load.Load(5000, 1.0, (6.0, 12.5), (b"{}", b"[]"), 0.5)


@pytest.mark.parametrize(
    "line", ["not_200", "error_connect", "error_read", "error_write", "error_timeout", "error_status"]
)
def test_one_failure_fails_the_run(line: str) -> None:
    with pytest.raises(Failed, match=f"{line}: 1"):
        load.read(PRINTED.replace(f"{line} 0", f"{line} 1"), 0.5)


def test_no_answer_fails_the_run() -> None:
    with pytest.raises(Failed, match="no request was answered"):
        load.read(PRINTED.replace("good 5000", "good 0"), 0.5)


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize(
    ("statuses", "reason"), [("200,200,503", "not_200"), ("200,204", "not_200"), ("200,0", "error_")]
)
def test_a_server_that_fails_now_and_then_has_no_figure(statuses: str, reason: str) -> None:
    def prepare(_: Path, port: int) -> Command:
        return Command([sys.executable, "-c", SERVER, statuses], {"PORT": str(port)})

    failing = Scenario("failing", "", prepare, variants(rtc), asked(), tokens=0)
    with pytest.raises(Failed, match=reason):
        measure.serve(failing, Cores(ALL_CORES, ALL_CORES), 1)


@pytest.mark.usefixtures("wrk")
def test_a_server_without_tokens_is_no_peer() -> None:
    def prepare(_: Path, port: int) -> Command:
        return Command([sys.executable, "-c", SERVER, "200"], {"PORT": str(port)})

    with pytest.raises(Failed, match="holds 0 tokens"):
        measure.serve(Scenario("empty", "", prepare, variants(rtc), asked()), Cores(ALL_CORES, ALL_CORES), 1)


def small(name: str) -> Scenario:
    """The scenario, with few users, entries, apps or connections."""
    few = {
        "jwt": jwt_scenario(70),
        "apps": growth.MAKERS["apps"](3, None),
        "rules": growth.MAKERS["rules"](3, None),
        "deny": growth.MAKERS["deny"](3, None),
        "connections": growth.MAKERS["connections"](10, None),
    }
    return few.get(name) or next(scenario for scenario in all_scenarios() if scenario.name == name)


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize(
    "name", ["zero", "key", "post", "batch", "livekit", "jwt", "apps", "rules", "deny", "connections"]
)
def test_a_scenario_is_measured(name: str) -> None:
    scenario = small(name)
    sample, answer = measure.serve(scenario, Cores(ALL_CORES, ALL_CORES), 3 if name == "batch" else 2)
    assert answer.status == 200
    assert sample.rate > 0
    assert sample.tokens == sample.rate * scenario.tokens
    assert sample.cpu_us > 0
    assert sample.latency_ms is not None
    assert len(sample.latency_ms) == len(PERCENTILES)
    assert sample.memory is not None
    assert sample.peak is not None
    assert sample.peak >= sample.memory > 1


def test_each_request_is_sent_before_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else users who come for the first time would count among those who are known."""
    sent: list[bytes] = []

    def drive(_: int, requests: Sequence[bytes], *__: int) -> load.Load:
        sent.extend(requests[:30])
        return load.Load(30, 1.0, (), (), 0.1)

    def prepare(_: Path, port: int) -> Command:
        return Command([sys.executable, "-c", SERVER, "200"], {"PORT": str(port)})

    monkeypatch.setattr(load, "drive", drive)
    scenario = Scenario("plain", "", prepare, variants(rtc), asked(), tokens=0)
    with servers.running(prepare, ALL_CORES) as server:
        measure.warm_up(server, scenario)
    assert set(sent) == set(scenario.requests)


def test_a_start_is_measured() -> None:
    sample = starts.start(Start("few", "", serve(apps_yaml(3))), Cores(ALL_CORES, ALL_CORES))
    assert sample.started is not None
    assert sample.started > 0
    assert sample.memory is not None


@pytest.mark.usefixtures("wrk")
def test_a_reload_is_measured() -> None:
    found = reloads.reload(Reload(apps=3), Cores(ALL_CORES, ALL_CORES), 2)
    assert list(found) == ["reload-base", "reload"]
    for samples in found.values():
        assert all(sample.p99_ms is not None for sample in samples)
        assert [sample.memory is not None for sample in samples] == [False, False, True]


@pytest.mark.usefixtures("wrk")
def test_the_list_of_names_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--list"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code is None
    assert "zero configuration, GET rtc" in capsys.readouterr().out


def test_too_many_connections_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load.too_many(10) is None
    monkeypatch.setattr("resource.getrlimit", lambda _: (100, 100))
    assert load.too_many(5_000) == "5,000 connections need as many descriptors, and 100 are allowed (ulimit -n)"


def token(channel: str = "room-1", uid: int = 1001, certificate: str = tokens.CERTIFICATE) -> str:
    return agora.build("rtc", app_id=tokens.APP_ID, certificate=certificate, channel=channel, uid=uid)


def livekit(room: str = "room-1", secret: str = tokens.LIVEKIT_SECRET) -> str:
    claims = {"iss": tokens.LIVEKIT_KEY, "sub": "1001", "video": {"room": room}}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def answer(*found: str) -> bytes:
    return b'{"results": [' + b", ".join(b'{"token": "%s"}' % one.encode() for one in found) + b"]}"


def test_real_tokens_pass() -> None:
    two = [token(), token("room-2", 1002)]
    assert tokens.check(answer(*two), asked(), 2) == two
    old = agora.build(
        "rtc", app_id=tokens.APP_ID, certificate=tokens.CERTIFICATE, channel="room-1", uid=1001, version="006"
    )
    assert tokens.check(answer(old), asked(), 1) == [old]
    assert tokens.check(answer(livekit()), asked(), 1) == [livekit()]


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"{}",
        answer(token(), token()),
        answer(token("room-1", 1002)),
        answer(token("elsewhere")),
        answer(token(certificate="0" * 32)),
        answer("007" + "x" * 180),
        answer(token()[:-8]),
        answer(livekit(room="room-2")),
        answer(livekit(secret="another secret of thirty-two bytes")),
    ],
)
def test_anything_else_does_not(body: bytes) -> None:
    with pytest.raises(Failed):
        tokens.check(body, asked(), 1)


def test_wrk_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("wrk") is None
    assert load.missing() == "wrk is not on the PATH (on Debian: apt-get install wrk)"
