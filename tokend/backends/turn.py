"""Kind `turn`: time-limited credentials for a TURN server, as coturn with `use-auth-secret` accepts them.

The username is the expiry in Unix seconds, a separator and the user; the password is the base64 of HMAC-SHA1 of the
username, keyed with the secret that the server shares (draft-uberti-behave-turn-rest-00, section 2.2). The token is both:
`<username>:<password>`. Neither shows the issue time. coturn's other options: its README.turnserver, version 4.6.1. It knows
no other HMAC here: its SHATYPE_DEFAULT is SHA1.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Annotated, ClassVar, Final
from unicodedata import is_normalized

from pydantic import AfterValidator, Field

from tokend.backends.contract import Backend, Minted, Reading, Recognised, Unreadable, VendorAnswers
from tokend.core.declarations import CONNECT, NEVER, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Grant, Issuance, Service
from tokend.core.secrets import Secret, SecretList
from tokend.core.validation import StrictModel, invalid

SERVICE: Final = "turn"
RELAY: Final = "relay"
MAX_USER: Final = 495
"""Bytes. A username has at most 508 (RFC 8489, section 14.3); up to 12 digits and the separator stand before the user."""
_USER_SENTENCE: Final = (
    f"must be 1 to {MAX_USER} bytes of printable NFC text, without spaces, quotes and backslashes; not *, "
    "and not with both union and select"
)
_INSECURE: Final = frozenset(" '\"\\")
_INSECURE_TOGETHER: Final = ("union", "select")
"""What coturn 4.6.1 rejects in a username with 400 (`is_secure_string` in its ns_turn_utils.c)."""
_UNAUTHORIZED: Final = (
    "A TURN server answers it with 401 (Unauthorized), which a browser reports as an icecandidateerror with errorCode 401. "
    'coturn logs "Cannot find credentials of user".'
)
"""RFC 8489, section 9.2.4, the event of W3C's WebRTC 1.0, and the log of coturn 4.6.1."""
_EXPIRY: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{27}=", re.ASCII)
_URI: Final = re.compile(
    r"(?P<scheme>turns?|stun):(?:\[(?P<address>[^\[\]]*)\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<transport>\?transport=(?:udp|tcp))?",
    re.ASCII,
)


def _uri(text: str) -> str:
    """Check an address as browsers take it: RFC 7065 for `turn:` and `turns:`, RFC 7064 for `stun:`."""
    parts = _URI.fullmatch(text)
    if parts is None:
        raise invalid("must be such as turn:HOST, turn:HOST:PORT?transport=udp, turns:HOST?transport=tcp or stun:HOST")
    if parts["port"] is not None and not 1 <= int(parts["port"]) <= 65_535:
        raise invalid("must have a port from 1 to 65535")
    if parts["address"] is not None and not _is_ipv6(parts["address"]):
        raise invalid("must have an IPv6 address in its brackets")
    if parts["scheme"] == "stun" and parts["transport"] is not None:
        raise invalid("must have no transport: stun: takes none")
    return text


def _is_ipv6(address: str) -> bool:
    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    return "%" not in address


def _uris(uris: list[str]) -> list[str]:
    if len(set(uris)) != len(uris):
        raise invalid("must not have the same address twice")
    if not any(uri.startswith("turn") for uri in uris):
        raise invalid("must have an address of a relay: turn:HOST or turns:HOST")
    return uris


def _separator(text: str) -> str:
    if len(text) != 1 or not "!" <= text <= "~" or text.isalnum() or text in _INSECURE:
        raise invalid("must be one ASCII character that is no letter, digit, space, quote or backslash")
    return text


