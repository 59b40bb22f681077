"""What a grant amounts to, computed from its services alone, for a new grant and one read off a token alike."""

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
"""In a service's detail: its user follows from that other user of the token, and is no second one."""
CHANNELS: Final = "channels"
USERS: Final = "users"
"""In a service's detail: further channels and users that it reaches, as tuples of text."""


class Capability(StrEnum):
    """What a rule has to name before it permits a scope that holds it."""

    WILDCARD_USER = "wildcard_user"
    WILDCARD_CHANNEL = "wildcard_channel"
    WILDCARD_PUBLISH = "wildcard_publish"
    APP_ADMIN = "app_admin"


class Reach(Struct, frozen=True):
    """Users and channels as on the wire, roles, and the capabilities that a rule must name."""

    users: frozenset[str]
    channels: frozenset[str]
    roles: frozenset[str]
    capabilities: frozenset[Capability]


def reach_of(grant: Grant) -> Reach:
    """The one function that says what a grant reaches."""
    reached = [_reach_of_service(one) for one in grant.services]
    if len(reached) == 1:
        return reached[0]
    every = frozenset[str]().union
    return Reach(
        every(*(one.users for one in reached)),
        every(*(one.channels for one in reached)),
        every(*(one.roles for one in reached)),
        frozenset[Capability]().union(*(one.capabilities for one in reached)),
    )


def _reach_of_service(service: Service) -> Reach:
    """What one service reaches."""
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
    """The users of its scope, perhaps more than once, where nothing else of it is asked for."""
    return [user for one in grant.services for user in _users(one)]


def role_of(service: Service) -> str | None:
    """Publisher if it holds any publish privilege, subscriber if it may join or play, None where roles mean nothing."""
    for name in service.privileges:
        if name.startswith("publish"):
            return PUBLISHER
    return None if LISTENING.isdisjoint(service.privileges) else SUBSCRIBER


def is_wildcard(text: str | None) -> bool:
    """Whether an id stands for more than itself: empty (any) or holding a `*`. None (no id at all) does not."""
    return text is not None and (not text or "*" in text)


def _any_wildcard(ids: tuple[str, ...]) -> bool:
    for one in ids:  # noqa: SIM110  # a generator here costs more than all of the loop
        if not one or "*" in one:
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
