"""The event loop handles few ready connections at once: many cannot all hold memory before the first is answered."""

import asyncio
import io
import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tokend.process.event_loop import EVENTS_AT_ONCE, LOOKUPS, BoundedSelector, new_event_loop, run
from tokend.telemetry.log import JsonLog


@contextmanager
def _ready(selector: BoundedSelector, count: int) -> Iterator[list[int]]:
    """Descriptors that are ready to be read, registered with the selector."""
    pipes = [os.pipe() for _ in range(count)]
    for number, (read, write) in enumerate(pipes):
        os.write(write, b"x")
        selector.register(read, selectors.EVENT_READ, number)
    try:
        yield [read for read, _ in pipes]
    finally:
        for read, write in pipes:
            os.close(read)
            os.close(write)


def test_each_ready_descriptor_comes_once_and_few_at_a_time() -> None:
    with closing(BoundedSelector()) as selector, _ready(selector, 2 * EVENTS_AT_ONCE + 1) as descriptors:
        batches = [selector.select(0) for _ in range(3)]
        assert [len(batch) for batch in batches] == [EVENTS_AT_ONCE, EVENTS_AT_ONCE, 1]
        assert sorted(key.fd for batch in batches for key, _ in batch) == sorted(descriptors)


def test_what_was_closed_or_changed_in_between_is_left_out() -> None:
    with closing(BoundedSelector()) as selector, _ready(selector, EVENTS_AT_ONCE + 3) as descriptors:
        first = {key.fd for key, _ in selector.select(0)}
        closed, changed, ready = (descriptor for descriptor in descriptors if descriptor not in first)
        selector.unregister(closed)
        selector.modify(changed, selectors.EVENT_WRITE)
        assert [key.fd for key, _ in selector.select(0)] == [ready]


def test_few_ready_descriptors_come_as_they_are() -> None:
    with closing(BoundedSelector()) as selector, _ready(selector, 2) as descriptors:
        assert [key.fd for key, _ in selector.select(0)] == descriptors
        assert [key.fd for key, _ in selector.select(0)] == descriptors


def test_the_loop_reads_from_more_than_it_handles_at_once() -> None:
    async def main() -> list[bytes]:
        loop, received, complete = asyncio.get_running_loop(), list[bytes](), asyncio.Event()
        pairs = [socket.socketpair() for _ in range(3 * EVENTS_AT_ONCE)]

        def read(end: socket.socket) -> None:
            loop.remove_reader(end)
            received.append(end.recv(10))
            if len(received) == len(pairs):
                complete.set()

        for number, (end, other_end) in enumerate(pairs):
            loop.add_reader(end, read, end)
            other_end.send(b"%d" % number)
        await complete.wait()
        for pair in pairs:
            for end in pair:
                end.close()
        return received

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert sorted(runner.run(main()), key=int) == [b"%d" % number for number in range(3 * EVENTS_AT_ONCE)]


def test_names_that_nobody_resolves_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few of them took all of asyncio's threads: a reload had to wait for them, and so had the end of the process."""
    answered = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        answered.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(LOOKUPS + 10):
            with suppress(TimeoutError):
                await asyncio.wait_for(loop.getaddrinfo("host.example", 443), 0.001)
        assert await asyncio.wait_for(asyncio.to_thread(int), 2) == 0
        assert sum(thread.name == "dns" for thread in threading.enumerate()) == LOOKUPS

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    assert not answered.is_set()
    answered.set()


def test_a_name_is_resolved_also_after_many_that_were_not() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(LOOKUPS + 1):
            with pytest.raises(OSError):
                await loop.getaddrinfo("127.0.0.1", "no such service", type=socket.SOCK_STREAM)
        found = await loop.getaddrinfo("127.0.0.1", 443, type=socket.SOCK_STREAM)
        assert found[0][4] == ("127.0.0.1", 443)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


def test_a_process_that_can_start_no_thread_ends_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server ended with a traceback and another exit code."""

    def cannot_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        monkeypatch.setattr(threading.Thread, "start", cannot_start)

    run(main(), JsonLog(io.BytesIO(), lambda: 0.0))
