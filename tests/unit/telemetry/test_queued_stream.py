"""A log reader that stands still costs lines, and nothing else."""

import os

from tokend.telemetry.queued_stream import QueuedStream

LINE = b"x" * 999 + b"\n"


def test_a_reader_that_stands_still_costs_lines_and_no_time() -> None:
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


def test_a_pipe_that_the_audit_made_non_blocking_loses_no_line() -> None:
    """`audit: {to: stdout}` with `2>&1`: lines vanished, and no metric counted them."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stream = QueuedStream(writing)
    lines = 200_000 // len(LINE)  # more than the pipe holds
    for _ in range(lines):
        stream.write(LINE)
    received = bytearray()
    while len(received) < lines * len(LINE):
        received += os.read(reading, 65_536)
    assert received == LINE * lines
    stream.close()
    assert stream.dropped_lines == 0
    os.close(reading)
    os.close(writing)


def test_lines_of_two_processes_are_whole_on_a_pipe_that_is_full() -> None:
    """A worker that had to wait in the middle of a line went on behind lines of others."""
    reading, writing = os.pipe()
    letters = (b"a", b"b")
    streams = [QueuedStream(writing) for _ in letters]
    for stream, letter in zip(streams, letters, strict=True):
        stream.write((letter * 998 + b"\n") * 1000)
    received = bytearray()
    while len(received) < 2 * 999 * 1000:
        received += os.read(reading, 5000)
    assert sorted(set(bytes(received).split())) == [letter * 998 for letter in letters]
    for stream in streams:
        stream.close()
    os.close(reading)
    os.close(writing)


def test_lines_that_the_descriptor_refuses_are_counted() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = QueuedStream(writing)
    stream.write(LINE * 3)
    stream.close()
    assert stream.dropped_lines == 3
    os.close(writing)
