"""Times on the command line: as arguments, and as commands print them."""

import argparse
import time
from datetime import UTC, datetime

from tokend.core.durations import duration


def date(seconds: int) -> str:
    """The time as commands print it; Unix seconds that are no date, as they are."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def end_argument(text: str) -> int:
    """When something ends, in Unix seconds: after a duration, or at a time, in the future."""
    now = int(time.time())
    try:
        end = now + duration(text)
    except ValueError:
        end = _time(text, "must be a duration such as 90s, 30m, 2h or 1d, or a time such as 2030-01-31T18:00:00Z")
    if end <= now:
        raise argparse.ArgumentTypeError("must be in the future: this entry would never count")
    return end


def moment_argument(text: str) -> int:
    """A moment in Unix seconds: now, or a time."""
    return int(time.time()) if text == "now" else _time(text, "must be now, or a time such as 2030-01-31T18:00:00Z")


def _time(text: str, sentence: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(sentence) from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("must say its time zone, such as 2030-01-31T18:00:00Z")
    return max(0, int(found.timestamp()))
