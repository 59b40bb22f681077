"""The rules against the naive model beside this file, on random rules, callers and requests; and the invariants."""

import ast
import random
import sys
from collections.abc import Mapping
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests.examples import examples
from tests.running import ROOT
from tests.unit.core.random_rules import (
    BOUNDS,
    CLAIMS,
    OPTIONS,
    REQUESTS,
    RESTRICTION,
    RULE,
    Choices,
    app_of,
    as_reference,
    caller_of,
    permit_of,
    random_request,
)
from tests.unit.core.reference_rules import verdict
from tests.unit.issuing.making import CALLER, ISSUANCE
from tokend.core.declarations import WILDCARD_CHANNEL, WILDCARD_USER
from tokend.core.model import TokenRequest
from tokend.dialects.contract import RuleResult
from tokend.issuing.issuer import mint
from tokend.issuing.policy import explain

_RULES: Final = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in RULE.items()})
_RESTRICTIONS: Final = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in RESTRICTION.items()})
_CLAIMS: Final = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in CLAIMS.items()})
_SEEDS: Final = st.integers(0, 2**32)
MINTED: Final = ("rtc", "rtm", "chat")


def _requests(seed: int) -> list[TokenRequest]:
    """Those of the list, and some of random parts."""
    source = random.Random(seed)
    return [*REQUESTS, *(random_request(source) for _ in range(20))]


def test_the_naive_model_shares_no_line_with_tokend() -> None:
    for name in ("reference_rules", "reference_kinds"):
        tree = ast.parse((ROOT / f"tests/unit/core/{name}.py").read_text())
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        allowed = {"tests.unit.core.reference_kinds", *sys.stdlib_module_names}
        assert {
            module for module in modules if module not in allowed and str(module).split(".")[0] not in allowed
        } == set()


@examples(120)
@given(rules=st.lists(_RULES, max_size=6), claims=_CLAIMS, seed=_SEEDS)
def test_the_rules_say_what_the_naive_model_says(rules: list[Choices], claims: dict[str, Any], seed: int) -> None:
    """Some 100 requests for each of the random rules and callers."""
    of, caller = app_of(rules), caller_of(claims)
    for token_request in _requests(seed):
        assert as_reference(permit_of(of, caller, token_request)) == verdict(
            rules, claims, asdict(token_request), BOUNDS
        ), token_request


@examples(60)
@given(
    rules=st.lists(_RULES, min_size=1, max_size=2),
    claims=_CLAIMS,
    restrictions=st.lists(_RESTRICTIONS, min_size=1, max_size=2),
    seed=_SEEDS,
)
def test_a_restricted_caller_gets_what_the_naive_model_says(
    rules: list[Choices], claims: dict[str, Any], restrictions: list[Choices], seed: int
) -> None:
    of, caller = app_of(rules), caller_of(claims, restrictions)
    for token_request in _requests(seed):
        assert as_reference(permit_of(of, caller, token_request)) == verdict(
            rules, claims, asdict(token_request), BOUNDS, restrictions
        ), token_request


@examples(40)
@given(rules=st.lists(_RULES, max_size=6), claims=_CLAIMS)
def test_explain_agrees_with_decide(rules: list[Choices], claims: dict[str, Any]) -> None:
    of, caller = app_of(rules), caller_of(claims)
    for token_request in REQUESTS:
        explained, permit = explain(of, OPTIONS, caller, token_request), permit_of(of, caller, token_request)
        assert (explained.api_error is None) == (permit is not None)
        assert explained.caller == CALLER.name
        if permit is not None:
            assert explained.rule_results[-1] == RuleResult(permit.rule, ())
            assert explained.gives["ttl"] == permit.grant.ttl
        assert all(rule_result.unmet for rule_result in explained.rule_results[: -1 if permit else None])


@examples(40)
@given(rules=st.lists(_RULES, min_size=1, max_size=2), claims=_CLAIMS, data=st.data())
def test_taking_a_permission_away_never_turns_a_refusal_into_a_token(
    rules: list[Choices], claims: dict[str, Any], data: st.DataObject
) -> None:
    caller, before = caller_of(claims), app_of(rules)
    at = data.draw(st.integers(0, len(rules) - 1))
    taken = data.draw(
        st.sampled_from(
            [
                {"capabilities": rules[at]["capabilities"][1:]},
                {"kinds": rules[at]["kinds"][1:]},
                {"roles": ("subscriber",) if rules[at]["roles"] is None else rules[at]["roles"][1:]},
                {"max_ttl": min(60, rules[at]["max_ttl"] or 60)},
                {"when": {"n": 1, **rules[at]["when"]}},
            ]
            + ([{"channel": "room-*"}] if rules[at]["channel"] in (None, "*") else [])
        )
    )
    fewer = [{**chosen, **taken} if index == at else chosen for index, chosen in enumerate(rules)]
    for after in (app_of(fewer), app_of(rules[:at] + rules[at + 1 :])):
        for token_request in REQUESTS:
            if permit_of(after, caller, token_request) is not None:
                assert permit_of(before, caller, token_request) is not None, token_request


def _names_a_wildcard(fields: Mapping[str, Any]) -> bool:
    """Whether a request says uid 0, an empty id, true in place of an id, or an id with a star."""
    named = [value for name, value in fields.items() if name in ("channel", "account", "user")]
    for service in fields.get("services", ()):
        ids = [service.get("user"), service.get("channel"), service.get("derived")]
        named += [*ids, *service.get("more_users", ()), *service.get("more_channels", ())]
    return fields.get("uid") == 0 or any(name is True or name == "" or "*" in str(name) for name in named)


@examples(40)
@given(rules=st.lists(_RULES, max_size=2), claims=_CLAIMS)
def test_a_wildcard_is_granted_only_where_requested_and_permitted(rules: list[Choices], claims: dict[str, Any]) -> None:
    of, caller = app_of(rules), caller_of(claims)
    for token_request in REQUESTS:
        permit = permit_of(of, caller, token_request)
        if permit is None:
            continue
        capabilities = permit.reach.capabilities
        assert capabilities <= set(rules[int(permit.rule)]["capabilities"])
        if capabilities & {WILDCARD_USER, WILDCARD_CHANNEL}:
            assert _names_a_wildcard(token_request.fields), token_request


@examples(20)
@given(rules=st.lists(_RULES, min_size=1, max_size=2), claims=_CLAIMS)
def test_what_is_permitted_is_minted_as_granted(rules: list[Choices], claims: dict[str, Any]) -> None:
    of, caller = app_of(rules), caller_of(claims)
    for token_request in REQUESTS:
        permit = permit_of(of, caller, token_request)
        if permit is not None and token_request.kind in MINTED:
            issued = mint(permit, ISSUANCE)
            assert permit.backend.read(issued.token).grant == permit.grant == issued.grant
            assert issued.expires_at == ISSUANCE.issued_at + permit.grant.ttl
