"""Evaluates the rules for a token request: the grant that the first fitting rule permits, or what each rule requires. Pure.

Lifetimes are first checked against the bounds of app, route and kind.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Grant, TokenRequest
from tokend.core.reach import Reach
from tokend.core.rules import BoundRule, Rule, Unmet, UnmetLimit, bind, unmet_requirements
from tokend.core.validation import StrictModel, first_field_error
from tokend.dialects.contract import Explanation, RuleResult
from tokend.issuing import inspection
from tokend.issuing.app_options import POINT_IN_TIME, RouteOptions
from tokend.issuing.configuration import App
from tokend.issuing.field_types import json_types
from tokend.issuing.grants import filled, granted, names_user
from tokend.issuing.token_requests import validated


class Permit(Struct, frozen=True):
    """A grant that a rule permits, with its reach.

    `filled`: what the rule filled in, as fields of the answer. `clamped_from`: the requested ttl in seconds if it was reduced.
    `restricted_by`: the sources of the restrictions that the grant also satisfies.
    """

    token_request: TokenRequest
    backend: Backend
    grant: Grant
    reach: Reach
    rule: str
    filled: Mapping[str, object]
    clamped_from: int | None
    restricted_by: tuple[str, ...] = ()


class Rejection(Struct, frozen=True):
    """Why a token request gets no token. `grant`: what the token would have given; None if that is not known."""

    api_error: ApiError
    grant: Grant | None = None


def decide(app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest) -> Permit:
    """The grant that the first fitting rule permits. Raises `ApiError` if there is none. Nothing is minted."""
    found, _ = evaluate(app, options, caller, token_request)
    if isinstance(found, Rejection):
        raise found.api_error
    return found


def explain(app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest) -> Explanation:
    """The rule by which a token would be issued, or what each rule requires and the request does not satisfy.

    Raises `ApiError` (500) if the backend breaks its contract.
    """
    rule_results: list[RuleResult] = []
    try:
        found, rule_results = evaluate(app, options, caller, token_request)
    except ApiError as error:
        if error.status >= 500:
            raise
        found = Rejection(error)
    kinds = tuple(kind for kind in app.backends if _bound_rules(app, caller, kind))
    if isinstance(found, Rejection):
        api_error = found.api_error.renamed(token_request.names)
        return Explanation(caller.name, kinds, tuple(rule_results), api_error)
    gives = inspection.grant_fields(found.grant, found.backend)
    return Explanation(
        caller.name, kinds, (*rule_results, RuleResult(found.rule, ())), None, gives, app.options.authorizer is not None
    )


def operator_grant(app: App, options: RouteOptions, token_request: TokenRequest) -> Permit:
    """A grant for the operator. The bounds of app, route and kind apply; no rules of callers do."""
    backend, fields = validated(app, token_request)
    _check_bounds(app, options, None, token_request, backend)
    ttl, clamped_from = _ttl(token_request, options, backend, None)
    grant, reach = granted(backend, token_request.kind, fields, ttl)
    return Permit(token_request, backend, grant, reach, "(operator)", {}, clamped_from)


def evaluate(
    app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest
) -> tuple[Permit | Rejection, list[RuleResult]]:
    """Try the rules in order until one permits. Returns its permit, and the results of the rules before it.

    Without a permit, returns the error of the rule that came closest. Where only one rule can count, it says what is unmet.
    The grant is then that of the first rule for which there is one.
    """
    backend, fields = validated(app, token_request)
    _check_bounds(app, options, caller, token_request, backend)
    rule_results: list[RuleResult] = []
    bad_requests: list[ApiError] = []
    unmet_by_rule: list[tuple[Rule, Unmet]] = []
    first_grant: Grant | None = None
    for rule in app.rules.get(caller.name, ()):
        bound = bind(rule, token_request.kind, caller)
        if isinstance(bound, UnmetLimit):
            rule_results.append(RuleResult(rule.name, (bound.sentence,)))
            unmet_by_rule.append((rule, Unmet((bound,))))
            continue
        try:
            filled_fields = _filled_fields(backend, fields, bound) if bound.fields else {}
            complete = _with_fields(backend, token_request, filled_fields) if filled_fields else fields
            user = None if names_user(backend, token_request.kind, complete) else bound.single_user
            ttl, clamped_from = _ttl(token_request, options, backend, bound.max_ttl)
            grant, reach = granted(backend, token_request.kind, complete, ttl, user)
        except ApiError as api_error:
            if api_error.status >= 500:
                raise
            rule_results.append(RuleResult(rule.name, (api_error.detail,)))
            bad_requests.append(api_error)
            continue
        unmet = unmet_requirements(rule, bound, grant, reach)
        if not unmet.limits and not unmet.capabilities:
            sources = tuple([restriction.source for restriction in caller.restrictions]) if caller.restrictions else ()
            user_fields = {} if user is None else filled(backend, token_request.kind, user)
            added = {**filled_fields, **user_fields}
            permit = Permit(token_request, backend, grant, reach, rule.name, added, clamped_from, sources)
            return permit, rule_results
        first_grant = first_grant or grant
        rule_results.append(RuleResult(rule.name, unmet.sentences))
        unmet_by_rule.append((rule, unmet))
    closest = bad_requests[0] if bad_requests else _closest(unmet_by_rule, token_request.kind, options)
    return Rejection(closest, first_grant), rule_results


def _filled_fields(backend: Backend, fields: StrictModel, bound: BoundRule) -> dict[str, object]:
    """The texts that the rule prescribes for details of this kind that the request leaves out, or sets to null.

    Only a field that takes text is filled in.
    """
    details, requestable = backend.declarations.details, json_types(backend.Fields)
    return {
        name: limit.single
        for name, limit in bound.fields.items()
        if limit.single is not None
        and name in details
        and "string" in requestable.get(name, ())
        and (name not in fields.model_fields_set or getattr(fields, name) is None)
    }


def _with_fields(backend: Backend, token_request: TokenRequest, filled: Mapping[str, object]) -> StrictModel:
    """The fields of a request with those that a rule fills in. Raises `ApiError` (400) for a text that the field rejects."""
    try:
        return backend.Fields.model_validate({**token_request.fields, **filled})
    except ValidationError as error:
        first = first_field_error(error, backend.Fields)
        where = ".".join(map(str, first.path)) or None
        raise ApiError(Code.INVALID_FIELD, f"is filled in by the rule and {first.sentence}", where) from error


def _closest(unmet_by_rule: Sequence[tuple[Rule, Unmet]], kind: str, options: RouteOptions) -> ApiError:
    """The error where no rule permits: that of the first rule of which only capabilities are missing.

    Without one: what the only rule that can count does not allow. It names only what `UnmetLimit.short` does.
    """
    for _, unmet in unmet_by_rule:
        if not unmet.limits:
            needed = ", ".join(sentence.split()[1] for sentence in unmet.capabilities)
            return ApiError(
                Code.CAPABILITY_REQUIRED, f"this needs {needed} among the capabilities of the caller's rule"
            )
    of_kind = [(rule, unmet) for rule, unmet in unmet_by_rule if kind in rule.kinds] or unmet_by_rule
    if len(of_kind) != 1:
        hint = "; v1/explain says what each requires" if options.explains else ""
        return ApiError(Code.NOT_PERMITTED, f"no rule of this caller permits this{hint}")
    _, unmet = of_kind[0]
    reasons = "; ".join(dict.fromkeys((*(limit.short for limit in unmet.limits), *unmet.capabilities)))
    hint = "; v1/explain shows the rule" if options.explains else ""
    return ApiError(Code.NOT_PERMITTED, f"the rule of this caller does not permit this: {reasons}{hint}")


def _bound_rules(app: App, caller: Caller, kind: str) -> list[BoundRule]:
    """The rules of a caller that apply to a kind, in order."""
    results = [bind(rule, kind, caller) for rule in app.rules.get(caller.name, ())]
    return [result for result in results if isinstance(result, BoundRule)]


def _check_bounds(
    app: App, options: RouteOptions, caller: Caller | None, token_request: TokenRequest, backend: Backend
) -> None:
    """Check the bounds of app, route and kind, which no rule can exceed. `caller`: None for the operator.

    Raises `ApiError` (400). It names the maximum of the caller's rules if that is lower: a request that keeps only the
    bounds of the route would fail next.
    """
    longest = options.ttl.longest(backend.max_ttl)
    if token_request.ttl is None or options.ttl.min <= token_request.ttl <= longest:
        return
    if token_request.ttl > longest and options.clamp and token_request.ttl < POINT_IN_TIME:
        return
    whose = f", the maximum of kind {token_request.kind}" if longest < options.ttl.max else ""
    limits = [] if caller is None else [rule.max_ttl for rule in _bound_rules(app, caller, token_request.kind)]
    of_rules = max((longest if limit is None else limit for limit in limits), default=longest)
    if options.ttl.min <= of_rules < longest:
        longest, whose = of_rules, ", the maximum of this caller's rules"
    hint = "; this looks like a Unix timestamp: give seconds from now" if token_request.ttl >= POINT_IN_TIME else ""
    raise ApiError(Code.TTL_OUT_OF_RANGE, f"must be {options.ttl.min} to {longest} seconds{whose}{hint}", "ttl")


def _ttl(
    token_request: TokenRequest, options: RouteOptions, backend: Backend, rule_max: int | None
) -> tuple[int, int | None]:
    """The ttl in seconds to evaluate under a rule, and the requested one if the route reduces it.

    The requested one has been checked. `rule_max`: None for no limit.
    """
    longest = options.ttl.longest(backend.max_ttl)
    if rule_max is not None:
        longest = min(longest, rule_max)
    if token_request.ttl is None:
        ttl = min(options.ttl.default, longest)
        if ttl < options.ttl.min:
            sentence = f"must be at least {options.ttl.min} seconds, and the rule allows at most {ttl} seconds"
            raise ApiError(Code.NOT_PERMITTED, sentence, "ttl")
        return ttl, None
    if not options.clamp:
        return token_request.ttl, None
    ttl = min(token_request.ttl, longest)
    return ttl, (token_request.ttl if ttl != token_request.ttl else None)
