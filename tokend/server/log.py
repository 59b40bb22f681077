"""One JSON object a line on standard error: requests, the server's own events, and whatever libraries log.

Never a token, key, certificate, query or user id: exceptions are told by type and place, not by their text.
"""

import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import BinaryIO

import orjson


class JsonLog:
    """`clock` gives Unix seconds. A write that fails is dropped: a full log must not stop the service."""

    def __init__(self, stream: BinaryIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock

    def event(self, event: str, level: str = "info", /, **fields: object) -> None:
        """One line. `fields` must be plain data and fit for an operator's eyes."""
        self.write({"level": level, "event": event, **fields})

    def write(self, fields: Mapping[str, object]) -> None:
        time = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        try:
            self._stream.write(orjson.dumps({"time": time, **fields}, default=str) + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass


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

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name, "message": str(record.msg)}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= exception_fields(record.exc_info[1])
        self._log.event("library", record.levelname.lower(), **fields)


def capture_libraries(log: JsonLog) -> None:
    """From now on whatever libraries log goes there."""
    logging.getLogger().handlers[:] = [LibraryHandler(log)]
