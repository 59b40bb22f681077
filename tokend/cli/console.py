"""`console`: the console for a token server that does not serve it, on this machine."""

import argparse
from typing import Any

from tokend.cli.context import CommandFailed, Context, port_argument, url_argument
from tokend.cli.output import print_if_possible


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `console`."""
    parser = commands.add_parser(
        "console",
        help="serve the console on this machine for a token server elsewhere",
        description="Serve the console on loopback until SIGTERM or SIGINT. Its requests go to the app at URL, with the "
        "credential that you type into the page.",
    )
    parser.add_argument(
        "url", type=url_argument, metavar="URL", help="where an app is served, such as https://tokens.example.com/demo"
    )
    parser.add_argument("--port", type=port_argument, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.set_defaults(run=_console)


def _console(options: argparse.Namespace, context: Context) -> int:
    from tokend.adapters.resources import CannotStart
    from tokend.process.local_console import serve_console  # aiohttp is slow to import

    url = options.url.removesuffix("/console")

    def on_listening(page: str) -> None:
        print_if_possible(f"The console for {url} is at {page}")

    try:
        serve_console(url, options.port, on_listening)
    except CannotStart as error:
        raise CommandFailed(str(error)) from error
    return 0
