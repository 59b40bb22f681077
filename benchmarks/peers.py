"""Who tokend is held against: the Go service, what npm ships, Express in a few lines, the floor, the ceiling, any `--peer`."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.scenarios import (
    CREDENTIALS,
    LIVEKIT,
    Scenario,
    asked,
    connection_details,
    get_token,
    request,
    rtc,
    variants,
)
from benchmarks.servers import Command, Prepare
from benchmarks.tokens import APP_ID, CERTIFICATE

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
DEMO: Final = ROOT / "tests" / "node" / "node_modules"
_DEMO_IS: Final = "npm agora-token's demo server (006)"
_EXPRESS_IS: Final = "Express with agora-token (007)"
_LIVEKIT_IS: Final = "Express with livekit-server-sdk"
_NGINX: Final = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""


def all_peers() -> tuple[list[Scenario], dict[str, str]]:
    """The peers that can be started here, and for each of the others why not."""
    everyone = asked()
    go_url = variants(rtc)
    demo_url = variants(lambda number: request("GET", f"/rtcToken?channelName=room-{number}&uid={1000 + number}"))
    details = variants(connection_details)
    express = HERE / "express" / "node_modules"
    livekit = _script("livekit.js", LIVEKIT)
    found, unmet = [Scenario("hello", "aiohttp hello: the floor", _hello, go_url, everyone, 0)], {}
    server = _script("server.js")
    for program, package, scenario in (
        (
            "node",
            express / "livekit-server-sdk",
            Scenario("express-livekit", _LIVEKIT_IS, livekit, details, everyone, no_salt=True),
        ),
        ("node", express / "agora-token", Scenario("express", _EXPRESS_IS, server, go_url, everyone)),
        (
            "node",
            DEMO / "express",
            Scenario("npm-demo", _DEMO_IS, _npm_demo, demo_url, everyone, rounds=1, no_salt=True),
        ),
        ("nginx", None, Scenario("nginx", "nginx `return 200`: the ceiling", _nginx, go_url, everyone, 0, rounds=1)),
    ):
        if shutil.which(program) is None:
            unmet[scenario.name] = f"{program} is not on the PATH (on Debian: apt-get install {program})"
        elif package is not None and not package.is_dir():
            unmet[scenario.name] = f"{package.relative_to(ROOT)} is missing (make bench installs it by npm)"
        else:
            found.append(scenario)
    return found, unmet


def go_service(program: str | None) -> tuple[list[Scenario], dict[str, str]]:
    """The Go service as people run it, with GOMAXPROCS=1, and its POST. `program`: how it is started, if it is here."""
    names = ("go", "go-1", "go-post")
    if program is None:
        return [], dict.fromkeys(names, "--go names no program of the Go service")
    arguments, get, post = shlex.split(program), variants(rtc), variants(get_token)
    return [
        Scenario("go", "the Go service, GET rtc", _listening(arguments), get, asked()),
        Scenario("go-1", "the same with GOMAXPROCS=1", _listening(arguments, {"GOMAXPROCS": "1"}), get, asked()),
        Scenario("go-post", "the Go service, POST /getToken", _listening(arguments), post, asked()),
    ], {}


def go_build(program: str) -> str:
    """The version of Go that built a program, as Go writes it into each; an empty text if there is none."""
    content = Path(shutil.which(shlex.split(program)[0]) or os.devnull).read_bytes()
    found = re.search(rb"\xff Go buildinf:.{0,40}?(go\d+(\.\d+)+)", content, re.DOTALL)
    return found[1].decode() if found else ""


def given(named: str) -> Scenario:
    """A `--peer NAME=CMD`: a server that answers the Go service's GET, listening on the PORT of its environment."""
    name, sign, command = named.partition("=")
    if not (name and sign and command):
        raise SystemExit(f"--peer {named}: write NAME=CMD")
    return Scenario(name, f"`--peer {name}`", _listening(shlex.split(command)), variants(rtc), asked())


def _listening(arguments: list[str], environment: Mapping[str, str] = {}) -> Prepare:
    def prepare(_: Path, port: int) -> Command:
        return Command(arguments, {**CREDENTIALS, "PORT": str(port), "SERVER_PORT": str(port), **environment})

    return prepare


def _script(name: str, environment: Mapping[str, str] = CREDENTIALS) -> Prepare:
    """A script of benchmarks/express."""

    def prepare(_: Path, port: int) -> Command:
        script = str(HERE / "express" / name)
        return Command(["node", script], {**environment, "PORT": str(port), "NODE_ENV": "production"})

    return prepare


def _npm_demo(directory: Path, port: int) -> Command:
    """The vendor's file, filled in as its README says."""
    source = (DEMO / "agora-token" / "server" / "DemoServer.js").read_text()
    for blank, filled in {"8080": str(port), "<YOUR APP ID>": APP_ID, "<YOUR APP CERTIFICATE>": CERTIFICATE}.items():
        source = source.replace(blank, filled)
    (directory / "DemoServer.js").write_text(source)
    environment = {"NODE_PATH": str(DEMO), "NODE_ENV": "production"}
    return Command(["node", "--no-deprecation", "DemoServer.js"], environment)


def _hello(_: Path, port: int) -> Command:
    return Command([sys.executable, "-P", str(HERE / "hello.py")], {"PORT": str(port)})


def _nginx(directory: Path, port: int) -> Command:
    body = '{"rtcToken":"' + "x" * 180 + '"}'
    (directory / "nginx.conf").write_text(_NGINX.format(directory=directory, port=port, body=body))
    return Command(["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"])
