"""Keys in the URL, `{at}/k/<key>/…`, for clients that can send no header. The configuration holds digests.

Signed URLs stand in the same place and are `signed_url.py`'s.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokend.auth.contract import AuthScheme, Credentials
from tokend.auth.key_digests import Key, KeyTable
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class UrlKey(AuthScheme):
    """Looks a key up by its digest, as `api_key` does."""

    name: ClassVar[str] = "url_key"

    def __init__(self, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name."""
        self._table = KeyTable(self.name, keys)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        return None if credentials.url_key is None else self._table.find(credentials.url_key, now)
