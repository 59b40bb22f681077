"""The log: a line per event on standard error, for requests, the server's own events and what libraries log.

A line is a JSON object, or text for people (`log_text.py`), as `server.log` says.

It never holds a token, key, certificate, query or user id. Exceptions are logged by type and place, without their text.
"""

import json
import logging
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO, Final

from tokend.issuing.server_settings import Log, ServerSettings
from tokend.telemetry.log_text import ENCODER, text_line
from tokend.telemetry.queued_stream import QueuedStream

FLUSH_SECONDS: Final = 0.1
FLUSH_LINES: Final = 128
"""The longest time, and the most lines, that wait to be written."""
_RANKS: Final = {"debug": 0, "info": 1, "warning": 2}
"""Levels by rank; each other one, such as `error` or a library's `critical`, is above them."""
_HIGHEST: Final = 3
_ARGUMENTS: Final = re.compile(r"\((?!\))")
"""Where arguments begin, unlike in "socket.accept() out of system resource"."""


class JsonLog:
    """`clock`: Unix seconds. Lines that cannot be written are dropped: a full disk must not stop the service.

    Lines are written at once until `buffer` is called. Then they wait for FLUSH_SECONDS or until there are FLUSH_LINES,
    since a system call for each request is slow. Errors never wait.
    """

    def __init__(self, stream: BinaryIO | QueuedStream, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._later: Callable[[float, Callable[[], object]], object] | None = None
        self._waiting: list[bytes] = []
        self._second = 0
        self._prefix = ""
        self.settings = Log()
        self._least_rank = _RANKS[self.settings.level]
        self._instance: dict[str, object] = {}

    def configure(self, settings: ServerSettings) -> None:
        """Write from now on as `server.log` says, with the name of this instance in each line: the host's by default."""
        self.settings = settings.log
        self._least_rank = _RANKS.get(settings.log.level, _HIGHEST)
        self._instance = {"instance": settings.instance or socket.gethostname()}

    def buffer(self, later: Callable[[float, Callable[[], object]], object] | None) -> None:
        """Let lines wait. `later` calls a function after some seconds, as a loop's `call_later` does. None: write at once."""
        self._later = later
        self.flush()

    def event(self, event: str, level: str = "info", /, **fields: object) -> None:
        """Log a line. `fields` must be plain data without secrets; a value of another type is written as its `str`."""
        if not self._writes(level):
            return
        self._waiting.append(self._line(self._time(), level, event, fields))
        if self._later is None or len(self._waiting) >= FLUSH_LINES or level == "error":
            self.flush()
        elif len(self._waiting) == 1:
            self._later(FLUSH_SECONDS, self.flush)

    def event_from_thread(self, event: str, level: str = "info", /, **fields: object) -> None:
        """Log a line from another thread than the event loop's. It is written at once, before the lines that wait."""
        if not self._writes(level):
            return
        time = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        self._write(self._line(time, level, event, fields) + b"\n")

    @property
    def dropped_lines(self) -> int:
        """How many lines were dropped: nobody read those before, or writing failed."""
        return self._stream.dropped_lines if isinstance(self._stream, QueuedStream) else 0

    def close(self) -> None:
        """Write what waits, for at most a second if nobody reads it."""
        self.buffer(None)
        if isinstance(self._stream, QueuedStream):
            self._stream.close()

    def flush(self) -> None:
        """Write the lines that wait."""
        if not self._waiting:
            return
        lines, self._waiting = b"\n".join(self._waiting) + b"\n", []
        self._write(lines)

    def _writes(self, level: str) -> bool:
        return _RANKS.get(level, _HIGHEST) >= self._least_rank

    def _line(self, time: str, level: str, event: str, fields: dict[str, object]) -> bytes:
        fields |= self._instance
        if self.settings.format == "text":
            return text_line(time, level, event, fields)
        line = {"time": time, "level": level, "event": event, **fields}
        try:
            return ENCODER.encode(line)
        except UnicodeEncodeError:  # a plug-in's text may hold half of a surrogate pair, which has no form in UTF-8
            return json.dumps(line, default=str).encode()

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


class _TextError(BytesIO):
    """What a program has put in place of standard error and takes text alone, as notebooks do; None takes nothing."""

    def write(self, lines: Any) -> int:
        return 0 if sys.stderr is None else sys.stderr.write(lines.decode())


def standard_error(clock: Callable[[], float]) -> JsonLog:
    """A log on standard error. `clock`: Unix seconds."""
    return JsonLog(getattr(sys.stderr, "buffer", _TextError()), clock)


def queued_standard_error(clock: Callable[[], float]) -> JsonLog:
    """A log on standard error that never waits for its reader. `close` it at the end. `clock`: Unix seconds."""
    return JsonLog(QueuedStream(2 if sys.stderr is None else sys.stderr.fileno()), clock)


def exception_fields(error: BaseException) -> dict[str, object]:
    """An exception's type and place, for a log line. Its text is left out: it may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-4:]]
    return {"exception": type(error).__name__, "at": places}


class LibraryHandler(logging.Handler):
    """Writes what libraries log to the same log: warnings and errors, with the message but not its arguments."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record. The arguments of its message are left out: they may hold what a client sent."""
        message = str(record.msg)
        if record.name == "asyncio":  # "Exception in callback f('argument') at …", or an object after the first line
            message = _ARGUMENTS.split(message.partition("\n")[0], maxsplit=1)[0]
        fields: dict[str, object] = {"logger": record.name, "message": message}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= exception_fields(record.exc_info[1])
        log_event = self._log.event if threading.get_ident() == self._thread else self._log.event_from_thread
        log_event("library", record.levelname.lower(), **fields)


def capture_libraries(log: JsonLog) -> None:
    """Send everything that libraries log to `log`, from now on."""
    logging.getLogger().handlers[:] = [LibraryHandler(log)]
