"""The reach of a grant: users, channels, roles and capabilities, computed from its services and the declarations."""

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple

from tokend.core.declarations import (
    NEVER,
    PUBLISHER,
    SUBSCRIBER,
    UNDECLARED,
    WILDCARD_CHANNEL,
    WILDCARD_PUBLISH,
    WILDCARD_USER,
    Capability,
    Declarations,
    Role,
    ServiceShape,
)
from tokend.core.model import ANY, ANY_TEXT, NOT_APPLICABLE, Extent, Grant, Service

_NONE: Final[frozenset[str]] = frozenset()
_LISTENING: Final = frozenset({SUBSCRIBER})


class Reach(Struct, frozen=True):
    """What a grant amounts to for the rules. `*` in `users` and `channels` stands for any.

    `derived_users`: users that are derived from others; `users` holds the users that they are derived from.
    `kinds`: further kinds that a rule must list. `no_channel`: services that never have a channel; `omits_channel` and
    `omits_user`: services that could have one, and leave it out.
    """

    users: frozenset[str] = _NONE
    channels: frozenset[str] = _NONE
    roles: frozenset[str] = _NONE
    capabilities: frozenset[str] = _NONE
    kinds: frozenset[str] = _NONE
    derived_users: frozenset[str] = _NONE
    no_channel: frozenset[str] = _NONE
    omits_channel: frozenset[str] = _NONE
    omits_user: frozenset[str] = _NONE


def reach_of(grant: Grant, declarations: Declarations) -> Reach:
    """Return the reach of all services of a grant."""
    reaches = [_reach_of_service(service, declarations) for service in grant.services]
    if len(reaches) == 1:
        return reaches[0]
    of_each_field = zip(*map(astuple, reaches), strict=True)
    return Reach(*(_NONE.union(*sets) for sets in of_each_field))


def _reach_of_service(service: Service, declarations: Declarations) -> Reach:
    roles, capabilities = _meanings(tuple(service.privileges), tuple(service.detail), declarations)
    user, channel = service.user, service.channel
    users = _users(service)
    channels = _NONE if channel is NOT_APPLICABLE else frozenset((text_of(channel),))
    if service.more_channels:
        channels |= frozenset(service.more_channels)
    derived = _NONE if service.derived_from is None else frozenset((text_of(user),))
    wildcards = declarations.wildcards
    wild_user = user is ANY or (wildcards and _any_wildcard(users | derived))
    wild_channel = channel is ANY or (wildcards and _any_wildcard(channels))
    if wild_user or wild_channel:
        wild = {
            WILDCARD_USER: wild_user,
            WILDCARD_CHANNEL: wild_channel,
            WILDCARD_PUBLISH: bool(roles - _LISTENING),
        }
        capabilities |= frozenset(name for name, needed in wild.items() if needed)
    shape = declarations.services.get(service.name, ServiceShape())  # an inspection may meet another kind's
    named = frozenset((service.name,))
    return Reach(
        users=users,
        channels=channels,
        roles=roles,
        capabilities=capabilities,
        kinds=_NONE if shape.kind is None else frozenset((shape.kind,)),
        derived_users=derived,
        no_channel=named if channel is NOT_APPLICABLE and shape.channel is NEVER else _NONE,
        omits_channel=named if channel is NOT_APPLICABLE and shape.channel is not NEVER else _NONE,
        omits_user=named if user is NOT_APPLICABLE and shape.user is not NEVER else _NONE,
    )


@lru_cache(maxsize=1024)
def _meanings(
    privileges: tuple[str, ...], details: tuple[str, ...], declarations: Declarations
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the roles and capabilities of these privileges and details."""
    roles: set[str] = set()
    capabilities: set[str] = set()
    declared = declarations.privileges
    for name in privileges:
        meaning = declared.get(name)
        if isinstance(meaning, Role):
            roles.add(meaning.name)
        elif isinstance(meaning, Capability):
            _add(meaning, roles, capabilities)
        elif meaning is None:
            capabilities.add(UNDECLARED)
    for name in details:
        detail = declarations.details.get(name)
        if isinstance(detail, Capability):
            _add(detail, roles, capabilities)
        elif detail is None:
            capabilities.add(UNDECLARED)
    if PUBLISHER in roles:
        roles.discard(SUBSCRIBER)  # who publishes may listen
    return frozenset(roles), frozenset(capabilities)


def _add(capability: Capability, roles: set[str], capabilities: set[str]) -> None:
    """Add a capability, and the role that it gives."""
    capabilities.add(capability.name)
    if capability.role is not None:
        roles.add(capability.role.name)


def text_of(name: str | Extent) -> str:
    """Return an id as text: `*` for ANY, empty for NOT_APPLICABLE."""
    return name if isinstance(name, str) else ANY_TEXT if name is ANY else ""


def role_of(service: Service, declarations: Declarations) -> str | None:
    """Return the role of a service, as `leading_role` does."""
    roles, _ = _meanings(tuple(service.privileges), tuple(service.detail), declarations)
    return leading_role(roles)


def leading_role(roles: frozenset[str]) -> str | None:
    """Return the role to show of several: publisher, else the first by name but for subscriber. None if there is none."""
    if PUBLISHER in roles:
        return PUBLISHER
    return min(roles - _LISTENING, default=SUBSCRIBER if roles else None)


def is_wildcard(name: str | Extent) -> bool:
    """Return whether an id matches more than itself: it is ANY, or contains `*`."""
    return name is ANY or (isinstance(name, str) and "*" in name)


def _any_wildcard(ids: frozenset[str]) -> bool:
    for text in ids:  # noqa: SIM110  # a generator costs more than the whole loop
        if "*" in text:
            return True
    return False


def _users(service: Service) -> frozenset[str]:
    """Return the users that rules must match. In place of a derived user it is the one from which it is derived."""
    user = service.user if service.derived_from is None else service.derived_from
    own = _NONE if user is NOT_APPLICABLE else frozenset((text_of(user),))
    return own | frozenset(service.more_users) if service.more_users else own
