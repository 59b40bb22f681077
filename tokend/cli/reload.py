"""`reload` and `diff`: reload the configuration of a running server through its admin listener, or show what it would change."""

import argparse
import http.client
import socket
import sys
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any, Final

import msgspec

from tokend.cli.context import CommandFailed, Context, add_config, counted, fail
from tokend.cli.output import print_line
from tokend.config.loading import Files, comparable, read_server
from tokend.core.folding import fold_alike, listed, without_name
from tokend.issuing.server_settings import Admin

KEY_VARIABLE: Final = "TOKEND_ADMIN_KEY"
SECONDS: Final = 600.0
"""The longest wait for an answer: as long as the server allows."""
_ADMIN_ONLY: Final = ", only for server.admin; the server reads its own file"
_RELOADED: Final = frozenset(
    ("result", "fingerprint", "removed", "problems", "invalid_apps", "serving_last_version", "at_next_start")
)
_DIFFERENCE: Final = frozenset(("apps", "settings", "problems", "at_next_start"))


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add both commands."""
    reload = commands.add_parser(
        "reload",
        help="reload the configuration of a running server",
        description="Reload through the server's admin listener (server.admin). Exit code 1 if the server keeps its old "
        f"configuration, or if an app is invalid. If server.admin has a key, set it in {KEY_VARIABLE}.",
    )
    add_config(reload, _ADMIN_ONLY)
    reload.set_defaults(run=_reload)
    diff = commands.add_parser(
        "diff",
        help="show what a reload of a running server would change",
        description="Ask the server's admin listener what a reload would change. Nothing is changed. Exit code 0 "
        "if nothing would change, 1 if something would, or if something is invalid. If server.admin has a key, set it "
        f"in {KEY_VARIABLE}.",
    )
    add_config(diff, _ADMIN_ONLY)
    diff.set_defaults(run=_diff)


def _reload(options: argparse.Namespace, context: Context) -> int:
    result = _request("POST", "/-/reload", _RELOADED, options, context)
    for problem in result["problems"]:
        print(problem, file=sys.stderr)
    if result["problems"]:
        print(f"{counted(len(result['problems']), 'problem')}; the server keeps its old configuration", file=sys.stderr)
        return 1
    print(f"{'reloaded' if result['result'] == 'done' else 'nothing changed'}, fingerprint {result['fingerprint']}")
    if result["removed"]:
        print(f"removed {counted(len(result['removed']), 'app')}: {', '.join(result['removed'])}")
    for line in (
        *lines_of_invalid_apps(result["invalid_apps"], result["serving_last_version"]),
        *result["at_next_start"],
    ):
        print(line, file=sys.stderr)
    return 1 if result["invalid_apps"] else 0


def lines_of_invalid_apps(invalid_apps: Mapping[str, Sequence[str]], kept: Collection[str]) -> list[str]:
    """The problems of invalid apps, and what becomes of them. What is the same for several apps is one line."""
    lines = fold_alike(
        (without_name(problem.partition(f": apps.{name}")[2] or problem, name), name, problem)
        for name, problems in invalid_apps.items()
        for problem in problems
    )
    for becomes, is_kept in (("served in the last valid version", True), ("answering 503", False)):
        if names := [name for name in invalid_apps if (name in kept) is is_kept]:
            lines.append(f"{counted(len(names), 'invalid app')}, {becomes}: {listed(names)}")
    return lines


def _diff(options: argparse.Namespace, context: Context) -> int:
    result = _request("GET", "/-/diff", _DIFFERENCE, options, context)
    for problem in result["problems"]:
        print(problem, file=sys.stderr)
    for name, difference in sorted(result["apps"].items()):
        print_line(f"{difference['change']:<8} {name}")
        for line in (*difference.get("keys", ()), *difference.get("problems", ())):
            print_line(f"         {line}")
    if result["settings"]:
        print_line("changed  settings outside the apps")
        for key in result["settings"]:
            print_line(f"         {key}")
    for line in result["at_next_start"]:
        print_line(line)
    if result["problems"]:
        print("a reload would change nothing", file=sys.stderr)
    elif not result["apps"]:
        print_line("no app would change")
    return 1 if result["problems"] or result["apps"] or result["settings"] else 0


def _request(method: str, path: str, needed: Set[str], options: argparse.Namespace, context: Context) -> Any:
    """The JSON that the admin listener answers, with the `needed` keys; ends the command where it does not."""
    _, admin = read_server(options.config, context.environment, context.directory)
    if admin is None:
        comparable(context.source(options), Files())  # raises `ConfigurationError` if there is no configuration
        fail(
            "this command needs server.admin, and the configuration has none that is valid: `tokend check` shows mistakes. "
            "SIGHUP makes a server reload without it"
        )
    key = context.environment.get(KEY_VARIABLE, "")
    if admin.key and not key:
        fail(f"server.admin has a key: set {KEY_VARIABLE}")
    if admin.key and not (key.isascii() and key.isprintable()):  # http.client's error would show the key
        fail(f"{KEY_VARIABLE} has a character that no key has, such as a line break")
    try:
        connection = _connection(admin)
        connection.request(method, path, headers={"Authorization": f"Bearer {key}"} if admin.key else {})
        answer = connection.getresponse()
        result = msgspec.json.decode(answer.read(), type=dict[str, Any])
    except (OSError, http.client.HTTPException, ValueError, msgspec.DecodeError) as error:
        raise CommandFailed(f"the server does not answer: {error}") from error
    if answer.status not in (200, 409) or "error" in result:
        raise CommandFailed(f"the server rejects the request: {result.get('error', answer.status)}")
    if not needed <= result.keys():  # after an upgrade the old server may still run
        raise CommandFailed("the server that runs is of another version of tokend: restart it")
    return result


def _connection(admin: Admin) -> http.client.HTTPConnection:
    if not isinstance(admin.listen, str):
        return http.client.HTTPConnection(admin.listen.reachable, admin.listen.port, timeout=SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(SECONDS)
    connection.sock.connect(admin.listen)
    return connection
