"""What the operator of a valid app is warned of: rules that permit more, or less, than they seem to."""

from collections.abc import Iterable, Iterator, Mapping

from tokend.auth.contract import AuthScheme
from tokend.config.callers import BuiltCaller
from tokend.core.declarations import APP_ADMIN, Declarations
from tokend.core.durations import written
from tokend.core.folding import listed
from tokend.dialects import native
from tokend.issuing.configuration import App, Route
from tokend.issuing.crossing_rules import any_user_rules, longer_rules
from tokend.issuing.logins import login_warning


def app_warnings(app: App, routes: Iterable[Route], callers: Mapping[str, BuiltCaller]) -> Iterator[str]:
    """A sentence for each warning, which does not name the app."""
    declared = {kind: backend.declarations for kind, backend in app.backends.items()}
    for name, caller in callers.items():
        if caller.scheme is not None:
            yield from _caller_warnings(name, caller, caller.scheme)
        yield from _login_warnings(caller, declared)
        yield from _ttl_warnings(app, caller)
        yield from _kinds_warnings(caller, declared)
    routes = tuple(routes)
    for route in routes:
        yield from (f"route {route.prefix} {warning}" for warning in route.warnings)
    if app.options.console and not any(dialect.name == native.NAME for route in routes for dialect in route.dialects):
        yield f"no route has the dialect {native.NAME}, so there is no console. Add one, or remove console: true"
    yield from _crossing_warnings(callers, declared)
    yield from _cors_warnings(app, callers)
    yield from _service_warnings(declared)


def _cors_warnings(app: App, callers: Mapping[str, BuiltCaller]) -> Iterator[str]:
    """Callers whose requests come from web pages, where the app says nothing of pages. `cors: {}` says that there are none."""
    names = [name for name, caller in callers.items() if caller.scheme is not None and caller.scheme.from_web_pages]
    if names and "cors" not in app.options.model_fields_set:
        noun = "caller" if len(names) == 1 else "callers"
        yield (
            f"there is no `cors`, so no web page of another origin can read the answers to {noun} {listed(names)}. "
            'Write cors: {origins: ["https://app.example.com"]}, or cors: {} if there is no such page'
        )


def _service_warnings(declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Kinds that combine services of other kinds, of which the app has less than two: rules name kinds of the app alone."""
    for kind, declarations in declared.items():
        others = [shape.kind for shape in declarations.services.values()]
        names = [name for name in others if name is not None]
        missing = [name for name in names if name not in declared]
        if len(names) == len(others) and missing and len(names) - len(missing) < 2:
            them = "it" if len(missing) == 1 else "them"
            yield (
                f"tokens of kind {kind} have services of kinds {listed(names)}, and the app has no {listed(missing)}, "
                f"so no rule permits a token with {them}. Add {them} to `backends`"
            )


def _kinds_warnings(caller: BuiltCaller, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Rules that list a kind whose tokens consist of services of other kinds, and none of these."""
    for rule in caller.rules:
        for kind in sorted(rule.kinds & declared.keys()):
            others = {shape.kind for shape in declared[kind].services.values()}
            in_app = sorted(name for name in others if name is not None and name in declared)
            if None not in others and in_app and not others & rule.kinds:
                yield (
                    f"{rule.name} lists kind {kind} without {listed(in_app)}, whose services its tokens have, so it permits "
                    "none of them. List the needed kinds too"
                )


def _ttl_warnings(app: App, caller: BuiltCaller) -> Iterator[str]:
    """Rules that name a longer ttl than the app, or each of the rule's kinds, allows: it is never reached."""
    ttl = app.options.ttl
    for rule in caller.rules:
        maxima = {kind: ttl.longest(app.backends[kind].max_ttl) for kind in rule.kinds & app.backends.keys()}
        longest = max(maxima.values(), default=ttl.max)
        if rule.max_ttl is not None and rule.max_ttl > longest:
            whose = "the app's max" if longest == ttl.max else f"the max of kind {' and '.join(sorted(maxima))}"
            yield (
                f"{rule.name} has ttl.max {written(rule.max_ttl)}, which is over {whose} of {written(longest)}, "
                f"so {written(longest)} counts"
            )


def _caller_warnings(name: str, caller: BuiltCaller, scheme: type[AuthScheme]) -> Iterator[str]:
    if scheme.takes_anybody:
        yield (
            f"caller {name} is {scheme.name}, so anybody who reaches this server gets tokens by its rules. "
            "Replace it with an api_key caller to require a key"
        )
    administrative = [rule for rule in caller.rules if APP_ADMIN in rule.capabilities]
    if scheme.brings_claims and any(not rule.when for rule in administrative):
        yield (
            f"{scheme.name} caller {name} has the capability app_admin in a rule without `when`: every user whom "
            "the identity provider signs in administers the app"
        )
    # a caller with only signed URLs is restricted, so it cannot administer
    if administrative and (scheme.takes_anybody or caller.has_key_in_url):
        yield f"{scheme.name} caller {name} has the capability app_admin: whoever has the URL administers the app"


def _login_warnings(caller: BuiltCaller, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Rules for a channel by which any user may log in to services without a channel."""
    for rule in caller.rules:
        if rule.channel is not None and not rule.channel.is_any and rule.user is not None and rule.user.is_any:
            warning = login_warning(rule.kinds, declared)
            if warning is not None:
                yield f"{rule.name} {warning}"


def _crossing_warnings(callers: Mapping[str, BuiltCaller], declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Rules by which a caller gets what belongs to another."""
    anybody = {name for name, caller in callers.items() if caller.scheme is not None and caller.scheme.takes_anybody}
    known = {name: caller.rules for name, caller in callers.items() if name not in anybody}
    yield from longer_rules([rule for caller in callers.values() for rule in caller.rules], declared)
    for name, caller in callers.items():
        if name in anybody:
            yield from any_user_rules(caller.rules, known, declared)
