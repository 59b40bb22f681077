"""Options of an app and its routes: lifetimes, paths. Immutable.

Each model is a part of the YAML, its JSON Schema, and what requests use.
"""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Annotated, Any, Final, Literal

from msgspec import Struct
from pydantic import BeforeValidator, Field

from tokend.core.authorizer import AuthorizerSettings
from tokend.core.durations import Duration
from tokend.core.lists import ItemOrList
from tokend.core.rate_limits import NO_LIMITS, Limits
from tokend.core.validation import StrictModel, satisfying
from tokend.dialects import custom, native
from tokend.issuing.dialect_choices import DialectChoices
from tokend.issuing.origins import Cors

POINT_IN_TIME: Final = 1_000_000_000
"""From this number of seconds on, a lifetime is taken for a Unix time."""
DEFAULT_MAX_TTL: Final = 86_400
"""Seconds. The longest lifetime where the configuration names none. A longer one needs a kind that allows it."""


class TtlBounds(StrictModel):
    """Lifetimes of tokens in seconds; both bounds are inclusive."""

    default: Duration = Field(
        default=3600,
        description=(
            "lifetime of a token whose request has no ttl. Default: 1h within min and max; on a route, the app's"
        ),
        examples=["30m"],
    )
    min: Duration = Field(
        default=60, description="the shortest lifetime, inclusive. Default: 1m; on a route, the app's", examples=["5m"]
    )
    max: Duration = Field(
        default=DEFAULT_MAX_TTL,
        description=(
            "the longest lifetime, inclusive; over 24h only if a kind of the app allows it. Default: 24h;"
            " on a route, the app's"
        ),
        examples=["2h"],
    )

    def within(self, base: "TtlBounds") -> "TtlBounds":
        """`base` with what is written here in place of its own. A default that is not written is moved into the bounds."""
        low = self.min if "min" in self.model_fields_set else base.min
        high = self.max if "max" in self.model_fields_set else base.max
        default = self.default if "default" in self.model_fields_set else max(min(base.default, high), low)
        return self.model_copy(update={"default": default, "min": low, "max": high})

    def longest(self, of_kind: int | None) -> int:
        """The longest lifetime of a kind, in seconds. `of_kind`: its own maximum, or None."""
        return self.max if of_kind is None else min(self.max, of_kind)

    def problems(self, app: "TtlBounds | None" = None) -> Iterator[tuple[str, str]]:
        """What is wrong: the key, and a sentence that follows it. `app`: the app's bounds, which its routes must keep."""
        if self.max >= POINT_IN_TIME:
            yield "max", f"must be below {POINT_IN_TIME} s: a number this large is read as a Unix time"
        elif not 1 <= self.min <= self.max:
            yield "min", f"must be at least 1s and at most max: min is {self.min} s, max {self.max} s"
        elif not self.min <= self.default <= self.max:
            yield (
                "default",
                f"must lie within min and max: it is {self.default} s, they are {self.min} s and {self.max} s",
            )
        if app is not None and self.max > app.max:
            yield "max", f"is over the app's max of {app.max} s"
        if app is not None and self.min < app.min:
            yield "min", f"is below the app's min of {app.min} s"


class AppOptions(StrictModel):
    """The options of an app that are used as they are written. `ttl`: the effective lifetimes.

    A new option stands here and where it is used: `config/` validates it by its model, and `App.options` has it.
    """

    ttl: TtlBounds = Field(
        default=TtlBounds(), description="lifetimes of the app's tokens, such as {default: 30m, max: 2h}"
    )
    cors: Cors = Field(
        default=Cors(),
        description=(
            'which web pages may read the responses, such as {origins: ["https://app.example.com"]}. '
            "{} says that there is none. Default: no CORS headers"
        ),
    )
    limits: Limits = Field(default=NO_LIMITS, description="rate limits of the app's token requests. Default: no limits")
    authorizer: AuthorizerSettings | None = Field(
        default=None, description="the app's own backend, which decides before a token is issued. Default: none"
    )
    console: bool = Field(
        default=False,
        description="serve the console, a page to try and inspect tokens, at /console below each route with the dialect native",
    )


class Placeholder(Struct, frozen=True):
    """A part of a path that matches any value."""

    name: str


Parts = tuple[str | Placeholder, ...]


@lru_cache(maxsize=4096)
def parse_path(path: str) -> Parts:
    """`/a/{b}` -> ("a", Placeholder("b")); `/` -> ()."""
    pieces = [piece for piece in path.split("/") if piece]
    return tuple(Placeholder(piece[1:-1]) if piece[:1] == "{" and piece[-1:] == "}" else piece for piece in pieces)


OWN_PATHS: Final = ("ping", "healthz", "readyz")
"""First segments of the server's own paths."""
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_SEGMENT: Final = r"(?!\.\.?(/|$))[^/\s?#%{}]+"  # no request has a segment . or ..
_PREFIX: Final = re.compile(rf"/|(/{_SEGMENT})+")
_CUSTOM_PATH: Final = re.compile(rf"(/({_SEGMENT}|\{{[a-z_]+\}}))+")


_WITHOUT_BODY: Final = (204, 205)


_response = satisfying(lambda value: isinstance(value, str | dict), "must be text or a mapping")


def is_prefix(path: str) -> bool:
    """Whether dialects can be served below a path."""
    return _PREFIX.fullmatch(path) is not None


