"""An app's ttl bounds, origins and routes, and the clashes between the routes of all apps."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from tokend.auth.contract import AppContext
from tokend.config.backends import kinds_of
from tokend.config.callers import BuiltCaller, build_authenticator
from tokend.config.custom import OWN_PATHS, build_custom, custom_path, is_custom
from tokend.config.entry_points import DIALECTS, PluginError
from tokend.config.problems import KeyPath, Report, dotted
from tokend.config.shape import AppShape, RouteShape, Ttl
from tokend.core.model import PLATFORM_MAX_TTL
from tokend.core.validation import redact_secrets, suggestion
from tokend.dialects.contract import Dialect
from tokend.issuing.configuration import AUTO, App, Origins, Parts, Route, TtlBounds, check_origin, parse_path
from tokend.issuing.routing import clash, literal_prefix

DEFAULT_DIALECTS: Final = ("native", "agora-token-service")
BUILT_IN: Final = TtlBounds()
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_AT: Final = re.compile(r"/|(/[^/\s?#%{}]+)+")


def build_ttl(
    shape: Ttl | None, base: TtlBounds, path: KeyPath, report: Report, limits: TtlBounds | None = None
) -> TtlBounds:
    """`base` with what the shape says in its place; its default moves into narrower bounds unless it is written.

    `limits`: the app's bounds, which its routes keep.
    """
    if shape is None:
        return base
    low = base.min if shape.min is None else shape.min
    high = base.max if shape.max is None else shape.max
    default = shape.default
    if default is None:
        default = min(max(base.default, low), high)
    if report.touches(path):
        return TtlBounds(default, low, high)
    if high > PLATFORM_MAX_TTL:
        report.add_after((*path, "max"), f"is over the platform's maximum of {PLATFORM_MAX_TTL} s (24h)")
    elif not 1 <= low <= high:
        report.add_after((*path, "min"), f"must be at least 1s and at most max: min is {low} s, max {high} s")
    elif not low <= default <= high:
        report.add_after(
            (*path, "default"), f"must lie within min and max: it is {default} s, they are {low} s and {high} s"
        )
    if limits is not None and high > limits.max:
        report.add_after((*path, "max"), f"is over the app's max of {limits.max} s")
    if limits is not None and low < limits.min:
        report.add_after((*path, "min"), f"is below the app's min of {limits.min} s")
    return TtlBounds(default, low, high)


def build_origins(shape: AppShape, path: KeyPath, report: Report) -> Origins:
    """The app's CORS origins; blanks around them do not count."""
    written = tuple(one.strip() for one in (shape.cors.origins or ())) if shape.cors else ()
    sound = []
    for index, origin in enumerate(written):
        if problem := check_origin(origin):
            report.add_after((*path, "cors", "origins", index), problem)
        else:
            sound.append(origin)
    return Origins(tuple(sound))


def build_routes(
    shape: AppShape, path: KeyPath, app: App, callers: Mapping[str, BuiltCaller], ttl: TtlBounds, report: Report
) -> list[tuple[KeyPath, Route]]:
    """The app's routes with their paths in the configuration; `/{name of the app}` where none is written."""
    written = shape.routes
    if written is None:
        written = [RouteShape(path=f"/{app.name}")] if _AT.fullmatch(f"/{app.name}") else []
    elif not written:
        report.add_after((*path, "routes"), "is empty: the app would answer nowhere")
    within = _Within(app, kinds_of(shape), callers, ttl, report)
    return [
        ((*path, "routes", index), _route(one, (*path, "routes", index), within)) for index, one in enumerate(written)
    ]


def check_clashes(routes: Iterable[tuple[KeyPath, Route]], report: Report) -> None:
    """Two routes with the same host and literal prefix that could match one request."""
    places: dict[tuple[str | None, tuple[str, ...]], list[tuple[KeyPath, Route]]] = {}
    sound: set[tuple[int, ...]] = set()  # dialects that go together, which thousands of apps share
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
    """The app that a route belongs to. `kinds`: those that it wants, built or not."""

    app: App
    kinds: Collection[str]
    callers: Mapping[str, BuiltCaller]
    ttl: TtlBounds
    report: Report


def _route(shape: RouteShape, at: KeyPath, within: _Within) -> Route:
    app, callers, report = within.app, within.callers, within.report
    names = tuple(shape.callers) if shape.callers is not None else tuple(callers)
    if not report.is_broken((*at[:2], "callers")):
        _check_names(names, callers, "caller", (*at, "callers"), report)
    context = AppContext(app.name, app.url_signing)
    taken_in = {name: callers[name] for name in names if name in callers}
    if shape.host is not None and _HOST.fullmatch(shape.host) is None:
        report.add_after((*at, "host"), "must be a host name in lower case, without port or path")
    bounds = build_ttl(shape.ttl, within.ttl, (*at, "ttl"), report, within.ttl)
    return Route(
        app=app,
        path=_path(shape, at, report),
        host=shape.host,
        dialects=_dialects(shape, at, within, bounds),
        authenticator=build_authenticator(taken_in, context, (*at, "callers"), report),
        callers=names,
        ttl=bounds,
        clamp=shape.on_excess == "clamp",
        strict_006=bool(shape.strict_006),
        token_version=shape.token_version or AUTO,
        signed_uid=bool(shape.signed_uid),
    )


def _path(shape: RouteShape, at: KeyPath, report: Report) -> Parts:
    text = shape.path
    if text is None:
        report.add_after((*at, "path"), "is missing: the path that the app answers below, such as / or /demo")
        return ()
    if is_custom(shape):
        return custom_path(text, (*at, "path"), report)
    if _AT.fullmatch(text) is None:
        report.add_after(
            (*at, "path"), "must be / or a path such as /demo, without a final slash, escapes or {placeholders}"
        )
        return ()
    parts = parse_path(text)
    if parts and parts[0] in OWN_PATHS:
        report.add_after((*at, "path"), f"may not begin with /{parts[0]}: that path is the server's own")
    return parts


def _dialects(shape: RouteShape, at: KeyPath, within: _Within, ttl: TtlBounds) -> tuple[Dialect, ...]:
    report = within.report
    if is_custom(shape):
        return build_custom(shape, at, within.app, within.kinds, ttl, report)
    for key in ("set", "default", "response"):
        if getattr(shape, key) is not None:
            report.add_after((*at, key), "needs a kind or kinds: only an endpoint of your own has it")
    found = []
    for name in dict.fromkeys(shape.dialect or DEFAULT_DIALECTS):
        try:
            found.append(DIALECTS.load(name))
        except PluginError as problem:
            report.add_after((*at, "dialect"), str(problem))
    return tuple(found)


def _check_names(names: Iterable[str], known: Collection[str], noun: str, at: KeyPath, report: Report) -> None:
    for name in names:
        if name not in known:
            report.add_after(at, f"'{redact_secrets(name)}' is no {noun}{suggestion(name, known)}")
