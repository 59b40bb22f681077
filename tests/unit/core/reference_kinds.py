"""The kinds of `reference_rules.py`: what each declares, and which services a request would get. Nothing here is of tokend."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

EVERY: Final = "\0"
"""In place of an id: any of them."""


class BadRequestError(Exception):
    """Fields that do not go together, or lack something. Under another rule they may be complete."""


class BrokenGrantError(Exception):
    """The backend breaks its own declarations: there is no token, whatever the rules say."""


class Part(NamedTuple):
    """A service of the token. An id is text, EVERY, or None."""

    name: str
    user: str | None = None
    channel: str | None = None
    privileges: Mapping[str, int] = {}
    more_users: Sequence[str] = ()
    more_channels: Sequence[str] = ()
    derived_from: str | None = None
    detail: Mapping[str, Any] = {}


class Shape(NamedTuple):
    """Whether a service has a user and a channel: always, sometimes or never. A rule must list the further kind."""

    user: str
    channel: str
    further_kind: str | None = None


class Kind(NamedTuple):
    """What a kind declares. A meaning is `role …`, `capability …` or `free`."""

    services: Mapping[str, Shape]
    privileges: Mapping[str, str]
    names_user: Callable[[Mapping[str, Any]], bool]
    parts: Callable[[Mapping[str, Any], int, str | None], list[Part]]
    details: Mapping[str, str] = {}
    wildcards: bool = True
    texts: Sequence[str] = ()
    """Details whose request field takes text: only these can be filled in."""


def _names(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda fields: any(fields.get(name) is not None for name in names)


def _rtc(fields: Mapping[str, Any], ttl: int, filled: str | None) -> list[Part]:
    if "privileges" not in fields:
        role = fields.get("role", "subscriber")
        return [_rtc_part(fields["channel"], _rtc_user(fields, filled), role == "publisher", ttl)]
    seconds = fields["privileges"]
    if "role" in fields or "join" not in seconds or max(seconds.values()) > ttl:
        raise BadRequestError
    publishes = not seconds.keys() <= {"join"}
    return [_rtc_part(fields["channel"], _rtc_user(fields, filled), publishes, ttl)]


def _rtc_part(channel: str, user: str, publishes: bool, ttl: int) -> Part:
    privileges = {"join": ttl, "publish": ttl} if publishes else {"join": ttl}
    return Part("rtc", user or EVERY, channel or EVERY, privileges)


def _rtc_user(fields: Mapping[str, Any], filled: str | None) -> str:
    if "uid" in fields and "account" in fields:
        raise BadRequestError
    if "uid" in fields:
        return str(fields["uid"] or "")
    return _user(fields.get("account"), filled)


def _user(requested: str | None, filled: str | None) -> str:
    user = filled if requested is None else requested
    if user is None:
        raise BadRequestError
    return user


def _rtm(fields: Mapping[str, Any], ttl: int, filled: str | None) -> list[Part]:
    user = _user(fields.get("user"), filled)
    login = Part("rtm", user, None, {"login": ttl})
    if "channel" in fields:
        return [login, _rtc_part(fields["channel"], user, fields.get("role") != "subscriber", ttl)]
    if "role" in fields:
        raise BadRequestError
    return [login]


def _chat(fields: Mapping[str, Any], ttl: int, filled: str | None) -> list[Part]:
    if "app" not in fields:
        return [Part("chat", _user(fields.get("user"), filled), None, {"user": ttl})]
    if "user" in fields:
        raise BadRequestError
    return [Part("chat", None, None, {"app": ttl})]


def _any(fields: Mapping[str, Any], ttl: int, filled: str | None) -> list[Part]:
    named = fields.get("user") if fields.get("user") is not None else filled
    details = {name: fields[name] for name in ("title", "level", "config") if fields.get(name) is not None}
    if not isinstance(details.get("level", 0), int) or not isinstance(details.get("config", True), bool):
        raise BadRequestError
    parts = []
    for service in fields["services"]:
        user = service.get("user")
        if user is False:
            user = _user(named, None)
        privileges = {name: ttl if value is None else value for name, value in service.get("privileges", {}).items()}
        if any(value > ttl for value in privileges.values()):
            raise BadRequestError
        derived_from = user if isinstance(user, str) and service.get("derived") is not None else None
        detail = details | ({"secret": 1} if service.get("secret") else {})
        parts.append(
            Part(
                service["name"],
                service["derived"] if derived_from is not None else EVERY if user is True else user,
                EVERY if service.get("channel") is True else service.get("channel"),
                privileges,
                service.get("more_users", ()),
                service.get("more_channels", ()),
                derived_from,
                detail,
            )
        )
    if not parts or not all(map(_is_sound, parts)):
        raise BrokenGrantError
    return parts


def _is_sound(part: Part) -> bool:
    """Whether a service is as it is declared, and its privileges end with the token at the latest."""
    if part.name not in ANY_SERVICES:
        return False
    shape = ANY_SERVICES[part.name]
    for name, presence in ((part.user, shape.user), (part.channel, shape.channel)):
        if name == "" or (name is None and presence == "always") or (name is not None and presence == "never"):
            return False
    if "" in (*part.more_users, *part.more_channels, part.derived_from):
        return False
    return all(seconds > 0 or (seconds == 0 and name == "log_in") for name, seconds in part.privileges.items())


ANY_SERVICES: Final = {
    "call": Shape("always", "always"),
    "hall": Shape("always", "sometimes"),
    "login": Shape("always", "never"),
    "feed": Shape("sometimes", "always"),
    "room": Shape("sometimes", "sometimes"),
    "desk": Shape("sometimes", "never"),
    "relay": Shape("never", "always"),
    "tool": Shape("never", "sometimes"),
    "agent": Shape("never", "never"),
    "guest_call": Shape("always", "always", "rtc"),
}
_ANY: Final = Kind(
    ANY_SERVICES,
    {
        "listen": "role subscriber",
        "speak": "role publisher",
        "direct": "role host",
        "mute_others": "capability moderate",
        "log_in": "free",
        "administer": "capability app_admin",
    },
    _names("user"),
    _any,
    {"title": "free", "level": "free", "config": "capability dispatch"},
    texts=("title",),
)
_CALLS: Final = {"join": "role subscriber", "publish": "role publisher"}
KINDS: Final[Mapping[str, Kind]] = {
    "rtc": Kind({"rtc": Shape("always", "always", "rtc")}, _CALLS, _names("uid", "account"), _rtc),
    "rtm": Kind(
        {"rtm": Shape("always", "never"), "rtc": Shape("always", "always", "rtc")},
        {**_CALLS, "login": "free"},
        _names("user"),
        _rtm,
    ),
    "chat": Kind(
        {"chat": Shape("sometimes", "never")},
        {"user": "free", "app": "capability app_admin"},
        _names("user", "app"),
        _chat,
    ),
    "any": _ANY,
    "plain": _ANY._replace(wildcards=False),
}
