"""The base class of Agora's kinds: it encodes, mints, reads and verifies. A kind adds its fields and their services."""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any, ClassVar, Final

from tokend.backends.agora import credentials, diagnosis, other_texts, reading_006, v006, v007
from tokend.backends.agora.names import (
    ADMINISTRATOR,
    DETAILS,
    FURTHER_PRIVILEGES,
    MEANINGS,
    PRIVILEGES,
    PRODUCT_NAMES,
    REST_SERVICES,
    RTM_LOGIN_006,
    SERVICE_TYPES,
)
from tokend.backends.agora.packing import WireError
from tokend.backends.agora.services import decode_service, encode_service, encoded_id, mark_derived_users
from tokend.backends.contract import Backend, Diagnosis, Join, Minted, Mismatch, Reading, Recognised, Unreadable
from tokend.core.declarations import CONNECT, LISTEN, Declarations
from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials, Grant, Issuance, Service
from tokend.core.validation import StrictModel

RENEW_BEFORE: Final = 30
"""Seconds. RTC and RTM SDKs ask the client to renew a token this long before it expires."""
MAX_TTL: Final = 86_400
"""Seconds. Agora ends every token at most 24 hours after its issue."""
MAX_SALT: Final = 99_999_999
"""Agora's own builders draw the salt of a token from 1 to this number."""


