"""A second model of the rules, written from the sentences of the design alone: plain data in, rule and ttl out.

It imports nothing of tokend, and decides in ways of its own: texts become regular expressions, grants become lists of
services of `reference_kinds.py`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.unit.core.reference_kinds import EVERY, KINDS, BadRequestError, BrokenGrantError, Kind, Part


class Granted(NamedTuple):
    """The index of the rule, the ttl in seconds, and what the rule filled in, as text."""

    rule: int
    ttl: int
    filled: Mapping[str, str]


class Bounds(NamedTuple):
    """Seconds."""

    default: int
    shortest: int
    longest: int


class Text(NamedTuple):
    """A rule's text with the caller's claims: an expression, and the text itself if it has no star."""

    expression: str
    only: str | None

    def fits(self, name: str) -> bool:
        """Whether an id fits. Any id fits `*`; the id that stands for all of them fits nothing else."""
        if self.expression == ".+":
            return True
        return name != EVERY and re.fullmatch(self.expression, name, re.DOTALL) is not None


class DoesNotApplyError(Exception):
    """A claim is missing, or cannot stand in a text."""


def verdict(
    rules: Sequence[Mapping[str, Any]],
    claims: Mapping[str, Any],
    token_request: Mapping[str, Any],
    bounds: Bounds,
    restrictions: Sequence[Mapping[str, Any]] = (),
) -> Granted | None:
    """What the rules allow for a request `{kind, fields, ttl}` of a caller with these restrictions; None: no token."""
    ttl = token_request["ttl"]
    if ttl is not None and not bounds.shortest <= ttl <= bounds.longest:
        return None
    try:
        return next(_allowing(rules, claims, token_request, bounds, restrictions), None)
    except BrokenGrantError:
        return None


def _allowing(
    rules: Sequence[Mapping[str, Any]],
    claims: Mapping[str, Any],
    token_request: Mapping[str, Any],
    bounds: Bounds,
    restrictions: Sequence[Mapping[str, Any]],
) -> Iterator[Granted]:
    """What the rules allow, rule by rule. Rules are not combined, and the first decides."""
    kind = token_request["kind"]
    for index, rule in enumerate(rules):
        limits = (rule, *restrictions)
        if any(kind not in limit["kinds"] for limit in limits if limit["kinds"] is not None):
            continue
        if not all(_holds(claims.get(name), value) for name, value in rule["when"].items()):
            continue
        try:
            ttl = _ttl(token_request["ttl"], bounds, [limit["max_ttl"] for limit in limits])
            texts = [{key: _text(rule[key], claims) for key in ("channel", "user")}]
            fields = {name: _alternatives(limit, claims) for name, limit in rule["fields"].items()}
            texts += [{key: _starred(limit[key]) for key in ("channel", "user")} for limit in restrictions]
            completed, filled = _completed(KINDS[kind], token_request["fields"], fields)
            users = [limited["user"].only for limited in texts if limited["user"] and limited["user"].only is not None]
            user = None if KINDS[kind].names_user(completed) else next(iter(users), None)
            parts = KINDS[kind].parts(completed, ttl, user)
        except (DoesNotApplyError, BadRequestError):
            continue
        if user is not None:
            filled["user"] = user
        if not all(_declared(part, KINDS[kind]) for part in parts):
            continue
        if not all(
            _limited(part, KINDS[kind], limit, text)
            for part in parts
            for limit, text in zip(limits, texts, strict=True)
        ):
            continue
        needed = set[str]().union(*(_capabilities(part, KINDS[kind]) for part in parts))
        if not needed <= set(rule["capabilities"]) or (restrictions and "app_admin" in needed):
            continue
        if all(_allowed(part.detail[name], fields[name]) for part in parts for name in part.detail if name in fields):
            yield Granted(index, ttl, filled)


def _ttl(requested: int | None, bounds: Bounds, most: Sequence[int | None]) -> int:
    """No token lasts longer than the rule and every restriction permit, and none is shorter than the shortest."""
    longest = min([bounds.longest, *(seconds for seconds in most if seconds is not None)])
    ttl = min(bounds.default, longest) if requested is None else requested
    if ttl > longest or ttl < bounds.shortest:
        raise BadRequestError
    return ttl


def _holds(claim: Any, value: Any) -> bool:
    """The claim is the value, or a list that contains it. `repr` tells 1, 1.0, "1" and True apart."""
    return repr(value) in map(repr, claim if isinstance(claim, list) else [claim])


def _text(text: str | None, claims: Mapping[str, Any]) -> Text | None:
    """A text of the rule. A claim stands in it as literal text; what could be ambiguous does not apply."""
    if text is None:
        return None
    pieces = [piece for piece in re.split(r"(\*|\{[^}]*\})", text) if piece]
    expression, literal = "", ""
    for index, piece in enumerate(pieces):
        if piece == "*":
            expression += ".+"
            continue
        value = piece
        if piece.startswith("{"):
            value = _claim(piece, claims)
            following = "".join(pieces[index + 1 :])[:1]
            in_front = "".join(pieces[:index])[-1:] if "*" in pieces[:index] else ""
            if (following and following in value) or (in_front and in_front in value):
                raise DoesNotApplyError
        expression += re.escape(value)
        literal += value
    return Text(expression, None if "*" in pieces else literal)


def _starred(text: str | None) -> Text | None:
    """A text of a restriction, in which nothing but a star is special."""
    if text is None:
        return None
    return Text(".+".join(map(re.escape, text.split("*"))), None if "*" in text else text)


def _claim(placeholder: str, claims: Mapping[str, Any]) -> str:
    name, _, transform = placeholder.removeprefix("{claims.").removesuffix("}").partition("|")
    value = claims.get(name)
    if type(value) not in (str, int) or str(value) == "" or "*" in str(value):
        raise DoesNotApplyError
    if not transform:
        return str(value)
    digest = hashlib.sha256(str(value).encode()).hexdigest()
    user = _number(digest[:8])
    if transform == "uid":
        return user
    while (screen := _number(digest[8:16])) == user:
        digest = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    return screen


def _number(digits: str) -> str:
    """A number of 1 to 2^32-1 from eight hexadecimal digits."""
    return str(int(digits, 16) % (2**32 - 1) + 1)


def _alternatives(limit: Any, claims: Mapping[str, Any]) -> list[Text | int] | bool:
    """What a field may be: true for anything, false for nothing, or a list."""
    if isinstance(limit, bool):
        return limit
    listed = limit if isinstance(limit, list) else [limit]
    return [value if isinstance(value, int) else _text(value, claims) or value for value in listed]


def _allowed(value: object, limit: list[Text | int] | bool) -> bool:
    if isinstance(limit, bool):
        return limit
    if isinstance(value, bool):
        return False
    texts = [alternative for alternative in limit if isinstance(alternative, Text)]
    if isinstance(value, str):
        return any(re.fullmatch(text.expression, value, re.DOTALL) for text in texts)
    return value in [alternative for alternative in limit if not isinstance(alternative, Text)]


def _completed(
    kind: Kind, requested: Mapping[str, Any], limits: Mapping[str, list[Text | int] | bool]
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The request, with the details that it leaves out and for which the rule names a single text."""
    filled = {}
    for name, limit in limits.items():
        if requested.get(name) is None and name in kind.texts and isinstance(limit, list) and len(limit) == 1:
            (single,) = limit
            if isinstance(single, Text) and single.only is not None:
                filled[name] = single.only
    return {**requested, **filled}, filled


