"""API keys, as `X-API-Key` or `Authorization: Bearer`. The configuration holds SHA-256 digests, never the keys."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokend.auth.contract import AuthScheme, Credentials
from tokend.auth.jws import looks_like_jws
from tokend.auth.key_digests import Key, KeyTable
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class ApiKey(AuthScheme):
    """Takes any key but one that looks like a JWT, which comes as `X-API-Key` only."""

    name: ClassVar[str] = "api_key"

    def __init__(self, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name."""
        self._table = KeyTable(self.name, keys)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        key = credentials.api_key
        if key is None and credentials.bearer is not None and not looks_like_jws(credentials.bearer):
            key = credentials.bearer
        return None if key is None else self._table.find(key, now)
