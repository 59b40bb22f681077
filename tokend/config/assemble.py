"""Builds the apps, their routes and the settings from a tree that was read, or reports everything that is wrong."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.auth.contract import AppContext, PathKey
from tokend.backends.contract import Backend
from tokend.config.backends import BuildContext, build_backends, kinds_of, secret_resolver
from tokend.config.callers import BuiltCaller, build_callers, check_between_apps, check_trusted_proxies
from tokend.config.merge import merged, place
from tokend.config.problems import ConfigurationError, KeyPath, Report
from tokend.config.routes import build_routes, build_ttl, check_clashes
from tokend.config.secrets import Secrets
from tokend.config.shape import AppShape, RootShape
from tokend.config.showing import plain
from tokend.config.url_signing import build_url_signing
from tokend.config.yaml_tree import LocatedDict
from tokend.core.declarations import APP_ADMIN
from tokend.issuing.configuration import App, Configuration, Route

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}")


def merge_apps(root: LocatedDict) -> LocatedDict:
    """The tree with every app merged with `defaults`."""
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


class BuiltApp(Struct, frozen=True):
    """An app as far as it could be built. `digest` shows whether it changed; `callers` are kept for later checks."""

    app: App
    routes: tuple[tuple[KeyPath, Route], ...]
    callers: Mapping[str, BuiltCaller]
    warnings: tuple[str, ...]
    scheduled_warnings: tuple[tuple[int, str], ...]
    digest: str


class Assembled(Struct, frozen=True):
    """The parts of a tree as far as they could be built, with what is wrong in each.

    What apps share is not checked yet; `check_shared` does that.
    """

    report: Report
    apps: Mapping[str, BuiltApp]
    configuration: Configuration
    """Without apps and routes."""

    def with_apps(self, apps: Iterable[BuiltApp]) -> Configuration:
        """The configuration of these apps."""
        apps = tuple(apps)
        return replace(
            self.configuration,
            apps={built.app.name: built.app for built in apps},
            routes=tuple(route for built in apps for _, route in built.routes),
            warnings=tuple(warning for built in apps for warning in built.warnings),
            scheduled_warnings=tuple(warning for built in apps for warning in built.scheduled_warnings),
            built_apps={built.app.name: built for built in apps},
        )


def assemble(root: LocatedDict, source: str, secrets: Secrets, load: Callable[[str], type[Backend]]) -> Configuration:
    """The configuration of a tree whose apps are not merged yet. Raises `ConfigurationError` with all that is wrong."""
    assembled = assemble_apps(root, source, secrets, load)
    check_shared(assembled.apps.values(), assembled.report)
    if assembled.report.problems:
        raise ConfigurationError(assembled.report.problems)
    return assembled.with_apps(assembled.apps.values())


def assemble_apps(root: LocatedDict, source: str, secrets: Secrets, load: Callable[[str], type[Backend]]) -> Assembled:
    """Build the parts of a tree, each checked by itself."""
    tree = merge_apps(root)
    report = Report(tree)
    secrets = _secrets_of(tree, secrets)
    context = {"report": report, "secrets": secret_resolver(secrets), "resolve_path": secrets.base.joinpath}
    shape = RootShape.model_validate(tree, context=context)
    if not shape.apps:
        report.add_after(("apps",), "is missing: name at least one app")
    tools = BuildContext(report, secrets, load)
    apps = {name: _app(name, app_shape, tools, tree) for name, app_shape in (shape.apps or {}).items()}
    callers = {name: built.callers for name, built in apps.items()}
    check_trusted_proxies(callers, bool(shape.server.trusted_proxies), report)
    configuration = Configuration(
        source=source,
        listen=shape.server.listen,
        apps={},
        routes=(),
        audit=shape.audit,
        deny_file=shape.deny.file if shape.deny else None,
        server=shape.server,
        redis=shape.redis,
    )
    return Assembled(report, apps, configuration)


def check_shared(apps: Iterable[BuiltApp], report: Report) -> None:
    """Report what two apps must not share: a path, or an issuer whose tokens do not name their app.

    The problem is reported at the later app.
    """
    apps = tuple(apps)
    check_clashes([route for built in apps for route in built.routes], report)
    check_between_apps({built.app.name: built.callers for built in apps}, report)


def _secrets_of(tree: LocatedDict, secrets: Secrets) -> Secrets:
    """The reader of secrets, as `secrets` sets it. If `secrets` is wrong, modes are not checked: one problem is enough."""
    written = tree.get("secrets")
    if written is None or (isinstance(written, dict) and written.get("readable_files", False) is False):
        return secrets
    return secrets.with_readable_files()


def _app(name: str, shape: AppShape, tools: BuildContext, tree: LocatedDict) -> BuiltApp:
    path: KeyPath = ("apps", name)
    report = tools.report
    for named in (path, *((*path, "callers", caller) for caller in shape.callers or ())):
        if _NAME.fullmatch(str(named[-1])) is None:
            report.add(named, "a name is 1 to 64 of a-z A-Z 0-9 . _ - and begins with a letter or digit")
    app_credentials, backends = build_backends(shape, path, tools)
    ttl = build_ttl(shape.ttl, (*path, "ttl"), report)
    url_signing = build_url_signing(shape, path, app_credentials, report, tools.secrets)
    context = AppContext(name, url_signing)
    kinds = {kind: backends[kind].declarations if kind in backends else None for kind in kinds_of(shape)}
    callers = build_callers(shape.callers, context, path, kinds, ttl.min, report, tools.secrets)
    rules = {caller: built.rules for caller, built in callers.items()}
    app = App(
        name,
        app_credentials.app_id,
        backends,
        rules,
        shape.cors.origins,
        url_signing,
        shape.authorizer,
        shape.limits,
    )
    routes = build_routes(shape, path, app, callers, ttl, report)
    warnings = _warnings(app, [route for _, route in routes], callers)
    scheduled_warnings = _scheduled_warnings(name, callers)
    digest = _digest(tree["apps"][name])
    return BuiltApp(app, tuple(routes), callers, tuple(warnings), tuple(scheduled_warnings), digest)


def _digest(written: Any) -> str:
    """A digest that changes with the app's merged part of the YAML."""
    return hashlib.sha256(json.dumps(plain(written), default=str).encode("utf-8", "surrogatepass")).hexdigest()


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
