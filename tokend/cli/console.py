"""`console`: the console for a token server that does not serve it, on this machine."""

import argparse
from typing import Any
from urllib.parse import urlsplit

from tokend.cli.context import CommandFailed, Context, fail
from tokend.cli.output import print_if_possible


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `console`."""
    parser = commands.add_parser(
        "console",
        help="serve the console on this machine for a token server elsewhere",
        description="Serve the console on loopback until SIGTERM or SIGINT. Its requests go to the app at URL, with the "
        "credential that you type into the page.",
    )
    parser.add_argument("url", metavar="URL", help="where an app is served, such as https://tokens.example.com/demo")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.set_defaults(run=_console)


def _console(options: argparse.Namespace, context: Context) -> int:
    from tokend.adapters.resources import CannotStart
    from tokend.process.local_console import serve_console  # aiohttp is slow to import

    url = options.url.rstrip("/").removesuffix("/console")
    if problem := _problem(url):
        fail(problem)
    if not 0 <= options.port <= 65_535:
        fail("--port must be a number from 0 to 65535")

    def on_listening(page: str) -> None:
        print_if_possible(f"The console for {url} is at {page}")

    try:
        serve_console(url, options.port, on_listening)
    except CannotStart as error:
        raise CommandFailed(str(error)) from error
    return 0


def _problem(url: str) -> str | None:
    """What is wrong with the URL of an app, or None."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises where it is no port
    except ValueError:
        return "URL is no URL: write one such as https://tokens.example.com/demo"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "URL must begin with http:// or https://, such as https://tokens.example.com/demo"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "URL must have no user, query or fragment: type the credential into the page"
    return None
