"""Tokens for Ably: TokenRequests, which a client exchanges at Ably for a token, and Ably JWTs.

Formats: https://ably.com/docs/api/token-request-spec and https://ably.com/docs/auth/token/jwt. Operations and resources:
https://ably.com/docs/auth/capabilities (all read in November 2026; the operations are those of ably.d.ts of npm ably 2.28.0).
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from tokend_ably_formats import CHANNEL_CLAIM, QUALIFIED, canonical, compact, jwt_claims, mac_of, request_of

from tokend.plugins import (
    ADMIN,
    ANY,
    LISTEN,
    NOT_APPLICABLE,
    OPTIONAL,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Grant,
    Issuance,
    JwtKeysById,
    Meaning,
    Minted,
    Reading,
    Role,
    Secret,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    token_times,
)

OPERATIONS: Mapping[str, Meaning] = {
    **dict.fromkeys(("subscribe", "history", "object-subscribe", "annotation-subscribe", "push-subscribe"), LISTEN),
    **dict.fromkeys(("publish", "object-publish", "annotation-publish"), PUBLISH),
    **dict.fromkeys(("message-update-own", "message-delete-own"), PUBLISH),
    "presence": Role("presence"),
    **dict.fromkeys(("message-update-any", "message-delete-any"), Capability("moderate", role=PUBLISH)),
    "stats": Capability("stats"),
    "channel-metadata": Capability("channel_metadata"),
    "privileged-headers": Capability("privileged_headers"),
    "push-admin": ADMIN,
}
MAX_TTL = 86_400
"""Seconds. Ably rejects a longer one: src/common/lib/client/auth.ts of npm ably 2.28.0, at `authorize`."""
MAX_ID = 2048
"""Characters of a client id and of a resource. https://ably.com/docs/channels recommends it, and limits neither."""
QUALIFIER = re.compile(r"^\[(meta|queue|\*)\]")
# no documented form: ours, of the names that the dashboard gives
KEY_NAME = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
Text = Annotated[str, Field(min_length=1, max_length=1024)]
"""Claims and revocation keys. No documented limit: ours."""


class AblyKey(StrictModel):
    """An API key of the dashboard, which shows it as `name:secret`."""

    name: str = Field(pattern=f"^{KEY_NAME}$", description="the key up to its colon", examples=["xVLyHw.F1bZ9w"])
    secret: Secret = Field(description="the key after its colon")


class AblyOptions(StrictModel):
    """What the configuration says below `backends: {ably: …}`."""

    keys: list[AblyKey] = Field(min_length=1, description="API keys: the first signs, all verify")


class AblyFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    capability: dict[str, list[str]] = Field(
        description="operations by channel, as in Ably's capability", examples=[{"lobby": ["subscribe"]}]
    )
    user: str | None = Field(
        default=None, description="the clientId; * may be any; without it a client is anonymous", examples=["ann"]
    )
    format: Literal["token_request", "jwt"] = Field(
        default="token_request", description="a TokenRequest, which the SDK exchanges for a token, or an Ably JWT"
    )
    revocation_key: Text | None = Field(default=None, description="a key that revokes many tokens at once; jwt only")
    channel_claims: dict[str, Text] | None = Field(
        default=None, min_length=1, description="claims by channel; jwt only"
    )


