"""Clients that send a fixed number of requests, each client on its own connections, and count the statuses."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Mapping
from itertools import count
from socket import AF_INET
from typing import Final

from aiohttp import ClientSession, ClientTimeout, TCPConnector

_SECONDS: Final = 30


async def statuses(
    url: str,
    requests: int,
    *,
    tls: ssl.SSLContext | None = None,
    clients: int = 8,
    source: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    half: asyncio.Event | None = None,
) -> Counter[int]:
    """How many of the requests were answered with which status. An exception for one that was not answered.

    `url`: `{uid}` in it becomes a number that no other request has. `body`: sent as JSON by POST; without it GET.
    `half` is set once half of the requests were answered.
    """
    found: Counter[int] = Counter()
    numbers = count(1)
    connector = TCPConnector(ssl=tls or True, local_addr=(source, 0), family=AF_INET, limit=0)
    async with ClientSession(connector=connector, headers=headers, timeout=ClientTimeout(_SECONDS)) as session:

        async def client() -> None:
            while (number := next(numbers)) <= requests:
                address = url.replace("{uid}", str(1000 + number))
                async with session.request("GET" if body is None else "POST", address, json=body) as response:
                    await response.read()
                    found[response.status] += 1
                if half is not None and found.total() >= requests // 2:
                    half.set()

        await asyncio.gather(*(client() for _ in range(clients)))
    return found
