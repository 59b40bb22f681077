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

from tokend.auth.contract import AppContext, SigningKeys
from tokend.config.app_warnings import app_warnings
from tokend.config.backends import BuildContext, build_backends, kinds_of
from tokend.config.callers import BuiltCaller, build_callers
from tokend.config.problems import KeyPath
from tokend.config.routes import build_routes, build_ttl
from tokend.config.secrets import Read
from tokend.config.shape import AppShape
from tokend.config.url_signing import build_url_signing
from tokend.issuing.configuration import App, Route

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}")


class BuiltApp(Struct, frozen=True):
    """An app as far as it could be built. `digest` and `reads` show whether it changed; `callers` are kept for later checks.

    `digest`: of what is written. `reads`: the secrets that it was built with.
    """

    app: App
    routes: tuple[tuple[KeyPath, Route], ...]
    callers: Mapping[str, BuiltCaller]
    warnings: tuple[str, ...]
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
    url_signing = build_url_signing(shape, path, app_credentials, tools)
    context = AppContext(name, url_signing)
    kinds = {kind: backends.get(kind) for kind in kinds_of(shape)}
    callers = build_callers(shape.callers, context, path, kinds, ttl.min, tools)
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
    routes = build_routes(shape, path, app, callers, tools)
    warnings = tuple(f"app {name}: {warning}" for warning in app_warnings(app, [route for _, route in routes], callers))
    reads = (*shape.reads, *tools.secrets.reads)
    return BuiltApp(app, tuple(routes), callers, warnings, digest, reads)


def _is_undated(caller: BuiltCaller, url_signing: SigningKeys | None) -> bool:
    """Whether no credential of the caller has an issue time. A key in the URL has none; a signed URL in its place has one."""
    if caller.scheme is None:
        return False
    return not caller.scheme.has_issue_time or (caller.has_key_in_url and url_signing is None)


def _digest(written: Any) -> str:
    """A digest that changes with the app's merged part of the YAML."""
    return hashlib.sha256(json.dumps(written, default=str).encode("utf-8", "surrogatepass")).hexdigest()
