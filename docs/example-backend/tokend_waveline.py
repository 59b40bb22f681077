"""Tokens of Waveline, an invented vendor: `wl1.<what it says, as JSON>.<HMAC-SHA256 of that>`."""

import base64
import hmac
import re
from typing import ClassVar, Literal

from tokend.plugins import (
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
    StrictModel,
    Unreadable,
)


class WavelineOptions(StrictModel):
    """What the YAML says below `backends: {waveline: …}`; `Fields` is what a caller may ask for."""

    secret: SecretList
    server_url: str


class WavelineFields(StrictModel):
    room: str
    user: str | None = None
    role: Literal["publisher", "subscriber"] = "subscriber"


class Said(StrictModel):
    """What a token says, in the vendor's own names."""

    room: str
    user: str
    speak: bool
    iat: int
    exp: int
    nonce: str


class Waveline(Backend):
    Options: ClassVar[type[StrictModel]] = WavelineOptions
    Fields: ClassVar[type[StrictModel]] = WavelineFields

    def grant(self, fields: WavelineFields, ttl: int, user: str | None = None) -> Grant:
        named = checked("user", fields.user if fields.user is not None else user)
        privileges = {"join": ttl, "publish": ttl} if fields.role == "publisher" else {"join": ttl}
        return Grant(None, "wl1", ttl, (Service("waveline", named, checked("room", fields.room), privileges),))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (one,) = grant.services
        times = {"iat": issuance.issued_at, "exp": issuance.issued_at + grant.ttl, "nonce": f"{issuance.nonce:032x}"}
        said = Said.model_validate(
            {"room": one.channel, "user": one.user, "speak": "publish" in one.privileges, **times}
        )
        text = "wl1." + encoded(said.model_dump_json().encode())
        token = f"{text}.{signature(text, self.options.secret.first)}"
        return Minted(token, grant.ttl // 2, {"server_url": self.options.server_url})

    def read(self, token: str) -> Reading:
        try:
            text, signed = token.encode("ascii").decode().rsplit(".", 1)
            said = Said.model_validate_json(base64.urlsafe_b64decode(text.removeprefix("wl1.")))
        except ValueError as error:  # pydantic's and base64's errors are ValueErrors too
            raise Unreadable("not a Waveline token") from error
        ttl = said.exp - said.iat
        privileges = {"join": ttl, "publish": ttl} if said.speak else {"join": ttl}
        service = Service("waveline", said.user, said.room, privileges)
        signer = self.signer(text, signed) if text.startswith("wl1.") else None
        return Reading(Grant(None, "wl1", ttl, (service,)), signer, said.iat, said.exp)

    def signer(self, text: str, signed: str) -> str | None:
        for index, secret in enumerate(self.options.secret):
            if hmac.compare_digest(signed, signature(text, secret)):
                return f"secret[{index}]"
        return None


def signature(text: str, secret: Secret) -> str:
    return encoded(hmac.digest(secret.reveal().encode(), text.encode(), "sha256"))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def checked(field: str, text: str | None) -> str:
    """A user may come from a rule, which `Fields` never sees: so ids are checked here. `*` would be a wildcard."""
    if text is None or re.fullmatch("[A-Za-z0-9-]{1,40}", text) is None:
        raise ApiError(Code.INVALID_FIELD, "must be 1 to 40 of A-Z a-z 0-9 and -", field)
    return text
