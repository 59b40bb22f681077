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
        users=frozenset(one.user for one in services if one.user is not None),
        channels=frozenset(one.channel for one in services if one.channel is not None),
        roles=frozenset(role for one in services if (role := role_of(one)) is not None),
        powers=frozenset(power for one in services for power in _powers(one)),
    )


def role_of(service: Service) -> str | None:
    """Publisher if it holds any publish privilege, subscriber if it may join or play, None where roles mean nothing."""
    if any(name.startswith("publish") for name in service.privileges):
        return PUBLISHER
    return SUBSCRIBER if LISTENING & service.privileges.keys() else None


def is_wildcard(text: str | None) -> bool:
    """Whether an id stands for more than itself: empty (any) or holding a `*`. None (no id at all) does not."""
    return text is not None and (not text or "*" in text)


def _powers(service: Service) -> Iterable[Power]:
    if wild_user := is_wildcard(service.user):
        yield Power.WILDCARD_USER
    if wild_channel := is_wildcard(service.channel):
        yield Power.WILDCARD_CHANNEL
    if (wild_user or wild_channel) and role_of(service) == PUBLISHER:
        yield Power.WILDCARD_PUBLISH
    if ADMINISTRATOR in service.privileges:
        yield Power.APP_ADMIN
