"""Keep-alive clients that ask for tokens until told to stop, and count what they got. Used by the tests and by chaos/."""

import asyncio
from collections import Counter
from collections.abc import Iterator

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector


class Load:
    """`clients` at once on their own connections; `fresh`: a new connection for each request.

    `failed` counts requests without an answer, and answers other than 200; `retried` those that a second try served,
    where `retry` allows one.
    """

    def __init__(self, url: str, clients: int, *, fresh: bool = False, retry: bool = False) -> None:
        self._url = url
        self._clients = clients
        self._fresh = fresh
        self._retry = retry
        self._stopped = False
        self._numbers = iter(range(1, 2**31))
        self.answered = 0
        self.retried = 0
        self.failed: Counter[str] = Counter()
        self.seconds: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        self._session = ClientSession(
            connector=TCPConnector(limit=0, force_close=self._fresh), timeout=ClientTimeout(total=20)
        )
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopped:
            begun = loop.time()
            failure = await self._one()
            if failure and self._retry:
                failure = await self._one()
                self.retried += not failure
            self.seconds.append(loop.time() - begun)
            if failure:
                self.failed[failure] += 1
                await asyncio.sleep(0.02)
            else:
                self.answered += 1

    async def _one(self) -> str:
        """Empty if it was answered; else what happened."""
        url = self._url.replace("{uid}", str(next(self._numbers)))
        try:
            # aiohttp's client repeats a GET whose connection was closed while idle, as browsers do
            async with self._session.get(url) as answer:
                await answer.read()
                return "" if answer.status == 200 else str(answer.status)
        except (ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    def percentile(self, part: float) -> float:
        """Seconds that this part of the requests took at most."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def waits(most: float = 40.0, step: float = 0.05) -> Iterator[float]:
    """Seconds to sleep between looks, until `most` have passed."""
    for _ in range(int(most / step)):
        yield step
