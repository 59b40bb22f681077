"""Builds an app's lifetimes and routes, and finds routes of all apps that clash."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from tokend.auth.contract import AppContext
from tokend.config.backends import BuildContext, kinds_of
from tokend.config.callers import BuiltCaller, build_authenticator
from tokend.config.custom import build_custom
from tokend.config.entry_points import DIALECTS, PluginError
from tokend.config.problems import KeyPath, Report, dotted
from tokend.config.shape import AppShape
from tokend.config.vendor_defaults import default_dialects
from tokend.core.folding import listed
from tokend.core.validation import StrictModel, redact_secrets, suggestion
from tokend.dialects import custom
from tokend.dialects.contract import Dialect
from tokend.issuing.app_options import RouteOptions, TtlBounds, is_prefix
from tokend.issuing.configuration import App, Route
from tokend.issuing.dialect_choices import DialectChoice
from tokend.issuing.grants import PLUGIN_ERRORS
from tokend.issuing.routing import clash, literal_prefix, takes_from

BUILT_IN: Final = TtlBounds()


def build_ttl(written: TtlBounds, path: KeyPath, report: Report, app: TtlBounds | None = None) -> TtlBounds:
    """The effective lifetimes: those of the app, or the built-in ones, with what is written in their place."""
    if not written.model_fields_set:  # most apps and routes: they share one object
        return app or BUILT_IN
    bounds = written.within(app or BUILT_IN)
    if not report.touches(path):
        for key, sentence in bounds.problems(app):
            report.add((*path, key), sentence)
    return bounds


def build_routes(
    shape: AppShape, path: KeyPath, app: App, callers: Mapping[str, BuiltCaller], tools: BuildContext
) -> list[tuple[KeyPath, Route]]:
    """The app's routes whose path and host are valid, with their places. The default is a route at `/` and the app's name."""
    written, report = shape.routes, tools.report
    if written is None:
        written = [RouteOptions(path=f"/{app.name}")] if is_prefix(f"/{app.name}") else []
    elif not written:
        report.add_after((*path, "routes"), "is empty: the app would answer nowhere")
    within = _Within(app, kinds_of(shape), callers, tools)
    routes: list[tuple[KeyPath, Route]] = []
    for index, options in enumerate(written):
        at = (*path, "routes", index)
        route = _route(options, at, within)
        if not report.is_broken(at) and not any(report.touches((*at, key)) for key in ("path", "host")):
            routes.append((at, route))
    check_clashes(routes, report)
    return routes


_Places = dict[tuple[str | None, tuple[str, ...]], list[tuple[KeyPath, Route]]]
"""Routes with their places in the file, by host and literal prefix."""


def check_clashes(routes: Iterable[tuple[KeyPath, Route]], report: Report) -> None:
    """Report two routes with the same host that could match the same request: the later one of them.

    Within an app, a longer path may take requests of a shorter one. Between apps it would take the traffic of another tenant.
    """
    places: _Places = {}
    order: dict[KeyPath, int] = {}
    for path, route in routes:
        here = places.setdefault((route.host, literal_prefix(route.path)), [])
        for other_path, other in here:
            if template := clash(other, route):
                _report_clash(path, other_path, template, report)
                break
        here.append((path, route))
        order[path] = len(order)
    for path, other_path, template in _taken_between_apps(places):
        later, earlier = sorted((path, other_path), key=order.__getitem__, reverse=True)
        if not report.touches(later):
            _report_clash(later, earlier, template, report)


def _taken_between_apps(places: _Places) -> Iterator[tuple[KeyPath, KeyPath, str]]:
    """Each route with a longer path that takes requests from a route of another app, that route, and such a path."""
    for (host, prefix), routes in places.items():
        for length in range(len(prefix)):
            for other_path, other in places.get((host, prefix[:length]), ()):
                for path, route in routes:
                    if route.app.name != other.app.name and (template := takes_from(route, other)):
                        yield path, other_path, template


def _report_clash(path: KeyPath, other_path: KeyPath, template: str, report: Report) -> None:
    where = f"{dotted(other_path[:2])} ({report.location_of(other_path)})"
    report.add_after(path, f"could match the same requests as a route of {where}, such as {redact_secrets(template)}")


class _Within(Struct, frozen=True):
    """The app of a route. `kinds`: those that it lists, built or not."""

    app: App
    kinds: Collection[str]
    callers: Mapping[str, BuiltCaller]
    tools: BuildContext


def _route(written: RouteOptions, at: KeyPath, within: _Within) -> Route:
    app, callers, report = within.app, within.callers, within.tools.report
    for key, sentence in written.problems():
        report.add_after((*at, key), sentence)
    names = tuple(callers) if written.callers is None else tuple(written.callers)
    if not report.is_broken((*at[:2], "callers")):
        for name in names:
            if name not in callers:
                sentence = f"'{redact_secrets(name)}' is no caller{suggestion(name, callers)}"
                report.add_after((*at, "callers"), sentence)
    context = AppContext(app.name, app.url_signing)
    taken_in = {name: callers[name] for name in names if name in callers}
    ttl = build_ttl(written.ttl, (*at, "ttl"), report, app.options.ttl)
    choices = written.dialect or tuple(map(DialectChoice, default_dialects(within.kinds)))
    options = written.model_copy(update={"ttl": ttl, "dialect": choices})
    dialects = _dialects(options, at, within)
    places = {dialect.name: (*at, "dialect") for dialect in dialects}
    places |= {choice.name: (*at, "dialect", *choice.place) for choice in choices}
    dialect_options = _dialect_options(dialects, places, options, within)
    authenticator = build_authenticator(taken_in, context, (*at, "callers"), report)
    if options.path == "/" and not authenticator.path_key_callers:  # below a key, `/` is no page of the server
        _check_root(dialects, at, report)
    route = Route(
        app=app,
        options=options,
        dialects=tuple(dialects),
        authenticator=authenticator,
        callers=names,
        dialect_options=dialect_options,
        warnings=tuple(
            warning
            for dialect in dialects
            if dialect.name in dialect_options
            for warning in _warnings(dialect, dialect_options[dialect.name], places[dialect.name], within)
        ),
    )
    if template := clash(route, route):
        sentence = f"names two dialects that both answer {redact_secrets(template)}: give each a route of its own"
        report.add_after(at, sentence)
    return route


def _dialects(options: RouteOptions, at: KeyPath, within: _Within) -> list[Dialect]:
    report = within.tools.report
    if options.is_custom:
        return build_custom(options, at, within.app, within.kinds, report)
    found = []
    for choice in options.dialect:
        if choice.name == custom.NAME:  # reported already: it needs a kind
            continue
        try:
            found.append(DIALECTS.load(choice.name))
        except PluginError as problem:
            report.add_after((*at, "dialect", *choice.place), str(problem))
    return found


def _check_root(dialects: Iterable[Dialect], at: KeyPath, report: Report) -> None:
    """Report a dialect at `/` that answers at the path of its route itself: nobody would reach it."""
    own = next((dialect.name for dialect in dialects if any(not endpoint.path for endpoint in dialect.endpoints)), None)
    if own is not None and not report.touches((*at[:2], "callers")):
        sentence = (
            f"is the server's own page, and {own} answers at the path of its route: write another, such as /{own}"
        )
        report.add_after((*at, "path"), sentence)


def _dialect_options(
    dialects: Iterable[Dialect], places: Mapping[str, KeyPath], options: RouteOptions, within: _Within
) -> Mapping[str, StrictModel]:
    """The options of each dialect by its name. Wrong ones are reported and left out."""
    all_written = {choice.name: choice.options for choice in options.dialect}
    found = {}
    for dialect in dialects:
        written = all_written.get(dialect.name)
        valid = within.tools.valid_options(dialect.Options, {} if written is None else written, places[dialect.name])
        if valid is not None:
            found[dialect.name] = valid
    return found


def _warnings(dialect: Dialect, options: StrictModel, at: KeyPath, within: _Within) -> list[str]:
    """What the dialect says of its options, and that the app has none of its kinds. `at`: where the route names it.

    Reported are an exception of the dialect's code, and a kind whose backend lacks what the answers need.
    """
    report = within.tools.report
    try:
        found, kinds = list(dialect.warnings(options)), dialect.kinds(options)
        for kind, extras in kinds.items():
            backend = within.app.backends.get(kind)
            if backend is not None and not set(extras) <= set(backend.extras):
                report.add_after(
                    at,
                    f"{dialect.name} needs {listed(extras)} of kind {redact_secrets(kind)}, whose backend does not give them: "
                    "use another backend for this kind, or another dialect",
                )
        if kinds and kinds.keys().isdisjoint(within.kinds):
            names = ", ".join(map(redact_secrets, kinds))  # an option of the dialect may be the name of a kind
            found.append(
                f"has the dialect {dialect.name}, and the app has none of its kinds ({names}), so each of its requests for "
                "a token fails. Add a kind to `backends`, name one in the options of the dialect, or remove the dialect"
            )
    except PLUGIN_ERRORS as error:
        report.add_after(at, DIALECTS.broken(dialect.name, error))
        return []
    return found
