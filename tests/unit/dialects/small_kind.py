"""A small kind of no vendor, whose tokens bind a connection to a room: what pusher-js and Ably request with a form."""

import hmac
from typing import ClassVar, Final

from tokend.plugins import Backend, Grant, Issuance, Minted, Reading, Secret, Service, StrictModel, Unreadable

_KEY: Final = Secret("only a test's secret")


class ConnectionFields(StrictModel):
    """The connection, and the room that it may enter."""

    socket: str
    room: str


class Connection(Backend):
    """A token is `socket|room|issued at|ttl|signature`."""

    Fields: ClassVar[type[StrictModel]] = ConnectionFields

    def names_user(self, fields: ConnectionFields) -> bool:
        return True

    def grant(self, fields: ConnectionFields, ttl: int, user: str | None = None) -> Grant:
        return _grant(fields.socket, fields.room, ttl)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        text = f"{service.user}|{service.channel}|{issuance.issued_at}|{grant.ttl}"
        return Minted(f"{text}|{_signature(text)}", grant.ttl // 2)

    def read(self, token: str) -> Reading:
        text, _, signature = token.rpartition("|")
        parts = text.split("|")
        if len(parts) != 4 or signature != _signature(text):
            raise Unreadable("not a token of a connection")
        socket, room, issued_at, ttl = parts
        return Reading(_grant(socket, room, int(ttl)), "primary", int(issued_at), int(issued_at) + int(ttl))


def _grant(socket: str, room: str, ttl: int) -> Grant:
    return Grant(None, "connection", ttl, (Service("connection", socket, room, {"join": ttl}),))


def _signature(text: str) -> str:
    return hmac.digest(_KEY.reveal().encode(), text.encode(), "sha256").hex()
