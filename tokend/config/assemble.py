"""Builds the apps, their routes and the settings from a tree that was read, or reports everything that is wrong."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.apps import BuiltApp, build_app
from tokend.config.backends import BuildContext, secret_resolver
from tokend.config.callers import check_trusted_proxies
from tokend.config.merge import merged, place
from tokend.config.problems import ConfigurationError, Report
from tokend.config.secrets import Read, Secrets
from tokend.config.shape import RootShape
from tokend.config.yaml_tree import LocatedDict
from tokend.issuing.configuration import Configuration, KeyEnd
from tokend.issuing.grants import PLUGIN_ERRORS


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


class Assembled(Struct, frozen=True):
    """The parts of a tree as far as they could be built, with what is wrong in each.

    What two apps claim is not checked yet; `conflicts` does that.
    """

    report: Report
    apps: Mapping[str, BuiltApp]
    configuration: Configuration
    """Without apps and routes."""

    def valid(self, names: Collection[str]) -> dict[str, BuiltApp]:
        """These apps. Raises `ConfigurationError` if one of them is invalid by itself."""
        of_apps = self.report.of_apps
        if problems := [problem for name in names for problem in of_apps.get(name, ())]:
            raise ConfigurationError(problems)
        return {name: self.apps[name] for name in names}

    def with_apps(self, apps: Iterable[BuiltApp]) -> Configuration:
        """The configuration of these apps."""
        apps = tuple(apps)
        return replace(
            self.configuration,
            apps={built.app.name: built.app for built in apps},
            routes=tuple(route for built in apps for _, route in built.routes),
            warnings=tuple(warning for built in apps for warning in built.warnings),
            apps_fingerprint=_fingerprint(apps),
            key_ends=tuple(
                KeyEnd(built.app.name, name, caller.scheme.name, key.not_after)
                for built in apps
                for name, caller in built.callers.items()
                if caller.scheme is not None
                for key in caller.keys
                if key.not_after is not None
            ),
            built_apps={built.app.name: built for built in apps},
        )


def _fingerprint(apps: Iterable[BuiltApp]) -> str:
    """16 hex digits of the apps, in whatever order they are written."""
    lines = sorted(f"{built.app.name}\0{built.digest}" for built in apps)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def assemble_apps(
    root: LocatedDict,
    source: str,
    secrets: Secrets,
    served: Mapping[str, BuiltApp] = {},
    stay: Collection[str] = (),
) -> Assembled:
    """Build the parts of a tree, each checked by itself. `served`: the valid apps of now; those that are the same stay.

    `stay`: names of those that stay although the tree is without them.
    """
    tree = merge_apps(root)
    report = Report(tree)
    secrets = _secrets_of(tree, secrets)
    context = {
        "report": report,
        "secrets": secret_resolver(secrets),
        "reads": secrets.reads,
        "resolve_path": secrets.base.joinpath,
    }
    shape = RootShape.model_validate(tree, context=context)
    settings = _settings_fingerprint(tree, secrets.reads)
    if not shape.apps and not stay:
        included = "; no file matches `include`" if "include" in tree else ""
        report.add_after(("apps",), f"is missing: name at least one app{included}")
    tools = BuildContext(report, secrets)
    apps = {name: served[name] for name in stay}
    shapes = shape.apps or {}
    for name in tuple(shapes):
        # taken out, so that shapes are freed one by one: thousands of them at once would stop the event loop for 0.1 s
        try:
            apps[name] = build_app(name, shapes.pop(name), tools, served.get(name))
        except PLUGIN_ERRORS as error:
            report.add_after(("apps", name), f"cannot be built: a plug-in of it raised {type(error).__name__}")
            if name in served:
                apps[name] = served[name]
    if shape.options.deny and shape.options.deny.redis and not shape.options.redis and not report.touches(("redis",)):
        sentence = "redis: true needs a Redis: add redis: {url: {env: REDIS_URL}} beside deny"
        report.add_after(("deny",), sentence)
    callers = {name: built.callers for name, built in apps.items()}
    check_trusted_proxies(callers, bool(shape.server.trusted_proxies.written), report)
    configuration = Configuration(
        source=source,
        listen=shape.server.listen,
        apps={},
        routes=(),
        options=shape.options,
        settings_fingerprint=settings,
    )
    return Assembled(report, apps, configuration)


def _settings_fingerprint(tree: LocatedDict, reads: Iterable[Read]) -> str:
    """16 hex digits of what is written outside the apps, and of the secrets that it names."""
    written = {key: value for key, value in tree.items() if key not in ("apps", "defaults", "include")}
    found = hashlib.sha256(json.dumps(written, default=str).encode("utf-8", "surrogatepass"))
    for read in reads:
        found.update(hashlib.sha256(read.secret.reveal().encode("utf-8", "surrogatepass")).digest())
    return found.hexdigest()[:16]


def _secrets_of(tree: LocatedDict, secrets: Secrets) -> Secrets:
    """The reader of secrets, as `secrets` sets it. If `secrets` is wrong, modes are not checked: one problem is enough."""
    written = tree.get("secrets")
    if written is None or (isinstance(written, dict) and written.get("readable_files", False) is False):
        return secrets
    return secrets.with_readable_files()
