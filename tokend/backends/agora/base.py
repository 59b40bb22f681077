"""What the vendor's kinds share: services <-> the wire, minting, reading, verifying. Its numbers are in `_names.py`.

A kind is some forty lines on `AgoraBackend`: its fields, and the services that they grant.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tokend.backends.agora import v006, v007
from tokend.backends.agora.names import (
    ACCESS,
    NAMES,
    PRIVILEGE_NAMES,
    PRIVILEGES,
    RESOURCE_TYPES,
    REST,
    RTM_LOGIN_006,
    TYPES,
    Permissions,
)
from tokend.backends.agora.packing import WireError
from tokend.backends.contract import Backend, Minted, Mismatch, Reading, Unreadable
from tokend.core.model import AppCredentials, Grant, Issuance, Service
from tokend.core.reach import ADMINISTRATOR, CHANNELS, DERIVED, USERS

RENEW_BEFORE: Final = 30
"""Seconds before its end that a client is told to renew an RTC or RTM token (F18)."""


class AgoraBackend(Backend):
    """Mints 007 tokens, and 006 ones where the grant's format says so."""

    needs_app_id: ClassVar[bool] = True
    needs_certificate: ClassVar[bool] = True

    def __init__(self, options: Any, app_credentials: AppCredentials) -> None:
        super().__init__(options, app_credentials)
        self._last_key = ("", 0, b"")

    def granted(self, ttl: int, *services: Service, version: str = v007.VERSION) -> Grant:
        """The grant of these services, put as a token shows them: in the order of the wire, derived users marked."""
        in_order = sorted(services, key=lambda one: TYPES[one.name]) if len(services) > 1 else services
        return Grant(self.app_credentials.app_id, version, ttl, _with_derived(in_order))

    def signing(self, grant: Grant) -> str:
        """The name of the certificate that signs this grant: the primary's for what REST calls need (F17)."""
        for one in grant.services:
            if ADMINISTRATOR in one.privileges or one.name in REST:
                return "primary"
        return self.app_credentials.signing

    def renew_after(self, grant: Grant) -> int:
        """Seconds from the issue time at which a client should ask anew."""
        return max(grant.ttl - RENEW_BEFORE, grant.ttl // 2)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        name = self.signing(grant)
        certificate = self.app_credentials.certificates[name].reveal()
        if grant.format == v006.VERSION:
            token = v006.encode(_content_006(grant, issuance), certificate)
        else:
            services = tuple([_to_wire(one) for one in grant.services])
            content = v007.Content(grant.app_id or "", issuance.issued_at, grant.ttl, issuance.nonce, services)
            token = v007.encode(content, certificate, self._time_key(name, issuance.issued_at, certificate))
        return Minted(token, self.renew_after(grant))

    def _time_key(self, name: str, issued_at: int, certificate: str) -> bytes:
        """Derived once a second. `verify` derives it anew, and so would notice a wrong one."""
        if self._last_key[:2] != (name, issued_at):
            self._last_key = (name, issued_at, v007.time_key(issued_at, certificate))
        return self._last_key[2]

    def read(self, token: str) -> Reading:
        return read(token, self.app_credentials)

    def read_with(self, token: str, channel: str | None, user: str | None) -> Reading:
        reading = self.read(token)
        if reading.grant.format != v006.VERSION:
            return reading
        return _read_006_with(token, reading, channel, user, self.app_credentials)

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        if grant.format == v006.VERSION:
            return self._verify_006(minted, grant, issuance)
        return super().verify(minted, grant, issuance)

    def _verify_006(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        """006 shows checksums only: recompute them and the signature from the grant."""
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
        certificate = self.app_credentials.certificates[self.signing(grant)].reveal()
        if not v006.verifies(decoded, certificate, expected.channel, expected.uid):
            return Mismatch("the token's checksums or signature are not those of the grant")
        return None


def read(token: str, app_credentials: AppCredentials) -> Reading:
    """Take any 006 or 007 token apart; whose it is shows in the grant's app id. `Unreadable` for anything else."""
    try:
        if token.startswith(v006.VERSION):
            return _read_006(token)
        if token.startswith(v007.VERSION):
            return _read_007(token, app_credentials)
    except WireError as error:
        raise Unreadable(str(error)) from error
    raise Unreadable("not an Agora token: these begin with 006 or 007")


def _read_007(token: str, app_credentials: AppCredentials) -> Reading:
    decoded = v007.decode(token)
    content = decoded.content
    services = _with_derived([_from_wire(one) for one in content.services])
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


def _read_006(token: str) -> Reading:
    """Channel and user are hidden, so the signature can only be checked by one who knows them (`verify`).

    The token's own ttl is not in it either: what is told is the longest of its privileges.
    """
    decoded = v006.decode(token)
    seconds = {number: until - decoded.issue_ts for number, until in decoded.privileges.items()}
    ttl = max(seconds.values(), default=0)
    name = "rtm" if RTM_LOGIN_006 in seconds else "rtc"
    if name == "rtm":
        privileges = {"login": seconds[RTM_LOGIN_006]}
    else:
        privileges = {PRIVILEGE_NAMES["rtc"].get(number, str(number)): value for number, value in seconds.items()}
    grant = Grant(decoded.app_id, v006.VERSION, ttl, (Service(name, None, None, privileges),))
    hidden = frozenset({"channel", "user", "ttl", "signed_by"})
    return Reading(grant, None, decoded.issue_ts, decoded.issue_ts + ttl, hidden)


def _read_006_with(
    token: str, reading: Reading, channel: str | None, user: str | None, app_credentials: AppCredentials
) -> Reading:
    """Fill in channel and user where their checksums fit, and the signer once both are known."""
    decoded = v006.decode(token)
    (service,) = reading.grant.services
    first, second = ("user", "nothing") if service.name == "rtm" else ("channel", "user")
    crcs = {first: decoded.channel_crc, second: decoded.uid_crc}
    texts = {"channel": channel, "user": "" if decoded.uid_crc == 0 and second == "user" else user, "nothing": ""}
    known = {what: text for what in crcs if (text := texts[what]) is not None and v006.crc(text) == crcs[what]}
    differs = {what for what in crcs if texts[what] is not None and what not in known}
    hidden = reading.hidden - known.keys()
    signed_by = None
    if len(known) == 2:  # both checksums of the format
        hidden -= {"signed_by"}
        signers = (
            name
            for name, one in app_credentials.certificates.items()
            if v006.verifies(decoded, one.reveal(), known[first], known[second])
        )
        signed_by = next(signers, None) if decoded.app_id == app_credentials.app_id else None
    if service.name == "rtm":
        hidden -= {"channel"}
    filled = replace(service, user=known.get("user"), channel=known.get("channel"))
    grant = replace(reading.grant, services=(filled,))
    return replace(reading, grant=grant, signed_by=signed_by, hidden=hidden, differs=frozenset(differs))


def _content_006(grant: Grant, issuance: Issuance) -> v006.Content:
    (service,) = grant.services
    if service.name == "rtm":
        channel, uid = service.user or "", ""
        numbers: Mapping[str, int] = {"login": RTM_LOGIN_006}
    else:
        channel, uid = service.channel or "", service.user or ""
        numbers = PRIVILEGES["rtc"]
    privileges = {numbers[name]: issuance.issued_at + seconds for name, seconds in service.privileges.items()}
    return v006.Content(grant.app_id or "", channel, uid, issuance.issued_at, issuance.nonce, privileges)


def _to_wire(service: Service) -> v007.Service:
    numbers = PRIVILEGES[service.name]
    privileges = {numbers[name]: seconds for name, seconds in service.privileges.items()}
    values: tuple[v007.Value, ...] = ()
    match service.name:
        case "rtc" | "streaming" | "fcdn":
            values = (service.channel or "", service.user or "")
        case "rtm" | "chat":
            values = (service.user or "",)
        case "apaas":
            values = (service.channel or "", service.user or "", int(str(service.detail.get("role", -1))))
        case "rtm2":
            permissions = service.detail.get("permissions")
            values = (service.user or "", _numbered(permissions) if isinstance(permissions, Mapping) else {})
    return v007.Service(TYPES[service.name], privileges, values)


def _from_wire(service: v007.Service) -> Service:
    name = NAMES[service.type]
    known = PRIVILEGE_NAMES[name]
    privileges = {known.get(number, str(number)): seconds for number, seconds in service.privileges.items()}
    values = service.values
    match name:
        case "rtc" | "streaming" | "fcdn":
            return Service(name, str(values[1]), str(values[0]), privileges)
        case "rtm":
            return Service(name, str(values[0]), None, privileges)
        case "chat":
            # an app token has no user: None; an empty one beside a user privilege would be any user
            user = None if not values[0] and "user" not in privileges else str(values[0])
            return Service(name, user, None, privileges)
        case "apaas":
            in_room, has_user = "room_user" in privileges, not privileges.keys() <= {ADMINISTRATOR}
            room = str(values[0]) if in_room or values[0] else None
            user = str(values[1]) if has_user or values[1] else None
            return Service(name, user, room, privileges, {"role": values[2]})
        case "rtm2":
            permissions = _named(values[1]) if isinstance(values[1], Mapping) else {}
            return Service(name, str(values[0]), None, privileges, permissions_detail(permissions))
        case _:
            return Service(name, None, None, privileges)


def permissions_detail(permissions: Permissions) -> Mapping[str, object]:
    """An RTM2 service's detail: the permissions, and the channels and users that they reach."""
    reached: dict[str, set[str]] = {CHANNELS: set(), USERS: set()}
    for resource_type, access in permissions.items():
        names = reached[USERS if resource_type == "users" else CHANNELS]
        names.update(one for resources in access.values() for one in resources)
    return {"permissions": permissions, **{what: tuple(sorted(names)) for what, names in reached.items()}}


def _numbered(permissions: Permissions) -> v007.Permissions:
    return {
        RESOURCE_TYPES.index(resource_type): {ACCESS.index(name): resources for name, resources in access.items()}
        for resource_type, access in permissions.items()
    }


def _named(permissions: v007.Permissions) -> Permissions:
    """A number that has no name stays a number, as text."""
    return {
        _name_of(resource_type, RESOURCE_TYPES): {_name_of(one, ACCESS): tuple(names) for one, names in access.items()}
        for resource_type, access in permissions.items()
    }


def _name_of(number: int, names: tuple[str, ...]) -> str:
    return names[number] if number < len(names) else str(number)


def chat_user(user: str) -> str:
    """The Chat user that the platform derives from a classroom's user: its MD5 in hex."""
    return hashlib.md5(user.encode(), usedforsecurity=False).hexdigest()


def _with_derived(services: Sequence[Service]) -> tuple[Service, ...]:
    """A classroom's Chat user says from whom it is derived, as its grant does."""
    if len(services) == 1:
        return (services[0],)
    classroom = {chat_user(one.user): one.user for one in services if one.name == "apaas" and one.user is not None}
    return tuple(
        replace(one, detail={DERIVED: classroom[one.user]}) if one.name == "chat" and one.user in classroom else one
        for one in services
    )
