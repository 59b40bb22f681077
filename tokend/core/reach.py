"""The reach of a grant: users, channels, roles and capabilities, computed from its services alone."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from tokend.core.model import Grant, Service

PUBLISHER: Final = "publisher"
SUBSCRIBER: Final = "subscriber"
ROLES: Final = (PUBLISHER, SUBSCRIBER)
_ROLES: Final = {None: frozenset[str](), PUBLISHER: frozenset({PUBLISHER}), SUBSCRIBER: frozenset({SUBSCRIBER})}
LISTENING: Final = frozenset({"join", "play", "subscribe"})
ADMINISTRATOR: Final = "app"
DERIVED: Final = "derived_from"
"""Key in a service's detail. Its value is the user of the token from which this service's user is derived."""
CHANNELS: Final = "channels"
USERS: Final = "users"
"""Keys in a service's detail: further channels and users that the service reaches, as tuples of text."""


class Capability(StrEnum):
    """What a rule must allow by name."""

    WILDCARD_USER = "wildcard_user"
    WILDCARD_CHANNEL = "wildcard_channel"
    WILDCARD_PUBLISH = "wildcard_publish"
    APP_ADMIN = "app_admin"


class Reach(Struct, frozen=True):
    """Users and channels as encoded in the token, roles, and the capabilities that a rule must name."""

    users: frozenset[str]
    channels: frozenset[str]
    roles: frozenset[str]
    capabilities: frozenset[Capability]


def reach_of(grant: Grant) -> Reach:
    """Return the reach of all services of a grant."""
    reaches = [_reach_of_service(service) for service in grant.services]
    if len(reaches) == 1:
        return reaches[0]
    every = frozenset[str]().union
    return Reach(
        every(*(reach.users for reach in reaches)),
        every(*(reach.channels for reach in reaches)),
        every(*(reach.roles for reach in reaches)),
        frozenset[Capability]().union(*(reach.capabilities for reach in reaches)),
    )


def _reach_of_service(service: Service) -> Reach:
    users, channels, role = _users(service), _channels(service), role_of(service)
    wild_user, wild_channel = _any_wildcard(users), _any_wildcard(channels)
    capabilities = []
    if wild_user:
        capabilities.append(Capability.WILDCARD_USER)
    if wild_channel:
        capabilities.append(Capability.WILDCARD_CHANNEL)
    if role == PUBLISHER and (wild_user or wild_channel):
        capabilities.append(Capability.WILDCARD_PUBLISH)
    if ADMINISTRATOR in service.privileges:
        capabilities.append(Capability.APP_ADMIN)
    return Reach(frozenset(users), frozenset(channels), _ROLES[role], frozenset(capabilities))


def users_of(grant: Grant) -> list[str]:
    """Return the users that a grant reaches, possibly with duplicates. It is faster than `reach_of`."""
    return [user for service in grant.services for user in _users(service)]


def role_of(service: Service) -> str | None:
    """Return publisher if the service has a publish privilege, subscriber if it may join or play, else None."""
    for name in service.privileges:
        if name.startswith("publish"):
            return PUBLISHER
    return None if LISTENING.isdisjoint(service.privileges) else SUBSCRIBER


def is_wildcard(text: str | None) -> bool:
    """Return whether an id matches more than itself: it is empty (any) or contains `*`. None is no id, so no wildcard."""
    return text is not None and (not text or "*" in text)


def _any_wildcard(ids: tuple[str, ...]) -> bool:
    for text in ids:  # noqa: SIM110  # a generator costs more than the whole loop
        if not text or "*" in text:
            return True
    return False


def _users(service: Service) -> tuple[str, ...]:
    own = () if service.user is None or DERIVED in service.detail else (service.user,)
    return own + _texts(service.detail.get(USERS)) if service.detail else own


def _channels(service: Service) -> tuple[str, ...]:
    own = () if service.channel is None else (service.channel,)
    return own + _texts(service.detail.get(CHANNELS)) if service.detail else own


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
