"""Builds a caller's rules: each as written, with the keys that its preset adds, and all names checked."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.auth.contract import AuthScheme
from tokend.backends.contract import Backend
from tokend.config.partly_valid import partly_valid
from tokend.config.problems import KeyPath, Report
from tokend.config.rule_presets import preset_keys
from tokend.core.declarations import CAPABILITIES, ROLES
from tokend.core.field_limits import FieldLimit
from tokend.core.patterns import Template
from tokend.core.rules import Rule
from tokend.core.validation import redact_secrets, suggestion
from tokend.issuing.field_types import json_types

_SCALARS: Final = frozenset(("string", "integer", "number"))
"""The JSON types that a rule can name values of."""


class RuleContext(Struct, frozen=True):
    """What rules are checked with: the app's kinds and shortest lifetime in seconds, and the caller's scheme if known.

    `kinds`: the backend of each; None if it could not be built.
    """

    kinds: Mapping[str, Backend | None]
    min_ttl: int
    scheme: type[AuthScheme] | None
    report: Report


def build_rules(written: list[Any], at: KeyPath, name: str, context: RuleContext) -> tuple[Rule, ...]:
    """The rules of a caller, without those that cannot be used. `name`: the app and the caller, such as `demo.web`."""
    built = (_rule(rule, (*at, index), f"{name}.rules[{index}]", context) for index, rule in enumerate(written))
    return tuple(rule for rule in built if rule is not None)


def rule_for_all(name: str, kinds: Collection[str]) -> Rule:
    """The rule of a caller that needs no rules and has none: any token of the app, without wildcards."""
    return Rule.model_validate({"kinds": frozenset(kinds)}, context={"name": f"{name}.rules[0]"})


def _rule(written: Any, at: KeyPath, name: str, context: RuleContext) -> Rule | None:
    report, scheme = context.report, context.scheme
    if isinstance(written, dict):
        added = preset_keys(written, context.kinds, at, report, brings_claims=scheme is None or scheme.brings_claims)
        written = added | written
        _check_kinds(written.get("kinds"), at, context)
        written.setdefault("kinds", frozenset(context.kinds))
    rule = partly_valid(Rule, written, at, report, {"name": name})
    if rule is None:
        return None
    if isinstance(written, dict):
        _check_declared(rule, written, at, context)
    if scheme is not None and scheme.brings_claims and rule.user is None:
        report.add_after(
            (*at, "user"), 'is missing: every signed-in user could be every other; write "{claims.sub}" or "*"'
        )
    if scheme is not None and not scheme.brings_claims:
        _check_claimless(rule, at, scheme.name, report)
    if rule.max_ttl is not None and rule.max_ttl < context.min_ttl and not report.touches((*at[:2], "ttl")):
        report.add_after(
            (*at, "ttl", "max"),
            f"is below the app's shortest ttl of {context.min_ttl} s: the rule could permit nothing",
        )
    return rule


def _check_kinds(written: object, at: KeyPath, context: RuleContext) -> None:
    kinds = [written] if isinstance(written, str) else written
    if not isinstance(kinds, list) or context.report.touches((*at[:2], "backends")):
        return
    for index, kind in enumerate(kinds):
        if isinstance(kind, str) and kind not in context.kinds:
            sentence = f"'{redact_secrets(kind)}' is no kind of this app{suggestion(kind, context.kinds)}"
            context.report.add_after((*at, "kinds", index), sentence)


def _check_declared(rule: Rule, written: Mapping[str, Any], at: KeyPath, context: RuleContext) -> None:
    """Report roles, capabilities and fields that no kind of the rule declares."""
    backends = [backend for kind in rule.kinds if (backend := context.kinds.get(kind)) is not None]
    known = [backend.declarations for backend in backends]
    if len(known) < len(rule.kinds):
        return  # another problem has been reported: a kind is unknown or could not be built
    names = {
        "roles": frozenset(ROLES).union(*(declarations.roles for declarations in known)),
        "capabilities": frozenset(CAPABILITIES).union(*(declarations.capabilities for declarations in known)),
        "fields": frozenset[str]().union(*(declarations.details for declarations in known)),
    }
    nouns = {"roles": "role", "capabilities": "capability", "fields": "detail"}
    for key, allowed in names.items():
        value = written.get(key)
        listed = isinstance(value, list)
        for index, name in enumerate(value if isinstance(value, list | dict) else [value]):
            if isinstance(name, str) and name not in allowed:
                where = (*at, key, index) if listed else (*at, key, name) if isinstance(value, dict) else (*at, key)
                sentence = f"'{redact_secrets(name)}' is no {nouns[key]} of {_listed(rule.kinds)}"
                context.report.add_after(where, sentence + suggestion(name, allowed))
    for name, limit in rule.fields.items():
        if problem := _type_problem(name, limit, backends):
            context.report.add_after((*at, "fields", name), problem)


def _type_problem(name: str, limit: FieldLimit, backends: Collection[Backend]) -> str | None:
    """Why no value of a detail can be what a rule writes, from the types of the request field with its name."""
    declaring = [backend for backend in backends if name in backend.declarations.details]
    types = frozenset[str]().union(*(json_types(backend.Fields).get(name, _SCALARS) for backend in declaring))
    if not limit.allowed or not types or "string" in types:
        return None
    if not types & _SCALARS:
        return "takes no text and no number: write true for any value, or false for none"
    if any(isinstance(allowed, Template) for allowed in limit.allowed):
        return "takes numbers: write one or more of them without quotes, true for any value, or false for none"
    return None


def _listed(kinds: Collection[str]) -> str:
    return f"kind{'' if len(kinds) == 1 else 's'} {', '.join(sorted(map(redact_secrets, kinds)))}"


def _check_claimless(rule: Rule, at: KeyPath, scheme: str, report: Report) -> None:
    """Report rules that name claims. Without a signed-in user there are no claims, so such a rule could never apply."""
    none = f"and a caller with {scheme} has none: the rule could never apply"
    for key, template in (("channel", rule.channel), ("user", rule.user)):
        if template is not None and template.fixed is None:
            report.add_after((*at, key), f"names a claim, {none}")
    for name, limit in rule.fields.items():
        if any(isinstance(allowed, Template) and allowed.fixed is None for allowed in limit.allowed):
            report.add_after((*at, "fields", name), f"names a claim, {none}")
    if rule.when:
        report.add_after((*at, "when"), f"asks for claims, {none}")
