"""Tokens for Jitsi Meet servers of one's own: JWTs with a secret that Prosody shares. `tokend_jaas` has those of 8x8's JaaS.

Claims: doc/tokens.md of github.com/jitsi/lib-jitsi-meet, which states no longest lifetime. Flags are the texts `true` and
`false`, as 8x8 documents them: Prosody's module presence_identity fails for what is no text.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field

from tokend.plugins import (
    ANY,
    FREE,
    PUBLISH,
    ApiError,
    Capability,
    Code,
    Grant,
    Issuance,
    JwtBackend,
    JwtKeys,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    VendorAnswers,
    invalid,
    printable_id,
    token_times,
)

CallFeature = Literal["sip-inbound-call", "sip-outbound-call", "inbound-call", "outbound-call"]
Feature = Literal["livestreaming", "recording", "transcription", "file-upload", "list-visitors", CallFeature]
FEATURES: tuple[str, ...] = get_args(Feature)
NOT_BEFORE = 10
"""Seconds before the issue time from which a token is valid, as in 8x8's samples: the clock of a server may be slow."""
MAX_USER = 255
"""Characters. No documented limit: ours."""
# clients write other characters as encodeURIComponent does, in lower case; RFC 7622 limits the name to 1,023 bytes
ROOM = re.compile("[a-z0-9_.!~()%-]{1,1023}")
# a token has at most 16,384 characters, so that it fits the URL or header of a client: these lengths keep it below
Text = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(pattern="^[!-~]{1,512}$")]


class Callee(StrictModel):
    """Who is called in a call between two: shown until the other joins."""

    id: Text
    name: Text
    avatar: Url


class JitsiFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    room: str = Field(description="the room's name, or * for every room", examples=["lobby"])
    user: str | None = Field(default=None, description="the user's id", examples=["ann"])
    name: Text | None = Field(default=None, description="the name that others see")
    email: Text | None = Field(default=None, description="the user's address")
    avatar: Url | None = Field(default=None, description="the URL of the user's picture")
    group: Text | None = Field(default=None, description="the user's group, for reports")
    callee: Callee | None = Field(default=None, description="who is called in a call between two")
    moderator: bool = Field(default=False, description="whether the user moderates the room")
    hidden_from_recorder: bool = Field(default=False, description="whether recordings leave the user out")
    features: list[Feature] = Field(default=[], description="what the user may start or see")


class JitsiBackend(JwtBackend):
    """What the kinds `jitsi` and `jaas` share."""

    Fields: ClassVar[type[StrictModel]] = JitsiFields
    services: ClassVar = {"jitsi": ServiceShape()}
    # who joins may speak: no token of Jitsi makes a mere listener
    privileges: ClassVar = {
        "join": PUBLISH,
        **{name: Capability(name.replace("-", "_")) for name in ("moderator", "hidden-from-recorder", *FEATURES)},
    }
    details: ClassVar = dict.fromkeys(("name", "email", "avatar", "group", "callee"), FREE)
    # the words of Prosody's modules in jitsi-meet: luajwtjitsi.lib.lua and mod_token_verification.lua
    answers: ClassVar = VendorAnswers(
        unsigned="Prosody's log says 'Invalid signature'.",
        early="Prosody's log says 'Not acceptable by nbf'.",
        expired="Prosody's log says 'Not acceptable by exp'.",
        other="Prosody's log says 'Room and token mismatched'.",
    )

    def grant(self, fields: JitsiFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        user = printable_id("user", fields.user if fields.user is not None else user, MAX_USER)
        if fields.room != "*" and ROOM.fullmatch(fields.room) is None:
            sentence = (
                "must be *, or 1 to 1023 of a-z 0-9 _ . ! ~ ( ) % and -, as Jitsi turns upper case into lower case"
            )
            raise ApiError(Code.INVALID_FIELD, sentence, "room")
        flags = {"moderator": fields.moderator, "hidden-from-recorder": fields.hidden_from_recorder}
        names = ["join", *(name for name, value in flags.items() if value), *fields.features]
        detail = fields.model_dump(include=set(self.details), exclude_none=True)
        channel = ANY if fields.room == "*" else fields.room
        return Grant(None, "jwt", ttl, (Service("jitsi", user, channel, dict.fromkeys(names, ttl), detail=detail),))

    def claims(self, grant: Grant, issuance: Issuance) -> dict[str, Any]:
        """The claims of a token. A feature that is not granted is "false": without features, a moderator gets the server's."""
        (service,) = grant.services
        flags = {name: "true" if name in service.privileges else "false" for name in self.privileges}
        of_context = {name: value for name, value in service.detail.items() if name in ("group", "callee")}
        user = {name: value for name, value in service.detail.items() if name not in of_context}
        user |= {"id": service.user, **{name: flags[name] for name in ("moderator", "hidden-from-recorder")}}
        return {
            "room": "*" if service.channel is ANY else service.channel,
            "iat": issuance.issued_at,
            "nbf": issuance.issued_at - NOT_BEFORE,
            "exp": issuance.issued_at + grant.ttl,
            "context": {"user": user, "features": {name: flags[name] for name in FEATURES}, **of_context},
        }

    def fields_of(self, claims: Mapping[str, Any]) -> dict[str, object]:
        """See `JwtBackend`."""
        token_times(claims, "nbf")
        context, user = claims["context"], claims["context"]["user"]
        said = {name: part[name] for part in (user, context) for name in self.details if name in part}
        said |= {"room": claims["room"], "user": user["id"], "moderator": user["moderator"] == "true"}
        said["hidden_from_recorder"] = user["hidden-from-recorder"] == "true"
        said["features"] = [name for name in FEATURES if context["features"][name] == "true"]
        return said


def plain_domain(text: str) -> str:
    """Check a domain. `*` would open the rooms of every tenant, and Prosody compares lower case."""
    if "*" in text or text != text.lower():
        raise invalid("must be a domain or a tenant in lower case, without *")
    return text


class JitsiOptions(StrictModel):
    """What the configuration says below `backends: {jitsi: …}`."""

    app_id: Text = Field(description="Prosody's app_id: the issuer of tokens", examples=["demo"])
    secret: SecretList = Field(description="Prosody's app_secret, or a list: the first signs, all verify")
    domain: Annotated[Text, AfterValidator(plain_domain)] = Field(description="the domain, or the tenant of the rooms")
    audience: Text = Field(default="jitsi", description="one of Prosody's asap_accepted_audiences", examples=["meet"])
    algorithm: Literal["HS256", "HS384", "HS512"] = Field(default="HS256", description="Prosody's signature_algorithm")


class Jitsi(JitsiBackend):
    """Lets a user join a room of a Jitsi Meet server of your own."""

    Options: ClassVar[type[StrictModel]] = JitsiOptions

    @property
    def identity(self) -> Mapping[str, str]:
        """See `JwtBackend`."""
        return {"aud": self.options.audience, "iss": self.options.app_id, "sub": self.options.domain}

    @cached_property
    def keys(self) -> JwtKeys:
        """The secrets: the first signs, all verify."""
        return JwtKeys(self.options.algorithm, self.options.secret)
