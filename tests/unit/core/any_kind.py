"""A kind of token whose requests choose all that a grant can hold: services, ids, privileges and details."""

from collections.abc import Mapping
from typing import ClassVar, NoReturn

from pydantic import Field

from tokend.backends.contract import Backend, Minted, Reading
from tokend.core.declarations import (
    ADMIN,
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    OPTIONAL,
    PUBLISH,
    REQUIRED,
    Capability,
    Freedom,
    Meaning,
    Role,
    ServiceShape,
)
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, Extent, Grant, Issuance, Service
from tokend.core.validation import StrictModel


class AnyService(StrictModel):
    """A service. An id is text, true for ANY, null for none; `user: false` is the user of the request or of the rule.

    `derived`: the user of the service, which is derived from `user`. Seconds of privileges that are null are the ttl.
    """

    name: str
    user: str | bool | None = None
    channel: str | bool | None = None
    derived: str | None = None
    more_users: list[str] = Field(default_factory=list)
    more_channels: list[str] = Field(default_factory=list)
    privileges: dict[str, int | None] = Field(default_factory=dict)
    secret: bool = False


class AnyFields(StrictModel):
    """Services, a user for those that name none, and details of all of them."""

    services: list[AnyService]
    user: str | None = None
    title: str | None = None
    level: int | None = None
    config: bool | None = None


class AnyKind(Backend):
    """Grants what is requested. It mints nothing."""

    Fields: ClassVar[type[StrictModel]] = AnyFields
    services: ClassVar[Mapping[str, ServiceShape]] = {
        "call": ServiceShape(REQUIRED, REQUIRED),
        "hall": ServiceShape(REQUIRED, OPTIONAL),
        "login": ServiceShape(REQUIRED, NEVER),
        "feed": ServiceShape(OPTIONAL, REQUIRED),
        "room": ServiceShape(OPTIONAL, OPTIONAL),
        "desk": ServiceShape(OPTIONAL, NEVER),
        "relay": ServiceShape(NEVER, REQUIRED),
        "tool": ServiceShape(NEVER, OPTIONAL),
        "agent": ServiceShape(NEVER, NEVER),
        "guest_call": ServiceShape(REQUIRED, REQUIRED, kind="rtc"),
    }
    privileges: ClassVar[Mapping[str, Meaning]] = {
        "listen": LISTEN,
        "speak": PUBLISH,
        "direct": Role("host"),
        "mute_others": Capability("moderate"),
        "log_in": CONNECT,
        "administer": ADMIN,
    }
    details: ClassVar[Mapping[str, Freedom | Capability]] = {
        "title": FREE,
        "level": FREE,
        "config": Capability("dispatch"),
    }
    unlimited_privileges: ClassVar[frozenset[str]] = frozenset({"log_in"})

    def grant(self, fields: AnyFields, ttl: int, user: str | None = None) -> Grant:
        named = user if fields.user is None else fields.user
        given = {"title": fields.title, "level": fields.level, "config": fields.config}
        detail = {name: value for name, value in given.items() if value is not None}
        return Grant(None, "any", ttl, tuple(_service(service, ttl, named, detail) for service in fields.services))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        return self._none()

    def read(self, token: str) -> Reading:
        return self._none()

    def _none(self) -> NoReturn:
        raise NotImplementedError


class PlainKind(AnyKind):
    """The same, of a vendor for which `*` in an id is a character like any other."""

    wildcards: ClassVar[bool] = False


def _service(requested: AnyService, ttl: int, named: str | None, detail: Mapping[str, object]) -> Service:
    if requested.user is False and named is None:
        raise ApiError(Code.INVALID_FIELD, "is missing", "user")
    user = _id(named if requested.user is False else requested.user)
    privileges = {name: ttl if seconds is None else seconds for name, seconds in requested.privileges.items()}
    if any(seconds > ttl for seconds in privileges.values()):
        raise ApiError(Code.INVALID_FIELD, "lasts longer than the token", "services")
    derived_from = user if requested.derived is not None and isinstance(user, str) else None
    return Service(
        requested.name,
        user if derived_from is None else _id(requested.derived),
        _id(requested.channel),
        privileges,
        tuple(requested.more_users),
        tuple(requested.more_channels),
        derived_from,
        {**detail, "secret": 1} if requested.secret else detail,
    )


def _id(requested: str | bool | None) -> str | Extent:
    return requested if isinstance(requested, str) else ANY if requested else NOT_APPLICABLE
