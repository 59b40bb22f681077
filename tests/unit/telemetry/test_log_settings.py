"""`server.log`: level, format and which requests have a line; the instance, caller and trace id in a line."""

import io
import json

import pytest

from tests.unit.http.running import KEY, Serving
from tokend.issuing.server_settings import Log, ServerSettings
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics
from tokend.telemetry.request_record import RequestRecord

DEMO = """
server: {{instance: host-1, log: {log}}}
apps:
  demo:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {{env: CERTIFICATE}}
    callers: {{studio: {{api_key: "{digest}"}}}}
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def _log(level: str = "info", form: str = "json") -> tuple[io.BytesIO, JsonLog]:
    stream = io.BytesIO()
    log = JsonLog(stream, lambda: 1_800_000_000.5)
    settings = Log.model_validate({"level": level, "format": form})
    log.configure(ServerSettings(log=settings, instance="host-1"))
    return stream, log


def _yaml(log: str) -> str:
    from tokend.auth.key_digests import digest_of

    return DEMO.format(log=log, digest=digest_of(KEY))


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("info", ["info", "warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"]),
        ("error", ["error", "critical"]),
    ],
)
def test_a_level_leaves_out_what_is_below_it(level: str, written: list[str]) -> None:
    stream, log = _log(level)
    for of_line in ("debug", "info", "warning", "error", "critical"):
        log.event("test", of_line)
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == written


def test_a_line_of_text_is_for_people() -> None:
    stream, log = _log(form="text")
    log.event(
        "warning",
        "warning",
        message="app demo: é is fine",
        app="demo",
        route="/{app}",
        none=None,
        names=["a", "b c"],
        at=1.5,
    )
    assert stream.getvalue().decode() == (
        "2027-01-15T08:00:00.500Z WARNING app demo: é is fine "
        'app=demo route=/{app} names=["a","b c"] at=1.5 instance=host-1\n'
    )


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "a\u2028b", "\u202eabc", "\x9b0m", "\x00", "\ud800", "\U000e0041"])
def test_an_event_in_text_is_one_printable_line(text: str) -> None:
    stream, log = _log(form="text")
    log.event("test", message=text, value=text.replace("\ud800", "?"), values=[text.replace("\ud800", "?")])
    (line,) = stream.getvalue().decode().split("\n")[:-1]
    assert line.isprintable()


@pytest.mark.parametrize(("requests", "statuses"), [("all", [200, 404, 401]), ("errors", [404, 401]), ("none", [])])
async def test_requests_says_which_requests_have_a_line(requests: str, statuses: list[int], serving: Serving) -> None:
    async with serving(_yaml(f"{{requests: {requests}}}")) as server:
        await server.token_request("GET", "/ping", None)
        await server.token_request("GET", "/demo/nothing", None)
        await server.token_request("GET", "/demo/rtm/ada", None)
        counted = server.control.metrics.snapshot({}).values["tokend_requests"]
        lines = [line["status"] for line in server.lines if line["event"] == "request"]
    assert lines == statuses
    assert sum(counted.values()) == 3


@pytest.mark.parametrize(
    ("code", "decisions", "lines"),
    [("internal", [], 1), ("issued", [("rtc", "ok"), ("rtc", "internal")], 1), ("unavailable", [("rtc", "ok")], 0)],
)
def test_an_internal_error_has_a_line_whatever_is_configured(
    code: str, decisions: list[tuple[str, str]], lines: int
) -> None:
    """The response says that the log has the reason."""
    stream = io.BytesIO()
    log = JsonLog(stream, lambda: 1_800_000_000.5)
    log.configure(ServerSettings(log=Log.model_validate({"requests": "none"})))
    record = RequestRecord("9a3b", "POST", 1_800_000_000.0, 0.0, code=code, decisions=decisions)
    record.write(500 if code == "internal" else 200, 0.1, Metrics(), log)
    assert len(stream.getvalue().splitlines()) == lines


async def test_a_line_has_the_instance_the_caller_and_the_trace(serving: Serving) -> None:
    async with serving(_yaml("{}")) as server:
        headers = (("X-API-Key", KEY), ("traceparent", PARENT))
        await server.token_request("GET", "/demo/rtm/ada", None, *headers)
        await server.token_request("GET", "/demo/rtm/ada", None)
        known, unknown = (line for line in server.lines if line["event"] == "request")
    assert (known["instance"], known["caller"], known["trace_id"]) == ("host-1", "studio", TRACE)
    assert unknown["instance"] == "host-1"
    assert not unknown.keys() & {"caller", "trace_id"}


@pytest.mark.parametrize(
    "parent",
    ["", "words of a client", f"00-{'0' * 32}-00f067aa0ba902b7-01", PARENT.upper(), PARENT.replace("00-", "ff-", 1)],
)
def test_an_invalid_traceparent_is_not_written(parent: str) -> None:
    stream, log = _log()
    RequestRecord("request-1", "GET", 0.0, 0.0).write(200, 0.0, Metrics(), log, None, parent)
    assert "trace_id" not in json.loads(stream.getvalue())
