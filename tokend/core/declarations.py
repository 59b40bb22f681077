"""What a backend declares about its tokens: services, the meaning of each privilege, and details.

Rules know nothing else of a vendor. What is not declared is not granted.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

WILDCARD_USER: Final = "wildcard_user"
WILDCARD_CHANNEL: Final = "wildcard_channel"
WILDCARD_PUBLISH: Final = "wildcard_publish"
APP_ADMIN: Final = "app_admin"
CAPABILITIES: Final = (WILDCARD_USER, WILDCARD_CHANNEL, WILDCARD_PUBLISH, APP_ADMIN)
"""Names of the capabilities that every kind knows."""
UNDECLARED: Final = "undeclared"
"""The capability of privileges and details that are not declared. No rule can name it."""
PUBLISHER: Final = "publisher"
SUBSCRIBER: Final = "subscriber"
ROLES: Final = (PUBLISHER, SUBSCRIBER)
"""Names of the roles that every kind knows."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Role(Struct, frozen=True):
    """A role that a privilege gives, by the name that rules use in `roles`."""

    name: str


class Capability(Struct, frozen=True):
    """What a rule must allow by name, in `capabilities`. `role`: the role that it gives, too, such as PUBLISH."""

    name: str
    role: Role | None = None


class Access(Enum):
    """The meaning of a privilege that gives neither a role nor a capability."""

    CONNECT = "connect"


LISTEN: Final = Role(SUBSCRIBER)
PUBLISH: Final = Role(PUBLISHER)
ADMIN: Final = Capability(APP_ADMIN)
CONNECT: Final = Access.CONNECT
"""To log in as the user. It gives no role, so `roles` does not limit it."""
Meaning = Role | Capability | Access


class Freedom(Enum):
    """The meaning of a detail that needs no capability."""

    FREE = "free"


FREE: Final = Freedom.FREE
"""A rule may limit the detail in `fields`. Without a limit, any value passes."""


class Presence(Enum):
    """Whether a service has a user, or a channel."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NEVER = "never"


REQUIRED: Final = Presence.REQUIRED
"""An id, or ANY."""
OPTIONAL: Final = Presence.OPTIONAL
"""An id, ANY, or NOT_APPLICABLE."""
NEVER: Final = Presence.NEVER
"""Only NOT_APPLICABLE."""


class ServiceShape(Struct, frozen=True):
    """Whether a service has a user and a channel. `kind`: a further kind that a rule must list to permit the service."""

    user: Presence = REQUIRED
    channel: Presence = REQUIRED
    kind: str | None = None


class Declarations(Struct, frozen=True, eq=False):  # hashed by identity, as a key of caches
    """All that a backend declares. `wildcards`: whether `*` in an id matches other ids at the vendor.

    `unlimited`: privileges whose lifetime may be 0, which means as long as the token.
    """

    services: Mapping[str, ServiceShape]
    privileges: Mapping[str, Meaning]
    details: Mapping[str, Freedom | Capability] = {}
    wildcards: bool = True
    unlimited: frozenset[str] = frozenset()

    @property
    def capabilities(self) -> frozenset[str]:
        """Names of the capabilities of privileges and details, without the built-in ones."""
        named = (meaning.name for meaning in self._meanings() if isinstance(meaning, Capability))
        return frozenset(named) - {APP_ADMIN}

    @property
    def roles(self) -> frozenset[str]:
        """Names of the roles of privileges and details."""
        roles = (meaning.role if isinstance(meaning, Capability) else meaning for meaning in self._meanings())
        return frozenset(role.name for role in roles if isinstance(role, Role))

    def _meanings(self) -> tuple[Meaning | Freedom, ...]:
        return (*self.privileges.values(), *self.details.values())

    def problems(self) -> Iterator[str]:
        """What is wrong with them, in sentences for the author of the backend."""
        if not self.services:
            yield "declares no services: set `services`"
        services: Mapping[str, object] = self.services  # a plug-in may declare anything
        privileges: Mapping[str, object] = self.privileges
        details: Mapping[str, object] = self.details
        for name, shape in services.items():
            if not isinstance(shape, ServiceShape):
                yield f"service {name} must be declared by a ServiceShape"
            elif not {shape.user, shape.channel} <= set(Presence):
                yield f"user and channel of service {name} must be declared as REQUIRED, OPTIONAL or NEVER"
        for name, privilege in privileges.items():
            if not isinstance(privilege, Role | Capability | Access):
                yield f"privilege {name} must be declared as LISTEN, PUBLISH, CONNECT, ADMIN, a Role or a Capability"
        for name, detail in details.items():
            if not isinstance(detail, Freedom | Capability):
                yield f"detail {name} must be declared as FREE or a Capability"
        for capability in sorted(self.capabilities):
            if capability in (*CAPABILITIES, UNDECLARED):
                yield f"capability {capability} is built in: choose another name"
        for word in sorted(self.capabilities | self.roles):
            if _NAME.fullmatch(word) is None:
                yield f"{word!r} must be a plain word: a-z, digits and _"
        for name in sorted(self.unlimited - self.privileges.keys()):
            yield f"privilege {name} may be 0 seconds, but is not declared"
