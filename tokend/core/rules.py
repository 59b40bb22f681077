"""Rules: what a caller may be granted. A rule permits a grant if all of it fits this one rule; rules never add up.

Knows scopes and claims, no kinds of its own, no vendors, no HTTP. Templates are in `templates.py`.
"""

from typing import Final

from msgspec import Struct

from tokend.core.claims import Condition
from tokend.core.model import Caller, Grant, Narrowing
from tokend.core.patterns import Inapplicable, Pattern, Template, parse_pattern
from tokend.core.reach import Power, Scope, is_wildcard, scope


class Rule(Struct, frozen=True):
    """`None` permits any named channel, user or role, and any ttl (seconds) that the route allows."""

    path: str
    kinds: frozenset[str]
    when: tuple[Condition, ...] = ()
    channel: Template | None = None
    user: Template | None = None
    roles: frozenset[str] | None = None
    powers: frozenset[Power] = frozenset()
    max_ttl: int | None = None


class Narrowed(Struct, frozen=True):
    """A narrowing with its texts read."""

    narrowing: Narrowing
    channel: Pattern | None
    user: Pattern | None


class Filled(Struct, frozen=True):
    """A rule's patterns with the caller's claims in their places, and what narrows them."""

    channel: Pattern | None
    user: Pattern | None
    max_ttl: int | None
    narrowed: tuple[Narrowed, ...]

    @property
    def single_user(self) -> str | None:
        """The one user that is left, if it is one: it fills an ask that names none."""
        patterns = (self.user, *(one.user for one in self.narrowed))
        return next((one.single for one in patterns if one is not None and one.single is not None), None)


def fill(rule: Rule, kind: str, caller: Caller) -> Filled | str:
    """Put the caller's claims in; or say why the rule does not apply to this caller or kind."""
    if kind not in rule.kinds:
        return f"kind {kind} is not among kinds {_listed(rule.kinds)}"
    for one in caller.narrowings:
        if one.kinds is not None and kind not in one.kinds:
            return f"{one.source}: kind {kind} is not among kinds {_listed(one.kinds)}"
    for condition in rule.when:
        if not condition.holds(caller.claims):
            return f"when: {condition}"
    try:
        channel = rule.channel.fill(caller.claims) if rule.channel else None
        user = rule.user.fill(caller.claims) if rule.user else None
    except Inapplicable as reason:
        return str(reason)
    if not caller.narrowings:
        return Filled(channel, user, rule.max_ttl, ())
    longest = [one for one in (rule.max_ttl, *(one.max_ttl for one in caller.narrowings)) if one is not None]
    return Filled(channel, user, min(longest, default=None), tuple(map(_narrowed, caller.narrowings)))


def _narrowed(one: Narrowing) -> Narrowed:
    return Narrowed(
        one,
        None if one.channel is None else parse_pattern(one.channel),
        None if one.user is None else parse_pattern(one.user),
    )


class Lacks(Struct, frozen=True):
    """What a rule lacks for a grant, in sentences: `powers` apart, since they get a code of their own."""

    others: tuple[str, ...] = ()
    powers: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.others + self.powers


_NOTHING_LACKED: Final = Lacks()


def lacks(rule: Rule, filled: Filled, grant: Grant) -> Lacks:
    """What is missing for this grant; both parts empty: the rule, and all that narrows it, permit it."""
    reach = scope(grant)
    others = _lacking(grant, reach, rule, filled)
    for one in filled.narrowed:
        source = one.narrowing.source
        others += [f"{source}: {lacking}" for lacking in _lacking(grant, reach, one.narrowing, one)]
        if Power.APP_ADMIN in reach.powers:
            others.append(f"{source}: what is narrowed never administers the app")
    missing = reach.powers - rule.powers
    if not others and not missing:
        return _NOTHING_LACKED
    return Lacks(tuple(others), tuple(f"power {one} is not named" for one in sorted(missing)))


def _lacking(grant: Grant, reach: Scope, limit: Rule | Narrowing, texts: Filled | Narrowed) -> list[str]:
    """What of a grant lies outside the kinds, texts, roles and ttl of a rule or narrowing."""
    lacking = []
    if limit.kinds is not None:
        for one in grant.services:
            if one.name not in limit.kinds:
                kinds = _listed(limit.kinds)
                lacking.append(f"kind {one.name}, which the token holds too, is not among kinds {kinds}")
    if texts.channel is not None:
        lacking += [
            f'channel "{one}" does not match {texts.channel}' for one in _misfits(reach.channels, texts.channel)
        ]
    if texts.user is not None:
        lacking += [f'user "{one}" does not match {texts.user}' for one in _misfits(reach.users, texts.user)]
    if limit.roles is not None and not reach.roles <= limit.roles:
        missing = ", ".join(sorted(reach.roles - limit.roles))
        lacking.append(f"role {missing} is not among roles {_listed(limit.roles)}")
    if limit.max_ttl is None:
        return lacking
    longest = max([grant.ttl, *(seconds for one in grant.services for seconds in one.privileges.values())])
    if longest > limit.max_ttl:
        lacking.append(f"ttl {longest} s is over the max of {limit.max_ttl} s")
    return lacking


def _misfits(ids: frozenset[str], pattern: Pattern) -> list[str]:
    """Wildcards fit `*` and a field left out (their power is asked for apart); any other pattern must match the text."""
    return sorted([one for one in ids if not pattern.matches(one) and not (pattern.is_any and is_wildcard(one))])


def _listed(names: frozenset[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
