"""Kinds in the manner of other vendors: a relay's credentials without an issue time, and signatures for one connection."""

import hashlib
import hmac
from typing import ClassVar

from tokend.plugins import (
    CONNECT,
    NEVER,
    NOT_APPLICABLE,
    Backend,
    Grant,
    Issuance,
    Minted,
    Reading,
    Secret,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
)


class RelayOptions(StrictModel):
    secret: Secret


class RelayFields(StrictModel):
    user: str


class SocketFields(StrictModel):
    user: str
    socket: str


class Signed(Backend):
    """Texts in parts, with a colon between them and an HMAC at the end."""

    Options: ClassVar[type[StrictModel]] = RelayOptions
    privileges: ClassVar = {"relay": CONNECT}
    format_name: ClassVar[str]

    def signed(self, text: str) -> str:
        return f"{text}:{self.signature(text)}"

    def parts(self, token: str, number: int) -> tuple[list[str], str | None]:
        text, _, found = token.rpartition(":")
        parts = text.split(":")
        if len(parts) != number or not all(parts) or not token.isascii():
            raise Unreadable(f"not a {self.format_name} credential")
        return parts, "secret" if hmac.compare_digest(found, self.signature(text)) else None

    def signature(self, text: str) -> str:
        return hmac.digest(self.options.secret.reveal().encode(), text.encode(), hashlib.sha256).hex()


class Relay(Signed):
    """As TURN has it: `<expiry>:<user>:<password>`, without an issue time."""

    Fields: ClassVar[type[StrictModel]] = RelayFields
    services: ClassVar = {"relay": ServiceShape(channel=NEVER)}
    format_name: ClassVar[str] = "relay"

    def grant(self, fields: RelayFields, ttl: int, user: str | None = None) -> Grant:
        return Grant(None, "relay", ttl, (Service("relay", fields.user, NOT_APPLICABLE, {"relay": ttl}),))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        return Minted(self.signed(f"{issuance.issued_at + grant.ttl}:{service.user}"), grant.ttl)

    def read(self, token: str) -> Reading:
        (expiry, user), signed_by = self.parts(token, 2)
        if not expiry.isdecimal() or len(expiry) > 10:
            raise Unreadable("not a relay credential")
        grant = Grant(None, "relay", 0, (Service("relay", user, NOT_APPLICABLE, {"relay": 0}),))
        return Reading(grant, signed_by, None, int(expiry), frozenset({"issued_at", "ttl"}))


class Socket(Signed):
    """As Pusher has it: `<socket>:<user>:<signature>`, bound to a connection."""

    Fields: ClassVar[type[StrictModel]] = SocketFields
    services: ClassVar = {"socket": ServiceShape()}
    expires: ClassVar[bool] = False
    format_name: ClassVar[str] = "socket"

    def grant(self, fields: SocketFields, ttl: int, user: str | None = None) -> Grant:
        return Grant(None, "socket", ttl, (Service("socket", fields.user, f"s{fields.socket}", {"relay": ttl}),))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        return Minted(self.signed(f"{service.channel}:{service.user}"), grant.ttl)

    def read(self, token: str) -> Reading:
        (socket, user), signed_by = self.parts(token, 2)
        if not socket.startswith("s"):
            raise Unreadable("not a socket credential")
        grant = Grant(None, "socket", 0, (Service("socket", user, socket, {"relay": 0}),))
        return Reading(grant, signed_by, None, None, frozenset({"issued_at", "expires_at", "ttl"}))
