"""A line of the log is always one line of valid JSON, whatever its fields hold."""

import asyncio
import gc
import io
import json
import logging
from pathlib import Path

import pytest

from tokend.core.secrets import Secret
from tokend.telemetry.log import FLUSH_LINES, JsonLog, LibraryHandler

TIME = "2027-01-15T08:00:00.500+00:00"


def made() -> tuple[io.BytesIO, JsonLog]:
    stream = io.BytesIO()
    return stream, JsonLog(stream, lambda: 1_800_000_000.5)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nb\x00\u2028é", "a\nb\x00\u2028é"),
        (("a", 1), ["a", 1]),
        ("half \ud800", "half \ud800"),
        (2**70, 2**70),
        (float("nan"), None),
        (Path("/a/b"), "/a/b"),
        (Secret("hidden"), "Secret(sealed)"),
        (ValueError("text"), "text"),
    ],
)
def test_a_line_is_valid_json_whatever_its_fields_hold(value: object, written: object) -> None:
    stream, log = made()
    log.event("test", value=value)
    (line,) = stream.getvalue().decode().split("\n")[:-1]
    assert json.loads(line) == {"time": TIME, "level": "info", "event": "test", "value": written}


def test_lines_wait_for_the_buffer_but_errors_do_not() -> None:
    stream, log = made()
    log.buffer(lambda seconds, flush: None)
    log.event("test")
    assert stream.getvalue() == b""
    log.event("test", "error")
    assert stream.getvalue().count(b"\n") == 2
    for _ in range(FLUSH_LINES):
        log.event("test")
    assert stream.getvalue().count(b"\n") == 2 + FLUSH_LINES


def test_a_librarys_line_holds_no_arguments_and_no_text_of_an_exception() -> None:
    stream, log = made()
    try:
        raise ValueError("text of a client")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "failed: %s", ("word of a client",), info)
    LibraryHandler(log).emit(record)
    line = json.loads(stream.getvalue())
    assert (line["logger"], line["message"], line["exception"]) == ("library", "failed: %s", "ValueError")
    assert "client" not in stream.getvalue().decode()


@pytest.mark.parametrize("debug", [False, True])
def test_a_line_of_asyncio_holds_no_text_of_an_exception_and_no_argument(
    monkeypatch: pytest.MonkeyPatch, *, debug: bool
) -> None:
    """asyncio writes both into the message itself: of a task whose exception nobody took, and of a callback."""
    stream, log = made()
    monkeypatch.setattr(logging.getLogger(), "handlers", [LibraryHandler(log)])

    async def fail() -> None:
        raise ValueError("text of a client")

    def call_back(argument: str) -> None:
        raise KeyError(argument)

    async def run() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait({task})
        del task
        gc.collect()
        asyncio.get_running_loop().call_soon(call_back, "word of a client")
        await asyncio.sleep(0)

    asyncio.run(run(), debug=debug)
    lines = [line for line in map(json.loads, stream.getvalue().splitlines()) if "exception" in line]
    assert [line["exception"] for line in lines] == ["ValueError", "KeyError"]
    assert lines[0]["message"] == "Task exception was never retrieved"
    assert lines[1]["message"].startswith("Exception in callback ")
    assert "client" not in stream.getvalue().decode()


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("socket.accept() out of system resource\nsocket: <socket>", "socket.accept() out of system resource"),
        ("unhandled exception during asyncio.run() shutdown", "unhandled exception during asyncio.run() shutdown"),
        ("Exception in callback f()('argument') at x.py:1", "Exception in callback f()"),
    ],
)
def test_a_line_of_asyncio_keeps_its_sentence(message: str, written: str) -> None:
    """That no descriptor is left for a connection was "socket.accept"."""
    stream, log = made()
    LibraryHandler(log).emit(logging.LogRecord("asyncio", logging.ERROR, __file__, 1, message, (), None))
    assert json.loads(stream.getvalue())["message"] == written
