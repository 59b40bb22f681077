"""The one use case: ask -> grant -> rules -> authorizer -> mint -> verify -> audit -> release. Awaits only Ports.

Knows no HTTP and no vendor. Time and salts come in with the stamps.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tokend import inspector
from tokend.asks import validated
from tokend.auth.contract import Presented
from tokend.authorizer import SOURCE, question, unavailable
from tokend.backends.contract import Backend, Minted
from tokend.dialects.contract import Explain, Explanation, Inspect, Issue, Outcome, Trial
from tokend.model import Ask, Caller, Code, Decision, Grant, Issued, Narrowing, Refusal, Stamp
from tokend.ports import Ports
from tokend.rules import fill, lacks
from tokend.scope import scope
from tokend.setup import App, Route, TtlBounds
from tokend.wire.v006 import VERSION as V006

LOOKS_LIKE_A_TIMESTAMP = 1_000_000_000


class Terms(NamedTuple):
    """What the route says about lifetimes and formats."""

    ttl: TtlBounds = TtlBounds()
    clamp: bool = False
    strict_006: bool = False


class Permit(NamedTuple):
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


async def answer(
    route: Route,
    parsed: Issue | Explain | Inspect,
    presented: Presented,
    stamps: Sequence[Stamp],
    ports: Ports = Ports(),
    request_id: str = "",
) -> list[Outcome]:
    """Identify the caller, then do what is wanted. Raises `Refusal` when the whole request fails.

    `stamps`: one an ask, at least one; all of one time.
    """
    now = stamps[0].issued_at
    try:
        caller = await route.gate.identify(presented, now, ports.keys)
    except Refusal as refusal:
        if isinstance(parsed, Issue):
            await _record(ports, (Decision(route.app.name, None, None, None, None, None, now, refusal, request_id),))
        raise
    terms = Terms(route.ttl, route.clamp, route.strict_006)
    match parsed:
        case Explain(ask):
            return [explain(route.app, terms, caller, ask)]
        case Inspect():
            return [inspector.inspect(route.app.backends.values(), parsed, now)]
        case Issue():
            return list(await issue(route.app, terms, caller, parsed, stamps, ports, request_id))


async def issue(
    app: App,
    terms: Terms,
    caller: Caller,
    wanted: Issue,
    stamps: Sequence[Stamp],
    ports: Ports = Ports(),
    request_id: str = "",
) -> list[Issued | Refusal]:
    """A token or a refusal for each ask, in order; all or nothing unless it is a batch (then the first refusal raises)."""
    found = [
        ask if isinstance(ask, Refusal) else await _permitted(app, terms, caller, ask, ports) for ask in wanted.asks
    ]
    if app.authorizer is not None and (wanted.batch or not any(isinstance(one, Refusal) for one in found)):
        found = await _authorized(app, terms, caller, found, ports, request_id)
    outcomes: list[Issued | Refusal] = []
    decisions: list[Decision] = []
    for ask, one, stamp in zip(wanted.asks, found, stamps, strict=True):
        outcome = one if isinstance(one, Refusal) else _minted(one, stamp)
        if isinstance(ask, Ask):
            outcome = outcome.renamed(ask.names) if isinstance(outcome, Refusal) else outcome
            decisions.append(decision(app.name, caller, ask, outcome, stamp.issued_at, request_id))
        outcomes.append(outcome)
        if isinstance(outcome, Refusal) and not wanted.batch:
            await _record(ports, decisions[-1:] if isinstance(ask, Ask) else [])
            raise outcome
    await _record(ports, decisions)
    return outcomes


async def _permitted(app: App, terms: Terms, caller: Caller, ask: Ask, ports: Ports) -> Permit | Refusal:
    try:
        permit = decide(app, terms, caller, ask)
    except Refusal as refusal:
        return refusal
    if ports.deny is not None and (reason := await ports.deny.denies(app.name, caller, permit.grant)):
        return Refusal(Code.NOT_PERMITTED, reason, operator="deny list")
    return permit


async def _authorized(
    app: App, terms: Terms, caller: Caller, found: Sequence[Permit | Refusal], ports: Ports, request_id: str
) -> list[Permit | Refusal]:
    """What is left of the permits once the app's own backend was asked about each. Without an answer: nothing."""
    if ports.authorizer is None or app.authorizer is None:
        return [one if isinstance(one, Refusal) else unavailable("there is none here") for one in found]
    questions = [question(app.name, caller, one.ask.kind, one.grant) for one in found if isinstance(one, Permit)]
    answers = iter(await ports.authorizer.authorize(app.authorizer, questions, request_id))
    return [one if isinstance(one, Refusal) else _left(app, terms, caller, one, next(answers)) for one in found]