class RouteOptions(StrictModel):
    """A route as it is written: a prefix with dialects below it or, with kind or kinds, a custom endpoint."""

    path: str = Field(
        description=(
            "the path under which the app is served: /, or a path such as /demo without a final slash. Of"
            " a custom endpoint, the whole path"
        ),
        examples=["/demo", "/bolt/watch/{channel}"],
    )
    host: str | None = Field(
        default=None,
        description="only for requests to this host, in lower case and without a port. Default: any host",
        examples=["demo.rtc.example.com"],
    )
    dialect: DialectChoices = Field(
        default=(),
        description=(
            "HTTP APIs of the route: a name, a mapping of a name to its options, or a list of these. "
            "Default: native and agora-token-service; native alone for an app without rtc, rtm and chat"
        ),
        examples=["native", ["native", "livekit"]],
    )
    callers: ItemOrList[str] | None = Field(
        default=None,
        description="names of the app's callers that the route accepts. Default: all",
        examples=[["web", "uikit"]],
    )
    ttl: TtlBounds = Field(
        default=TtlBounds(),
        description="lifetimes on this route, such as {max: 1h}, within those of the app. Default: the app's",
    )
    on_excess: Literal["refuse", "clamp"] = Field(
        default="refuse",
        description=(
            "what happens to a lifetime over the bounds or over the rule's maximum: refuse rejects it, "
            "clamp shortens it and says so"
        ),
        examples=["clamp"],
    )
    kind: str | None = Field(
        default=None,
        description=("makes the route one custom endpoint, for this kind of token. Default: not a custom endpoint"),
        examples=["rtc"],
    )
    kinds: ItemOrList[str] | None = Field(
        default=None,
        description="makes the route one custom endpoint with tokens of several kinds. Default: kind",
        examples=[["rtc", "rtm"]],
    )
    set: dict[str, Any] = Field(
        default={},
        description="fields with a fixed value, ttl too; a request that sends one is rejected. Default: none",
        examples=[{"role": "subscriber", "uid": 0}],
    )
    default: dict[str, Any] = Field(
        default={},
        description="values for fields that a request leaves out. Default: none",
        examples=[{"role": "subscriber"}],
    )
    fields: dict[str, str] = Field(
        default={},
        description=(
            "renames fields: what a request calls each, and the kind's field. The request's name also "
            "counts in path, errors and response. Default: none"
        ),
        examples=[{"room_name": "channel"}],
    )
    ignore: ItemOrList[str] = Field(
        default=[], description="names in a request that are ignored. Default: none", examples=[["client_version"]]
    )
    status: int = Field(
        default=200,
        description="the status of the response, 200 to 299, but not 204 and 205",
        json_schema_extra={"minimum": 200, "maximum": 299},
        examples=[201],
    )
    response: Annotated[Any, BeforeValidator(_response, json_schema_input_type=str | dict[str, Any])] = Field(
        default=None,
        description=(
            "the response: text, or a mapping. {token}, {expires_at} and the fields are replaced by the "
            'token\'s values; with several kinds, {rtc.token}. Default: {token: "{token}"}; required with '
            "several kinds"
        ),
        examples=[{"rtcToken": "{token}", "expireAt": "{expires_at}"}],
    )

    @property
    def is_custom(self) -> bool:
        """Whether the route is a custom endpoint."""
        return self.kind is not None or self.kinds is not None

    @property
    def explains(self) -> bool:
        """Whether the route answers `v1/explain`, an endpoint of the dialect native. Without `dialect`, it does."""
        names = [choice.name for choice in self.dialect]
        return not self.is_custom and (not names or native.NAME in names)

    @property
    def clamp(self) -> bool:
        """Whether a lifetime that is too long is reduced to the longest allowed."""
        return self.on_excess == "clamp"

    @cached_property
    def parts(self) -> Parts:
        """The segments of the path."""
        return parse_path(self.path)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the keys taken together: the key, and a sentence that follows it."""
        if self.host is not None and _HOST.fullmatch(self.host) is None:
            yield "host", "must be a host name in lower case, without port or path"
        if self.is_custom:
            yield from self._problems_of_custom()
            return
        for key in ("set", "default", "fields", "ignore", "status", "response"):
            if key in self.model_fields_set:
                yield key, "needs a kind or kinds: only an endpoint of your own has it"
        if any(choice.name == custom.NAME for choice in self.dialect):
            yield "dialect", "custom needs a kind or kinds: it has the options of an endpoint of your own"
        if not is_prefix(self.path):
            yield "path", "must be / or a path such as /demo, without a final slash, escapes, {placeholders}, . or .."
        elif self.parts and self.parts[0] in OWN_PATHS:
            yield "path", f"may not begin with /{self.parts[0]}: that path is the server's own"

    def _problems_of_custom(self) -> Iterator[tuple[str, str]]:
        if self.kind is not None and self.kinds is not None:
            yield "kinds", "cannot be combined with kind: write one of them"
        if "dialect" in self.model_fields_set and any(choice.name != custom.NAME for choice in self.dialect):
            yield (
                "dialect",
                "cannot be combined with kind: an endpoint of your own has only {custom: {…}} here, its options",
            )
        if not 200 <= self.status <= 299 or self.status in _WITHOUT_BODY:
            yield "status", "must be 200 to 299, and not 204 or 205, which have no body"
        if _CUSTOM_PATH.fullmatch(self.path) is None:
            yield (
                "path",
                "must be a path such as /watch/{channel}, without a final slash, escapes, . or ..; a name in braces has "
                "only a-z and _",
            )
            return
        names = [part.name for part in self.parts if isinstance(part, Placeholder)]
        if len(frozenset(names)) < len(names):
            yield "path", "has a {placeholder} twice"
        if self.parts[0] in OWN_PATHS or isinstance(self.parts[0], Placeholder):
            yield "path", "must begin with a word that is not the server's own (ping, healthz, readyz)"
