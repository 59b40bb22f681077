"""Builds an app's callers. Each has the key of one auth scheme, with the scheme's options and checks, and rules."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeVar

from msgspec import Struct
from pydantic import BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import AppContext, AuthScheme, Cookie, PathKey, ProxyHeaders
from tokend.auth.key_digests import Key
from tokend.backends.contract import Backend
from tokend.config.backends import BuildContext
from tokend.config.entry_points import AUTH_SCHEMES, PluginError, installed
from tokend.config.partly_valid import Part
from tokend.config.problems import KeyPath, Report
from tokend.config.rules import RuleContext, build_rules, rule_for_all
from tokend.core.claims import ClaimPath
from tokend.core.rules import Rule
from tokend.core.validation import redact_secrets, satisfying, suggestion
from tokend.issuing.grants import PLUGIN_ERRORS

_Name = TypeVar("_Name", str, tuple[str, str])
_RULES_EXAMPLE: Final = 'rules: [{kinds: rtc, channel: "demo-*", user: "*"}]'


_list = satisfying(lambda value: isinstance(value, list), f"must be a list, such as {_RULES_EXAMPLE}")


class CallerShape(Part):
    """A caller: the key of an auth scheme with its options, and `rules`: what it may be granted."""

    model_config = ConfigDict(extra="allow")

    rules: Annotated[list[Any], BeforeValidator(_list, json_schema_input_type=list[Rule])] | None = Field(
        default=None,
        description=(
            "what the caller may be granted: the first rule that fits decides. Default: one empty rule "
            "for an api_key caller, otherwise required"
        ),
    )

    @property
    def schemes(self) -> Mapping[str, Any]:
        """Every key except `rules`, with its value."""
        return self.model_extra or {}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema with the options of every installed scheme."""
        found = handler(schema)
        own = handler.resolve_ref_schema(found)
        for name, scheme in AUTH_SCHEMES.load_all().items():
            own["properties"][name] = handler(scheme.Options.__pydantic_core_schema__)
        own["additionalProperties"] = False
        return found


class BuiltCaller(Struct, frozen=True):
    """A caller as far as it could be built. `keys`: known by their digests."""

    rules: tuple[Rule, ...]
    scheme: type[AuthScheme] | None = None
    options: Any = None
    keys: tuple[Key, ...] = ()

    @property
    def has_key_in_url(self) -> bool:
        """Whether a fixed key in the URL authenticates it."""
        if self.scheme is None or not self.keys:
            return False
        return any(isinstance(source, PathKey) for source in self.scheme.reads)


def build_callers(
    callers: Mapping[str, CallerShape] | None,
    app: AppContext,
    path: KeyPath,
    kinds: Mapping[str, Backend | None],
    min_ttl: int,
    tools: BuildContext,
) -> Mapping[str, BuiltCaller]:
    """The callers of the app by name; reports problems. `kinds`: the app's. `min_ttl`: its shortest lifetime, in seconds."""
    report = tools.report
    if callers is None:
        report.add_after(
            (*path, "callers"), "is required: define at least one caller, because nobody else gets a token"
        )
    elif not callers:
        report.add_after((*path, "callers"), "names no caller: without one, nobody gets a token")
    built: dict[str, BuiltCaller] = {}
    for name, caller in (callers or {}).items():
        at = (*path, "callers", name)
        scheme = _scheme(caller, at, report)
        options = None if scheme is None else _options(scheme, caller.schemes[scheme.name], at, tools)
        rules = _rules(caller, at, f"{app.name}.{name}", RuleContext(kinds, min_ttl, scheme, report))
        built[name] = BuiltCaller(rules, scheme, options, _keys(scheme, options, at, report))
    for scheme, named in _by_scheme(built).items():
        with _reported(scheme, (*path, "callers", next(iter(named)), scheme.name), report):
            for place, sentence in scheme.problems(app, named):
                report.add_after((*path, "callers", place[0], scheme.name, *place[1:]), sentence)
    _check_shared_keys(built, path, report)
    return built


def build_authenticator(
    callers: Mapping[str, BuiltCaller], app: AppContext, at: KeyPath, report: Report
) -> Authenticator:
    """The authenticator of a route with these callers, without those that have a problem. `at`: the place of its `callers`."""
    sound = {
        name: caller
        for name, caller in callers.items()
        if caller.scheme is not None and not report.touches((*at[:2], "callers", name, caller.scheme.name))
    }
    schemes = []
    for scheme, named in _by_scheme(sound).items():
        with _reported(scheme, at, report):
            problems = list(scheme.problems_of_route(named))
            for sentence in problems:
                report.add_after(at, sentence)
            if not problems:
                schemes.append(scheme(app, named))
    cookies = sorted({source.name for scheme in schemes for source in scheme.reads if isinstance(source, Cookie)})
    if len(cookies) > 1:
        report.add_after(
            at, f"takes in callers that read the cookies {' and '.join(cookies)}: one route reads one cookie"
        )
    return Authenticator(schemes)


