"""Tokens for Vonage: of the Video API (the kind `vonage`) and of the Client SDK for calls and messages (`vonage_client`).

Both are JWTs with the key of an application (RS256). Claims of Video: `OpenTok.generate_token` of PyPI opentok 3.15.0, and
`TokenOptions` of PyPI vonage_video 1.6.1. Claims and paths of the Client SDK: PyPI vonage_jwt 1.1.5, and
https://developer.vonage.com/en/tutorials/in-app-messaging/generate-jwts-alice-and-bob/javascript (read in November 2026).
"""

import base64
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import AfterValidator, Field

from tokend.plugins import (
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    PUBLISH,
    ApiError,
    Capability,
    Code,
    Grant,
    Issuance,
    JwtBackend,
    JwtKeys,
    Reading,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    fits_algorithm,
    printable_id,
    token_times,
)

ROLES: Mapping[str, tuple[str, ...]] = {
    "subscriber": ("subscribe",),
    "publisher": ("publish", "subscribe"),
    "publisheronly": ("publish",),
    "moderator": ("moderate", "publish", "subscribe"),
}
"""What each role of Video gives, as `Roles` of opentok says."""
MAX_TEXT = 1000
"""Characters of `connection_data`, and of all layout classes with spaces between: `generate_token` of opentok."""
MAX_USER = 255
"""Characters. No documented limit: ours."""
Path = Literal["users", "conversations", "sessions", "devices", "image", "media", "push", "knocking", "legs"]
PATHS: tuple[Path, ...] = get_args(Path)
"""The paths that Vonage's tutorials give to a client: `/*/users/**` and so on."""
OPENTOK = "T1=="
"""What a token of an OpenTok account begins with, unless it is a JWT: `TOKEN_SENTINEL` of opentok."""


class VonageOptions(StrictModel):
    """What the configuration says below `backends: {vonage: …}`."""

    application_id: str = Field(
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="the application's ID",
        examples=["aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"],
    )
    private_key: Annotated[SecretList, AfterValidator(fits_algorithm("RS256"))] = Field(
        description="its private key in PEM, or a list: the first signs, all verify"
    )


class VonageBackend(JwtBackend):
    """What the two kinds share."""

    Options: ClassVar[type[StrictModel]] = VonageOptions

    @property
    def identity(self) -> Mapping[str, object]:
        """The application."""
        return {"application_id": self.options.application_id}

    def nonce_of(self, claims: Mapping[str, Any]) -> int:
        """The number of the UUID in `jti`."""
        return UUID(claims["jti"]).int

    @cached_property
    def keys(self) -> JwtKeys:
        """The private keys: the first signs, all verify."""
        return JwtKeys("RS256", self.options.private_key, "private_key")


def times_and_id(grant: Grant, issuance: Issuance) -> dict[str, Any]:
    """The claims that both kinds have."""
    times = {"iat": issuance.issued_at, "exp": issuance.issued_at + grant.ttl}
    return {**times, "jti": str(UUID(int=issuance.nonce))}


class VideoFields(StrictModel):
    """The fields of a token request for Video, besides `kind` and `ttl`."""

    session_id: str = Field(
        description="the session, which your application created with Vonage's API", examples=["1_MX4wMDAwfn4"]
    )
    role: Literal["subscriber", "publisher", "publisheronly", "moderator"] = Field(
        default="subscriber", description="what the client may do in the session"
    )
    connection_data: str | None = Field(
        default=None, min_length=1, max_length=MAX_TEXT, description="what others see of the connection"
    )
    initial_layout_class_list: list[str] | None = Field(
        default=None, min_length=1, description="layout classes of the client's streams in broadcasts and archives"
    )


