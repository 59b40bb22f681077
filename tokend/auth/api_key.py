"""API keys, as `X-API-Key` or `Authorization: Bearer`. The configuration holds SHA-256 digests, never the keys."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokend.auth.contract import Presented, Scheme
from tokend.auth.jws import looks_like_jws
from tokend.auth.key_digests import Key, KeyTable
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class ApiKey(Scheme):
    """Takes any key but one that looks like a JWT, which comes as `X-API-Key` only."""

    name: ClassVar[str] = "api_key"

    def __init__(self, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name."""
        self._table = KeyTable(self.name, keys)

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        key = presented.api_key
        if key is None and presented.bearer is not None and not looks_like_jws(presented.bearer):
            key = presented.bearer
        return None if key is None else self._table.find(key, now)
