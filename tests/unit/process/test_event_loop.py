"""The event loop handles few ready connections at once: many cannot all hold memory before the first is answered (O5)."""

import asyncio
import os
import selectors
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tokend.process.event_loop import EVENTS_AT_ONCE, BoundedSelector, new_event_loop


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


def test_o5_each_ready_descriptor_comes_once_and_few_at_a_time() -> None:
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


def test_the_loop_serves_more_connections_than_it_handles_at_once() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    async def exchange(port: int, text: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        answer = await reader.read()
        writer.close()
        return answer

    async def main() -> list[bytes]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=512)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.gather(*(exchange(port, b"%d" % number) for number in range(3 * EVENTS_AT_ONCE)))

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(main()) == [b"%d" % number for number in range(3 * EVENTS_AT_ONCE)]
