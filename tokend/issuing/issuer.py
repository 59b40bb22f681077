"""The one use case: ask -> grant -> rules -> limits -> deny list -> authorizer -> mint -> verify -> audit -> release.

Awaits only Ports. Knows no HTTP and no vendor. Time and salts come in with the stamps.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from tokend.auth.contract import Presented
from tokend.backends.contract import Minted
from tokend.core.audit_records import decision
from tokend.core.authorizer_messages import SOURCE, question, unavailable
from tokend.core.errors import Code, Refusal
from tokend.core.interfaces import Ports
from tokend.core.model import PLATFORM_MAX_TTL, Ask, Caller, Decision, Issued, Narrowing, Stamp
from tokend.core.reach import scope
from tokend.dialects.contract import Explain, Inspect, Issue, Outcome
from tokend.issuing import inspection, rate_limiting
from tokend.issuing.configuration import App, Route
from tokend.issuing.policy import Permit, Terms, decide, explain, unlimited, weigh

Found = Permit | Refusal
LAST_ISSUE: Final = 2**32 - 1 - 2 * PLATFORM_MAX_TTL
"""Unix seconds, in 2106: two days before the 32 bits of a token's times end, which 006 fills up with a day and its ttl."""
ASKS_A_TURN: Final = 10
"""So many asks of a batch are looked at before other requests have their turn, and so many tokens minted."""


async def answer(
    route: Route,
    parsed: Issue | Explain | Inspect,
    presented: Presented,
    stamps: Sequence[Stamp],
    ports: Ports = Ports(),
    request_id: str = "",
    address: str | None = None,
) -> list[Outcome]:
    """Identify the caller, then do what is wanted. Raises `Refusal` when the whole request fails.

    `stamps`: one an ask, at least one; all of one time. `address`: the client's, None where it is not known.
    """
    now = stamps[0].issued_at
    if not 0 <= now <= LAST_ISSUE:
        raise Refusal(Code.UNAVAILABLE, "the clock of this server is off: no token can hold its time")
    try:
        caller = await route.gate.identify(presented, now, ports.keys)
    except Refusal as refusal:
        await rate_limiting.admit_one(route.app, None, address, ports)  # first: a flood must not fill the audit
        if isinstance(parsed, Issue):
            await _record(ports, (Decision(route.app.name, None, None, None, None, None, now, refusal, request_id),))
        raise
    terms = Terms(route.ttl, route.clamp, route.strict_006)
    if isinstance(parsed, Issue):
        return list(await issue(route.app, terms, caller, parsed, stamps, ports, request_id, address))
    await rate_limiting.admit_one(route.app, caller, address, ports)
    if isinstance(parsed, Explain):
        return [explain(route.app, terms, caller, parsed.ask)]
    return [inspection.inspect(route.app.backends.values(), parsed, now)]


async def issue(
    app: App,
    terms: Terms,
    caller: Caller,
    wanted: Issue,
    stamps: Sequence[Stamp],
    ports: Ports = Ports(),
    request_id: str = "",
    address: str | None = None,
) -> list[Issued | Refusal]:
    """A token or a refusal for each ask, in order; all or nothing unless it is a batch (then the first refusal raises)."""
    found: list[Found] = []
    for number, ask in enumerate(wanted.asks):
        if number % ASKS_A_TURN == ASKS_A_TURN - 1 and ports.turns is not None:
            await ports.turns.next()
        found.append(_decided(app, terms, caller, ask))
    if rate_limiting.counts(app, ports):
        found = await _within_limits(app, caller, found, wanted.batch, address, ports)
    if ports.deny is not None:
        found = [await _not_denied(app, caller, one, ports) for one in found]
    if app.authorizer is not None and (wanted.batch or not any(isinstance(one, Refusal) for one in found)):
        found = await _authorized(app, terms, caller, found, ports, request_id)
    outcomes: list[Issued | Refusal] = []
    decisions: list[Decision] = []
    for number, (ask, one, stamp) in enumerate(zip(wanted.asks, found, stamps, strict=True)):
        if number % ASKS_A_TURN == ASKS_A_TURN - 1 and ports.turns is not None:
            await ports.turns.next()
        outcome = one if isinstance(one, Refusal) else _minted(one, stamp)
        if isinstance(ask, Ask):
            outcome = outcome.renamed(ask.names) if isinstance(outcome, Refusal) else outcome
            if ports.audit is not None:
                decisions.append(decision(app.name, caller, ask, outcome, stamp.issued_at, request_id))
        outcomes.append(outcome)
        if isinstance(outcome, Refusal) and not wanted.batch:
            await _record(ports, decisions[-1:] if isinstance(ask, Ask) else [])
            raise outcome
    await _record(ports, decisions)
    return outcomes


def _decided(app: App, terms: Terms, caller: Caller, ask: Ask | Refusal) -> Found:
    if isinstance(ask, Refusal):
        return ask
    try:
        return decide(app, terms, caller, ask)
    except Refusal as refusal:
        return refusal


async def _within_limits(
    app: App, caller: Caller, found: list[Found], batch: bool, address: str | None, ports: Ports
) -> list[Found]:
    """The same, with a refusal for what is over a limit: each ask of a batch is counted; else all of them as one."""
    parts = [[one] for one in found] if batch else [found]
    asked = [[one.grant if isinstance(one, Permit) else None for one in part] for part in parts]
    refusals = await rate_limiting.admit(app, caller, address, asked, ports)
    return [over or one for part, over in zip(parts, refusals, strict=True) for one in part]


async def _not_denied(app: App, caller: Caller, one: Found, ports: Ports) -> Found:
    if isinstance(one, Refusal) or ports.deny is None:
        return one
    reason = await ports.deny.denies(app.name, caller, one.grant)
    return one if reason is None else Refusal(Code.NOT_PERMITTED, reason, operator="deny list")


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
    again, trials, _ = weigh(app, terms, replace(caller, narrowings=(*caller.narrowings, answer)), permit.ask)
    if again is not None and scope(again.grant) == scope(permit.grant):
        return again
    lacked = next((trial.lacked for trial in trials if trial.rule == permit.rule), ())
    told = "; ".join(one.removeprefix(f"{SOURCE}: ") for one in lacked)
    return Refusal(Code.NOT_PERMITTED, f"the app's authorizer permits less than this: {told}", operator=SOURCE)


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


async def _record(ports: Ports, decisions: Iterable[Decision]) -> None:
    """Audit before release: what cannot be written down is not issued."""
    if ports.audit is None:
        return
    try:
        await ports.audit.record(tuple(decisions))
    except Exception as error:  # whatever keeps the audit from being written, nothing is released
        raise Refusal(Code.UNAVAILABLE, "the audit log cannot be written", operator=repr(error)) from error


__all__ = ["Permit", "Terms", "answer", "decide", "explain", "issue", "mint", "unlimited"]
