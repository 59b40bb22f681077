"""tokend as an aiohttp application: run it, mount it in another one, or test it with `aiohttp_client`."""

import os
from collections.abc import Mapping
from io import TextIOBase
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp import web

from tokend.adapters.resources import CannotStart
from tokend.adapters.system import SYSTEM_CLOCK, SYSTEM_NONCES, Clock, Nonces
from tokend.auth.key_digests import check_digest
from tokend.config.isolation import Isolated
from tokend.config.loading import ConfigurationError, Files, Source, load_for_start
from tokend.http.control import CONTROL, Control
from tokend.http.cors import add_cors
from tokend.http.handler import EndpointHandler
from tokend.http.middlewares import errors, no_cache, request_log
from tokend.http.reloader import log_invalid_apps
from tokend.http.request_parsing import MAX_BODY
from tokend.http.routes import ConfiguredRoutes
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog, standard_error
from tokend.telemetry.metrics import Snapshot

__all__ = ["CONTROL", "CannotStart", "ConfigurationError", "create_admin_app", "create_app"]

_ONLY_SERVE: Final = frozenset({"admin", "workers", "connections", "drain", "watch"})
"""Not `listen`: limits by address count where it is no loopback address. Of `admin`, `details` counts for the console."""
_IGNORED_SETTINGS: Final = "no effect in an embedded application, only under `tokend serve`: {keys}"


def create_app(
    config: str | os.PathLike[str] | Configuration,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    nonces: Nonces = SYSTEM_NONCES,
    log: BinaryIO | JsonLog | None = None,
) -> web.Application:
    """Make the application of a configuration: reads and checks it at once, opens nothing before startup.

    `config` is the path of a YAML file, or a `Configuration`, which cannot be reloaded. `environ` are the variables that
    it may name: those of the process and of `.env` if None; a mapping is used alone. `log` is a binary stream for
    the log lines, standard error if None.
    An app whose own part is invalid answers 503 until a reload finds it valid, and the log names its errors. Raises
    `ConfigurationError` with every error where another part is invalid, or every app is. The start of the application raises
    `CannotStart` if a file, such as the audit's, cannot be opened.
    """
    if log is None:
        log = standard_error(clock.time)
    elif not isinstance(log, JsonLog):
        stream: object = log  # unchecked: a stream of text would fail at the first line, with a token issued
        if isinstance(stream, TextIOBase):
            raise TypeError("log must be a binary stream, such as sys.stdout.buffer")
        log = JsonLog(log, clock.time)
    if not isinstance(config, str | os.PathLike | Configuration):
        raise TypeError("create_app takes the path of a configuration file, or a Configuration")
    if isinstance(config, Configuration):
        control = Control(Isolated(config), clock, nonces, log)
    else:
        files = Files()
        environment = os.environ if environ is None else environ
        source = Source(os.fspath(config), environment, Path.cwd(), dotenv=environ is None)
        control = Control(load_for_start(source, files), clock, nonces, log, source=source, files=files)
    app = application_of(control, EndpointHandler(control))
    if control.reloader is not None:
        log_invalid_apps(log, control.reloader.isolated)
    _warn(control)
    return app


def create_admin_app(app: web.Application, *, key: str | None = None, public_url: str | None = None) -> web.Application:
    """Make the operator's application for one made by `create_app`: metrics, readiness, reload, configuration and console.

    `key`: the digest of the admin key, as `tokend key new` prints it; without one, only a unix socket opens `/-/…`, and
    there is no console. `public_url`: where `app` is served, for tokens in the console. Raises `ValueError` for a key that
    is no digest, and for a `public_url` that is no URL.
    """
    from tokend.http import admin  # it brings Prometheus' library, which takes a while to import

    control = app.get(CONTROL)
    if control is None:
        raise TypeError("create_admin_app takes an application that create_app has made")
    if key is not None:
        check_digest(key)
    if public_url is not None and not public_url.startswith(("http://", "https://")):
        raise ValueError("public_url must begin with http:// or https://")
    public = None if public_url is None else public_url.rstrip("/")
    return admin.application_of(_OperatedApplication(control), key, control.log, public=public)


class _OperatedApplication:
    """What the operator's application asks of the process, for an application that somebody else runs."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.reloader = control.reloader

    async def snapshot(self) -> Snapshot:
        return self._control.snapshot()

    def not_ready_reasons(self) -> list[str]:
        return self._control.not_ready_reasons()


def application_of(control: Control, handler: EndpointHandler) -> web.Application:
    """The application around a `Control`, for `create_app` and for the workers of `tokend serve`."""
    app = web.Application(middlewares=[request_log, no_cache, errors], client_max_size=MAX_BODY)
    app[CONTROL] = control
    routes = ConfiguredRoutes(control, handler.handle)
    app.router.register_resource(routes)
    add_cors(app, routes)
    app.cleanup_ctx.append(control.resources)
    return app


def _warn(control: Control) -> None:
    """Say once which settings count for `tokend serve` alone, and what else the configuration warns of."""
    configuration = control.active.configuration
    written = _ONLY_SERVE & configuration.options.server.model_fields_set
    ignored = sorted("admin.listen" if key == "admin" else key for key in written)
    warnings = [_IGNORED_SETTINGS.format(keys=", ".join(f"server.{key}" for key in ignored))] if ignored else []
    for warning in (*configuration.with_workers(1).warnings_at(control.clock.time()), *warnings):
        control.log.event("warning", "warning", message=warning)
