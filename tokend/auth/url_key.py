"""Keys in the URL, `{path}/k/<key>/…`, for clients that cannot send headers. The configuration holds their digests.

Signed URLs have the same place in the path; `signed_url.py` reads them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict

from tokend.auth.contract import PATH_KEY, AppContext, AuthScheme, Credentials, Place, Source
from tokend.auth.jws import looks_like_jws
from tokend.auth.key_digests import EXAMPLE_DIGEST, Key, KeyOrKeys, KeyTable, ListedKey, key_list
from tokend.auth.signed_url import caller_of_url
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.validation import StrictValue


def _digests_or_signed(value: object) -> object:
    return [] if value == "signed" else key_list(value)


class UrlKeyOptions(
    StrictValue[
        Annotated[
            list[ListedKey],
            BeforeValidator(_digests_or_signed, json_schema_input_type=Literal["signed"] | KeyOrKeys),
        ]
    ]
):
    """Hashes of the keys that clients send in the URL: one, or a list; or `signed`, for signed URLs alone."""

    model_config = ConfigDict(json_schema_extra={"examples": ["signed", EXAMPLE_DIGEST]})


class UrlKey(AuthScheme):
    """Finds a key by its digest, as `api_key` does. Reads signed URLs too, if the app has keys for them."""

    name: ClassVar[str] = "url_key"
    Options = UrlKeyOptions
    instructions: ClassVar[str] = (
        "Put the key, or the signed text that your back end made, into the path: `k/KEY` follows the path of the route. "
        "No header is needed."
    )
    reads: tuple[Source, ...] = (PATH_KEY,)
    priority: ClassVar[int] = 20
    from_web_pages: ClassVar[bool] = True

    def __init__(self, app: AppContext, callers: Mapping[str, UrlKeyOptions]) -> None:
        super().__init__(app, callers)
        self._table = KeyTable(self.name, {name: options.root for name, options in callers.items()})

    @classmethod
    def problems(cls, app: AppContext, callers: Mapping[str, Any]) -> Iterable[tuple[Place, str]]:
        for name, options in callers.items():
            if not options.root and app.signing_keys is None:
                yield (name,), "is signed, which needs the app's url_signing_key"

    @classmethod
    def keys(cls, options: UrlKeyOptions) -> Sequence[Key]:
        return options.root

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        text = credentials.path_key
        if text is None:
            return None
        caller = self._table.find(text, now)
        if caller is not None or self.app.signing_keys is None or not looks_like_jws(text):
            return caller
        return caller_of_url(text, self.app.name, self.callers, self.app.signing_keys, now)
