"""Keys in the URL, `{at}/k/<key>/…`, for clients that can send no header. The configuration holds digests."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tokend.auth._digests import digest_of
from tokend.auth.contract import Presented, Scheme
from tokend.model import Caller
from tokend.ports import Keys


class UrlKey(Scheme):
    """Looks a key up by its digest, as `api_key` does."""

    name: ClassVar[str] = "url_key"

    def __init__(self, digests: Mapping[str, Iterable[str]]) -> None:
        """`digests`: those of each caller, by the caller's name."""
        self._callers = {one: Caller(name) for name, of_caller in digests.items() for one in of_caller}

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        return None if presented.url_key is None else self._callers.get(digest_of(presented.url_key))
