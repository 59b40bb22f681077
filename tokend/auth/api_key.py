"""API keys, as `X-API-Key` or `Authorization: Bearer`. The configuration holds SHA-256 digests, never the keys."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokend.auth._digests import digest_of
from tokend.auth._jws import looks_like_jws
from tokend.auth.contract import Presented, Scheme
from tokend.model import Caller
from tokend.ports import Keys


class ApiKey(Scheme):
    """Looks a key up by its digest, so that no comparison's time tells anything about a key."""

    name: ClassVar[str] = "api_key"

    def __init__(self, digests: Mapping[str, Iterable[str]]) -> None:
        """`digests`: those of each caller, by the caller's name."""
        self._callers = {one: Caller(name) for name, of_caller in digests.items() for one in of_caller}

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        key = presented.api_key
        if key is None and presented.bearer is not None and not looks_like_jws(presented.bearer):
            key = presented.bearer
        return None if key is None else self._callers.get(digest_of(key))
