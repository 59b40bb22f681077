"""Issues tokens: token request, grant, rules, limits, deny list, authorizer, mint, verify, audit, release, in this order.

The deny list is read again after an authorizer's answer. Awaits only `Interfaces`. Contains no HTTP and no vendor. Times and
nonces come with the issuances.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from tokend.auth.contract import Credentials
from tokend.core.audit_records import decision
from tokend.core.authorizer import SOURCE, question, unavailable
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Decision, Issuance, Issued, Restriction, TokenRequest
from tokend.core.rate_limits import NO_LIMITS
from tokend.core.reach import leading_role
from tokend.dialects.contract import Explain, Explanation, Inspect, Issue, Outcome
from tokend.issuing import inspection, rate_limiting
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.configuration import App, Route
from tokend.issuing.grants import checked_mint
from tokend.issuing.policy import Permit, Rejection, evaluate, explain, rule_results

Verdict = Permit | Rejection
LAST_ISSUE_TIME: Final = 2**32 - 1 - 2 * 86_400
"""Unix seconds, in 2106. Two days before 32-bit times end: formats that have such times add up to a day twice."""
REQUESTS_PER_TURN: Final = 10
"""After this number of token requests of a batch, or of minted tokens, other requests run first."""


async def answer(
    route: Route,
    parsed: Issue | Explain | Inspect,
    credentials: Credentials | Caller,
    issuances: Sequence[Issuance],
    interfaces: Interfaces = Interfaces(),
    request_id: str = "",
    address: str | None = None,
    on_authenticated: Callable[[Caller], None] = lambda caller: None,
) -> list[Outcome]:
    """Authenticate the caller, then issue, explain or inspect. Raises `ApiError` if the whole request fails.

    `credentials`: or the caller that they have authenticated. `issuances`: one for each token request, at least one, all of
    the same time. `address`: the client's, None if unknown. `on_authenticated` gets the caller as soon as it is known.
    """
    now = issuances[0].issued_at
    _check_clock(now)
    if isinstance(credentials, Caller):
        caller = credentials
    else:
        try:
            caller = await route.authenticator.authenticate(credentials, now, interfaces.keys)
        except ApiError as api_error:
            issues = isinstance(parsed, Issue)
            await note_rejected(route.app, api_error, now, interfaces, request_id, address, issues=issues)
            raise
    on_authenticated(caller)
    if isinstance(parsed, Issue):
        return list(await issue(route.app, route.options, caller, parsed, issuances, interfaces, request_id, address))
    await rate_limiting.admit_request(route.app, caller, address, interfaces)
    if isinstance(parsed, Explain):
        return [await _explained(route, caller, parsed.token_request, interfaces)]
    return [inspection.inspect(route.app.backends.values(), parsed, now)]


async def note_rejected(
    app: App,
    api_error: ApiError,
    now: int,
    interfaces: Interfaces,
    request_id: str,
    address: str | None,
    *,
    issues: bool,
) -> None:
    """Count a request whose credentials were rejected for the limits; record it if it `issues` a token. Raises `ApiError`."""
    _check_clock(now)
    # before the audit, so that many bad requests do not fill it
    await rate_limiting.admit_request(app, None, address, interfaces)
    if issues:
        await _record(interfaces, (Decision(app.name, None, None, None, None, None, now, api_error, request_id),))


def _check_clock(now: int) -> None:
    if not 0 <= now <= LAST_ISSUE_TIME:
        raise ApiError(Code.UNAVAILABLE, "this server's clock is wrong: no token can hold its time")


async def issue(
    app: App,
    options: RouteOptions,
    caller: Caller,
    requested: Issue,
    issuances: Sequence[Issuance],
    interfaces: Interfaces = Interfaces(),
    request_id: str = "",
    address: str | None = None,
) -> list[Issued | ApiError]:
    """A token or an error for each token request, in order. Raises the first error unless it is a batch."""
    found: list[Verdict] = []
    for number, token_request in enumerate(requested.token_requests):
        await _let_others_run(number, interfaces)
        found.append(_decided(app, options, caller, token_request))
    if app.options.limits is not NO_LIMITS:
        found = await _within_limits(app, caller, found, requested.batch, address, interfaces)
    found = await _none_denied(app, caller, found, interfaces)
    if app.options.authorizer is not None and (
        requested.batch or not any(isinstance(verdict, Rejection) for verdict in found)
    ):
        found = await _authorized(app, options, caller, found, interfaces, request_id)
        # the authorizer may take seconds, and entries that were added meanwhile count
        found = await _none_denied(app, caller, found, interfaces)
    outcomes: list[Issued | ApiError] = []
    decisions: list[Decision] = []
    for number, (token_request, verdict, issuance) in enumerate(
        zip(requested.token_requests, found, issuances, strict=True)
    ):
        await _let_others_run(number, interfaces)
        outcome = verdict.api_error if isinstance(verdict, Rejection) else _minted(verdict, issuance)
        if isinstance(token_request, TokenRequest):
            outcome = outcome.renamed(token_request.names) if isinstance(outcome, ApiError) else outcome
            if interfaces.audit is not None:
                known = token_request if token_request.kind in app.backends else None
                decisions.append(
                    decision(app.name, caller, known, outcome, issuance.issued_at, request_id, verdict.grant)
                )
        outcomes.append(outcome)
        if isinstance(outcome, ApiError) and not requested.batch:
            await _record(interfaces, decisions[number:])  # tokens of those before it are not released
            if len(found) > 1 and outcome.status == 403 and isinstance(token_request, TokenRequest):
                raise outcome.of_kind(token_request.kind)
            raise outcome
    await _record(interfaces, decisions)
    return outcomes


async def _let_others_run(number: int, interfaces: Interfaces) -> None:
    if number % REQUESTS_PER_TURN == REQUESTS_PER_TURN - 1 and interfaces.batch_scheduler is not None:
        await interfaces.batch_scheduler.wait_for_turn()


def _decided(app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest | ApiError) -> Verdict:
    if isinstance(token_request, ApiError):
        return Rejection(token_request)
    try:
        return evaluate(app, options, caller, token_request)
    except ApiError as api_error:
        return Rejection(api_error)


async def _within_limits(
    app: App, caller: Caller, found: list[Verdict], batch: bool, address: str | None, interfaces: Interfaces
) -> list[Verdict]:
    """Replace what exceeds a limit by an error. Each token request of a batch counts by itself; otherwise all count as one."""
    parts = [[verdict] for verdict in found] if batch else [found]
    reaches = [[verdict.reach if isinstance(verdict, Permit) else None for verdict in part] for part in parts]
    api_errors = await rate_limiting.admit(app, caller, address, reaches, interfaces)
    return [
        verdict if over is None else Rejection(over, verdict.grant)
        for part, over in zip(parts, api_errors, strict=True)
        for verdict in part
    ]


async def _explained(route: Route, caller: Caller, token_request: TokenRequest, interfaces: Interfaces) -> Explanation:
    """Whether a token would be issued, by the rules and the deny list. Nothing is minted, and nothing counts for limits."""
    explanation = explain(route.app, route.options, caller, token_request)
    if explanation.api_error is not None or interfaces.deny is None:
        return explanation
    verdict = await _not_denied(
        route.app, caller, _decided(route.app, route.options, caller, token_request), interfaces
    )
    return replace(explanation, api_error=verdict.api_error) if isinstance(verdict, Rejection) else explanation


async def _none_denied(app: App, caller: Caller, found: list[Verdict], interfaces: Interfaces) -> list[Verdict]:
    if interfaces.deny is None:
        return found
    return [await _not_denied(app, caller, verdict, interfaces) for verdict in found]


async def _not_denied(app: App, caller: Caller, verdict: Verdict, interfaces: Interfaces) -> Verdict:
    if isinstance(verdict, Rejection) or interfaces.deny is None:
        return verdict
    reason = await interfaces.deny.denies(app.name, caller, verdict.reach)
    if reason is None:
        return verdict
    return Rejection(ApiError(Code.NOT_PERMITTED, reason, operator="deny list"), verdict.grant)


async def _authorized(
    app: App,
    options: RouteOptions,
    caller: Caller,
    found: Sequence[Verdict],
    interfaces: Interfaces,
    request_id: str,
) -> list[Verdict]:
    """The permits that the app's authorizer allows; errors in place of the others. Without its response nothing is allowed."""
    if interfaces.authorizer is None or app.options.authorizer is None:
        return [
            verdict if isinstance(verdict, Rejection) else Rejection(unavailable("there is none here"), verdict.grant)
            for verdict in found
        ]
    questions = [
        question(app.name, caller, verdict.token_request.kind, verdict.grant, verdict.reach)
        for verdict in found
        if isinstance(verdict, Permit)
    ]
    answers = iter(await interfaces.authorizer.authorize(app.options.authorizer, questions, request_id))
    return [
        verdict if isinstance(verdict, Rejection) else _within_restriction(app, options, caller, verdict, next(answers))
        for verdict in found
    ]


