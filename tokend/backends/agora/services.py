"""Translates the services of a grant to those of a 007 token, and back: names to numbers, and classrooms to their users."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tokend.backends.agora import v007
from tokend.backends.agora.names import (
    ADMINISTRATOR,
    ENCODED_PRIVILEGES,
    OTHER_ROLE,
    PERMISSIONS,
    PRIVILEGE_NAMES,
    READ,
    RESOURCE_TYPES,
    ROOM_ROLES,
    SERVICE_NAMES,
    SERVICE_TYPES,
    STUDENT,
    WRITE,
    Permissions,
)
from tokend.core.model import ANY, NOT_APPLICABLE, Extent, Service


def encoded_id(name: str | Extent) -> str:
    """An id as encoded in a token: ANY, and an id that a service does not have, are empty."""
    return name if isinstance(name, str) else ""


def encode_service(service: Service) -> v007.Service:
    """Return a service as a 007 token holds it."""
    numbers = ENCODED_PRIVILEGES[service.name]
    privileges = {numbers[name]: seconds for name, seconds in service.privileges.items() if name in numbers}
    detail: Mapping[str, Any] = service.detail
    values: tuple[v007.Value, ...] = ()
    match service.name:
        case "rtc" | "streaming" | "fcdn":
            values = (encoded_id(service.channel), encoded_id(service.user))
        case "rtm" | "chat":
            values = (encoded_id(service.user),)
        case "apaas":
            values = (encoded_id(service.channel), encoded_id(service.user), detail["role"])
        case "rtm2":
            values = (encoded_id(service.user), _number_permissions(detail.get("permissions", {})))
    return v007.Service(SERVICE_TYPES[service.name], privileges, values)


def decode_service(service: v007.Service, ttl: int) -> Service:
    """Return a service of a 007 token with names in place of numbers, and ANY in place of empty ids.

    `ttl`: the token's, in seconds.
    """
    name = SERVICE_NAMES[service.type]
    names = PRIVILEGE_NAMES[name]
    privileges = {names.get(number, str(number)): seconds for number, seconds in service.privileges.items()}
    match name:
        case "rtc" | "streaming" | "fcdn":
            channel, user = service.values
            return Service(name, user or ANY, channel or ANY, privileges)
        case "rtm":
            (user,) = service.values
            return Service(name, user or ANY, NOT_APPLICABLE, privileges)
        case "chat":
            (user,) = service.values
            # an app token has no user; with a user privilege, an empty user is any user
            return Service(name, user or (ANY if "user" in privileges else NOT_APPLICABLE), privileges=privileges)
        case "apaas":
            room, user, role = service.values
            return _decode_classroom(room, user, role, privileges)
        case "rtm2":
            user, permissions = service.values
            return rtm2_service(user or ANY, privileges, _name_permissions(permissions), ttl)
        case _:
            return Service(name, privileges=privileges)


def _decode_classroom(room: str, user: str, role: int, privileges: Mapping[str, int]) -> Service:
    named = {room_privilege(role) if name == STUDENT else name: seconds for name, seconds in privileges.items()}
    return Service(
        "apaas",
        user or (NOT_APPLICABLE if privileges.keys() <= {ADMINISTRATOR} else ANY),
        room or (ANY if STUDENT in privileges else NOT_APPLICABLE),
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


def mark_derived_users(services: Sequence[Service]) -> tuple[Service, ...]:
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