class AgoraBackend(Backend):
    """Mints 007 tokens, or 006 tokens if that is the grant's format."""

    Options: ClassVar[type[StrictModel]] = credentials.AgoraOptions
    needs_app_id: ClassVar[bool] = True
    needs_certificate: ClassVar[bool] = True
    max_ttl: ClassVar[int | None] = MAX_TTL
    vendor: ClassVar[str | None] = "agora"
    example_token: ClassVar[str | None] = (
        "007eJxTYLiscCP7QNi1jY1cHJvX183rVt1w2URko2qlkp+A7GnD3LcKDAaGRsYmpmbmFpaJSckpqWnofIaPwakCfAwM/ol7GBiBkAWIQXwmMMkMJlnA"
        "JCtDTn5SUiUjgzkAA8Adtg=="
    )
    privileges: ClassVar = MEANINGS
    product_names: ClassVar = PRODUCT_NAMES

    def __init__(self, options: Any, app_credentials: AppCredentials) -> None:
        super().__init__(options, app_credentials)
        self._cached_time_key = ("", 0, b"")

    @classmethod
    def check_app_credentials(cls, app_credentials: AppCredentials) -> Iterable[tuple[str, str]]:
        return credentials.problems(app_credentials)

    @cached_property
    def declarations(self) -> Declarations:
        """Only what the services of this kind can hold; `privileges` has those of every service, for inspections."""
        return _declarations_of(type(self))

    def grant_of(self, ttl: int, *services: Service, version: str = v007.VERSION) -> Grant:
        """Return the grant of these services. They are in the order of a token, and derived users are marked."""
        ordered = sorted(services, key=lambda service: SERVICE_TYPES[service.name]) if len(services) > 1 else services
        return Grant(self.app_credentials.app_id, version, ttl, mark_derived_users(ordered))

    def certificate_name(self, grant: Grant) -> str:
        """Return the name of the certificate that signs this grant. Tokens for REST calls need the primary one."""
        for service in grant.services:
            if ADMINISTRATOR in service.privileges or service.name in REST_SERVICES:
                return "primary"
        return self.app_credentials.signing

    def renew_after(self, grant: Grant) -> int:
        """Return the seconds from the issue time after which a client should request a new token.

        The privilege to join or log in may end before the token: a client that kept it would have to leave.
        """
        lasts = grant.ttl
        for service in grant.services:
            for name, seconds in service.privileges.items():
                if 0 < seconds < lasts and self.declarations.privileges[name] in (CONNECT, LISTEN):
                    lasts = seconds
        return max(lasts - RENEW_BEFORE, lasts // 2, min(1, grant.ttl - 1))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        name = self.certificate_name(grant)
        certificate = self.app_credentials.certificates[name].reveal()
        if grant.format == v006.VERSION:
            token = v006.encode(_content_006(grant, issuance), certificate)
        else:
            services = tuple([encode_service(service) for service in grant.services])
            content = v007.Content(grant.app_id or "", issuance.issued_at, grant.ttl, salt_of(issuance), services)
            token = v007.encode(content, certificate, self._time_key(name, issuance.issued_at, certificate))
            if len(token) > v007.MAX_TOKEN:  # how far it can be compressed is known only now
                sentence = f"the token would be over {v007.MAX_TOKEN} characters: send fewer or shorter names"
                raise ApiError(Code.INVALID_FIELD, sentence)
        return Minted(token, self.renew_after(grant))

    def _time_key(self, name: str, issued_at: int, certificate: str) -> bytes:
        """Return the key for this second, from the cache if possible. `verify` derives it again, so it detects errors."""
        if self._cached_time_key[:2] != (name, issued_at):
            self._cached_time_key = (name, issued_at, v007.time_key(issued_at, certificate))
        return self._cached_time_key[2]

    def read(self, token: str) -> Reading:
        return read(token, self.app_credentials)

    def read_with(self, token: str, channel: str | None, user: str | None) -> Reading:
        if not token.startswith(v006.VERSION):
            return self.read(token)
        try:
            return reading_006.read_with(token, channel, user, self.app_credentials)
        except WireError as error:
            raise Recognised(str(error)) from error

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        return diagnosis.diagnose(reading, join, now, self.app_credentials.app_id)

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        if grant.format == v006.VERSION:
            return self._verify_006(minted, grant, issuance)
        return super().verify(minted, grant, issuance)

    def _verify_006(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        """Recompute the checksums and the signature from the grant, since a 006 token contains only those."""
        if minted.extra:
            return Mismatch("a 006 token has nothing that could accompany it")
        try:
            decoded = v006.decode(minted.token)
        except WireError as error:
            return Mismatch(f"the token cannot be read: {error}")
        expected = _content_006(grant, issuance)
        if (decoded.app_id, decoded.issue_ts, decoded.privileges) != (
            expected.app_id,
            expected.issue_ts,
            expected.privileges,
        ):
            return Mismatch("the token gives something else than was granted")
        certificate = self.app_credentials.certificates[self.certificate_name(grant)].reveal()
        if not v006.verifies(decoded, certificate, expected.channel, expected.uid):
            return Mismatch("the token's checksums or signature are not those of the grant")
        return None


@cache
def _declarations_of(kind: type[AgoraBackend]) -> Declarations:
    """Those of all apps' instances of a kind: what is remembered of declarations is then shared too."""
    names = {name for service in kind.services for name in (*PRIVILEGES[service], *FURTHER_PRIVILEGES.get(service, ()))}
    details = {name: meaning for service in kind.services for name, meaning in DETAILS.get(service, {}).items()}
    meanings = {name: meaning for name, meaning in MEANINGS.items() if name in names}
    return Declarations(kind.services, meanings, details, unlimited=kind.unlimited_privileges)


def read(token: str, app_credentials: AppCredentials) -> Reading:
    """Read the 006 or 007 token of any app. Raises `Unreadable` for any other text."""
    try:
        if token.startswith(v006.VERSION):
            return reading_006.read(token)
        if token.startswith(v007.VERSION):
            return _read_007(token, app_credentials)
    except WireError as error:
        raise Recognised(str(error)) from error
    if sentence := other_texts.sentence(token):
        raise Recognised(sentence)
    raise Unreadable("not an Agora token: these begin with 006 or 007")


def _read_007(token: str, app_credentials: AppCredentials) -> Reading:
    decoded = v007.decode(token)
    content = decoded.content
    services = mark_derived_users([decode_service(service, content.expire) for service in content.services])
    grant = Grant(content.app_id, v007.VERSION, content.expire, services)
    signed_by = None
    if content.app_id == app_credentials.app_id:
        signed_by = credentials.signer(app_credentials, lambda certificate: v007.verifies(decoded, certificate))
    return Reading(
        grant,
        signed_by,
        content.issue_ts,
        content.issue_ts + content.expire,
        frozenset({"services"}) if decoded.unread else frozenset(),
    )


def _content_006(grant: Grant, issuance: Issuance) -> v006.Content:
    (service,) = grant.services
    if service.name == "rtm":
        channel, uid = encoded_id(service.user), ""
        numbers: Mapping[str, int] = {"login": RTM_LOGIN_006}
    else:
        channel, uid = encoded_id(service.channel), encoded_id(service.user)
        numbers = PRIVILEGES["rtc"]
    privileges = {numbers[name]: issuance.issued_at + seconds for name, seconds in service.privileges.items()}
    return v006.Content(grant.app_id or "", channel, uid, issuance.issued_at, salt_of(issuance), privileges)


def salt_of(issuance: Issuance) -> int:
    """Return the salt of a token, 1 to `MAX_SALT`: a nonce has more bits than a token holds."""
    return 1 + issuance.nonce % MAX_SALT