class TurnOptions(StrictModel):
    """The TURN servers of an app, which share a secret with it."""

    secret: SecretList = Field(description="coturn's static-auth-secret: the first signs, all verify")
    uris: Annotated[list[Annotated[str, AfterValidator(_uri)]], AfterValidator(_uris)] = Field(
        min_length=1,
        description="addresses for clients: turn:, turns: or stun:, in the order in which they try them",
        examples=[["turn:turn.example.com:3478", "turns:turn.example.com:5349"]],
    )
    separator: Annotated[str, AfterValidator(_separator)] = Field(
        default=":", description="between expiry and user: coturn's rest-api-separator", examples=["|"]
    )


class TurnFields(StrictModel):
    """The user of the credentials."""

    user: str | None = Field(
        None,
        description="who relays: the TURN server logs it and counts its quota (coturn: user-quota)",
        examples=["ann"],
    )


class Turn(Backend):
    """Mints TURN credentials. A credential lets its user relay. It has no channel and no role."""

    Options: ClassVar[type[StrictModel]] = TurnOptions
    Fields: ClassVar[type[StrictModel]] = TurnFields
    services: ClassVar = {SERVICE: ServiceShape(channel=NEVER)}
    privileges: ClassVar = {RELAY: CONNECT}
    extras: ClassVar[tuple[str, ...]] = ("username", "password", "uris")
    wildcards: ClassVar[bool] = False
    example_token: ClassVar[str | None] = "1700003600:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og="
    product_names: ClassVar = {SERVICE: "TURN"}
    answers: ClassVar[VendorAnswers] = VendorAnswers(unsigned=_UNAUTHORIZED, expired=_UNAUTHORIZED)

    def grant(self, fields: TurnFields, ttl: int, user: str | None = None) -> Grant:
        name = fields.user if fields.user is not None else user
        if name is None:
            raise ApiError(Code.INVALID_FIELD, "is missing", "user")
        if not _is_user(name):
            raise ApiError(Code.INVALID_FIELD, _USER_SENTENCE, "user")
        return _granted(name, ttl)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        username = f"{issuance.issued_at + grant.ttl}{self.options.separator}{service.user}"
        password = _password(username, self.options.secret.first)
        return Minted(f"{username}:{password}", grant.ttl // 2, self._extra(username, password))

    def read(self, token: str) -> Reading:
        username, _, password = token.rpartition(":")
        expiry, separator, user = username.partition(self.options.separator)
        if not separator or _EXPIRY.fullmatch(expiry) is None:
            raise Unreadable("its username is not an expiry, the separator and a user")
        if _PASSWORD.fullmatch(password) is None:
            raise Unreadable("its password is not the base64 of 20 bytes")
        if not _is_user(user):
            raise Recognised(f"its user {_USER_SENTENCE}")
        return Reading(
            _granted(user, 0),
            self._signed_by(username, password),
            None,
            int(expiry),
            hidden=frozenset({"issued_at", "ttl"}),
            extra=self._extra(username, password),
        )

    def _signed_by(self, username: str, password: str) -> str | None:
        for number, secret in enumerate(self.options.secret):
            if hmac.compare_digest(_password(username, secret), password):
                return f"secret[{number}]"
        return None

    def _extra(self, username: str, password: str) -> Mapping[str, object]:
        return {"username": username, "password": password, "uris": self.options.uris}


def _granted(user: str, ttl: int) -> Grant:
    return Grant(None, SERVICE, ttl, (Service(SERVICE, user, NOT_APPLICABLE, {RELAY: ttl}),))


def _is_user(text: str) -> bool:
    """Clients and servers prepare a username by RFC 8265, which leaves such a text as it is; others they could change."""
    if not text.isprintable() or text == "*" or not is_normalized("NFC", text):  # unprintable: surrogates too
        return False
    if not _INSECURE.isdisjoint(text) or all(word in text.lower() for word in _INSECURE_TOGETHER):
        return False
    return 1 <= len(text.encode()) <= MAX_USER


def _password(username: str, secret: Secret) -> str:
    return base64.b64encode(hmac.digest(secret.reveal().encode(), username.encode(), "sha1")).decode()