class Video(VonageBackend):
    """Tokens of the Video API. They name no user: `connection_data` may."""

    Fields: ClassVar[type[StrictModel]] = VideoFields
    services: ClassVar = {"vonage": ServiceShape(user=NEVER)}
    privileges: ClassVar = {
        "subscribe": LISTEN,
        "publish": PUBLISH,
        "moderate": Capability("moderate", role=PUBLISH),
    }
    details: ClassVar = {"connection_data": FREE, "initial_layout_class_list": FREE}
    max_ttl: ClassVar[int | None] = 30 * 86_400  # `generate_token` of opentok: at most 30 days
    product_names: ClassVar[Mapping[str, str]] = {"vonage": "Vonage Video"}
    # the error of OpenTok.js (npm @opentok/client)
    answers: ClassVar = VendorAnswers(other="Session.connect fails with OT_AUTHENTICATION_ERROR (1004).")

    def grant(self, fields: VideoFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        if self.options.application_id not in owners(fields.session_id):
            raise ApiError(
                Code.INVALID_FIELD, "must be a session of the application, as Vonage returned it", "session_id"
            )
        classes = fields.initial_layout_class_list or []
        if len(" ".join(classes)) > MAX_TEXT or not all(re.fullmatch(r"[!-~]+", name) for name in classes):
            sentence = f"must be classes without spaces, of at most {MAX_TEXT} characters in all"
            raise ApiError(Code.INVALID_FIELD, sentence, "initial_layout_class_list")
        detail = fields.model_dump(include=set(self.details), exclude_none=True)
        privileges = dict.fromkeys(ROLES[fields.role], ttl)
        return Grant(
            None, "jwt", ttl, (Service("vonage", channel=fields.session_id, privileges=privileges, detail=detail),)
        )

    def read(self, token: str) -> Reading:
        """Parse any text. A token of an OpenTok account is read too; only others are minted and verified."""
        return of_opentok(token) if token.startswith(OPENTOK) else super().read(token)

    def claims(self, grant: Grant, issuance: Issuance) -> dict[str, Any]:
        """See `JwtBackend`."""
        (service,) = grant.services
        (role,) = (role for role, privileges in ROLES.items() if {*privileges} == service.privileges.keys())
        of_session = {"session_id": service.channel, "role": role, "scope": "session.connect", "subject": "video"}
        detail: dict[str, Any] = {**service.detail}
        if "initial_layout_class_list" in detail:
            detail["initial_layout_class_list"] = " ".join(detail["initial_layout_class_list"])
        return {**times_and_id(grant, issuance), **of_session, "acl": {"paths": {"/session/**": {}}}, **detail}

    def fields_of(self, claims: Mapping[str, Any]) -> dict[str, object]:
        """See `JwtBackend`."""
        fields: dict[str, Any] = {name: claims[name] for name in VideoFields.model_fields if name in claims}
        if "initial_layout_class_list" in fields:
            fields["initial_layout_class_list"] = fields["initial_layout_class_list"].split(" ")
        return {**fields, "role": claims["role"]}


class ClientFields(StrictModel):
    """The fields of a token request for the Client SDK, besides `kind` and `ttl`."""

    user: str | None = Field(
        default=None, description="the user's name, as your application created it at Vonage", examples=["ann"]
    )
    acl: list[Path] = Field(
        default=list(PATHS), min_length=1, description="paths of Vonage's API: users is /*/users/**"
    )


class Client(VonageBackend):
    """Tokens of the Client SDK. Without `acl` a token could do all that the application can: so there always is one."""

    Fields: ClassVar[type[StrictModel]] = ClientFields
    services: ClassVar = {"vonage_client": ServiceShape(channel=NEVER)}
    privileges: ClassVar = dict.fromkeys(PATHS, CONNECT)
    max_ttl: ClassVar[int | None] = 86_400  # the page above: one day is the maximum
    product_names: ClassVar[Mapping[str, str]] = {"vonage_client": "Vonage Client SDK"}

    def grant(self, fields: ClientFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        user = printable_id("user", fields.user if fields.user is not None else user, MAX_USER)
        privileges: dict[str, int] = dict.fromkeys(sorted(fields.acl), ttl)
        return Grant(None, "jwt", ttl, (Service("vonage_client", user, privileges=privileges),))

    def claims(self, grant: Grant, issuance: Issuance) -> dict[str, Any]:
        """See `JwtBackend`."""
        (service,) = grant.services
        paths: dict[str, Any] = {f"/*/{name}/**": {} for name in service.privileges}
        return {**times_and_id(grant, issuance), "sub": service.user, "acl": {"paths": paths}}

    def fields_of(self, claims: Mapping[str, Any]) -> dict[str, object]:
        """See `JwtBackend`."""
        acl = [path.removeprefix("/*/").removesuffix("/**") for path in claims["acl"]["paths"]]
        return {"user": claims["sub"], "acl": acl}


def owners(session_id: str) -> list[str]:
    """The parts of a session's id, in base64 after its version: one of them is the application, as opentok checks.

    At most 255 characters: `create_session` of opentok.
    """
    if re.fullmatch("[12]_[A-Za-z0-9_~-]{1,253}", session_id) is None:
        return []
    part = session_id[2:].split("~")[0]
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode().split("~")
    except ValueError:
        return []


def of_opentok(token: str) -> Reading:
    """Parse a token of an OpenTok account, as opentok's `generate_token` writes it with `use_jwt=False`, unverified."""
    try:
        text = base64.b64decode(token.removeprefix(OPENTOK), validate=True).decode()
        head, _, content = text.partition(":")
        said = dict(parse_qsl(content, strict_parsing=True, errors="strict", keep_blank_values=True))
        times = {name: int(said[name]) for name in ("create_time", "expire_time")}
        issued_at, expires_at = token_times(times, *times)
        privileges = dict.fromkeys(ROLES[said["role"]], expires_at - issued_at)
        if re.fullmatch("partner_id=[0-9]+&sig=[0-9a-f]{40}", head) is None or not said["session_id"]:
            raise ValueError
    except (KeyError, ValueError) as error:
        raise Unreadable("it begins as a token of an OpenTok account (T1==), and goes on otherwise") from error
    detail = {name: said[name] for name in ("connection_data", "initial_layout_class_list") if said.get(name)}
    service = Service("vonage", channel=said["session_id"], privileges=privileges, detail=detail)
    return Reading(Grant(None, "OpenTok T1", expires_at - issued_at, (service,)), None, issued_at, expires_at)
