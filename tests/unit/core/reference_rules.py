"""A second, naive model of the rules, written from the design's sentences alone: plain data in, rule and ttl out.

It shares no code with tokend: texts become regular expressions, asks become lists of services, in its own ways.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Granted(NamedTuple):
    """The index of the rule, the ttl, and the user whom the rule filled in."""

    rule: int
    ttl: int
    filled: str | None


class Bounds(NamedTuple):
    """Seconds."""

    default: int
    shortest: int
    longest: int


class Part(NamedTuple):
    """One service of the token that was asked for; None: it has no such thing."""

    kind: str
    user: str | None
    channel: str | None
    role: str | None
    longest: int
    admin: bool = False


class BadAskError(Exception):
    """Fields that do not go together."""


def verdict(
    rules: Sequence[Mapping[str, Any]],
    claims: Mapping[str, Any],
    token_request: Mapping[str, Any],
    bounds: Bounds,
    restrictions: Sequence[Mapping[str, Any]] = (),
) -> Granted | None:
    """What the rules say to an ask `{kind, fields, ttl}`, inside what restricts the caller; None: no token."""
    wanted = token_request["ttl"]
    if wanted is not None and not bounds.shortest <= wanted <= bounds.longest:
        return None
    for index, rule in enumerate(rules):
        granted = _one(rule, claims, token_request, bounds, restrictions)
        if granted is not None:
            return Granted(index, *granted)
    return None


def _one(
    rule: Mapping[str, Any],
    claims: Mapping[str, Any],
    token_request: Mapping[str, Any],
    bounds: Bounds,
    restrictions: Sequence[Mapping[str, Any]],
) -> tuple[int, str | None] | None:
    limits = [rule, *restrictions]
    if not all(_among(token_request["kind"], one["kinds"]) for one in limits):
        return None
    if not all(_when(claims.get(name), want) for name, want in rule["when"].items()):
        return None
    channels = [_expand(rule["channel"], claims), *(_starred(one["channel"]) for one in restrictions)]
    users = [_expand(rule["user"], claims), *(_starred(one["user"]) for one in restrictions)]
    if channels[0] is False or users[0] is False:
        return None
    most = min(one["max_ttl"] or bounds.longest for one in limits)
    ttl = min(bounds.default, most) if token_request["ttl"] is None else token_request["ttl"]
    single = [one for one in users if isinstance(one, str) and "\0" not in one]
    filled = None if _says_user(token_request) or not single else single[0]
    try:
        parts = _parts(token_request["kind"], token_request["fields"], ttl, filled)
    except BadAskError:
        return None
    if ttl > most or any(part.longest > most for part in parts):
        return None
    for part in parts:
        if not _capabilities_needed(part) <= set(rule["capabilities"]) or (part.admin and restrictions):
            return None
        for one in limits:
            if not _among(part.kind, one["kinds"]) or (part.role is not None and not _among(part.role, one["roles"])):
                return None
        if not all(_fits(part.channel, one) for one in channels) or not all(_fits(part.user, one) for one in users):
            return None
    return ttl, filled


def _among(name: str, names: Sequence[str] | None) -> bool:
    return names is None or name in names


def _capabilities_needed(part: Part) -> set[str]:
    needed = set()
    if part.user is not None and (part.user == "" or "*" in part.user):
        needed.add("wildcard_user")
    if part.channel is not None and (part.channel == "" or "*" in part.channel):
        needed.add("wildcard_channel")
    if needed and part.role == "publisher":
        needed.add("wildcard_publish")
    if part.admin:
        needed.add("app_admin")
    return needed


def _starred(text: str | None) -> str | None:
    return None if text is None else text.replace("*", "\0")


def _when(claim: Any, want: Any) -> bool:
    get_keys = claim if isinstance(claim, list) else [claim]
    return any(repr(one) == repr(want) for one in get_keys)  # repr tells 1, 1.0, "1" and True apart


def _expand(text: str | None, claims: Mapping[str, Any]) -> str | bool | None:
    """The text with its claims in place and each star a NUL; None: any; False: the rule does not apply."""
    if text is None:
        return None
    out = whole_text = text.replace("*", "\0")
    for found in re.finditer(r"(.?)(\{claims\.(\w+)(\|\w+)?\})(.?)", whole_text):
        front, whole, name, transform, after = found.groups()
        value = claims.get(name)
        if type(value) not in (str, int) or value == "" or "*" in str(value):
            return False
        put = str(value)
        if transform:
            put = _id(put, screen=transform == "|screen_uid")
        if (after and after in put) or ("\0" in whole_text[: found.start(2)] and front in put):
            return False
        out = out.replace(whole, put)
    return out


def _id(text: str, *, screen: bool) -> str:
    """The user's id, or that of the user's screen: of the hash's first or second eight hex digits."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    own = _from_1(digits[:8])
    if not screen:
        return str(own)
    while _from_1(digits[8:16]) == own:
        digits = hashlib.sha256(bytes.fromhex(digits)).hexdigest()
    return str(_from_1(digits[8:16]))


def _from_1(digits: str) -> int:
    return 1 if digits == "f" * 8 else int(digits, 16) + 1


def _fits(text: str | None, pattern: str | bool | None) -> bool:
    if text is None or pattern is None:
        return True
    if pattern == "\0":
        return True  # every text has one character, or is the wildcard "" whose capability was asked for already
    expression = "^" + re.escape(str(pattern)).replace("\0", ".+").replace("\\.+", ".+") + r"\Z"
    return re.match(expression, text, re.DOTALL) is not None


def _says_user(token_request: Mapping[str, Any]) -> bool:
    return bool({"uid", "account", "user", "app"} & set(token_request["fields"]))


def _parts(kind: str, fields: Mapping[str, Any], ttl: int, filled: str | None) -> list[Part]:
    who = _user(fields, filled)
    if kind == "chat":
        if "app" in fields:
            return [Part("chat", None, None, None, ttl, admin=True)] if "user" not in fields else _bad()
        return [Part("chat", who, None, None, ttl)]
    if kind == "rtm":
        login = Part("rtm", who, None, None, ttl)
        if "channel" not in fields:
            return [login] if "role" not in fields else _bad()
        return [Part("rtc", who, fields["channel"], fields.get("role", "publisher"), ttl), login]
    role, longest = fields.get("role", "subscriber"), ttl
    if "privileges" in fields:
        longest = max(fields["privileges"].values(), default=0)
        if "role" in fields or not longest or longest > ttl:
            _bad()
        names = set(fields["privileges"])
        role = "publisher" if names & {"audio", "video", "data"} else "subscriber"
        longest = max(longest, ttl)
    return [Part("rtc", who, fields["channel"], role, longest)]


def _user(fields: Mapping[str, Any], filled: str | None) -> str:
    named = [fields[one] for one in ("uid", "account", "user") if one in fields]
    if len(named) > 1:
        _bad()
    if not named:
        if filled is None and "app" not in fields:
            _bad()
        return filled or ""
    return "" if named[0] == 0 and isinstance(named[0], int) else str(named[0])


def _bad() -> list[Part]:
    raise BadAskError