def _left(
    app: App, terms: Terms, caller: Caller, permit: Permit, answer: Narrowing | Refusal | None
) -> Permit | Refusal:
    """The ask decided again with the narrowing, by the same rules; never a scope that the backend was not asked about."""
    if answer is None:
        return permit
    if isinstance(answer, Refusal):
        return answer
    again, trials, _ = _weigh(app, terms, caller._replace(narrowings=(*caller.narrowings, answer)), permit.ask)
    if again is not None and scope(again.grant) == scope(permit.grant):
        return again
    lacked = next(trial.lacked for trial in trials if trial.rule == permit.rule)
    told = "; ".join(one.removeprefix(f"{SOURCE}: ") for one in lacked)
    return Refusal(Code.NOT_PERMITTED, f"the app's authorizer permits less than this: {told}", operator=SOURCE)


def decide(app: App, terms: Terms, caller: Caller, ask: Ask) -> Permit:
    """The grant that the first fitting rule permits; `Refusal` otherwise. Nothing is minted."""
    permit, _, refusal = _weigh(app, terms, caller, ask)
    if permit is None:
        raise refusal or Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this")
    return permit


def explain(app: App, terms: Terms, caller: Caller, ask: Ask) -> Explanation:
    """By which rule an ask would be issued, or what each rule lacked."""
    try:
        permit, trials, refusal = _weigh(app, terms, caller, ask)
    except Refusal as error:
        permit, trials, refusal = None, [], error
    if permit is None:
        reason = refusal or Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this")
        return Explanation(caller.name, tuple(trials), reason.renamed(ask.names))
    gives = inspector.grant_fields(permit.grant)
    return Explanation(caller.name, tuple(trials), None, gives, app.authorizer is not None)


def unlimited(app: App, terms: Terms, ask: Ask) -> Permit:
    """For the operator's own hand: the app's and platform's limits apply, no caller's rules do."""
    backend, fields = validated(app, ask)
    ttl, clamped_from = _ttl(ask, terms, None)
    grant = _checked(backend.grant(fields, ttl), terms)
    return Permit(ask, backend, grant, "(operator)", None, clamped_from)


def _weigh(app: App, terms: Terms, caller: Caller, ask: Ask) -> tuple[Permit | None, list[Trial], Refusal | None]:
    """Try the rules in order up to the first that permits. The refusal is that of the nearest miss."""
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
        trials.append(Trial(rule.path, lacking.all))
        if not lacking.all:
            sources = tuple([one.source for one in caller.narrowings])
            return Permit(ask, backend, grant, rule.path, user, clamped_from, sources), trials, None
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


def mint(permit: Permit, stamp: Stamp) -> Issued:
    """Sign a permitted grant and hold the token against it; `Refusal` (500) and no token if they differ."""
    minted: Minted = permit.backend.mint(permit.grant, stamp)
    mismatch = permit.backend.verify(minted, permit.grant, stamp)
    if mismatch is not None:
        raise Refusal(Code.INTERNAL, "the token was not released", operator=f"{permit.rule}: {mismatch.sentence}")
    filled = {} if permit.filled_user is None else permit.backend.filled(permit.filled_user)
    issued_at = stamp.issued_at
    return Issued(
        ask=permit.ask,
        grant=permit.grant,
        token=minted.token,
        issued_at=issued_at,
        expires_at=issued_at + permit.grant.ttl,
        renew_at=issued_at + minted.renew_after,
        rule=permit.rule,
        filled=filled,
        clamped_from=permit.clamped_from,
        extra=minted.extra,
        narrowed_by=permit.narrowed_by,
    )


def _minted(permit: Permit, stamp: Stamp) -> Issued | Refusal:
    try:
        return mint(permit, stamp)
    except Refusal as refusal:
        return refusal


def decision(
    app: str, caller: Caller, ask: Ask, outcome: Issued | Refusal, issued_at: int, request_id: str
) -> Decision:
    """The audit's entry for an outcome."""
    if isinstance(outcome, Refusal):
        narrowed_by = tuple([one.source for one in caller.narrowings])
        return Decision(
            app, caller.name, ask, None, None, None, issued_at, outcome, request_id, caller.url, narrowed_by
        )
    digest = hashlib.sha256(outcome.token.encode()).hexdigest()
    return Decision(
        app,
        caller.name,
        ask,
        outcome.grant,
        outcome.rule,
        digest,
        issued_at,
        None,
        request_id,
        caller.url,
        outcome.narrowed_by,
    )


async def _record(ports: Ports, decisions: Iterable[Decision]) -> None:
    """Audit before release: what cannot be written down is not issued."""
    if ports.audit is None:
        return
    try:
        await ports.audit.record(tuple(decisions))
    except Exception as error:  # whatever keeps the audit from being written, nothing is released
        raise Refusal(Code.UNAVAILABLE, "the audit log cannot be written", operator=repr(error)) from error
