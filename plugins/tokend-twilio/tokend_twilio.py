"""Access tokens of Twilio, for its client SDKs: JWTs with the grants of Video, Voice, Conversations and Sync.

Claims: https://www.twilio.com/docs/iam/access-tokens, and `twilio.jwt.access_token` of PyPI twilio 9.13.0, whose payload this is.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field
from tokend_twilio_grants import NEEDS, PATHS, SOURCES, TwilioFields, said, written

from tokend.plugins import (
    ANY,
    FREE,
    NEVER,
    NOT_APPLICABLE,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Diagnosis,
    Grant,
    Issuance,
    Join,
    JwtKeys,
    Minted,
    Reading,
    Secret,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    printable_id,
    read_jwt,
    token_times,
)

MAX_IDENTITY = 256
"""Characters of an identity: https://www.twilio.com/docs/conversations/conversations-limits."""
MAX_VIDEO = 128
"""Characters of a room and of an identity in one: https://www.twilio.com/docs/video/programmable-video-limits."""
MAX_TTL = 86_400
"""Seconds: https://www.twilio.com/docs/api/errors/20157."""
HEADER = {"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"}
VOICE_NAME = re.compile("[A-Za-z0-9_]+")
"""An identity for Voice: https://www.twilio.com/docs/iam/access-tokens, the parameter `identity`."""
# SIDs: the patterns on https://www.twilio.com/docs/video/api/rooms-resource
ACCOUNT_SID, KEY_SID = (re.compile(f"{prefix}[0-9a-fA-F]{{32}}") for prefix in ("AC", "SK"))


class TwilioKey(StrictModel):
    """An API key of the account."""

    sid: Annotated[str, Field(pattern=f"^{KEY_SID.pattern}$")] = Field(
        description="the SID of the API key", examples=["SK00000000000000000000000000000000"]
    )
    secret: Secret = Field(description="the secret of the API key")


class TwilioOptions(StrictModel):
    """What the configuration says below `backends: {twilio: …}`."""

    account_sid: str = Field(
        pattern=f"^{ACCOUNT_SID.pattern}$",
        description="the SID of the account",
        examples=["AC00000000000000000000000000000000"],
    )
    keys: list[TwilioKey] = Field(min_length=1, description="API keys: the first signs, all verify")
    # no documented form of a region: ours
    region: str | None = Field(
        default=None,
        pattern="^[a-z0-9]{2,16}$",
        description="the region of the keys. Default: none, which is us1",
        examples=["ie1"],
    )


