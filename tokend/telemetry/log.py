"""One JSON object a line on standard error: requests, the server's own events, and whatever libraries log.

Never a token, key, certificate, query or user id: exceptions are told by type and place, not by their text.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Final

import orjson

FLUSH_SECONDS: Final = 0.1
FLUSH_LINES: Final = 128


class JsonLog:
    """`clock` gives Unix seconds. A write that fails is dropped: a full log must not stop the service.

    Lines go out at once until `buffer` is called: then they wait for FLUSH_SECONDS, or for FLUSH_LINES of them, since a
    system call a request is dear. Errors never wait.
    """

    def __init__(self, stream: BinaryIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._later: Callable[[float, Callable[[], object]], object] | None = None
        self._waiting: list[bytes] = []
        self._second = 0
        self._prefix = ""

    def buffer(self, later: Callable[[float, Callable[[], object]], object] | None) -> None:
        """`later`: calls a function after some seconds, as a running loop's `call_later`. None: no longer."""
        self._later = later
        self.flush()

    def event(self, event: str, level: str = "info", /, **fields: object) -> None:
        """One line. `fields` must be plain data and fit for an operator's eyes."""
        line = {"time": self._time(), "level": level, "event": event, **fields}
        self._waiting.append(orjson.dumps(line, default=str))
        if self._later is None or len(self._waiting) >= FLUSH_LINES or level == "error":
            self.flush()
        elif len(self._waiting) == 1:
            self._later(FLUSH_SECONDS, self.flush)

    def event_from_elsewhere(self, event: str, level: str = "info", /, **fields: object) -> None:
        """The same from another thread than the event loop's: it goes out at once, past the lines that wait."""
        time = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": level, "event": event, **fields}
        self._write(orjson.dumps(line, default=str) + b"\n")

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        lines, self._waiting = b"\n".join(self._waiting) + b"\n", []
        self._write(lines)

    def _write(self, lines: bytes) -> None:
        try:
            self._stream.write(lines)
            self._stream.flush()
        except (OSError, ValueError):
            pass

    def _time(self) -> str:
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{int((now - second) * 1000):03d}+00:00"


def standard_error(clock: Callable[[], float]) -> JsonLog:
    return JsonLog(sys.stderr.buffer, clock)


def exception_fields(error: BaseException) -> dict[str, object]:
    """An exception's type and where it was raised. Its text stays out: it may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{one.filename.rpartition('/')[2]}:{one.lineno} {one.name}" for one in frames[-4:]]
    return {"exception": type(error).__name__, "at": places}


class LibraryHandler(logging.Handler):
    """Brings what libraries log into the same lines."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name, "message": str(record.msg)}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= exception_fields(record.exc_info[1])
        tell = self._log.event if threading.get_ident() == self._thread else self._log.event_from_elsewhere
        tell("library", record.levelname.lower(), **fields)


def capture_libraries(log: JsonLog) -> None:
    """From now on whatever libraries log goes there."""
    logging.getLogger().handlers[:] = [LibraryHandler(log)]
