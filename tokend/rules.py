"""Rules: what a caller may be granted. A rule permits a grant if all of it fits this one rule; rules never add up.

Knows scopes and claims, no kinds of its own, no vendors, no HTTP. Templates are in `templates.py`.
"""

from typing import NamedTuple

from tokend.claims import Condition
from tokend.model import Caller, Grant
from tokend.scope import Power, is_wildcard, scope
from tokend.templates import Inapplicable, Pattern, Template


class Rule(NamedTuple):
    """`None` permits any named channel, user or role, and any ttl (seconds) that the route allows."""

    path: str
    kinds: frozenset[str]
    when: tuple[Condition, ...] = ()
    channel: Template | None = None
    user: Template | None = None
    roles: frozenset[str] | None = None
    powers: frozenset[Power] = frozenset()
    max_ttl: int | None = None


class Filled(NamedTuple):
    """A rule's patterns with the caller's claims in their places."""

    channel: Pattern | None
    user: Pattern | None

    @property
    def single_user(self) -> str | None:
        """The one user that the rule allows, if it is one: it fills an ask that names none."""
        return self.user.single if self.user else None


def fill(rule: Rule, kind: str, caller: Caller) -> Filled | str:
    """Put the caller's claims in; or say why the rule does not apply to this caller or kind."""
    if kind not in rule.kinds:
        return f"kind {kind} is not among kinds [{', '.join(sorted(rule.kinds))}]"
    for condition in rule.when:
        if not condition.holds(caller.claims):
            return f"when: {condition}"
    try:
        return Filled(
            rule.channel.fill(caller.claims) if rule.channel else None,
            rule.user.fill(caller.claims) if rule.user else None,
        )
    except Inapplicable as reason:
        return str(reason)


class Lacks(NamedTuple):
    """What a rule lacks for a grant, in sentences: `powers` apart, since they get a code of their own."""

    others: tuple[str, ...]
    powers: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return self.others + self.powers


def lacks(rule: Rule, filled: Filled, grant: Grant) -> Lacks:
    """What is missing for this grant; both parts empty: the rule permits it."""
    reach = scope(grant)
    others = [
        f"kind {one.name}, which the token holds too, is not among kinds [{', '.join(sorted(rule.kinds))}]"
        for one in grant.services
        if one.name not in rule.kinds
    ]
    others += [
        f"channel {_quoted(one)} does not match {filled.channel}" for one in _misfits(reach.channels, filled.channel)
    ]
    others += [f"user {_quoted(one)} does not match {filled.user}" for one in _misfits(reach.users, filled.user)]
    if rule.roles is not None and not reach.roles <= rule.roles:
        missing = ", ".join(sorted(reach.roles - rule.roles))
        others.append(f"role {missing} is not among roles [{', '.join(sorted(rule.roles))}]")
    longest = max([grant.ttl, *(seconds for one in grant.services for seconds in one.privileges.values())])
    if rule.max_ttl is not None and longest > rule.max_ttl:
        others.append(f"ttl {longest} s is over the rule's max of {rule.max_ttl} s")
    return Lacks(tuple(others), tuple(f"power {one} is not named" for one in sorted(reach.powers - rule.powers)))


def _misfits(ids: frozenset[str], pattern: Pattern | None) -> list[str]:
    """Wildcards fit `*` and a field left out (their power is asked for apart); any other pattern must match the text."""
    if pattern is None:
        return []
    return sorted(one for one in ids if not (pattern.is_any and is_wildcard(one)) and not pattern.matches(one))


def _quoted(text: str) -> str:
    return f'"{text}"'