class Ably(Backend):
    """Mints and reads TokenRequests and Ably JWTs. A grant has a service for each resource of the capability."""

    Options: ClassVar[type[StrictModel]] = AblyOptions
    Fields: ClassVar[type[StrictModel]] = AblyFields
    services: ClassVar = {"ably": ServiceShape(user=OPTIONAL)}
    privileges: ClassVar = {**OPERATIONS, "*": ADMIN, QUALIFIED: Capability("qualified_resource")}
    details: ClassVar = {
        "revocation_key": Capability("revocation_key"),
        "channel_claims": Capability("channel_claims"),
    }
    max_ttl: ClassVar[int | None] = MAX_TTL
    vendor: ClassVar[str | None] = "ably"
    example_token: ClassVar[str | None] = (
        r'{"keyName":"abcdef.ghijkl","ttl":3600000,"capability":"{\"lobby\":[\"subscribe\"]}","clientId":"ann",'
        '"timestamp":1700000000000,"nonce":"00000000000000000000000000bc614e",'
        '"mac":"TasybLa6QRBXBdfk1yjifAafFrSIoEAS//sM+AujBKE="}'
    )
    product_names: ClassVar[Mapping[str, str]] = {"ably": "Ably channels"}
    # https://ably.com/docs/platform/errors/codes
    answers: ClassVar = VendorAnswers(
        unsigned="Ably answers with code 40101, or 40144 for a JWT: the credentials are invalid.",
        expired="Ably answers with code 40142 or 40143: the token has expired.",
        other="Ably answers with code 40160 for another channel, and 40101 for another clientId.",
    )

    def grant(self, fields: AblyFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. A capability that is left out would be the whole key's, so it is required."""
        user = fields.user if fields.user is not None else user
        if user not in (None, "*") and ("*" in user or not 1 <= len(user) <= MAX_ID or not user.isprintable()):
            raise ApiError(Code.INVALID_FIELD, f"must be *, or 1 to {MAX_ID} printable characters other than *", "user")
        if not fields.capability:
            raise ApiError(Code.INVALID_FIELD, "must name at least one channel", "capability")
        detail = fields.model_dump(include=set(self.details), exclude_none=True)
        if detail and fields.format != "jwt":
            raise ApiError(Code.INVALID_FIELD, "needs format: jwt", next(iter(detail)))
        for field, resources in (("capability", fields.capability), ("channel_claims", fields.channel_claims or {})):
            check_resources(field, resources)
        client = NOT_APPLICABLE if user is None else ANY if user == "*" else user
        services = tuple(
            Service(
                "ably",
                client,
                ANY if resource == "*" else resource,
                dict.fromkeys(privileges_of(resource, operations), ttl),
                detail=detail,
            )
            for resource, operations in sorted(fields.capability.items())
        )
        return Grant(None, fields.format, ttl, services)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        if grant.format == "jwt":
            token = self.jwt_keys.sign(jwt_claims(grant, issuance.issued_at))
        else:
            key = self.options.keys[0]
            unsigned = request_of(grant, issuance.issued_at, f"{issuance.nonce:032x}", key.name)
            token = compact({**unsigned, "mac": mac_of(unsigned, key.secret)})
        return Minted(token, grant.ttl // 2)

    def read(self, token: str) -> Reading:
        """Parse any text. What `mint` would not write is unreadable: what is not understood might give more."""
        try:
            return self.read_request(token) if token.startswith("{") else self.read_jwt(token)
        except (KeyError, TypeError, ValueError, RecursionError, ApiError) as error:  # pydantic's are ValueErrors too
            raise Unreadable("not a TokenRequest or JWT for Ably") from error

    @cached_property
    def jwt_keys(self) -> JwtKeysById:
        """The keys by their names."""
        return JwtKeysById("HS256", ((key.name, key.secret) for key in self.options.keys))

    def read_jwt(self, token: str) -> Reading:
        """Parse a JWT. Raises `ValueError`, `KeyError` or `TypeError` for what is none of ours."""
        content = self.jwt_keys.read(token)
        claims = content.claims
        issued_at, expires_at = token_times(claims)
        channel_claims = {
            name.removeprefix(CHANNEL_CLAIM): text for name, text in claims.items() if name.startswith(CHANNEL_CLAIM)
        }
        grant = self.granted(
            claims["x-ably-capability"],
            expires_at - issued_at,
            user=claims.get("x-ably-clientId"),
            format="jwt",
            revocation_key=claims.get("x-ably-revocation-key"),
            channel_claims=channel_claims or None,
        )
        if not self.jwt_keys.writes(content.header) or claims != jwt_claims(grant, issued_at):
            raise ValueError
        return Reading(grant, content.signed_by, issued_at, expires_at)

    def read_request(self, token: str) -> Reading:
        """Parse a TokenRequest. It must be the text that `mint` writes, as its mac does not cover the text."""
        said = json.loads(token)
        issued_at, expires_at = token_times(
            {"iat": said["timestamp"] // 1000, "exp": (said["timestamp"] + said["ttl"]) // 1000}
        )
        grant = self.granted(said["capability"], expires_at - issued_at, user=said.get("clientId"))
        unsigned = request_of(grant, issued_at, said["nonce"], said["keyName"])
        form = (("[0-9a-f]{32}", said["nonce"]), (KEY_NAME, said["keyName"]), ("[A-Za-z0-9+/]{43}=", said["mac"]))
        written_so = token == compact({**unsigned, "mac": said["mac"]})
        if not written_so or not all(re.fullmatch(pattern, text) for pattern, text in form):
            raise ValueError
        ours = any(
            key.name == said["keyName"] and hmac.compare_digest(mac_of(unsigned, key.secret), said["mac"])
            for key in self.options.keys
        )
        return Reading(grant, said["keyName"] if ours else None, issued_at, expires_at)

    def granted(self, capability: str, ttl: int, **fields: object) -> Grant:
        """The grant of a token that says this. `capability` must be in canonical form."""
        said = AblyFields.model_validate({"capability": json.loads(capability), **fields})
        grant = self.grant(said, ttl)
        if capability != canonical(grant):
            raise ValueError
        return grant


def check_resources(field: str, resources: Iterable[str]) -> None:
    """Check names of channels, or of queues and metachannels with their qualifier. `*` stands for whole parts."""
    for resource in resources:
        name = QUALIFIER.sub("", resource, count=1)
        if not 1 <= len(name) <= MAX_ID or name.startswith("[") or not name.isprintable():
            raise ApiError(Code.INVALID_FIELD, f"must name channels of 1 to {MAX_ID} printable characters", field)
        if any("*" in part and part != "*" for part in name.split(":")):
            raise ApiError(Code.INVALID_FIELD, "must have * for whole parts between colons only, as in chat:*", field)


def privileges_of(resource: str, operations: Iterable[str]) -> list[str]:
    """The privileges of these operations. `*` gives every operation, and says so."""
    names = {*operations}
    if not names or not names <= {*OPERATIONS, "*"} or ("*" in names and len(names) > 1):
        raise ApiError(
            Code.INVALID_FIELD, f"must list operations of Ably: {', '.join(OPERATIONS)}, or * alone", "capability"
        )
    names |= OPERATIONS.keys() if "*" in names else set()
    return sorted(names | ({QUALIFIED} if resource.startswith("[") else set()))
