"""A tree that was read -> a ready Setup, or every problem at once. The second and third pass meet here."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tokend.auth.contract import AppContext, PathKey
from tokend.backends.contract import Backend
from tokend.config.authorizer import build_authorizer
from tokend.config.backends import BuildContext, build_backends, kinds_of
from tokend.config.callers import BuiltCaller, build_callers, check_between_apps, check_trusted_proxies
from tokend.config.limits import build_limits, build_redis
from tokend.config.merge import merged, place
from tokend.config.problems import ConfigurationError, KeyPath, Report
from tokend.config.rest import build_rest
from tokend.config.routes import BUILT_IN, build_origins, build_routes, build_ttl, check_clashes
from tokend.config.secrets import Secrets
from tokend.config.server import build_server
from tokend.config.shape import AppShape, AuditShape, RootShape
from tokend.config.url_signing import build_url_signing
from tokend.config.yaml_tree import LocatedDict
from tokend.core.reach import Capability
from tokend.issuing.configuration import App, AuditSettings, Configuration, Listen, Route

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}")


def merge_apps(root: LocatedDict) -> LocatedDict:
    """The tree with every app as merged with `defaults`."""
    found = place(root)
    defaults, apps = root.get("defaults"), root.get("apps")
    if isinstance(apps, LocatedDict):
        placed = LocatedDict(apps.location)
        placed.path = ("apps",)
        for name, own in apps.items():
            base = defaults if isinstance(defaults, LocatedDict) else None
            whole = merged(base, own, ("apps", name), name) if isinstance(own, LocatedDict) else own
            placed.put(name, whole, apps.locations[name])
        found.put("apps", placed, root.locations["apps"])
    return found


def assemble(root: LocatedDict, source: str, secrets: Secrets, load: Callable[[str], type[Backend]]) -> Configuration:
    """The Setup of a tree, whose apps are not merged yet; `ConfigError` with everything that is wrong."""
    tree = merge_apps(root)
    report = Report(tree)
    shape = RootShape.model_validate(tree, context={"report": report})
    if not shape.apps:
        report.add_after(("apps",), "is missing: name at least one app")
    if shape.audit is not None and not shape.audit.to:
        report.add_after(("audit", "to"), "is missing: stdout, {file: PATH}, or a list of both")
    if shape.deny is not None and not shape.deny.file:
        report.add_after(("deny", "file"), "is missing: the path of the deny file")
    if (shape.secrets and shape.secrets.readable_files) or report.touches(("secrets",)):
        secrets = secrets.with_readable_files()
    redis = build_redis(shape.redis, report, secrets)
    tools = BuildContext(report, secrets, load)
    apps: dict[str, App] = {}
    routes: list[tuple[KeyPath, Route]] = []
    warnings: list[str] = []
    scheduled_warnings: list[tuple[int, str]] = []
    callers_of_apps: dict[str, Mapping[str, BuiltCaller]] = {}
    for name, app_shape in (shape.apps or {}).items():
        app, of_app, callers = _app(name, app_shape, tools)
        apps[name] = app
        routes += of_app
        warnings += _warnings(app, [route for _, route in of_app], callers)
        scheduled_warnings += _scheduled_warnings(name, callers)
        callers_of_apps[name] = callers
    check_trusted_proxies(callers_of_apps, bool(shape.server and shape.server.trusted_proxies), report)
    server = build_server(shape.server, report)
    check_clashes(routes, report)
    check_between_apps(callers_of_apps, report)
    if report.problems:
        raise ConfigurationError(report.problems)
    audit = _audit(shape.audit, secrets) if shape.audit else None
    deny = str(secrets.base / shape.deny.file) if shape.deny and shape.deny.file else None
    listen = Listen(*shape.server.listen) if shape.server and shape.server.listen else Listen()
    proxies = tuple(shape.server.trusted_proxies or ()) if shape.server else ()
    found = tuple(route for _, route in routes)
    scheduled = tuple(scheduled_warnings)
    return Configuration(
        source,
        listen,
        apps,
        found,
        tuple(warnings),
        audit,
        deny,
        proxies,
        server,
        redis=redis,
        scheduled_warnings=scheduled,
    )


def _audit(shape: AuditShape, secrets: Secrets) -> AuditSettings:
    """Relative files lie below the configuration's directory, as secrets do."""
    targets = tuple(None if one == "stdout" else str(secrets.base / one.file) for one in shape.to or ())
    return AuditSettings(targets, shape.sync or "os", bool(shape.hash_ids))


def _app(
    name: str, shape: AppShape, tools: BuildContext
) -> tuple[App, list[tuple[KeyPath, Route]], Mapping[str, BuiltCaller]]:
    path: KeyPath = ("apps", name)
    report = tools.report
    for one in (path, *((*path, "callers", caller) for caller in shape.callers or ())):
        if _NAME.fullmatch(str(one[-1])) is None:
            report.add(one, "a name is 1 to 64 of a-z A-Z 0-9 . _ - and begins with a letter or digit")
    app_credentials, backends = build_backends(shape, path, tools)
    ttl = build_ttl(shape.ttl, BUILT_IN, (*path, "ttl"), report)
    url_signing = build_url_signing(shape, path, app_credentials, report, tools.secrets)
    context = AppContext(name, url_signing)
    callers = build_callers(shape.callers, context, path, kinds_of(shape), ttl.min, report, tools.secrets)
    rules = {caller: built.rules for caller, built in callers.items()}
    rest = build_rest(shape, path, report, tools.secrets)
    authorizer = build_authorizer(shape.authorizer, (*path, "authorizer"), report, tools.secrets)
    origins, limits = build_origins(shape, path, report), build_limits(shape.limits)
    app = App(name, app_credentials.app_id, backends, rules, origins, url_signing, rest, authorizer, limits)
    return app, build_routes(shape, path, app, callers, ttl, report), callers


def _warnings(app: App, routes: list[Route], callers: Mapping[str, BuiltCaller]) -> list[str]:
    found = []
    for name, caller in callers.items():
        found += _caller_warnings(f"app {app.name}", name, caller)
    found += [
        f"app {app.name}: route {route.prefix} issues version 006 tokens, whose signature joins channel and uid "
        "without a separator, so (room1, 23) and (room12, 3) share one; strict_006: true refuses such names"
        for route in routes
        if route.issues_006
    ]
    return found


def _caller_warnings(app: str, name: str, caller: BuiltCaller) -> list[str]:
    scheme = caller.scheme
    found: list[str] = []
    if scheme is None:
        return found
    if scheme.takes_anybody:
        found.append(
            f"{app}: caller {name} is {scheme.name}, so anybody who reaches this server gets tokens by its rules; "
            "an api_key caller in its place closes it"
        )
    administrative = [rule for rule in caller.rules if Capability.APP_ADMIN in rule.capabilities]
    if scheme.brings_claims and any(not rule.when for rule in administrative):
        found.append(
            f"{app}: {scheme.name} caller {name} has the capability app_admin in a rule without `when`: every user whom "
            "the identity provider signs in administers the app"
        )
    # who has only signed URLs never administers: what is restricted cannot
    in_url = bool(caller.keys) and any(isinstance(source, PathKey) for source in scheme.reads)
    if administrative and (scheme.takes_anybody or in_url):
        found.append(
            f"{app}: {scheme.name} caller {name} has the capability app_admin: whoever has the URL administers the app"
        )
    return found


def _scheduled_warnings(app: str, callers: Mapping[str, BuiltCaller]) -> list[tuple[int, str]]:
    """Keys that have an end, each with what is said from then on."""
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
