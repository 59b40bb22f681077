"""The scheme for requests without a credential: a caller with `anonymous: true`."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from tokend.auth.contract import AppContext, AuthScheme, Credentials
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.validation import StrictValue, redact_secrets


class AnonymousOptions(StrictValue[Literal[True]]):
    """`true`: every request without a credential is from this caller."""


class Anonymous(AuthScheme):
    """Authenticates every request without a credential as its only caller."""

    name: ClassVar[str] = "anonymous"
    Options = AnonymousOptions
    instructions: ClassVar[str] = "Send no credential: a request without one is accepted as it is."
    priority: ClassVar[int] = 100
    takes_anybody: ClassVar[bool] = True
    has_issue_time: ClassVar[bool] = False
    from_web_pages: ClassVar[bool] = True

    def __init__(self, app: AppContext, callers: Mapping[str, AnonymousOptions]) -> None:
        super().__init__(app, callers)
        (self._caller,) = map(Caller, callers)

    @classmethod
    def problems_of_route(cls, callers: Mapping[str, Any]) -> Iterable[str]:
        if len(callers) > 1:
            yield f"takes in two anonymous callers, {' and '.join(map(redact_secrets, callers))}: only one can be meant"

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        return None if credentials.total else self._caller
