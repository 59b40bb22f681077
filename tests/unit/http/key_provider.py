"""An identity provider as the key cache sees it, with a clock, that does as the tests say."""

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import msgspec.json

from tests.unit.auth.jwt.making import jwk
from tokend.adapters.jwks import KeyCache
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import KeySource
from tokend.telemetry.log import JsonLog

ISSUER = "https://id.example.com/realm"
WRITTEN = KeySource("https://id.example.com/jwks")
DISCOVERED = KeySource(ISSUER, discovery=True)
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"


class Provider:
    """What it answers is set by the tests; `asked` are the URLs that it was asked for, with their times."""

    def __init__(self, *names: str) -> None:
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []
        self.error: Exception | None = None
        self.authenticator: asyncio.Event | None = None
        self.keys = [jwk(name) for name in names]
        self.discovery: Any = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/certs"}
        self.log = io.BytesIO()
        self.cache = KeyCache(self.fetch, lambda: self.now, JsonLog(self.log, lambda: 0.0))

    async def fetch(self, url: str) -> Any:
        self.asked.append((self.now, url))
        if self.authenticator is not None:
            await self.authenticator.wait()
        if self.error is not None:
            raise self.error
        return self.discovery if url == DISCOVERY else {"keys": self.keys}

    async def kids(self, key_id: str | None, source: KeySource = WRITTEN) -> Sequence[str | None]:
        """What a token of this kid is held against; one without is taken to fit a key that is held."""
        kids = [one.kid for one in await self.cache.get_keys(source)]
        if key_id is None or key_id in kids:
            return kids
        return [one.kid for one in await self.cache.refresh_keys(source)]

    async def is_unavailable(self, key_id: str | None = "ec", source: KeySource = WRITTEN) -> bool:
        try:
            await self.kids(key_id, source)
        except ApiError as api_error:
            return api_error.code == Code.UNAVAILABLE and api_error.status == 503
        return False

    def most_in_a_minute(self) -> int:
        """The most requests in any 60 seconds."""
        times = [time for time, _ in self.asked]
        return max(sum(start <= time < start + 60 for time in times) for start in times)

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(one["level"], one["message"]) for one in map(msgspec.json.decode, self.log.getvalue().splitlines())]
