"""What a connection says of its peer, over TCP and over a unix socket."""

import asyncio
from pathlib import Path

from aiohttp import web

from tokend.http.proxies import client_of, peer_of
from tokend.issuing.trusted_proxies import TrustedProxies


async def _seen(proxies: TrustedProxies, path: Path) -> list[str]:
    """What a server sees of one client over TCP and one over a unix socket that is bound to a name like an address."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=f"{peer_of(request)} {client_of(request, proxies)}")

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    tcp, unix = web.TCPSite(runner, "127.0.0.1", 0), web.UnixSite(runner, str(path / "socket"))
    await tcp.start()
    await unix.start()
    port: int = runner.addresses[0][1]
    try:
        seen = []
        for opening in (
            asyncio.open_connection("127.0.0.1", port),
            asyncio.open_unix_connection(str(path / "socket")),
        ):
            reader, writer = await opening
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n")
            seen.append((await reader.read()).decode().rpartition("\r\n\r\n")[2])
            writer.close()
        return seen
    finally:
        await runner.cleanup()


def test_what_a_connection_says_of_its_peer(tmp_path: Path) -> None:
    for written, client in (((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.7")):
        seen = asyncio.run(_seen(TrustedProxies(written), tmp_path))
        assert seen == [f"127.0.0.1 {client}", "unix unix"]
