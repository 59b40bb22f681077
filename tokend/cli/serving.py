"""`serve`: run the server."""

import argparse
import os
import signal
import sys
import time
from typing import Any

from tokend import __version__
from tokend.cli.context import CommandFailed, Context, add_config, counted, port_argument
from tokend.cli.deny import deny_problems
from tokend.cli.example import example_request
from tokend.cli.output import occupy_closed_streams, print_if_possible
from tokend.config.loading import ConfigurationError, Files, load_for_start
from tokend.core.listening import Listen
from tokend.dialects import native
from tokend.issuing.configuration import Configuration


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `serve`."""
    parser = commands.add_parser("serve", help="run the server", description="Serve requests until SIGTERM or SIGINT.")
    add_config(parser)
    parser.add_argument("--host", help="address to listen on (default: TOKEND_HOST, server.listen or 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=port_argument,
        help="port, or 0 for any free port (default: SERVER_PORT, PORT, server.listen or 8080)",
    )
    parser.add_argument(
        "--workers", type=_workers, help="number of processes, or auto for a process per core (default: server.workers)"
    )
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace, context: Context) -> int:
    """Run the server until it is stopped, and return the exit code. What it prints may be lost: the log says the same."""
    occupy_closed_streams()
    early_signals: list[int] = []
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):  # they would end a process that is still starting
        signal.signal(number, lambda number, _: early_signals.append(number))
    # nothing is started yet; SystemExit could come from within a plug-in's code, and count as its error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    # aiohttp is slow to import, and most commands do not need it
    from tokend.adapters.resources import CannotStart
    from tokend.http.reloader import log_invalid_apps
    from tokend.process.control import LaunchOptions
    from tokend.process.multi_process import workers_of
    from tokend.process.serve import serve as run_server
    from tokend.telemetry.log import queued_standard_error

    source, files = context.source(options), Files()
    isolated = load_for_start(source, files)
    configuration = isolated.configuration
    if problems := deny_problems(configuration, start=True):
        raise ConfigurationError(problems)
    if sys.stdout is None and _audit_on_stdout(configuration):
        raise CommandFailed("standard output is closed, and the audit goes there")
    listen = Listen(
        options.host or configuration.listen.host, configuration.listen.port if options.port is None else options.port
    )
    workers = workers_of(configuration.options.server.workers if options.workers is None else options.workers)
    start = LaunchOptions(source, isolated, files, listen, workers)
    log = queued_standard_error(time.time)
    log.configure(configuration.options.server)

    def on_listening(url: str, bound: LaunchOptions) -> None:
        log.event(
            "listening", url=url, configuration=configuration.source, apps=len(configuration.apps), version=__version__
        )
        log_invalid_apps(log, isolated)
        for warning in bound.warnings_of(configuration, time.time()):
            log.event("warning", "warning", message=warning)
        if _audit_on_stdout(configuration):
            return
        print_if_possible(_greeting(configuration, url))
        if isolated.invalid_apps:
            names = ", ".join(sorted(isolated.invalid_apps))
            print_if_possible(f"Invalid, answering 503: {names} (see the log, or `tokend check`)")

    try:
        run_server(start, log, on_listening, early_signals)
    except CannotStart as error:
        raise CommandFailed(str(error)) from error
    finally:
        log.close()
    return 0


def _audit_on_stdout(configuration: Configuration) -> bool:
    """Whether standard output is the audit's: no other line may stand between its lines."""
    audit = configuration.options.audit
    return audit is not None and None in audit.to


def _greeting(configuration: Configuration, url: str) -> str:
    lines = [
        f"tokend {__version__} serves {counted(len(configuration.apps), 'app')} of {configuration.source} at {url}"
    ]
    if not url.startswith("http"):  # a unix socket, to which neither line below leads
        return lines[0]
    example = example_request(configuration, url)
    if example is not None:
        lines.append(f"Try:  {example}")
    console = _console_of(configuration)
    if console is not None:
        lines.append(f"Console:  {url}{console}")
    return "\n".join(lines)


def _console_of(configuration: Configuration) -> str | None:
    """The path of the first console that an app has; None if none has one."""
    for route in configuration.routes:
        has_native = any(dialect.name == native.NAME for dialect in route.dialects)
        if route.host is None and route.app.options.console and has_native:
            return f"{route.prefix.rstrip('/')}/console"
    return None


def _workers(text: str) -> int:
    if text == "auto":
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise argparse.ArgumentTypeError("must be 1 to 256, or auto")
    return int(text)
