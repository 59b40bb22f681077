"""What a grant amounts to, computed from its services alone, for a new grant and one read off a token alike."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from tokend.model import Grant, Service

PUBLISHER: Final = "publisher"
SUBSCRIBER: Final = "subscriber"
ROLES: Final = (PUBLISHER, SUBSCRIBER)
LISTENING: Final = frozenset({"join", "play", "subscribe"})
ADMINISTRATOR: Final = "app"
DERIVED: Final = "derived_from"
"""In a service's detail: its user follows from that other user of the token, and is no second one."""
CHANNELS: Final = "channels"
USERS: Final = "users"
"""In a service's detail: further channels and users that it reaches, as tuples of text."""


class Power(StrEnum):
    """What a rule has to name before it permits a scope that holds it."""

    WILDCARD_USER = "wildcard_user"
    WILDCARD_CHANNEL = "wildcard_channel"
    WILDCARD_PUBLISH = "wildcard_publish"
    APP_ADMIN = "app_admin"


class Scope(NamedTuple):
    """Users and channels as on the wire, roles, and the powers that a rule must name."""

    users: frozenset[str]
    channels: frozenset[str]
    roles: frozenset[str]
    powers: frozenset[Power]


def scope(grant: Grant) -> Scope:
    """The one function that says what a grant reaches."""
    services = grant.services
    return Scope(
        users=users_of(grant),
        channels=frozenset(channel for one in services for channel in _channels(one)),
        roles=frozenset(role for one in services if (role := role_of(one)) is not None),
        powers=frozenset(power for one in services for power in _powers(one)),
    )


def users_of(grant: Grant) -> frozenset[str]:
    """The users of its scope, where nothing else of it is asked for."""
    return frozenset(user for one in grant.services for user in _users(one))


def role_of(service: Service) -> str | None:
    """Publisher if it holds any publish privilege, subscriber if it may join or play, None where roles mean nothing."""
    if any(name.startswith("publish") for name in service.privileges):
        return PUBLISHER
    return SUBSCRIBER if LISTENING & service.privileges.keys() else None


def is_wildcard(text: str | None) -> bool:
    """Whether an id stands for more than itself: empty (any) or holding a `*`. None (no id at all) does not."""
    return text is not None and (not text or "*" in text)


def _users(service: Service) -> Iterable[str]:
    if service.user is not None and DERIVED not in service.detail:
        yield service.user
    yield from _texts(service.detail.get(USERS))


def _channels(service: Service) -> Iterable[str]:
    if service.channel is not None:
        yield service.channel
    yield from _texts(service.detail.get(CHANNELS))


def _texts(value: object) -> Iterable[str]:
    return (str(one) for one in value) if isinstance(value, tuple) else ()


def _powers(service: Service) -> Iterable[Power]:
    if wild_user := any(map(is_wildcard, _users(service))):
        yield Power.WILDCARD_USER
    if wild_channel := any(map(is_wildcard, _channels(service))):
        yield Power.WILDCARD_CHANNEL
    if (wild_user or wild_channel) and role_of(service) == PUBLISHER:
        yield Power.WILDCARD_PUBLISH
    if ADMINISTRATOR in service.privileges:
        yield Power.APP_ADMIN
