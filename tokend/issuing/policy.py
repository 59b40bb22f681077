"""What the rules say to an ask: the grant that the first fitting rule permits, or what each rule lacked. Pure.

Lifetimes are held to the bounds of platform, app and route here, before any rule is asked.
"""

from msgspec import Struct

from tokend.backends.agora.v006 import VERSION as V006
from tokend.backends.contract import Backend
from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask, Caller, Grant
from tokend.core.rules import fill, lacks
from tokend.dialects.contract import Explanation, Trial
from tokend.issuing import inspection
from tokend.issuing.configuration import App, TtlBounds
from tokend.issuing.token_requests import validated

LOOKS_LIKE_A_TIMESTAMP = 1_000_000_000


class Terms(Struct, frozen=True):
    """What the route says about lifetimes and formats."""

    ttl: TtlBounds = TtlBounds()
    clamp: bool = False
    strict_006: bool = False


class Permit(Struct, frozen=True):
    """A grant that a rule permits. `filled`: whether the rule filled the user in; `clamped_from`: a ttl cut short.

    `narrowed_by`: the sources of the narrowings that it was held against too.
    """

    ask: Ask
    backend: Backend
    grant: Grant
    rule: str
    filled_user: str | None
    clamped_from: int | None
    narrowed_by: tuple[str, ...] = ()


def decide(app: App, terms: Terms, caller: Caller, ask: Ask) -> Permit:
    """The grant that the first fitting rule permits; `Refusal` otherwise. Nothing is minted."""
    permit, _, refusal = weigh(app, terms, caller, ask)
    if permit is None:
        raise refusal or Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this")
    return permit


def explain(app: App, terms: Terms, caller: Caller, ask: Ask) -> Explanation:
    """By which rule an ask would be issued, or what each rule lacked."""
    try:
        permit, trials, refusal = weigh(app, terms, caller, ask)
    except Refusal as error:
        permit, trials, refusal = None, [], error
    if permit is None:
        reason = refusal or Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this")
        return Explanation(caller.name, tuple(trials), reason.renamed(ask.names))
    gives = inspection.grant_fields(permit.grant)
    return Explanation(caller.name, (*trials, Trial(permit.rule, ())), None, gives, app.authorizer is not None)


def unlimited(app: App, terms: Terms, ask: Ask) -> Permit:
    """For the operator's own hand: the app's and platform's limits apply, no caller's rules do."""
    backend, fields = validated(app, ask)
    ttl, clamped_from = _ttl(ask, terms, None)
    grant = _checked(backend.grant(fields, ttl), terms)
    return Permit(ask, backend, grant, "(operator)", None, clamped_from)


def weigh(app: App, terms: Terms, caller: Caller, ask: Ask) -> tuple[Permit | None, list[Trial], Refusal | None]:
    """Try the rules in order up to the first that permits: its permit; what those before it lacked; else why not.

    The refusal is that of the nearest miss.
    """
    backend, fields = validated(app, ask)
    _check_bounds(ask, terms)
    trials: list[Trial] = []
    misses: list[tuple[int, Refusal]] = []
    for rule in app.rules.get(caller.name, ()):
        filled = fill(rule, ask.kind, caller)
        if isinstance(filled, str):
            trials.append(Trial(rule.path, (filled,)))
            continue
        try:
            user = None if backend.names_user(fields) else filled.single_user
            ttl, clamped_from = _ttl(ask, terms, filled.max_ttl)
            grant = _checked(backend.grant(fields, ttl, user), terms)
        except Refusal as refusal:
            trials.append(Trial(rule.path, (refusal.detail,)))
            misses.append((0, refusal))
            continue
        lacking = lacks(rule, filled, grant)
        if not lacking.others and not lacking.powers:
            sources = tuple([one.source for one in caller.narrowings]) if caller.narrowings else ()
            return Permit(ask, backend, grant, rule.path, user, clamped_from, sources), trials, None
        trials.append(Trial(rule.path, lacking.all))
        misses.append(_miss(lacking.others, lacking.powers))
    return None, trials, min(misses, key=lambda miss: miss[0])[1] if misses else None


def _miss(others: tuple[str, ...], powers: tuple[str, ...]) -> tuple[int, Refusal]:
    """How near a rule came: a bad ask (0) is told first, then a rule that lacks powers alone (1), then the rest (2)."""
    if others:
        return 2, Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this; v1/explain says what each lacks")
    needed = ", ".join(one.split()[1] for one in powers)
    return 1, Refusal(Code.POWER_REQUIRED, f"this needs {needed} among the powers of the caller's rule")


def _check_bounds(ask: Ask, terms: Terms) -> None:
    """The platform's, app's and route's bounds: outside them is a bad ask, whatever any rule says."""
    if ask.ttl is None or terms.ttl.min <= ask.ttl <= terms.ttl.max:
        return
    if ask.ttl > terms.ttl.max and terms.clamp and ask.ttl < LOOKS_LIKE_A_TIMESTAMP:
        return
    hint = "; this looks like a Unix timestamp: give seconds from now" if ask.ttl >= LOOKS_LIKE_A_TIMESTAMP else ""
    raise Refusal(Code.TTL_OUT_OF_RANGE, f"must be {terms.ttl.min} to {terms.ttl.max} seconds{hint}", "ttl")


def _ttl(ask: Ask, terms: Terms, rule_max: int | None) -> tuple[int, int | None]:
    """The ttl to try under a rule, and the one asked for where the route cuts it short."""
    if ask.ttl is None:
        ttl = terms.ttl.default if rule_max is None else min(terms.ttl.default, rule_max)
        if ttl < terms.ttl.min:
            raise Refusal(
                Code.NOT_PERMITTED, f"is at least {terms.ttl.min} s here, and the rule permits {ttl} s", "ttl"
            )
        return ttl, None
    _check_bounds(ask, terms)
    if not terms.clamp:
        return ask.ttl, None
    ttl = min(ask.ttl, terms.ttl.max if rule_max is None else min(terms.ttl.max, rule_max))
    return ttl, (ask.ttl if ttl != ask.ttl else None)


def _checked(grant: Grant, terms: Terms) -> Grant:
    """006 signs app id, channel and uid joined without separators: strict routes refuse what could be read two ways."""
    if terms.strict_006 and grant.format == V006:
        for one in grant.services:
            if one.channel and one.channel[-1].isdigit() and (one.user or "").isdigit():
                raise Refusal(
                    Code.INVALID_FIELD, "may not end in a digit beside a numeric uid in a 006 token", "channel"
                )
    return grant
