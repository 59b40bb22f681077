"""What a dialect is: a list of endpoints, each with a pure `parse` and `render`, and one `refuse` for failed requests.

Knows no aiohttp, no apps and no rules. A request is plain data here, an answer a status and bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from tokend.core.errors import ApiError
from tokend.core.model import NOTHING, Issued, TokenRequest

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
TEXT: Final = "text/plain"
BODY_LIMIT: Final = 16 * 1024
"""Bytes of a request's body, unless an endpoint says more."""


class Settings(Struct, frozen=True):
    """What the route says to its dialects. `version`: the format of rtc and rtm tokens.

    `signed_uid`: also take a uid as Android shows it, as a signed number: Android has no unsigned integers.
    """

    version: str = "007"
    signed_uid: bool = False


class HttpRequest(Struct, frozen=True):
    """A matched request. `params` are the decoded parts of the path; `query` keeps order and repetitions."""

    params: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    body: bytes
    content_type: str | None
    settings: Settings
    now: int


class Issue(Struct, frozen=True):
    """Tokens are wanted. All or nothing, unless it is a batch, where an ask may already be a refusal of its own."""

    token_requests: tuple[TokenRequest | ApiError, ...]
    batch: bool = False


class Explain(Struct, frozen=True):
    """By which rule would this be issued, or what does each lack? Nothing is minted."""

    token_request: TokenRequest


class Inspect(Struct, frozen=True):
    """What does this token give, and would a join with this channel, user and product work?"""

    token: str
    channel: str | None = None
    user: str | None = None
    product: str | None = None


class Page(Struct, frozen=True):
    """A document about the route: `openapi` or `docs`."""

    name: str


Parsed = Issue | Explain | Inspect | Page


class RuleResult(Struct, frozen=True):
    """One rule held against an ask: what it lacked, empty if it permits it."""

    rule: str
    unmet: tuple[str, ...]


class Explanation(Struct, frozen=True):
    """The answer to Explain. `refusal` is None where the token would be issued, by the last of the trials.

    `authorizer`: whether the app's own backend would be asked too. Explain does not ask it.
    """

    caller: str
    rule_results: tuple[RuleResult, ...]
    api_error: ApiError | None
    gives: Mapping[str, object] = NOTHING
    authorizer: bool = False


class Inspection(Struct, frozen=True):
    """The answer to Inspect: what the token says, as plain data; why a join would fail, and what surprises, in sentences."""

    says: Mapping[str, object]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def fields(self) -> dict[str, object]:
        """All of it as plain data."""
        return {**self.says, "problems": list(self.problems), "notes": list(self.notes)}


Outcome = Issued | ApiError | Explanation | Inspection


class HttpResponse(Struct, frozen=True):
    """An HTTP answer, but for the headers that every answer gets."""

    status: int
    body: bytes
    content_type: str = JSON


class Endpoint(Struct, frozen=True):
    """One method and path below a route's prefix; `{name}` stands for a whole part of the path.

    `version`: the token format where the route says `auto`. `media`: FORM or JSON where two contracts share a path and
    the content type decides. `refuse`: where errors look different from the dialect's.
    """

    method: str
    path: str
    parse: Callable[[HttpRequest], Parsed]
    render: Callable[[HttpRequest, Sequence[Outcome]], HttpResponse]
    body_limit: int = BODY_LIMIT
    version: str = "007"
    media: str | None = None
    render_error: Callable[[ApiError, str], HttpResponse] | None = None


class Dialect(Struct, frozen=True):
    """An HTTP API, found through the entry-point group `tokend.dialects`; the entry's name is `name`.

    `render_error` answers a request that fails as a whole; its second argument is the request's id. `api_version`: the
    version of `tokend.plugins` that it was written for.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    render_error: Callable[[ApiError, str], HttpResponse]
    api_version: int = 1
