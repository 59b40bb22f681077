"""`reload`: have a running server read its configuration anew, through the operator's listener."""

import argparse
import http.client
import json
import socket
import sys
from typing import Any, Final

from tokend.cli.context import Context, add_config, counted, fail
from tokend.config.loading import read_server
from tokend.issuing.server_settings import Admin

KEY_VARIABLE: Final = "TOKEND_ADMIN_KEY"
SECONDS: Final = 60.0


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    reload = commands.add_parser(
        "reload",
        help="have a running server read its configuration anew",
        description="Reload through the server's operator's listener (server.admin). Exit 1 if it keeps the old one. "
        f"Where server.admin has a key, it is read from {KEY_VARIABLE}.",
    )
    add_config(reload)
    reload.set_defaults(run=_reload)


def _reload(options: argparse.Namespace, context: Context) -> int:
    _, admin = read_server(options.config, context.environment, context.directory)
    if admin is None:
        fail("the configuration has no server.admin; send SIGHUP to the server instead")
    key = context.environment.get(KEY_VARIABLE, "")
    if admin.key and not key:
        fail(f"server.admin has a key: set {KEY_VARIABLE}")
    headers = {"Authorization": f"Bearer {key}"} if admin.key else {}
    try:
        connection = _connection(admin)
        connection.request("POST", "/-/reload", headers=headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"tokend: the server does not answer: {error}", file=sys.stderr)
        return 1
    if answer.status not in (200, 409):
        print(f"tokend: the server refuses: {told.get('error', answer.status)}", file=sys.stderr)
        return 1
    for problem in told["problems"]:
        print(problem, file=sys.stderr)
    if told["problems"]:
        print(f"{counted(len(told['problems']), 'problem')}; the server keeps what it had", file=sys.stderr)
        return 1
    print(f"{'reloaded' if told['reloaded'] else 'nothing changed'}, fingerprint {told['fingerprint']}")
    return 0


def _connection(admin: Admin) -> http.client.HTTPConnection:
    if not isinstance(admin.listen, str):
        return http.client.HTTPConnection(admin.listen.reachable, admin.listen.port, timeout=SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(SECONDS)
    connection.sock.connect(admin.listen)
    return connection
