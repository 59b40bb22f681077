"""Builds one app from what was written: the place where its backends, dialects and authenticators are constructed.

What is wrong with one of them needs its place in the file, so this is done here and not in `issuing/active.py`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.auth.contract import AppContext, PathKey, SigningKeys
from tokend.config.backends import BuildContext, build_backends, kinds_of
from tokend.config.callers import BuiltCaller, build_callers
from tokend.config.problems import KeyPath
from tokend.config.routes import build_routes, build_ttl
from tokend.config.secrets import Read
from tokend.config.shape import AppShape
from tokend.config.url_signing import build_url_signing
from tokend.core.declarations import APP_ADMIN
from tokend.core.durations import written
from tokend.core.folding import listed
from tokend.issuing.configuration import App, Route
from tokend.issuing.crossing_rules import any_user_rules, longer_rules
from tokend.issuing.logins import login_warning

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}")


class BuiltApp(Struct, frozen=True):
    """An app as far as it could be built. `digest` and `reads` show whether it changed; `callers` are kept for later checks.

    `digest`: of what is written. `reads`: the secrets that it was built with.
    """

    app: App
    routes: tuple[tuple[KeyPath, Route], ...]
    callers: Mapping[str, BuiltCaller]
    warnings: tuple[str, ...]
    scheduled_warnings: tuple[tuple[int, str], ...]
    digest: str
    reads: tuple[Read, ...] = ()


def build_app(name: str, shape: AppShape, tools: BuildContext, served: BuiltApp | None = None) -> BuiltApp:
    """Build an app with its backends, callers and routes; problems go into the report of `tools`.

    `served`: its valid version that is served now. It is returned if what is written and its secrets are the same.
    """
    path: KeyPath = ("apps", name)
    report = tools.report
    digest = _digest(report.root["apps"][name])
    if served is not None and served.digest == digest and tools.secrets.are_still(served.reads):
        return served
    tools = replace(tools, secrets=tools.secrets.with_own_reads())
    for named in (path, *((*path, "callers", caller) for caller in shape.callers or ())):
        if _NAME.fullmatch(str(named[-1])) is None:
            report.add(named, "a name is 1 to 64 of a-z A-Z 0-9 . _ - and begins with a letter or digit")
    app_credentials, backends = build_backends(shape, path, tools)
    ttl = build_ttl(shape.ttl, (*path, "ttl"), report)
    url_signing = build_url_signing(shape, path, app_credentials, report, tools.secrets)
    context = AppContext(name, url_signing)
    kinds = {kind: backends.get(kind) for kind in kinds_of(shape)}
    callers = build_callers(shape.callers, context, path, kinds, ttl.min, report, tools.secrets)
    rules = {caller: built.rules for caller, built in callers.items()}
    undated = frozenset(caller for caller, built in callers.items() if _is_undated(built, url_signing))
    app = App(
        name,
        app_credentials.app_id,
        backends,
        rules,
        shape.options.model_copy(update={"ttl": ttl}),
        url_signing,
        undated,
    )
    routes = build_routes(shape, path, app, callers, ttl, tools)
    warnings = _warnings(app, [route for _, route in routes], callers)
    scheduled_warnings = _scheduled_warnings(name, callers)
    reads = (*shape.reads, *tools.secrets.reads)
    return BuiltApp(app, tuple(routes), callers, tuple(warnings), tuple(scheduled_warnings), digest, reads)


def _is_undated(caller: BuiltCaller, url_signing: SigningKeys | None) -> bool:
    """Whether no credential of the caller has an issue time. A key in the URL has none; a signed URL in its place has one."""
    if caller.scheme is None:
        return False
    has_fixed_keys = bool(caller.keys) and any(isinstance(source, PathKey) for source in caller.scheme.reads)
    return not caller.scheme.has_issue_time or (has_fixed_keys and url_signing is None)


def _digest(written: Any) -> str:
    """A digest that changes with the app's merged part of the YAML."""
    return hashlib.sha256(json.dumps(written, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def _warnings(app: App, routes: list[Route], callers: Mapping[str, BuiltCaller]) -> list[str]:
    found = []
    for name, caller in callers.items():
        found += _caller_warnings(f"app {app.name}", name, caller)
        found += _login_warnings(app, caller)
        found += _ttl_warnings(app, caller)
    found += [f"app {app.name}: route {route.prefix} {warning}" for route in routes for warning in route.warnings]
    found += _crossing_warnings(app, callers)
    found += _cors_warnings(app, callers)
    found += _service_warnings(app)
    return found


def _cors_warnings(app: App, callers: Mapping[str, BuiltCaller]) -> list[str]:
    """Callers whose requests come from web pages, where the app says nothing of pages. `cors: {}` says that there are none."""
    names = [name for name, caller in callers.items() if caller.scheme is not None and caller.scheme.from_web_pages]
    if not names or "cors" in app.options.model_fields_set:
        return []
    noun = "caller" if len(names) == 1 else "callers"
    return [
        f"app {app.name}: there is no `cors`, so no web page of another origin can read the answers to {noun} {listed(names)}. "
        'Write cors: {origins: ["https://app.example.com"]}, or cors: {} if there is no such page'
    ]


def _service_warnings(app: App) -> list[str]:
    """Kinds that combine services of other kinds, of which the app has less than two: rules name kinds of the app alone."""
    found = []
    for kind, backend in app.backends.items():
        others = [shape.kind for shape in backend.declarations.services.values()]
        names = [name for name in others if name is not None]
        missing = [name for name in names if name not in app.backends]
        if len(names) == len(others) and missing and len(names) - len(missing) < 2:
            found.append(
                f"app {app.name}: tokens of kind {kind} have services of kinds {listed(names)}, and the app has no "
                f"{listed(missing)}, so no rule permits them. Add {'it' if len(missing) == 1 else 'them'} to `backends`"
            )
    return found


def _ttl_warnings(app: App, caller: BuiltCaller) -> list[str]:
    """Rules that name a longer ttl than the app, or each of the rule's kinds, allows: it is never reached."""
    found = []
    for rule in caller.rules:
        maxima = {
            kind: app.options.ttl.longest(app.backends[kind].max_ttl) for kind in rule.kinds & app.backends.keys()
        }
        longest = max(maxima.values(), default=app.options.ttl.max)
        if rule.max_ttl is not None and rule.max_ttl > longest:
            whose = (
                "the app's max" if longest == app.options.ttl.max else f"the max of kind {' and '.join(sorted(maxima))}"
            )
            found.append(
                f"app {app.name}: {rule.name} has ttl.max {written(rule.max_ttl)}, which is over {whose} of "
                f"{written(longest)}, so {written(longest)} counts"
            )
    return found


def _caller_warnings(app: str, name: str, caller: BuiltCaller) -> list[str]:
    scheme = caller.scheme
    found: list[str] = []
    if scheme is None:
        return found
    if scheme.takes_anybody:
        found.append(
            f"{app}: caller {name} is {scheme.name}, so anybody who reaches this server gets tokens by its rules. "
            "Replace it with an api_key caller to require a key"
        )
    administrative = [rule for rule in caller.rules if APP_ADMIN in rule.capabilities]
    if scheme.brings_claims and any(not rule.when for rule in administrative):
        found.append(
            f"{app}: {scheme.name} caller {name} has the capability app_admin in a rule without `when`: every user whom "
            "the identity provider signs in administers the app"
        )
    # a caller with only signed URLs is restricted, so it cannot administer
    in_url = bool(caller.keys) and any(isinstance(source, PathKey) for source in scheme.reads)
    if administrative and (scheme.takes_anybody or in_url):
        found.append(
            f"{app}: {scheme.name} caller {name} has the capability app_admin: whoever has the URL administers the app"
        )
    return found


def _login_warnings(app: App, caller: BuiltCaller) -> list[str]:
    """Rules for a channel by which any user may log in to services without a channel."""
    declared = {kind: backend.declarations for kind, backend in app.backends.items()}
    return [
        f"app {app.name}: {rule.name} {warning}"
        for rule in caller.rules
        if rule.channel is not None and not rule.channel.is_any and rule.user is not None and rule.user.is_any
        if (warning := login_warning(rule.kinds, declared)) is not None
    ]


def _crossing_warnings(app: App, callers: Mapping[str, BuiltCaller]) -> list[str]:
    """Rules by which a caller gets what belongs to another."""
    declared = {kind: backend.declarations for kind, backend in app.backends.items()}
    anybody = {name for name, caller in callers.items() if caller.scheme is not None and caller.scheme.takes_anybody}
    known = {name: caller.rules for name, caller in callers.items() if name not in anybody}
    found = list(longer_rules([rule for caller in callers.values() for rule in caller.rules], declared))
    for name in callers:
        found += any_user_rules(callers[name].rules, known, declared) if name in anybody else ()
    return [f"app {app.name}: {warning}" for warning in found]


def _scheduled_warnings(app: str, callers: Mapping[str, BuiltCaller]) -> list[tuple[int, str]]:
    """Keys that expire: the time in Unix seconds, and the warning from then on."""
    return [
        (
            key.not_after.at,
            f"app {app}: the {caller.scheme.name} of caller {name} ended at {key.not_after.written}, "
            "and requests with it are refused",
        )
        for name, caller in callers.items()
        if caller.scheme is not None
        for key in caller.keys
        if key.not_after is not None
    ]
