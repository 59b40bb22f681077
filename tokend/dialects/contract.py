"""What a dialect is: a list of endpoints, each with a pure `parse` and `render`, and one `render_error` for failed requests.

Knows no aiohttp, no apps and no rules. A request is plain data here, an answer a status and bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tokend.core.errors import ApiError
from tokend.core.model import NOTHING, Issued, TokenRequest
from tokend.core.validation import StrictModel

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
TEXT: Final = "text/plain"
BODY_LIMIT: Final = 16 * 1024
"""Bytes of a request's body, unless an endpoint says more."""


UID_FORMAT: Final = "uid"
ROLE_FORMAT: Final = "role"
TOKEN_VERSION_FORMAT: Final = "token-version"
"""Formats in the JSON Schema of a kind's field: a number from 0 to 2^32-1, a publisher or subscriber, a token's format."""


class FieldType(Struct, frozen=True):
    """What a field of a kind takes, from its JSON Schema. `numeric`: an integer, and no text. `format`: its `format`, or None.

    `boolean`: true or false. `structured`: only lists or mappings, which no text of a path, query or form can be.
    `fractional`: a number that need not be whole, and no text.
    """

    numeric: bool = False
    format: str | None = None
    boolean: bool = False
    structured: bool = False
    fractional: bool = False


FieldTypes = Mapping[str, FieldType]
"""The fields of a kind by name."""


class HttpRequest(Struct, frozen=True):
    """A matched request. `params` are the decoded parts of the path; `query` keeps order and repetitions.

    `options`: the options of the dialect on this route, an instance of its `Options`. `now`: in Unix seconds.
    `field_types` returns the fields of one of the app's kinds; none for any other name. `nonce`: a random number of 128
    bits, a new one for each request, for dialects that make up ids. No token is minted with it.
    """

    params: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    body: bytes
    content_type: str | None
    options: Any
    now: int
    field_types: Callable[[str], FieldTypes] = lambda kind: {}
    nonce: int = 0


class Issue(Struct, frozen=True):
    """Tokens are requested. All or nothing, unless it is a batch: there a token request may be an error of its own already."""

    token_requests: tuple[TokenRequest | ApiError, ...]
    batch: bool = False


class Explain(Struct, frozen=True):
    """By which rule would this be issued, or what does each rule not allow? Nothing is minted."""

    token_request: TokenRequest


class Inspect(Struct, frozen=True):
    """What does this token give, and would a join with this channel, user and product work?"""

    token: str
    channel: str | None = None
    user: str | None = None
    product: str | None = None


class Page(Struct, frozen=True):
    """A page of the route: `openapi`, `docs`, `console`, `client.js` or `ping`. `file`: one of its files; empty for the page."""

    name: str
    file: str = ""


Parsed = Issue | Explain | Inspect | Page


class RuleResult(Struct, frozen=True):
    """One rule compared with a request: what did not match, empty if it allows it."""

    rule: str
    unmet: tuple[str, ...]


class Explanation(Struct, frozen=True):
    """The answer to Explain. `api_error` is None where the token would be issued, by the last of the rules.

    `kinds`: those for which the caller has a rule that applies to it, whatever the request.
    `authorizer`: whether the app's own backend would be asked too. Explain does not ask it.
    """

    caller: str
    kinds: tuple[str, ...]
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
    """An HTTP answer, without the headers that every answer gets."""

    status: int
    body: bytes
    content_type: str = JSON


Schema = Mapping[str, Any]
"""A JSON Schema. It may refer to `#/components/schemas/Ttl`: a lifetime in seconds, with the bounds of the route."""


class Description(Struct, frozen=True):
    """What an endpoint takes and answers, for the OpenAPI document.

    `path` and `query`: parameters by name; one of the path that is left out is any text. `required`: the parameters of the
    query that must be there. `body`: of JSON, or of a form if the endpoint's `media` is FORM. `answer`: that of a request that
    succeeds, with `status`; it is plain text if the schema is of a string. `remarks`: what the summary leaves out, in Markdown.

    The document's examples come from these schemas: the first of their `examples`, for what is required or has them.
    `examples`: example bodies, each under its title, in place of those.
    """

    summary: str | None = None
    path: Schema = NOTHING
    query: Schema = NOTHING
    required: tuple[str, ...] = ()
    body: Schema | None = None
    answer: Schema | None = None
    status: int = 200
    remarks: str | None = None
    examples: Mapping[str, Any] = NOTHING


class Endpoint(Struct, frozen=True):
    """One method and path below a route's prefix; `{name}` stands for a whole part of the path.

    `media`: FORM or JSON where two contracts share a path and the content type decides. `render_error`: where errors look
    different from the dialect's; they are plain text then. `issues`: whether it may issue tokens. Then a request is also
    written to the audit whose credential fails before its body is read. `key_parameter`: a parameter of the query that holds
    a key, as the segment of the path after `/k/` does. `description`: None leaves the endpoint out of the OpenAPI document.
    """

    method: str
    path: str
    parse: Callable[[HttpRequest], Parsed]
    render: Callable[[HttpRequest, Sequence[Outcome]], HttpResponse]
    body_limit: int = BODY_LIMIT
    media: str | None = None
    render_error: Callable[[ApiError, str], HttpResponse] | None = None
    description: Description | None = Description()
    issues: bool = True
    key_parameter: str | None = None


class Dialect(Struct, frozen=True):
    """An HTTP API, found through the entry-point group `tokend.dialects`; the entry's name is `name`.

    `render_error` answers a request that fails as a whole; its second argument is the request's id. `error`: the schema of
    that answer, for the OpenAPI document. `api_version`: the version of `tokend.plugins` that it was written for. `Options`:
    its options in YAML, at `dialect: {name: …}`; none unless it says so. `warnings` returns sentences for the operator about
    these options; each continues "route PATH".

    `kinds` takes the options, too, and returns the kinds whose tokens it requests, each with the `extras` of the kind's backend
    that its answers need. None, the default: the request or the configuration names the kind.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    render_error: Callable[[ApiError, str], HttpResponse]
    api_version: int = 1
    Options: type[StrictModel] = StrictModel
    warnings: Callable[[Any], Sequence[str]] = lambda options: ()
    error: Schema = NOTHING
    kinds: Callable[[Any], Mapping[str, Sequence[str]]] = lambda options: {}
