"""An app's callers: their auth schemes and their rules, with everything that a rule names checked."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from tokend.auth.anonymous import Anonymous
from tokend.auth.api_key import ApiKey
from tokend.auth.authenticator import SCHEMES, Authenticator
from tokend.auth.contract import AuthScheme
from tokend.auth.forward_auth import ForwardAuth, ForwardAuthConfig
from tokend.auth.jwt import Jwt, TrustedIssuer
from tokend.auth.signed_url import SignedUrl
from tokend.auth.url_key import UrlKey
from tokend.config.conditions import build_conditions
from tokend.config.forward_auth import build_forwarding
from tokend.config.jwt import build_trust
from tokend.config.problems import KeyPath, Report
from tokend.config.rule_presets import apply_preset
from tokend.config.secrets import Secrets
from tokend.config.shape import AppShape, CallerShape, RuleShape
from tokend.core.claims import ClaimError
from tokend.core.patterns import Template, parse_template
from tokend.core.reach import Capability
from tokend.core.rules import Rule
from tokend.core.validation import redact_secrets, suggestion
from tokend.issuing.configuration import App

_CLAIMLESS: Final = "and only a jwt or forward_auth caller has claims: the rule could never apply"


class BuiltCaller(Struct, frozen=True):
    """A caller as far as it could be built."""

    shape: CallerShape
    rules: tuple[Rule, ...]
    trust: TrustedIssuer | None = None
    forwarding: ForwardAuthConfig | None = None


def build_callers(
    shape: AppShape, path: KeyPath, kinds: Collection[str], min_ttl: int, report: Report, secrets: Secrets
) -> Mapping[str, BuiltCaller]:
    """Every caller of the app by name. `kinds`: those that the app has. `min_ttl`: its shortest lifetime, in seconds."""
    callers = shape.callers or {}
    if not callers and shape.callers is not None:
        report.add_after((*path, "callers"), "names no caller: without one, nobody gets a token")
    elif shape.callers is None:
        report.add_after((*path, "callers"), "is missing: without a caller, nobody gets a token")
    built = {}
    for name, caller in callers.items():
        at = (*path, "callers", name)
        _check_scheme(caller, at, report)
        if caller.url_key == [] and shape.url_signing_key is None and not report.touches((*path, "url_signing_key")):
            report.add_after((*at, "url_key"), "is signed, which needs the app's url_signing_key")
        rules = _rules(caller, at, f"{path[-1]}.{name}", kinds, min_ttl, report)
        trust = build_trust(caller.jwt, name, (*at, "jwt"), report, secrets) if caller.jwt is not None else None
        forwarding = (
            build_forwarding(caller.forward_auth, name, (*at, "forward_auth"), report, secrets)
            if caller.forward_auth is not None
            else None
        )
        built[name] = BuiltCaller(caller, rules, trust, forwarding)
    _check_shared_keys(callers, path, report)
    return built


def build_authenticator(callers: Mapping[str, BuiltCaller], names: Iterable[str], app: App) -> Authenticator:
    """The gate of a route of the app that takes these callers."""
    chosen = {name: callers[name].shape for name in names if name in callers}
    api_keys = {name: [entry.key for entry in one.api_key] for name, one in chosen.items() if one.api_key is not None}
    url_keys = {name: [entry.key for entry in one.url_key] for name, one in chosen.items() if one.url_key is not None}
    schemes: list[AuthScheme] = [ApiKey(api_keys)] if api_keys else []
    schemes += [UrlKey(url_keys)] if url_keys else []
    if url_keys and app.url_signing is not None:
        schemes.append(SignedUrl(app.name, url_keys, app.url_signing))
    trusts = [trust for name in chosen if (trust := callers[name].trust) is not None]
    schemes += [Jwt(trusts)] if trusts else []
    forwardings = [forwarding for name in chosen if (forwarding := callers[name].forwarding) is not None]
    schemes += [ForwardAuth(forwardings)] if forwardings else []
    schemes += [Anonymous(name) for name, one in chosen.items() if one.anonymous]
    return Authenticator(schemes)


def open_callers(callers: Mapping[str, BuiltCaller]) -> list[str]:
    """Names of the callers that anybody can be."""
    return [name for name, one in callers.items() if one.shape.anonymous]


def _check_scheme(caller: CallerShape, at: KeyPath, report: Report) -> None:
    named = [one for one in SCHEMES if getattr(caller, one) is not None]
    if not named and not report.touches(at, besides="rules") and not report.is_broken(at):
        report.add(at, f"needs an auth scheme: one of {', '.join(SCHEMES)}")
    elif len(named) > 1:
        report.add(at, f"has {' and '.join(named)}: one caller has one scheme; write two callers")
    if caller.rules is None and named and named != ["api_key"]:
        report.add_after((*at, "rules"), "is missing: only a caller with an api_key may do without rules")


def _check_shared_keys(callers: Mapping[str, CallerShape], path: KeyPath, report: Report) -> None:
    """One key for two callers would leave open which rules apply."""
    first: dict[str, str] = {}
    for name, caller in callers.items():
        for scheme, entry in caller.all_keys():
            other = first.get(entry.sha256)
            if other is not None:
                sentence = (
                    "holds one key twice"
                    if other == name
                    else f"holds a key that caller {redact_secrets(other)} has too"
                )
                report.add_after((*path, "callers", name, scheme), sentence)
            first.setdefault(entry.sha256, name)


def _rules(
    caller: CallerShape, at: KeyPath, name: str, kinds: Collection[str], min_ttl: int, report: Report
) -> tuple[Rule, ...]:
    if caller.rules is None:
        return (Rule(f"{name}.rules[0]", frozenset(kinds)),) if caller.api_key else ()
    signed_in = caller.jwt is not None or caller.forward_auth is not None
    built = (
        _rule(one, (*at, "rules", index), f"{name}.rules[{index}]", kinds, min_ttl, report, signed_in=signed_in)
        for index, one in enumerate(caller.rules)
    )
    return tuple(built)


def _rule(
    shape: RuleShape, at: KeyPath, name: str, kinds: Collection[str], min_ttl: int, report: Report, *, signed_in: bool
) -> Rule:
    shape = apply_preset(shape, kinds, at, report, signed_in=signed_in)
    if signed_in and shape.user is None:
        report.add_after(
            (*at, "user"), 'is missing: every signed-in user could be every other; write "{claims.sub}" or "*"'
        )
    if not signed_in:
        _check_claimless(shape, at, report)
    for index, kind in enumerate(shape.kinds or ()):
        if kind not in kinds and not report.touches((*at[:2], "backends")):
            sentence = f"'{redact_secrets(kind)}' is no kind of this app{suggestion(kind, kinds)}"
            report.add_after((*at, "kinds", index), sentence)
    max_ttl = shape.ttl.max if shape.ttl else None
    if max_ttl is not None and max_ttl < min_ttl and not report.touches((*at[:2], "ttl")):
        report.add_after(
            (*at, "ttl", "max"), f"is below the app's shortest ttl of {min_ttl} s: the rule could permit nothing"
        )
    return Rule(
        path=name,
        kinds=frozenset(kinds if shape.kinds is None else shape.kinds),
        when=tuple(build_conditions(shape.when or {}, (*at, "when"), report)),
        channel=_template(shape.channel, (*at, "channel"), report),
        user=_template(shape.user, (*at, "user"), report),
        roles=None if shape.roles is None else frozenset(shape.roles),
        capabilities=frozenset(Capability(one) for one in shape.capabilities or ()),
        max_ttl=max_ttl,
    )


def _check_claimless(shape: RuleShape, at: KeyPath, report: Report) -> None:
    """Only who is signed in brings claims: elsewhere such a rule could never apply."""
    for key in ("channel", "user"):
        if "{claims" in (getattr(shape, key) or ""):
            report.add_after((*at, key), f"names a claim, {_CLAIMLESS}")
    if shape.when:
        report.add_after((*at, "when"), f"asks for claims, {_CLAIMLESS}")


def _template(text: str | None, at: KeyPath, report: Report) -> Template | None:
    if text is None:
        return None
    try:
        return parse_template(text)
    except ClaimError as problem:
        report.add_after(at, str(problem))
        return None
