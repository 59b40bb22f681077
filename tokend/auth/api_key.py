"""API keys, as `X-API-Key` or `Authorization: Bearer`. The configuration holds SHA-256 digests, not the keys."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from pydantic import ConfigDict

from tokend.auth.contract import BEARER, AppContext, AuthScheme, Credentials, Header, Source
from tokend.auth.jws import looks_like_jws
from tokend.auth.key_digests import EXAMPLE_DIGEST, Key, KeyDigests, KeyTable
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.validation import StrictValue

API_KEY_HEADER: Final = "x-api-key"


class ApiKeyOptions(StrictValue[KeyDigests]):
    """Hashes of the caller's API keys: one, or a list. `tokend key new` makes a key and its hash."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_DIGEST]})


class ApiKey(AuthScheme):
    """Finds the caller of an API key. A key that looks like a JWT is read only from `X-API-Key`."""

    name: ClassVar[str] = "api_key"
    Options = ApiKeyOptions
    instructions: ClassVar[str] = (
        "Send the API key in the header `X-API-Key`, or as `Authorization: Bearer KEY`. Keep it on a server: whoever has it "
        "can act as the caller."
    )
    reads: tuple[Source, ...] = (BEARER, Header("X-API-Key"))
    priority: ClassVar[int] = 10
    needs_rules: ClassVar[bool] = False
    has_issue_time: ClassVar[bool] = False

    def __init__(self, app: AppContext, callers: Mapping[str, ApiKeyOptions]) -> None:
        super().__init__(app, callers)
        self._table = KeyTable(self.name, {name: options.root for name, options in callers.items()})

    @classmethod
    def keys(cls, options: ApiKeyOptions) -> Sequence[Key]:
        return options.root

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        key = credentials.headers.get(API_KEY_HEADER)
        if key is None and credentials.bearer is not None and not looks_like_jws(credentials.bearer):
            key = credentials.bearer
        return None if key is None else self._table.find(key, now)
