"""Slow, silent and greedy clients of a real server, with deadlines cut short: closed, counted, and no harm to others."""

import asyncio
import socket

import pytest

from tests.system.connections.limited import Limited, serving_limited
from tests.unit.http.running import OPEN
from tests.unit.http.wire import read_reply, request_bytes
from tokend.adapters.batch_scheduler import BatchScheduler
from tokend.core.interfaces import Interfaces
from tokend.core.listening import Listen
from tokend.http.connection_limiter import Caps, Deadlines
from tokend.process.sockets import SEND_BUFFER, bind

pytestmark = pytest.mark.serial

_SHORT = Deadlines(head=0.3, body=0.3, write=0.3, answer=3.0)
_GOOD = request_bytes("GET", "/rtc/room/publisher/uid/7/", None)


async def _closes(reader: asyncio.StreamReader) -> bytes:
    """What still came before the server closed the connection."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def _healthy(server: Limited) -> None:
    assert (await server.send(_GOOD)).status == 200


async def test_half_a_request_header_is_closed() -> None:
    async with serving_limited(OPEN, deadlines=_SHORT) as server:
        for sent in (b"", b"GET /rtc", b"GET / HTTP/1.1\r\nHost: a\r\nX-"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            assert await _closes(reader) == b""
            writer.close()
        await _healthy(server)


async def test_half_a_second_header_is_closed_too() -> None:
    async with serving_limited(OPEN, deadlines=_SHORT) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(_GOOD)
        assert (await read_reply(reader)).status == 200
        writer.write(b"GET /")
        assert await _closes(reader) == b""
        writer.close()


async def test_a_body_that_does_not_arrive_is_told_and_closed() -> None:
    async with serving_limited(OPEN, deadlines=_SHORT) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", "/v1/token", b'{"kind"', ("Content-Length", "100")))
        reply = await read_reply(reader)
        assert (reply.status, reply.json["code"]) == (408, "request_timeout")  # clients send it again
        assert reply.json["detail"] == "the body did not arrive within 0.3 s"
        assert await _closes(reader) == b""
        writer.close()


async def test_a_client_that_takes_no_answers_is_closed() -> None:
    async with serving_limited(OPEN, deadlines=_SHORT) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport as well
        batch = b'{"requests": [' + b",".join([b'{"kind": "rtc", "channel": "room", "uid": 7}'] * 100) + b"]}"
        request = request_bytes("POST", "/v1/tokens", batch)
        try:
            async with asyncio.timeout(20):
                while not writer.transport.is_closing():
                    writer.write(request)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (ConnectionError, TimeoutError):
            pass
        await _healthy(server)
        writer.transport.abort()
        async with asyncio.timeout(5):
            while server.connection_limiter.closed["write"] == 0:
                await asyncio.sleep(0.05)


def test_the_system_holds_no_megabytes_of_answers_for_a_client_that_takes_none() -> None:
    with bind(Listen("127.0.0.1", 0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            held = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert held <= 2 * SEND_BUFFER  # Linux doubles it, for its own books


async def test_many_batches_at_once_do_not_hold_up_other_requests() -> None:
    batch = b'{"requests": [' + b",".join([b'{"kind": "rtc", "channel": "room", "uid": 7}'] * 10) + b"]}"
    async with serving_limited(OPEN, interfaces=Interfaces(batch_scheduler=BatchScheduler())) as server:
        clients = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(100)]
        for _, writer in clients:
            writer.write(request_bytes("POST", "/v1/tokens", batch))
        assert (await server.token_request("GET", "/healthz")).status == 200
        for reader, writer in clients:
            assert (await read_reply(reader)).status == 200
            writer.close()
        routes = [line["route"] for line in server.lines]
    assert routes.index("/healthz") < 50


async def test_more_idle_connections_than_there_is_room_for() -> None:
    async with serving_limited(OPEN, caps=Caps(total=20)) as server:
        idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(100)]
        for _ in range(10):
            await _healthy(server)
        assert server.connection_limiter.open <= 20
        for _, writer in idle:
            writer.close()
    assert sum(line["event"] == "connections" for line in server.lines) <= 1


async def test_more_unfinished_bodies_than_there_is_room_for() -> None:
    async with serving_limited(OPEN, caps=Caps(total=20)) as server:
        clients = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(60)]
        for _, writer in clients:
            writer.write(request_bytes("POST", "/v1/token", b'{"kind"', ("Content-Length", "100")))
        await asyncio.sleep(0.1)
        for _ in range(10):
            await _healthy(server)
        assert server.connection_limiter.closed["cap"] >= 40
        for _, writer in clients:
            writer.close()


async def test_pipelined_requests_are_all_answered_in_order() -> None:
    async with serving_limited(OPEN, deadlines=_SHORT) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"".join(request_bytes("GET", f"/rtc/room/publisher/uid/{uid}/", None) for uid in range(1, 40)))
        tokens = [(await read_reply(reader)).json["rtcToken"] for _ in range(1, 40)]
        assert len(set(tokens)) == 39
        assert server.connection_limiter.open == 1
        writer.close()
