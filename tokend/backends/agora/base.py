"""The base class of Agora's kinds: it encodes, mints, reads and verifies. A kind adds its fields and their services."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tokend.backends.agora import credentials, diagnosis, other_texts, reading_006, v006, v007
from tokend.backends.agora.names import (
    ADMINISTRATOR,
    DETAILS,
    ENCODED_PRIVILEGES,
    FURTHER_PRIVILEGES,
    MEANINGS,
    OTHER_ROLE,
    PERMISSIONS,
    PRIVILEGE_NAMES,
    PRIVILEGES,
    PRODUCT_NAMES,
    READ,
    RESOURCE_TYPES,
    REST_SERVICES,
    ROOM_ROLES,
    RTM_LOGIN_006,
    SERVICE_NAMES,
    SERVICE_TYPES,
    STUDENT,
    WRITE,
    Permissions,
)
from tokend.backends.agora.packing import WireError
from tokend.backends.contract import Backend, Diagnosis, Join, Minted, Mismatch, Reading, Unreadable
from tokend.core.declarations import CONNECT, LISTEN, Declarations, Meaning
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, AppCredentials, Extent, Grant, Issuance, Service
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
    privileges: ClassVar[Mapping[str, Meaning]] = MEANINGS
    product_names: ClassVar[Mapping[str, str]] = PRODUCT_NAMES

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
        ordered = sorted(services, key=_type_of) if len(services) > 1 else services
        return Grant(self.app_credentials.app_id, version, ttl, _mark_derived_users(ordered))

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
            services = tuple([_encode_service(service) for service in grant.services])
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
            raise Unreadable(str(error)) from error

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
        raise Unreadable(str(error)) from error
    raise Unreadable(other_texts.sentence(token))


def _read_007(token: str, app_credentials: AppCredentials) -> Reading:
    decoded = v007.decode(token)
    content = decoded.content
    services = _mark_derived_users([_decode_service(service, content.expire) for service in content.services])
    grant = Grant(content.app_id, v007.VERSION, content.expire, services)
    return Reading(
        grant,
        _signer(decoded, app_credentials) if content.app_id == app_credentials.app_id else None,
        content.issue_ts,
        content.issue_ts + content.expire,
        frozenset({"services"}) if decoded.unread else frozenset(),
    )


def _signer(decoded: v007.Decoded, app_credentials: AppCredentials) -> str | None:
    for name, certificate in app_credentials.certificates.items():
        if v007.verifies(decoded, certificate.reveal()):
            return name
    return None


def _content_006(grant: Grant, issuance: Issuance) -> v006.Content:
    (service,) = grant.services
    if service.name == "rtm":
        channel, uid = _text_of(service.user), ""
        numbers: Mapping[str, int] = {"login": RTM_LOGIN_006}
    else:
        channel, uid = _text_of(service.channel), _text_of(service.user)
        numbers = PRIVILEGES["rtc"]
    privileges = {numbers[name]: issuance.issued_at + seconds for name, seconds in service.privileges.items()}
    return v006.Content(grant.app_id or "", channel, uid, issuance.issued_at, salt_of(issuance), privileges)


def salt_of(issuance: Issuance) -> int:
    """Return the salt of a token, 1 to `MAX_SALT`: a nonce has more bits than a token holds."""
    return 1 + issuance.nonce % MAX_SALT


def _type_of(service: Service) -> int:
    return SERVICE_TYPES[service.name]


def _text_of(name: str | Extent) -> str:
    """An id as encoded in a token: ANY, and an id that a service does not have, are empty."""
    return name if isinstance(name, str) else ""


def _id_of(text: str) -> str | Extent:
    """An id as encoded in a token, of a service that has one: empty text is ANY."""
    return text or ANY


def _encode_service(service: Service) -> v007.Service:
    numbers = ENCODED_PRIVILEGES[service.name]
    privileges = {numbers[name]: seconds for name, seconds in service.privileges.items() if name in numbers}
    values: tuple[v007.Value, ...] = ()
    match service.name:
        case "rtc" | "streaming" | "fcdn":
            values = (_text_of(service.channel), _text_of(service.user))
        case "rtm" | "chat":
            values = (_text_of(service.user),)
        case "apaas":
            values = (_text_of(service.channel), _text_of(service.user), int(str(service.detail.get("role", -1))))
        case "rtm2":
            permissions = service.detail.get("permissions")
            values = (
                _text_of(service.user),
                _number_permissions(permissions) if isinstance(permissions, Mapping) else {},
            )
    return v007.Service(SERVICE_TYPES[service.name], privileges, values)


def _decode_service(service: v007.Service, ttl: int) -> Service:
    name = SERVICE_NAMES[service.type]
    names = PRIVILEGE_NAMES[name]
    privileges = {names.get(number, str(number)): seconds for number, seconds in service.privileges.items()}
    values = service.values
    match name:
        case "rtc" | "streaming" | "fcdn":
            return Service(name, _id_of(str(values[1])), _id_of(str(values[0])), privileges)
        case "rtm":
            return Service(name, _id_of(str(values[0])), NOT_APPLICABLE, privileges)
        case "chat":
            # an app token has no user; with a user privilege, an empty user is any user
            has_user = bool(values[0]) or "user" in privileges
            return Service(name, _id_of(str(values[0])) if has_user else NOT_APPLICABLE, NOT_APPLICABLE, privileges)
        case "apaas":
            return _decode_classroom(str(values[0]), str(values[1]), int(str(values[2])), privileges)
        case "rtm2":
            permissions = _name_permissions(values[1]) if isinstance(values[1], Mapping) else {}
            return rtm2_service(_id_of(str(values[0])), privileges, permissions, ttl)
        case _:
            return Service(name, privileges=privileges)


def _decode_classroom(room: str, user: str, role: int, privileges: Mapping[str, int]) -> Service:
    in_room, has_user = STUDENT in privileges, not privileges.keys() <= {ADMINISTRATOR}
    named = {room_privilege(role) if name == STUDENT else name: seconds for name, seconds in privileges.items()}
    return Service(
        "apaas",
        _id_of(user) if has_user or user else NOT_APPLICABLE,
        _id_of(room) if in_room or room else NOT_APPLICABLE,
        named,
        detail={"role": role},
    )


def room_privilege(role: int) -> str:
    """Return the privilege of a classroom's user with this role number."""
    return ROOM_ROLES.get(role, OTHER_ROLE)


