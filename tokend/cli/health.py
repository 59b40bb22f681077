"""`health`: check a running server. It imports no configuration, no pydantic and no aiohttp, which take most of a second."""

import argparse
import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tokend.cli.output import print_if_possible
from tokend.cli.usage import Parser
from tokend.core.listening import Listen, listening_address, parse_address

SECONDS: Final = 5.0
"""The longest wait for an answer."""
_DESCRIPTION: Final = "Exit code 0 if /healthz answers 200."


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `health` to the list of commands. `tokend.cli.main` runs it without that list."""
    _add_options(
        commands.add_parser("health", help="check whether a running server is alive", description=_DESCRIPTION)
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="the YAML file with server.listen (default: TOKEND_CONFIG, or ./config.yaml)"
    )
    parser.add_argument("--url", help="base URL (default: where `serve` would listen on this machine)")


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    parser = Parser(prog="tokend health", description=_DESCRIPTION)
    _add_options(parser)
    options = parser.parse_args(arguments)
    try:
        url = options.url or own_url(options.config, os.environ, Path())
        shown, status = _status(url)
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"tokend: no healthy answer: {error}", file=sys.stderr)
        return 1
    print_if_possible(f"{shown}: {status}")
    return 0 if status == 200 else 1


def _status(url: str) -> tuple[str, int]:
    """The base URL without user and query, and the status of `/healthz` below it.

    Raises `ValueError` for another URL, without repeating it, and `OSError` without an answer.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the URL has a host or a port that is none") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL must begin with http:// or https://")
    if " " in url or not url.isprintable():
        raise ValueError("the URL has a blank or a control character")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, port, timeout=SECONDS)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return shown.geturl(), connection.getresponse().status
    finally:
        connection.close()


def own_url(file: str | None, environment: Mapping[str, str], directory: Path) -> str:
    """Where `serve` would listen with this configuration: what it cannot read there, it would not serve either."""
    try:
        variables = {**_dotenv(directory / ".env"), **environment}
        return listening_address(_written(file, variables, directory), variables).url
    except ValueError:
        return Listen().url


def _written(file: str | None, variables: Mapping[str, str], directory: Path) -> Listen:
    """`server.listen` of the configuration file, or its default. The file is not read where the variables say it all."""
    path = directory / (file or variables.get("TOKEND_CONFIG") or "config.yaml")
    if (variables.get("TOKEND_HOST") and (variables.get("SERVER_PORT") or variables.get("PORT"))) or not path.is_file():
        return Listen()
    import yaml

    try:
        tree: Any = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe
    except yaml.YAMLError:
        return Listen()
    server = tree.get("server") if isinstance(tree, dict) else None
    written = server.get("listen") if isinstance(server, dict) else None
    return Listen() if written is None else parse_address(str(written))


def _dotenv(path: Path) -> dict[str, str]:
    """The variables of a `.env` file, if there is one."""
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    found = dotenv_values(path, interpolate=False)
    return {name: value for name, value in found.items() if value is not None}