class Twilio(Backend):
    """Lets a user use Twilio Video, Voice, Conversations and Sync."""

    Options: ClassVar[type[StrictModel]] = TwilioOptions
    Fields: ClassVar[type[StrictModel]] = TwilioFields
    max_ttl: ClassVar[int | None] = MAX_TTL
    services: ClassVar = {
        "video": ServiceShape(),
        **dict.fromkeys(("voice", "chat", "data_sync"), ServiceShape(channel=NEVER)),
    }
    privileges: ClassVar = {"join": PUBLISH, **{name: Capability(name) for name in SOURCES if name != "join"}}
    details: ClassVar = dict.fromkeys(PATHS, FREE)
    product_names: ClassVar = {"video": "Video", "voice": "Voice", "chat": "Conversations", "data_sync": "Sync"}
    # https://www.twilio.com/docs/api/errors
    answers: ClassVar = VendorAnswers(
        unsigned="Twilio's error is 20103 (another account or key) or 20107 (another secret).",
        early="Twilio's error is 20105.",
        expired="Twilio's error is 20104.",
        other="Twilio's error is 20106.",
    )

    def grant(self, fields: TwilioFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        chosen = fields.model_dump(exclude_defaults=True)
        room, longest = fields.room, MAX_IDENTITY if fields.room is None else MAX_VIDEO
        user = printable_id("user", fields.user if fields.user is not None else user, longest)
        channel = NOT_APPLICABLE if room is None else ANY if room == "*" else printable_id("room", room, MAX_VIDEO)
        for field, needed in NEEDS.items():
            if field in chosen and needed not in chosen:
                raise ApiError(Code.INVALID_FIELD, f"needs {needed}", field)
        privileges: dict[str, dict[str, int]] = {}
        for privilege, (service, field) in SOURCES.items():
            if field in chosen:
                privileges.setdefault(service, {})[privilege] = ttl
        if not privileges:
            others = "incoming, outgoing_application_sid, chat_service_sid and sync_service_sid"
            raise ApiError(Code.INVALID_FIELD, f"is missing, and so are {others}", "room")
        if "voice" in privileges and VOICE_NAME.fullmatch(user) is None:
            raise ApiError(Code.INVALID_FIELD, "must be of A-Z a-z 0-9 and _ for Voice", "user")
        services = []
        for name, granted in privileges.items():
            detail = {field: chosen[field] for field, path in PATHS.items() if field in chosen and path[0] == name}
            services.append(Service(name, user, channel if name == "video" else NOT_APPLICABLE, granted, detail=detail))
        return Grant(None, "jwt", ttl, tuple(services))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        key_sid = self.options.keys[0].sid
        claims = claims_of(grant, issuance.issued_at, key_sid, self.options.account_sid)
        return Minted(self.keys[key_sid].sign(claims, self.header), grant.ttl // 2)

    def read(self, token: str) -> Reading:
        """Parse any text. What Twilio's libraries do not write is unreadable: it might give more.

        The issue time is `nbf`, as `mint` and the library for Python write it, or `iat`, as the one for Node does.
        """
        content = read_jwt(token)
        begins = "nbf" if "nbf" in content.claims else "iat"
        try:
            key_sid, account_sid = content.claims["iss"], content.claims["sub"]
            issued_at, expires_at = token_times(content.claims, begins)
            fields = TwilioFields.model_validate(said(content.claims["grants"]))
            grant = self.grant(fields, expires_at - issued_at)
            known = KEY_SID.fullmatch(key_sid) and ACCOUNT_SID.fullmatch(account_sid)
        except (KeyError, TypeError, AttributeError, ValueError, ApiError) as error:  # pydantic's are ValueErrors too
            raise Unreadable("not an access token of Twilio") from error
        header = {name: value for name, value in content.header.items() if name != "twr"}
        claims = {"nbf" if name == begins else name: value for name, value in content.claims.items()}
        if not known or header != HEADER or claims != claims_of(grant, issued_at, key_sid, account_sid):
            raise Unreadable("it says more than an access token of Twilio")
        ours = key_sid in self.keys and account_sid == self.options.account_sid and content.header == self.header
        signed = ours and self.keys[key_sid].read(token).signed_by is not None
        return Reading(grant, f"the key {key_sid}" if signed else None, issued_at, expires_at)

    @cached_property
    def keys(self) -> dict[str, JwtKeys]:
        """The API keys by their SID. Of two with the same SID the first counts."""
        return {key.sid: JwtKeys("HS256", [key.secret]) for key in reversed(self.options.keys)}

    @cached_property
    def header(self) -> Mapping[str, str]:
        """The header of a token."""
        return HEADER if self.options.region is None else {**HEADER, "twr": self.options.region}

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        """Add what Twilio says to a token that is valid for too long."""
        usual = super().diagnose(reading, join, now)
        if reading.grant.ttl <= MAX_TTL:
            return usual
        too_long = "It says more than 24 hours: Twilio rejects it with error 20157."
        return Diagnosis((*usual.problems, too_long), usual.notes)


def claims_of(grant: Grant, issued_at: int, key_sid: str, account_sid: str) -> dict[str, Any]:
    """The claims of a token, `jti` and all, as Twilio's own library writes them."""
    return {
        "jti": f"{key_sid}-{issued_at}",
        "grants": written(grant),
        "iss": key_sid,
        "exp": issued_at + grant.ttl,
        "nbf": issued_at,
        "sub": account_sid,
    }
