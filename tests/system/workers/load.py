"""Keep-alive clients that ask for tokens until told to stop, and count what they got. Used by the tests and by tests/long."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector


class Load:
    """`clients` at once on their own connections; `fresh`: a new connection for each request.

    `pause`: seconds between a client's answer and its next request. `told` gets each good answer: when it was asked
    for and when it was there, in seconds of the loop, and its body.
    `failed` counts requests without an answer, and answers other than 200; `retried` those that a second try served,
    where `retry` allows one.
    """

    def __init__(
        self,
        url: str,
        clients: int,
        *,
        fresh: bool = False,
        retry: bool = False,
        pause: float = 0.0,
        told: Callable[[float, float, bytes], None] | None = None,
    ) -> None:
        self._url = url
        self._clients = clients
        self._fresh = fresh
        self._retry = retry
        self._pause = pause
        self._told = told
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
            failure = await self._one(begun)
            if failure and self._retry:
                failure = await self._one(loop.time())
                self.retried += not failure
            self.seconds.append(loop.time() - begun)
            if failure:
                self.failed[failure] += 1
                await asyncio.sleep(0.02)
            else:
                self.answered += 1
                await asyncio.sleep(self._pause)

    async def _one(self, begun: float) -> str:
        """Empty if it was answered; else what happened."""
        url = self._url.replace("{uid}", str(next(self._numbers)))
        try:
            # aiohttp's client repeats a GET whose connection was closed while idle, as browsers do
            async with self._session.get(url) as answer:
                body = await answer.read()
                if answer.status != 200:
                    return str(answer.status)
                if self._told is not None:
                    self._told(begun, asyncio.get_running_loop().time(), body)
                return ""
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