def _within_restriction(
    app: App, options: RouteOptions, caller: Caller, permit: Permit, answer: Restriction | ApiError | None
) -> Verdict:
    """Decide again with the restriction, by the same rules. The reach must stay the one that the authorizer has checked."""
    if answer is None:
        return permit
    if isinstance(answer, ApiError):
        return Rejection(answer, permit.grant)
    restricted = replace(caller, restrictions=(*caller.restrictions, answer))
    again = evaluate(app, options, restricted, permit.token_request)
    if isinstance(again, Permit) and again.reach == permit.reach and _details(again) == _details(permit):
        return again
    results = rule_results(app, options, restricted, permit.token_request)
    names_another = ("it names a user, which the request leaves out",)  # if the same rule fits, it fills in that user
    unmet = next((result.unmet for result in results if result.rule == permit.rule), names_another)
    reasons = "; ".join(sentence.removeprefix(f"{SOURCE}: ") for sentence in unmet)
    api_error = ApiError(Code.NOT_PERMITTED, f"the app's authorizer permits less than this: {reasons}", operator=SOURCE)
    return Rejection(api_error, permit.grant)


def _details(permit: Permit) -> list[Mapping[str, object]]:
    return [service.detail for service in permit.grant.services]


def mint(permit: Permit, issuance: Issuance) -> Issued:
    """Sign a permitted grant and compare the token with it; raises `ApiError` (500), without a token, if they differ."""
    backend = permit.backend
    minted = checked_mint(backend, permit.token_request.kind, permit.grant, issuance)
    issued_at = issuance.issued_at
    return Issued(
        token_request=permit.token_request,
        grant=permit.grant,
        token=minted.token,
        issued_at=issued_at,
        expires_at=issued_at + permit.grant.ttl if backend.expires else None,
        renew_at=issued_at + minted.renew_after if backend.expires else None,
        rule=permit.rule,
        filled=permit.filled,
        clamped_from=permit.clamped_from if backend.expires else None,
        extra=minted.extra,
        restricted_by=permit.restricted_by,
        role=leading_role(permit.reach.roles),
    )


def _minted(permit: Permit, issuance: Issuance) -> Issued | ApiError:
    try:
        return mint(permit, issuance)
    except ApiError as api_error:
        return api_error


async def _record(interfaces: Interfaces, decisions: Iterable[Decision]) -> None:
    """Write the audit before tokens are released. Raises `ApiError` (503) if it cannot be written."""
    if interfaces.audit is None:
        return
    try:
        await interfaces.audit.record(tuple(decisions))
    except Exception as error:  # without the audit nothing is released, whatever the reason
        raise ApiError(Code.UNAVAILABLE, "the audit log cannot be written", operator=repr(error)) from error