def _declared(part: Part, kind: Kind) -> bool:
    """What a backend does not declare is never granted."""
    return set(part.privileges) <= set(kind.privileges) and set(part.detail) <= set(kind.details)


def _roles(part: Part, kind: Kind) -> set[str]:
    """The roles of a service. A publisher may listen."""
    roles = {
        meaning.removeprefix("role ") for name in part.privileges if (meaning := kind.privileges[name])[:5] == "role "
    }
    return roles - {"subscriber"} if "publisher" in roles else roles


def _capabilities(part: Part, kind: Kind) -> set[str]:
    """What a rule has to allow by name."""
    meanings = [kind.privileges[name] for name in part.privileges] + [kind.details[name] for name in part.detail]
    needed = {meaning.removeprefix("capability ") for meaning in meanings if meaning.startswith("capability ")}
    for capability, ids in (
        ("wildcard_user", [part.user, part.derived_from, *part.more_users]),
        ("wildcard_channel", [part.channel, *part.more_channels]),
    ):
        if any(name == EVERY or (kind.wildcards and name is not None and "*" in name) for name in ids):
            needed.add(capability)
            if _roles(part, kind) - {"subscriber"}:
                needed.add("wildcard_publish")
    return needed


def _limited(part: Part, kind: Kind, limit: Mapping[str, Any], texts: Mapping[str, Text | None]) -> bool:
    """Whether a service keeps to the kinds, roles, channel and user of a rule or restriction."""
    shape = kind.services[part.name]
    if limit["kinds"] is not None and shape.further_kind is not None and shape.further_kind not in limit["kinds"]:
        return False
    if limit["roles"] is not None and not _roles(part, kind) <= set(limit["roles"]):
        return False
    channel, user = texts["channel"], texts["user"]
    if channel is not None:
        if part.channel is None and (shape.channel != "never" or user is None):
            return False
        if not all(channel.fits(name) for name in (part.channel, *part.more_channels) if name is not None):
            return False
    if user is not None:
        named = part.user if part.derived_from is None else part.derived_from
        if named is None and shape.user != "never" and user.expression != ".+":
            return False
        if not all(user.fits(name) for name in (named, *part.more_users) if name is not None):
            return False
    return True
