"""Tokens of Waveline, an invented vendor: `wl1.<what it says, as JSON>.<HMAC-SHA256 of both>`."""

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tokend.plugins import (
    FREE,
    LISTEN,
    PUBLISH,
    ApiError,
    Backend,
    Code,
    Grant,
    Issuance,
    Minted,
    Reading,
    Secret,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
)


class WavelineOptions(StrictModel):
    """What the YAML says below `backends: {waveline: …}`."""

    secret: SecretList
    server_url: str


class WavelineFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    room: str = Field(examples=["lobby"])
    user: str | None = Field(default=None, examples=["ann"])
    role: Literal["publisher", "subscriber"] = "subscriber"
    name: str | None = Field(default=None, min_length=1, max_length=64, description="the name that others see")


Seconds = Annotated[int, Field(ge=0, lt=1 << 40)]


class Said(StrictModel):
    """What a token says, in the vendor's own names."""

    room: str = Field(min_length=1)
    user: str = Field(min_length=1)
    name: str | None
    speak: bool
    iat: Seconds
    exp: Seconds
    nonce: str


class Waveline(Backend):
    Options: ClassVar[type[StrictModel]] = WavelineOptions
    Fields: ClassVar[type[StrictModel]] = WavelineFields
    services: ClassVar = {"waveline": ServiceShape()}
    privileges: ClassVar = {"join": LISTEN, "publish": PUBLISH}
    details: ClassVar = {"name": FREE}
    extras: ClassVar = ("server_url",)

    def grant(self, fields: WavelineFields, ttl: int, user: str | None = None) -> Grant:
        user = checked("user", fields.user if fields.user is not None else user)
        return granted(user, checked("room", fields.room), fields.role == "publisher", fields.name, ttl)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        said = Said.model_validate(
            {
                "room": service.channel,
                "user": service.user,
                "name": service.detail.get("name"),
                "speak": "publish" in service.privileges,
                "iat": issuance.issued_at,
                "exp": issuance.issued_at + grant.ttl,
                "nonce": f"{issuance.nonce:032x}",
            }
        )
        text = "wl1." + encoded(said.model_dump_json().encode())
        return Minted(f"{text}.{signature(text, self.options.secret.first)}", grant.ttl // 2, self.extra())

    def read(self, token: str) -> Reading:
        if not token.startswith("wl1."):
            raise Unreadable("not a Waveline token")
        try:
            text, signed = token.encode("ascii").decode().rsplit(".", 1)
            said = Said.model_validate_json(base64.urlsafe_b64decode(text.removeprefix("wl1.")))
        except ValueError as error:  # pydantic's and base64's errors are ValueErrors too
            raise Unreadable("not a Waveline token") from error
        if said.exp <= said.iat:
            raise Unreadable("it ends before it begins")
        grant = granted(said.user, said.room, said.speak, said.name, said.exp - said.iat)
        return Reading(grant, self.signer(text, signed), said.iat, said.exp, extra=self.extra())

    def signer(self, text: str, signed: str) -> str | None:
        for number, secret in enumerate(self.options.secret):
            if hmac.compare_digest(signed, signature(text, secret)):
                return f"secret[{number}]"
        return None

    def extra(self) -> Mapping[str, object]:
        return {"server_url": self.options.server_url}


def granted(user: str, room: str, speak: bool, name: str | None, ttl: int) -> Grant:
    privileges = {"join": ttl, "publish": ttl} if speak else {"join": ttl}
    detail = {} if name is None else {"name": name}
    return Grant(None, "wl1", ttl, (Service("waveline", user, room, privileges, detail=detail),))


def signature(text: str, secret: Secret) -> str:
    return encoded(hmac.digest(secret.reveal().encode(), text.encode(), "sha256"))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def checked(field: str, text: str | None) -> str:
    """A user may come from a rule, which `Fields` never sees: so ids are checked here. `*` would be a wildcard."""
    if text is None or re.fullmatch("[A-Za-z0-9-]{1,40}", text) is None:
        raise ApiError(Code.INVALID_FIELD, "must be 1 to 40 of A-Z a-z 0-9 and -", field)
    return text
