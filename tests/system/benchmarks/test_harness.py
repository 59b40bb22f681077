"""The harness of `make benchmarks`: no failed request, no made-up token and no other server's figure gets into a table."""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks import goals, load, measure, report, tokens
from benchmarks.goals import GOALS, Goal
from benchmarks.load import Failed
from benchmarks.measure import Cores, Sample
from benchmarks.scenarios import Scenario, all_scenarios, asked, rtc, variants
from benchmarks.servers import Command
from tests.needs import skip_or_fail
from tokend import agora

PRINTED: Final = """Running 1s test @ http://127.0.0.1:1/
figure bodies 7b7d,5b5d,
figure good 5000
figure not_200 0
figure microseconds 1000000
figure p50_us 6000
figure p99_us 12500
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
def wrk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short warm-up. Without wrk the test is skipped, saying why; where CI=true it fails."""
    skip_or_fail(load.missing())
    monkeypatch.setattr(measure, "WARM_UP", 1)


def test_what_wrk_printed_is_read() -> None:
    found = load.read(PRINTED, 0.5)
    assert found == load.Load(5000, 1.0, 6.0, 12.5, (b"{}", b"[]"), 0.5)


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


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize("name", ["zero", "key", "jwt", "post", "batch"])
def test_a_scenario_is_measured(name: str) -> None:
    scenario = next(one for one in all_scenarios() if one.name == name)
    sample, answer = measure.serve(scenario, Cores(ALL_CORES, ALL_CORES), 1)
    assert answer.status == 200
    assert sample.rate > 0
    assert sample.tokens == sample.rate * scenario.tokens
    assert sample.cpu_us > 0
    assert sample.memory is not None
    assert sample.memory > 1


def token(channel: str = "room-1", uid: int = 1001, certificate: str = tokens.CERTIFICATE) -> str:
    return agora.build("rtc", app_id=tokens.APP_ID, certificate=certificate, channel=channel, uid=uid)


def answer(*found: str) -> bytes:
    return b'{"results": [' + b", ".join(b'{"token": "%s"}' % one.encode() for one in found) + b"]}"


def test_real_tokens_pass() -> None:
    two = [token(), token("room-2", 1002)]
    assert tokens.check(answer(*two), asked(), 2) == two
    old = agora.build(
        "rtc", app_id=tokens.APP_ID, certificate=tokens.CERTIFICATE, channel="room-1", uid=1001, version="006"
    )
    assert tokens.check(answer(old), asked(), 1) == [old]


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
    ],
)
def test_anything_else_does_not(body: bytes) -> None:
    with pytest.raises(Failed):
        tokens.check(body, asked(), 1)


def test_ratios_are_those_of_each_round() -> None:
    runs = {"zero": [Sample(100, 10), Sample(50, 20), Sample(90, 11)], "go": [Sample(25, 40), Sample(10, 80)]}
    assert goals.ratios(runs["zero"], runs["go"], "rate") == [4, 5]
    assert Sample(10, 100, tokens=1000).per_cpu_second == 1e6
    faster = goals.result(Goal("", "zero", "rate", 4, "go"), runs)
    assert faster == goals.Result(4.5, 4, 5, reached=True)
    cheaper = goals.result(Goal("", "zero", "cpu_us", 0.2, "go", at_most=True), runs)
    assert cheaper == goals.Result(0.25, 0.25, 0.25, reached=False)
    assert goals.result(Goal("", "zero", "rate", 4, "express"), runs) is None
    assert goals.result(Goal("", "zero", "p99_ms", 20), runs) is None


def test_every_goal_names_what_is_measured() -> None:
    names = {one.name for one in all_scenarios()} | {"build"}
    peers = {None, "go", "hello", "app", "one-worker", "build-python", "build-npm"}
    assert all(one.entry in names and one.peer in peers and hasattr(Sample(1, 1), one.figure) for one in GOALS)


def test_a_report_is_written_into_its_page(tmp_path: Path) -> None:
    made = report.Report({"how": "once"}, {"zero": "nothing set"}, {"zero": [Sample(7000.4, 140, 7000.4, 9, 20)]})
    data, page = tmp_path / "build" / "results.json", tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.keep(made, data)
    report.publish(made, page)
    assert report.read(data) == made
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert "| `zero` nothing set | 7,000 | 0 % | 140.0 |" in written


def test_wrk_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("wrk") is None
    assert load.missing() == "wrk is not on the PATH (on Debian: apt-get install wrk)"
