"""Tokens of Stream (getstream.io): JWTs that log a user in to Chat, Video and Feeds, tokens for calls, and server tokens.

Claims: `create_token` of PyPI stream-chat 4.33.0, `create_call_token` of github.com/GetStream/stream-py, and
https://getstream.io/docs/platform/authentication, which states no longest lifetime.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tokend.plugins import (
    ADMIN,
    CONNECT,
    NEVER,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Grant,
    Issuance,
    JwtKeys,
    Minted,
    Reading,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    matching_id,
    token_times,
)

EARLIER = 5
"""Seconds by which `iat` precedes the issue time: Stream rejects a token from its future, and clocks differ."""
ANONYMOUS = "!anon"
"""The user of clients that watch calls without a login."""
USER = re.compile("[A-Za-z0-9@_-]{1,255}")
"""Stream's servers take no others: github.com/GetStream/stream-js, issue 291, on `|`. Chat takes `@` too."""
Call = Annotated[str, Field(pattern="^[a-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}$")]
"""No documented limits of calls, of their number, and of roles: ours."""


class StreamOptions(StrictModel):
    """What the configuration says below `backends: {stream: …}`."""

    api_key: str = Field(
        min_length=1,
        description="the app's key, which is public: clients get it beside the token",
        examples=["mmhfdzb5evj2"],
    )
    secret: SecretList = Field(description="the app's secret, or a list: the first signs, all verify")


class StreamFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    user: str | None = Field(
        default=None, description="the user's id; !anon for calls without a login", examples=["ann"]
    )
    calls: list[Call] | None = Field(
        default=None, min_length=1, max_length=50, description="calls, as TYPE:ID, that the user becomes a member of"
    )
    role: str | None = Field(
        default=None, pattern="^[A-Za-z0-9_-]{1,64}$", description="the user's role in these calls"
    )
    server: bool = Field(default=False, description="a server token, which may do anything in the app")


class Stream(Backend):
    """Logs a user in to Stream, or lets a user join calls."""

    Options: ClassVar[type[StrictModel]] = StreamOptions
    Fields: ClassVar[type[StrictModel]] = StreamFields
    services: ClassVar = {
        "login": ServiceShape(channel=NEVER),
        "calls": ServiceShape(),
        "server": ServiceShape(user=NEVER, channel=NEVER),
    }
    privileges: ClassVar = {"login": CONNECT, "join": PUBLISH, "administer": ADMIN}
    details: ClassVar = {"role": Capability("call_role")}
    extras: ClassVar = ("api_key",)
    product_names: ClassVar = {"login": "Stream login", "calls": "Stream Video calls", "server": "Stream's server API"}
    # https://getstream.io/chat/docs/react/api_errors_response
    answers: ClassVar = VendorAnswers(
        unsigned="Stream's error code is 43 (signature invalid).",
        early="Stream's error code is 42 (used before it was issued).",
        expired="Stream's error code is 40 (token expired).",
        other="Stream's error code is 17 (not allowed).",
    )

    def grant(self, fields: StreamFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. A server token has no user, and a rule's is not used for it."""
        for field, needed, is_wrong in (
            ("user", "must not stand beside server", fields.server and fields.user is not None),
            ("calls", "must not stand beside server", fields.server and fields.calls is not None),
            ("role", "needs calls", fields.role is not None and fields.calls is None),
            ("calls", "has the same call twice", len(set(fields.calls or ())) < len(fields.calls or ())),
        ):
            if is_wrong:
                raise ApiError(Code.INVALID_FIELD, needed, field)
        if fields.server:
            return Grant(None, "jwt", ttl, (Service("server", privileges={"administer": ttl}),))
        user = fields.user if fields.user is not None else user
        if user != ANONYMOUS:
            user = matching_id("user", user, USER, "1 to 255 of A-Z a-z 0-9 @ _ and -, or !anon with calls")
        services = [] if user == ANONYMOUS else [Service("login", user, privileges={"login": ttl})]
        if fields.calls is not None:
            first, *others = fields.calls
            detail = {} if fields.role is None else {"role": fields.role}
            calls = Service("calls", user, first, {"join": ttl}, more_channels=tuple(others), detail=detail)
            services.append(calls)
        if not services:
            raise ApiError(Code.INVALID_FIELD, "is missing: the user !anon needs calls", "calls")
        return Grant(None, "jwt", ttl, tuple(services))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        return Minted(self.keys.sign(claims_of(grant, issuance.issued_at)), grant.ttl // 2, self.extra)

    def read(self, token: str) -> Reading:
        """Parse any text. What `mint` would not write is unreadable: a claim that is not understood might give more."""
        content = self.keys.read(token)
        names = {"user_id": "user", "call_cids": "calls", "role": "role", "server": "server"}
        said = {names[claim]: value for claim, value in content.claims.items() if claim in names}
        issued_at, expires_at = token_times(content.claims)
        try:
            grant = self.grant(StreamFields.model_validate(said), expires_at - issued_at - EARLIER)
        except (ValueError, ApiError) as error:  # pydantic's errors are ValueErrors too
            raise Unreadable("not a token of Stream") from error
        as_ours = self.keys.writes(content.header) and content.claims == claims_of(grant, issued_at + EARLIER)
        if grant.ttl <= 0 or not as_ours:
            raise Unreadable("it says more than a token of Stream")
        return Reading(grant, content.signed_by, issued_at + EARLIER, expires_at, extra=self.extra)

    def names_user(self, fields: StreamFields) -> bool:
        """Whether a request needs no user of a rule."""
        return fields.user is not None or fields.server

    @property
    def extra(self) -> Mapping[str, object]:
        """What leaves beside a token."""
        return {"api_key": self.options.api_key}

    @cached_property
    def keys(self) -> JwtKeys:
        """The secrets: the first signs, all verify."""
        return JwtKeys("HS256", self.options.secret)


def claims_of(grant: Grant, issued_at: int) -> dict[str, Any]:
    """The claims of a token."""
    claims: dict[str, Any] = {"iat": issued_at - EARLIER, "exp": issued_at + grant.ttl}
    for service in grant.services:
        if service.name == "server":
            return {"server": True, **claims}
        claims["user_id"] = service.user
        if service.name == "calls":
            claims |= {"call_cids": [service.channel, *service.more_channels], **service.detail}
    return claims