def check_between_apps(callers: Mapping[tuple[str, str], BuiltCaller], report: Report) -> None:
    """Report what callers of two apps must not have in common, as their scheme says, at the later of them.

    `callers`: by the names of app and caller.
    """
    for scheme, options in _by_scheme(callers).items():
        app, caller = next(iter(options))
        with _reported(scheme, ("apps", app, "callers", caller, scheme.name), report):
            for place, sentence in scheme.problems_between_apps(options):
                app, caller = map(str, place[:2])
                if (app, caller) not in options:
                    raise KeyError(place)
                report.add_after(("apps", app, "callers", caller, scheme.name, *place[2:]), sentence)


def required_claims(caller: BuiltCaller) -> frozenset[ClaimPath]:
    """The claims of which a caller requires something. What the scheme's code cannot say does not count."""
    try:
        conditions = () if caller.scheme is None else caller.scheme.requirements(caller.options)
        return frozenset(condition.path for condition in conditions)
    except PLUGIN_ERRORS:
        return frozenset()


def check_trusted_proxies(apps: Mapping[str, Mapping[str, BuiltCaller]], trusts_proxies: bool, report: Report) -> None:
    """Report callers that need a trusted proxy, if the configuration has none."""
    at: KeyPath = ("server", "trusted_proxies")
    if trusts_proxies or report.touches(at) or report.is_broken(at):
        return
    for app, callers in apps.items():
        for name, caller in callers.items():
            if caller.scheme is None:
                continue
            place: KeyPath = ("apps", app, "callers", name, caller.scheme.name)
            with _reported(caller.scheme, place, report):
                if any(isinstance(source, ProxyHeaders) for source in caller.scheme.reads):
                    sentence = "needs server.trusted_proxies, the addresses of the proxy: anybody can send its headers"
                    report.add_after(place, sentence)


@contextmanager
def _reported(scheme: type[AuthScheme], at: KeyPath, report: Report) -> Iterator[None]:
    """Report an exception of a scheme's code as a problem of the configuration that names the package."""
    try:
        yield
    except PLUGIN_ERRORS as error:
        report.add_after(at, AUTH_SCHEMES.broken(scheme.name, error))


def _scheme(caller: CallerShape, at: KeyPath, report: Report) -> type[AuthScheme] | None:
    known = installed(AUTH_SCHEMES.name)
    for name in caller.schemes:
        if name not in known:
            near = suggestion(name, [*known, "rules"]).partition("; known")[0]
            report.add_broken((*at, name), f"unknown key{near or '.'} Installed auth schemes: {', '.join(known)}")
    named = [name for name in caller.schemes if name in known]
    if len(named) > 1:
        report.add(at, f"has {' and '.join(named)}: one caller has one scheme; write two callers")
    if not named:
        if not caller.schemes and not report.is_broken(at):
            report.add(at, f"needs an auth scheme: one of {', '.join(known)}")
        return None
    try:
        return AUTH_SCHEMES.load(named[0])
    except PluginError as problem:
        report.add_after((*at, named[0]), str(problem))
        return None


def _options(scheme: type[AuthScheme], written: Any, at: KeyPath, tools: BuildContext) -> Any:
    """The options under the scheme's key. None if a part is wrong, since nothing can be concluded from the rest."""
    place = (*at, scheme.name)
    options = tools.valid_options(scheme.Options, written, place)
    return None if tools.report.touches(place) else options


def _keys(scheme: type[AuthScheme] | None, options: Any, at: KeyPath, report: Report) -> tuple[Key, ...]:
    keys: tuple[Key, ...] = ()
    if scheme is not None and options is not None:
        with _reported(scheme, (*at, scheme.name), report):
            found = tuple(scheme.keys(options))
            if {*map(type, found)} - {Key}:
                raise TypeError
            keys = found
    return keys


def _rules(caller: CallerShape, at: KeyPath, name: str, context: RuleContext) -> tuple[Rule, ...]:
    scheme = context.scheme
    if caller.rules is not None:
        return build_rules(caller.rules, (*at, "rules"), name, context)
    if scheme is None:
        return ()
    if scheme.needs_rules or scheme.brings_claims:  # without rules, each user could be every other
        sentence = f"is missing: a caller with {scheme.name} gets tokens by its rules alone; write {_RULES_EXAMPLE}"
        context.report.add_after((*at, "rules"), sentence)
        return ()
    return (rule_for_all(name, context.kinds),)


def _by_scheme(callers: Mapping[_Name, BuiltCaller]) -> dict[type[AuthScheme], dict[_Name, Any]]:
    """For each scheme, the options of its callers by name."""
    found: dict[type[AuthScheme], dict[_Name, Any]] = {}
    for name, caller in callers.items():
        if caller.scheme is not None and caller.options is not None:
            found.setdefault(caller.scheme, {})[name] = caller.options
    return found


def _check_shared_keys(callers: Mapping[str, BuiltCaller], path: KeyPath, report: Report) -> None:
    """Report a key that two callers have: it would be unclear which rules apply."""
    first: dict[str, str] = {}
    for name, caller in callers.items():
        for key in caller.keys:
            other = first.get(key.sha256)
            if other is not None and caller.scheme is not None:
                same = f"holds a key that caller {redact_secrets(other)} has too"
                sentence = "holds one key twice" if other == name else same
                report.add_after((*path, "callers", name, caller.scheme.name), sentence)
            first.setdefault(key.sha256, name)
