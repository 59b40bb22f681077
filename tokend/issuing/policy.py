"""Evaluates the rules for a token request: the grant that the first fitting rule permits, or what each rule requires. Pure.

Lifetimes are first checked against the bounds of app, route and kind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from pydantic import ValidationError

from tokend.backends.contract import Backend, without_seconds
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
    found = evaluate(app, options, caller, token_request)
    if isinstance(found, Rejection):
        raise found.api_error
    return found


def explain(app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest) -> Explanation:
    """The rule by which a token would be issued, or what each rule requires and the request does not satisfy.

    Raises `ApiError` (500) if the backend breaks its contract.
    """
    unmet: tuple[RuleResult, ...] = ()
    try:
        unmet = rule_results(app, options, caller, token_request)
        found = evaluate(app, options, caller, token_request)
    except ApiError as error:
        if error.status >= 500:
            raise
        found = Rejection(error)
    kinds = tuple(kind for kind in app.backends if any(_bound_rules(app, caller, kind)))
    if isinstance(found, Rejection):
        return Explanation(caller.name, kinds, unmet, found.api_error.renamed(token_request.names))
    endless = not found.backend.expires
    gives = inspection.grant_fields(
        without_seconds(found.grant) if endless else found.grant, found.backend, ttl_hidden=endless
    )
    return Explanation(
        caller.name, kinds, (*unmet, RuleResult(found.rule, ())), None, gives, app.options.authorizer is not None
    )


def operator_grant(app: App, options: RouteOptions, token_request: TokenRequest) -> Permit:
    """A grant for the operator. The bounds of app, route and kind apply; no rules of callers do."""
    backend, fields = validated(app, token_request)
    _check_bounds(app, options, None, token_request, backend)
    ttl, clamped_from = _ttl(token_request, options, backend, None)
    grant, reach = granted(backend, token_request.kind, fields, ttl)
    return Permit(token_request, backend, grant, reach, "(operator)", {}, clamped_from)


def evaluate(app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest) -> Permit | Rejection:
    """Try the rules in order until one permits, and return its permit.

    Without a permit, returns the error of the rule that came closest. Where only one rule can count, it says what is unmet.
    The grant is then that of the first rule for which there is one.
    """
    evaluation = _Evaluation(app, options, caller, token_request)
    rules = app.rules.get(caller.name, ())
    found: list[Unmet | ApiError] = []
    for rule in rules if len(rules) == 1 else evaluation.candidates(rules):
        outcome = evaluation.try_rule(rule)
        if isinstance(outcome, Permit):
            return outcome
        found.append(outcome)
    return Rejection(_closest(found, rules, evaluation), evaluation.first_grant)


def rule_results(
    app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest
) -> tuple[RuleResult, ...]:
    """What is unmet of each rule before the one that permits; of all rules if none does."""
    evaluation = _Evaluation(app, options, caller, token_request)
    results: list[RuleResult] = []
    for rule in app.rules.get(caller.name, ()):
        outcome = evaluation.try_rule(rule)
        if isinstance(outcome, Permit):
            break
        sentences = (outcome.detail,) if isinstance(outcome, ApiError) else outcome.sentences
        results.append(RuleResult(rule.name, sentences))
    return tuple(results)


class _RuleGrant(Struct, frozen=True):
    """A grant that a rule would give. `clamped_from`: the requested ttl in seconds if it was reduced."""

    grant: Grant
    reach: Reach
    clamped_from: int | None


class _Evaluation:
    """Tries rules on one token request. Those that fill in the same fields and give the same user and ttl share one grant."""

    def __init__(self, app: App, options: RouteOptions, caller: Caller, token_request: TokenRequest) -> None:
        """Raises `ApiError` (400) for fields or a ttl that no rule can permit."""
        self.token_request = token_request
        self.options = options
        self.first_grant: Grant | None = None
        self._caller = caller
        self._backend, self._fields = validated(app, token_request)
        _check_bounds(app, options, caller, token_request, self._backend)
        self._grants: dict[tuple[int | None, str | None, tuple[tuple[str, object], ...]], _RuleGrant] = {}

    def candidates(self, rules: Iterable[Rule]) -> Iterator[Rule]:
        """The rules that may permit this, apart from capabilities. Each that is tried helps to leave out later ones.

        A later rule with the same `max_ttl` gives the same grant, so its channel must match the same channels.
        """
        kind = self.token_request.kind
        channels: dict[int | None, str] = {}
        for rule in rules:
            if kind not in rule.kinds:
                continue
            channel = channels.get(rule.max_ttl)
            if channel is not None and not channel.startswith(rule.channel_start):
                continue
            yield rule
            made = self._grants.get((rule.max_ttl, None, ()))
            if made is not None and made.reach.channels and names_user(self._backend, kind, self._fields):
                channels[rule.max_ttl] = min(made.reach.channels)

    def try_rule(self, rule: Rule) -> Permit | Unmet | ApiError:
        """The permit, what is unmet, or the error (below 500) that the request gets by this rule. Raises other errors."""
        caller, backend, kind = self._caller, self._backend, self.token_request.kind
        bound = bind(rule, kind, caller)
        if isinstance(bound, UnmetLimit):
            return Unmet((bound,))
        try:
            filled_fields = _filled_fields(backend, self._fields, bound) if bound.fields else {}
            fields = _with_fields(backend, self.token_request, filled_fields) if filled_fields else self._fields
            user = None if names_user(backend, kind, fields) else bound.single_user
            same = (bound.max_ttl, user, tuple(filled_fields.items()))
            made = self._grants.get(same)
            if made is None:
                ttl, clamped_from = _ttl(self.token_request, self.options, backend, bound.max_ttl)
                made = self._grants[same] = _RuleGrant(*granted(backend, kind, fields, ttl, user), clamped_from)
        except ApiError as api_error:
            if api_error.status >= 500:
                raise
            return api_error
        unmet = unmet_requirements(rule, bound, made.grant, made.reach)
        if unmet.limits or unmet.capabilities:
            self.first_grant = self.first_grant or made.grant
            return unmet
        sources = tuple([restriction.source for restriction in caller.restrictions]) if caller.restrictions else ()
        added = filled_fields if user is None else {**filled_fields, **filled(backend, kind, user)}
        return Permit(self.token_request, backend, made.grant, made.reach, rule.name, added, made.clamped_from, sources)


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


def _closest(found: Sequence[Unmet | ApiError], rules: Sequence[Rule], evaluation: _Evaluation) -> ApiError:
    """The error where no rule permits: an invalid request's, else that of the first rule of which only capabilities are missing.

    Of several errors of the request, one of a field that it has comes first: another rule may supply what is missing.
    Without one: what the only rule that can count does not allow. It names only what `UnmetLimit.short` does.
    """
    errors = [outcome for outcome in found if isinstance(outcome, ApiError)]
    if errors:
        sent = evaluation.token_request.fields
        return next((error for error in errors if (error.field or "").partition(".")[0] in sent), errors[0])
    for outcome in found:
        if isinstance(outcome, Unmet) and not outcome.limits:
            needed = ", ".join(outcome.capabilities)
            sentence = f"this needs {needed} among the capabilities of the caller's rule"
            return ApiError(Code.CAPABILITY_REQUIRED, sentence)
    of_kind = [rule for rule in rules if evaluation.token_request.kind in rule.kinds] or rules
    unmet = evaluation.try_rule(of_kind[0]) if len(of_kind) == 1 else None
    if not isinstance(unmet, Unmet):
        hint = "; v1/explain says what each requires" if evaluation.options.explains else ""
        return ApiError(Code.NOT_PERMITTED, f"no rule of this caller permits this{hint}")
    reasons = "; ".join(dict.fromkeys((*(limit.short for limit in unmet.limits), *unmet.missing)))
    hint = "; v1/explain shows the rule" if evaluation.options.explains else ""
    return ApiError(Code.NOT_PERMITTED, f"the rule of this caller does not permit this: {reasons}{hint}")


def _bound_rules(app: App, caller: Caller, kind: str) -> Iterator[BoundRule]:
    """The rules of a caller that apply to a kind, in order."""
    for rule in app.rules.get(caller.name, ()):
        if kind in rule.kinds and isinstance(bound := bind(rule, kind, caller), BoundRule):
            yield bound


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
    bound_rules = () if caller is None else _bound_rules(app, caller, token_request.kind)
    of_rules = max((longest if rule.max_ttl is None else rule.max_ttl for rule in bound_rules), default=longest)
    if options.ttl.min <= of_rules < longest:
        longest, whose = of_rules, ", the maximum of this caller's rules"
    hint = "; this looks like a Unix timestamp: give seconds from now" if token_request.ttl >= POINT_IN_TIME else ""
    raise ApiError(Code.TTL_OUT_OF_RANGE, f"must be {options.ttl.min} to {longest} seconds{whose}{hint}", "ttl")


def _ttl(
    token_request: TokenRequest, options: RouteOptions, backend: Backend, rule_max: int | None
) -> tuple[int, int | None]:
    """The ttl in seconds to evaluate under a rule, and the requested one if the route reduces it."""
    longest = options.ttl.longest(backend.max_ttl)
    if rule_max is not None:
        longest = min(longest, rule_max)
    requested = token_request.ttl
    if requested is not None and (requested <= longest or not options.clamp):
        return requested, None
    ttl = longest if requested is not None else min(options.ttl.default, longest)
    if ttl < options.ttl.min:
        sentence = f"must be at least {options.ttl.min} seconds, and this caller may have at most {ttl} seconds"
        raise ApiError(Code.NOT_PERMITTED, sentence, "ttl")
    return ttl, requested
