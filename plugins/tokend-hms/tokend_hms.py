"""Auth tokens of 100ms, in version 2: https://www.100ms.live/docs/get-started/v2/get-started/security-and-tokens."""

import re
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Final, Literal

from pydantic import Field

from tokend.plugins import (
    LISTEN,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Declarations,
    Grant,
    Issuance,
    JwtKeys,
    Meaning,
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

ROOM: Final = re.compile(r"[0-9a-f]{24}")
"""An id of a room, as the REST API returns it."""
# no documented limits of roles and users: ours
ROLE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
USER: Final = re.compile(r"[^*\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
NOT_BEFORE: Final = 10
"""Seconds before the issue time, against slow clocks. npm's @100mslive/server-sdk 0.3.0 puts both times so early."""
MEANINGS: Final[Mapping[str, Meaning]] = {
    "subscriber": LISTEN,
    "publisher": PUBLISH,
    "moderator": Capability("moderator", role=PUBLISH),
}


class HmsOptions(StrictModel):
    """What the configuration says below `backends: {hms: …}`."""

    access_key: str = Field(
        min_length=1, description="the app access key of the workspace", examples=["64f1c0ffee64f1c0ffee64f1"]
    )
    secret: SecretList = Field(description="the app secret, or a list: the first signs, all verify")
    roles: dict[str, Literal["subscriber", "publisher", "moderator"]] = Field(
        min_length=1,
        description="the roles of the template, and what each may do",
        examples=[{"guest": "subscriber", "host": "moderator"}],
    )


class HmsFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    room: str = Field(description="the room's id", examples=["64f1c0ffee64f1c0ffee64f1"])
    role: str = Field(description="a role of the template", examples=["guest"])
    user: str | None = Field(default=None, description="the user's id", examples=["ann"])


class Claims(StrictModel):
    """What a token says, in the order of the vendor's samples."""

    access_key: str
    room_id: str
    user_id: str
    role: str
    type: Literal["app"]
    version: Literal[2]
    iat: int
    nbf: int
    exp: int
    jti: str


class Hms(Backend):
    """The kind `hms`. The role of a token is a privilege; the options say what it means."""

    Options: ClassVar[type[StrictModel]] = HmsOptions
    Fields: ClassVar[type[StrictModel]] = HmsFields
    services: ClassVar = {"hms": ServiceShape()}
    wildcards: ClassVar = False  # no id may contain `*`
    product_names: ClassVar = {"hms": "100ms rooms"}
    # no documented words: ours
    answers: ClassVar = VendorAnswers(other="The SDK reports that the token is invalid, when it connects.")

    @cached_property
    def declarations(self) -> Declarations:
        """The roles of the options. Any other is undeclared, so nobody gets it."""
        meanings = {role: MEANINGS[meaning] for role, meaning in self.options.roles.items()}
        return Declarations(self.services, meanings, wildcards=False)

    @cached_property
    def keys(self) -> JwtKeys:
        """The secrets: the first signs, all verify."""
        return JwtKeys("HS256", self.options.secret)

    def grant(self, fields: HmsFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        grant = granted(fields, ttl, user)
        if fields.role not in self.options.roles:
            sentence = f"is {fields.role!r}, which the option `roles` of the kind {self.kind} does not list"
            raise ApiError(Code.NOT_PERMITTED, sentence, "role")
        return grant

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        (service,) = grant.services
        (role,) = service.privileges
        claims = {
            "access_key": self.options.access_key,
            "room_id": service.channel,
            "user_id": service.user,
            "role": role,
            "type": "app",
            "version": 2,
            "iat": issuance.issued_at,
            "nbf": issuance.issued_at - NOT_BEFORE,
            "exp": issuance.issued_at + grant.ttl,
            "jti": str(uuid.UUID(int=issuance.nonce, version=4)),
        }
        return Minted(self.keys.sign(claims), grant.ttl // 2)

    def read(self, token: str) -> Reading:
        """Parse any text. It says which of our secrets signed it, and never fails because of a foreign signature."""
        content = self.keys.read(token)
        issued_at, expires_at = token_times(content.claims)
        try:
            claims = Claims.model_validate(dict(content.claims))
            fields = HmsFields(room=claims.room_id, role=claims.role, user=claims.user_id)
            grant = granted(fields, expires_at - issued_at)  # also of a role that is listed no longer
        except (ValueError, ApiError) as error:  # pydantic's errors are ValueErrors too
            raise Unreadable("not an auth token of 100ms") from error
        if not self.keys.writes(content.header) or issued_at - claims.nbf not in (NOT_BEFORE, 0):
            raise Unreadable("not an auth token of 100ms as tokend writes it")
        signed_by = content.signed_by if claims.access_key == self.options.access_key else None
        return Reading(grant, signed_by, issued_at, expires_at)


def granted(fields: HmsFields, ttl: int, user: str | None = None) -> Grant:
    """What a token of these fields gives, whichever role it has. Raises `ApiError`."""
    user = matching_id("user", fields.user if fields.user is not None else user, USER, "1 to 128 characters without *")
    room = matching_id("room", fields.room, ROOM, "the id of a room: 24 of 0-9 and a-f")
    role = matching_id("role", fields.role, ROLE, "1 to 64 of A-Z a-z 0-9 _ and -")
    return Grant(None, "app 2", ttl, (Service("hms", user, room, {role: ttl}),))
