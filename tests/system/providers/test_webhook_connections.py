"""The connections to an app's own backend, as they end on the wire."""

import asyncio

from tests.unit.adapters.authorizer_backend import asking
from tests.unit.adapters.test_webhook_over_http import token


async def test_an_idle_connection_that_the_backend_closed_is_no_failure() -> None:
    """A backend that restarts, or keeps connections shorter than we do: the question is asked once more."""
    answered, hung_up = 0, 0

    async def once_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keeps the connection, and hangs up when a second request comes on it."""
        nonlocal answered, hung_up
        try:
            await reader.readuntil(b'"users":["7"]}')
            answered += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" + b'{"allow":true}')
            await writer.drain()
            await reader.readuntil(b'"users":["7"]}')
            hung_up += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(once_each, "127.0.0.1", 0)
    try:
        async with asking(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/authorize") as server:
            assert [(await token(server)).status for _ in range(3)] == [200] * 3
    finally:
        listener.close()
    assert (answered, hung_up) == (3, 2)
