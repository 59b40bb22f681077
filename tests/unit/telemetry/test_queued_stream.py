"""A log reader that stands still costs lines, and nothing else (O2)."""

import os

from tokend.telemetry.queued_stream import QueuedStream

LINE = b"x" * 999 + b"\n"


def test_o2_a_reader_that_stands_still_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    stream = QueuedStream(writing, 10 * len(LINE))
    for _ in range(1000):
        stream.write(LINE)
    assert stream.dropped_lines >= 1000 - 10 - 65_536 // len(LINE) - 1
    stream.close(0.05)
    os.close(reading)  # ends the thread: nobody can read any more
    os.close(writing)


def test_everything_is_written_in_order_before_it_closes() -> None:
    reading, writing = os.pipe()
    stream = QueuedStream(writing)
    for number in range(100):
        stream.write(f"{number}\n".encode())
    stream.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as read:
        assert read.read().split() == [str(number).encode() for number in range(100)]
    assert stream.dropped_lines == 0
