"""Builds an app's lifetimes and routes, and finds routes of all apps that clash."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from tokend.auth.contract import AppContext
from tokend.config.backends import kinds_of
from tokend.config.callers import BuiltCaller, build_authenticator
from tokend.config.custom import build_custom
from tokend.config.entry_points import DIALECTS, PluginError
from tokend.config.problems import KeyPath, Report, dotted
from tokend.config.shape import AppShape
from tokend.config.vendor_defaults import DEFAULT_DIALECTS
from tokend.core.validation import redact_secrets, suggestion
from tokend.dialects.contract import Dialect
from tokend.issuing.app_options import RouteOptions, TtlBounds, is_prefix
from tokend.issuing.configuration import App, Route
from tokend.issuing.routing import clash, literal_prefix

BUILT_IN: Final = TtlBounds()


def build_ttl(written: TtlBounds, path: KeyPath, report: Report, app: TtlBounds | None = None) -> TtlBounds:
    """The effective lifetimes: those of the app, or the built-in ones, with what is written in their place."""
    bounds = written.within(app or BUILT_IN)
    if written.model_fields_set and not report.touches(path):
        for key, sentence in bounds.problems(app):
            report.add((*path, key), sentence)
    return bounds


def build_routes(
    shape: AppShape, path: KeyPath, app: App, callers: Mapping[str, BuiltCaller], ttl: TtlBounds, report: Report
) -> list[tuple[KeyPath, Route]]:
    """The app's routes with their places in the configuration. The default is a route at `/` and the app's name."""
    written = shape.routes
    if written is None:
        written = [RouteOptions(path=f"/{app.name}")] if is_prefix(f"/{app.name}") else []
    elif not written:
        report.add_after((*path, "routes"), "is empty: the app would answer nowhere")
    within = _Within(app, kinds_of(shape), callers, ttl, report)
    return [
        ((*path, "routes", index), _route(route, (*path, "routes", index), within))
        for index, route in enumerate(written)
    ]


def check_clashes(routes: Iterable[tuple[KeyPath, Route]], report: Report) -> None:
    """Report two routes with the same host and literal prefix that could match the same request."""
    places: dict[tuple[str | None, tuple[str, ...]], list[tuple[KeyPath, Route]]] = {}
    sound: set[tuple[int, ...]] = set()  # combinations of dialects without a clash, which thousands of apps share
    for path, route in routes:
        if report.is_broken(path) or any(report.touches((*path, key)) for key in ("path", "host")):
            continue
        together = tuple(map(id, route.dialects))
        if together in sound:
            pass
        elif template := clash(route, route):
            sentence = f"names two dialects that both answer {redact_secrets(template)}: give each a route of its own"
            report.add_after(path, sentence)
        elif route.path == literal_prefix(route.path):
            sound.add(together)
        here = places.setdefault((route.host, literal_prefix(route.path)), [])
        for other_path, other in here:
            if template := clash(other, route):
                where = f"{dotted(other_path[:2])} ({report.location_of(other_path)})"
                sentence = f"could match the same requests as a route of {where}, such as {redact_secrets(template)}"
                report.add_after(path, sentence)
                break
        here.append((path, route))


class _Within(Struct, frozen=True):
    """The app of a route. `kinds`: those that it lists, built or not."""

    app: App
    kinds: Collection[str]
    callers: Mapping[str, BuiltCaller]
    ttl: TtlBounds
    report: Report


def _route(written: RouteOptions, at: KeyPath, within: _Within) -> Route:
    app, callers, report = within.app, within.callers, within.report
    for key, sentence in written.problems():
        report.add_after((*at, key), sentence)
    names = tuple(callers) if written.callers is None else tuple(written.callers)
    if not report.is_broken((*at[:2], "callers")):
        _check_names(names, callers, "caller", (*at, "callers"), report)
    context = AppContext(app.name, app.url_signing)
    taken_in = {name: callers[name] for name in names if name in callers}
    ttl = build_ttl(written.ttl, (*at, "ttl"), report, within.ttl)
    options = written.model_copy(update={"ttl": ttl})
    return Route(
        app=app,
        options=options,
        dialects=_dialects(options, at, within),
        authenticator=build_authenticator(taken_in, context, (*at, "callers"), report),
        callers=names,
    )


def _dialects(options: RouteOptions, at: KeyPath, within: _Within) -> tuple[Dialect, ...]:
    report = within.report
    if options.is_custom:
        return build_custom(options, at, within.app, within.kinds, report)
    found = []
    for name in dict.fromkeys(options.dialect or DEFAULT_DIALECTS):
        try:
            found.append(DIALECTS.load(name))
        except PluginError as problem:
            report.add_after((*at, "dialect"), str(problem))
    return tuple(found)


def _check_names(names: Iterable[str], known: Collection[str], noun: str, at: KeyPath, report: Report) -> None:
    for name in names:
        if name not in known:
            report.add_after(at, f"'{redact_secrets(name)}' is no {noun}{suggestion(name, known)}")