def rtm2_service(user: str | Extent, privileges: Mapping[str, int], permissions: Permissions, ttl: int) -> Service:
    """Return an RTM2 service. Permissions last as long as the token; reading and writing are privileges for the rules.

    `ttl` is in seconds. The channels and users that the permissions name are further ones of the service.
    """
    reached: dict[bool, set[str]] = {True: set(), False: set()}
    given: set[str] = set()
    for resource_type, by_permission in permissions.items():
        reached[resource_type == "users"].update(*by_permission.values())
        given.update(permission for permission, resources in by_permission.items() if resources)
    read_and_write: dict[str, int] = {permission: ttl for permission in (READ, WRITE) if permission in given}
    return Service(
        "rtm2",
        user,
        NOT_APPLICABLE,
        {**privileges, **read_and_write},
        more_users=tuple(sorted(reached[True])),
        more_channels=tuple(sorted(reached[False])),
        detail={"permissions": permissions} if permissions else {},
    )


def _number_permissions(permissions: Permissions) -> v007.Permissions:
    return {
        RESOURCE_TYPES.index(resource_type): {
            PERMISSIONS.index(permission): resources for permission, resources in by_permission.items()
        }
        for resource_type, by_permission in permissions.items()
    }


def _name_permissions(permissions: v007.Permissions) -> Permissions:
    """Replace numbers with names. A number without a name becomes its decimal text."""
    return {
        _name_of(resource_type, RESOURCE_TYPES): {
            _name_of(permission, PERMISSIONS): tuple(resources) for permission, resources in by_permission.items()
        }
        for resource_type, by_permission in permissions.items()
    }


def _name_of(number: int, names: tuple[str, ...]) -> str:
    return names[number] if number < len(names) else str(number)


def classroom_chat_user(user: str) -> str:
    """Return the Chat user that Agora derives from a classroom's user: its MD5 in hexadecimal digits."""
    return hashlib.md5(user.encode(), usedforsecurity=False).hexdigest()


def _mark_derived_users(services: Sequence[Service]) -> tuple[Service, ...]:
    """Add to a classroom's Chat service the user from whom its user is derived."""
    if len(services) == 1:
        return (services[0],)
    users: dict[str | Extent, str] = {
        classroom_chat_user(service.user): service.user
        for service in services
        if service.name == "apaas" and isinstance(service.user, str)
    }
    return tuple(
        replace(service, derived_from=users[service.user])
        if service.name == "chat" and service.user in users
        else service
        for service in services
    )
