"""The one use case: ask -> grant -> rules -> mint -> verify -> audit -> release. Awaits only the protocols of Ports.

Knows no HTTP and no vendor. Time and salts come in with the stamps.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from tokend import inspector
from tokend.auth.contract import Presented
from tokend.backends.contract import Backend, Minted
from tokend.dialects.contract import Explain, Explanation, Inspect, Issue, Outcome, Trial
from tokend.model import Ask, Caller, Code, Decision, Grant, Issued, Refusal, Stamp
from tokend.ports import Ports
from tokend.rules import fill, lacks
from tokend.setup import App, Route, TtlBounds
from tokend.validation import Strict, first_complaint, suggestion
from tokend.wire.v006 import VERSION as V006

LOOKS_LIKE_A_TIMESTAMP = 1_000_000_000


class Terms(NamedTuple):
    """What the route says about lifetimes and formats."""

    ttl: TtlBounds = TtlBounds()
    clamp: bool = False
    strict_006: bool = False


class Permit(NamedTuple):
    """A grant that a rule permits. `filled`: whether the rule filled the user in; `clamped_from`: a ttl cut short."""

    ask: Ask
    backend: Backend
    grant: Grant
    rule: str
    filled_user: str | None
    clamped_from: int | None


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
    caller = await route.gate.identify(presented, now, ports.keys)
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
    outcomes: list[Issued | Refusal] = []
    decisions: list[Decision] = []
    for ask, stamp in zip(wanted.asks, stamps, strict=True):
        outcome = ask if isinstance(ask, Refusal) else await _one(app, terms, caller, ask, stamp, ports)
        outcomes.append(outcome)
        if isinstance(ask, Ask):
            decisions.append(decision(app.name, caller.name, ask, outcome, stamp.issued_at, request_id, caller.url))
        if isinstance(outcome, Refusal) and not wanted.batch:
            await _record(ports, decisions[-1:] if isinstance(ask, Ask) else [])
            raise outcome
    await _record(ports, decisions)
    return outcomes


async def _one(app: App, terms: Terms, caller: Caller, ask: Ask, stamp: Stamp, ports: Ports) -> Issued | Refusal:
    try:
        permit = decide(app, terms, caller, ask)
        if ports.deny is not None and (reason := await ports.deny.denies(app.name, caller, permit.grant)):
            raise Refusal(Code.NOT_PERMITTED, reason, operator="deny list")
        return _mint(permit, stamp)
    except Refusal as refusal:
        return refusal.renamed(ask.names)


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
    return Explanation(caller.name, tuple(trials), None, inspector.grant_fields(permit.grant))


def unlimited(app: App, terms: Terms, ask: Ask) -> Permit:
    """For the operator's own hand: the app's and platform's limits apply, no caller's rules do."""
    backend, fields = _validated(app, ask)
    ttl, clamped_from = _ttl(ask, terms, None)
    grant = _checked(backend.grant(fields, ttl), terms)
    return Permit(ask, backend, grant, "(operator)", None, clamped_from)


def mint(permit: Permit, stamp: Stamp) -> Issued:
    """Sign a permitted grant and hold the token against it; `Refusal` (500) and no token if they differ."""
    return _mint(permit, stamp)


def _weigh(app: App, terms: Terms, caller: Caller, ask: Ask) -> tuple[Permit | None, list[Trial], Refusal | None]:
    """Try the rules in order up to the first that permits. The refusal is that of the nearest miss."""
    backend, fields = _validated(app, ask)
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
            return Permit(ask, backend, grant, rule.path, user, clamped_from), trials, None
        misses.append(_miss(lacking.others, lacking.powers))
    return None, trials, min(misses, key=lambda miss: miss[0])[1] if misses else None


def _miss(others: tuple[str, ...], powers: tuple[str, ...]) -> tuple[int, Refusal]:
    """How near a rule came: a bad ask (0) is told first, then a rule that lacks powers alone (1), then the rest (2)."""
    if others:
        return 2, Refusal(Code.NOT_PERMITTED, "no rule of this caller permits this; v1/explain says what each lacks")
    needed = ", ".join(one.split()[1] for one in powers)
    return 1, Refusal(Code.POWER_REQUIRED, f"this needs {needed} among the powers of the caller's rule")


def _validated(app: App, ask: Ask) -> tuple[Backend, Strict]:
    if ask.app_id is not None and ask.app_id != app.app_id:
        raise Refusal(Code.WRONG_APP, "is not the App ID of this route's app", "app_id")
    backend = app.backends.get(ask.kind)
    if backend is None:
        raise Refusal(Code.INVALID_FIELD, f"must be one of {', '.join(sorted(app.backends))}", "kind")
    try:
        return backend, backend.Fields.model_validate(dict(ask.fields))
    except ValidationError as error:
        first = first_complaint(error, backend.Fields)
        if first.unknown and len(first.path) == 1:
            hint = suggestion(str(first.path[0]), backend.Fields.model_fields)
            raise Refusal(Code.UNKNOWN_FIELD, f"is not a field of {ask.kind}{hint}", str(first.path[0])) from error
        code = Code.UNKNOWN_FIELD if first.unknown else Code.INVALID_FIELD
        sentence = f"is unknown{first.sentence}" if first.unknown else first.sentence
        raise Refusal(code, sentence, ".".join(map(str, first.path)) or None) from error


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


def _mint(permit: Permit, stamp: Stamp) -> Issued:
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
    )


def decision(
    app: str,
    caller: str | None,
    ask: Ask,
    outcome: Issued | Refusal,
    issued_at: int,
    request_id: str,
    url: str | None = None,
) -> Decision:
    """The audit's entry for an outcome. `url`: the id of the signed URL that the caller came by."""
    if isinstance(outcome, Refusal):
        return Decision(app, caller, ask, None, None, None, issued_at, outcome, request_id, url)
    digest = hashlib.sha256(outcome.token.encode()).hexdigest()
    return Decision(app, caller, ask, outcome.grant, outcome.rule, digest, issued_at, None, request_id, url)


async def _record(ports: Ports, decisions: Iterable[Decision]) -> None:
    """Audit before release: what cannot be written down is not issued."""
    if ports.audit is None:
        return
    try:
        await ports.audit.record(tuple(decisions))
    except Exception as error:  # whatever keeps the audit from being written, nothing is released
        raise Refusal(Code.UNAVAILABLE, "the audit log cannot be written", operator=repr(error)) from error
