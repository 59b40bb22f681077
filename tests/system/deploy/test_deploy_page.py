"""docs/deploy.md: its commands name what there is, its blocks load, Helm takes its options, and its nginx ends TLS."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.certificates import certificate
from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.running import CERTIFICATE, CREDENTIALS, DEMO, ROOT, serving
from tests.system.deploy.clients import statuses
from tests.system.deploy.helm import missing, rendered
from tests.system.deploy.kubernetes_schemas import check
from tests.system.deploy.test_compose import COMPOSE
from tests.system.deploy.test_platforms import APP
from tests.system.proxy import nginx
from tests.system.proxy.upstream import kept
from tokend.config.loading import load

_PAGE: Final = (ROOT / "docs/deploy.md").read_text()
_BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```", _PAGE, re.M | re.S)
COMMANDS: Final = [shlex.split(line) for kind, text in _BLOCKS if kind == "sh" for line in text.splitlines()]
_MADE_HERE: Final = {"config.yaml", "demo_certificate", ".env"}
"""What a command reads that the reader, or the command before it, has written."""


def _block(kind: str, part: str) -> str:
    (found,) = [text for language, text in _BLOCKS if language == kind and part in text]
    return str(found)


def _starting_with(*words: str) -> list[list[str]]:
    return [command for command in COMMANDS if command[: len(words)] == list(words)]


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"\bdeploy/[\w/.-]+[\w]", _PAGE)) | {
        name for row in re.findall(r"^\| \[.*?\|(.*?)\|", _PAGE, re.M) for name in re.findall(r"`(.*?)`", row)
    }
    assert len(named) > 12
    assert [name for name in named if not (ROOT / name).exists()] == ["deploy/compose/.env"]  # the reader writes it
    for command in COMMANDS:
        for option in ("--file", "--filename", "--requirement"):
            if option in command:
                assert (ROOT / command[command.index(option) + 1]).is_file()


def test_commands_name_services_units_and_variables_that_exist() -> None:
    for command in _starting_with("docker", "compose", "--file"):
        verb, *rest = command[4:]
        if verb in ("exec", "kill"):
            assert set(rest) & set(COMPOSE["services"])
    exported = {word.partition("=")[0] for command in _starting_with("export") for word in command[1:]}
    compose = (ROOT / "deploy/compose/compose.yaml").read_text()
    assert exported == set(re.findall(r"\$\{(\w+):-", compose))
    known = {*APP["env"], *DEMO}
    for command in _starting_with("docker", "run"):
        assert {command[at + 1] for at, word in enumerate(command) if word == "-e"} <= known
    for command in _starting_with("heroku", "config:set"):
        assert {word.partition("=")[0] for word in command[2:]} <= set(APP["env"])
    (enable,) = _starting_with("systemctl", "enable")
    assert all((ROOT / "deploy/systemd" / unit).is_file() for unit in enable[3:])


def test_the_table_of_variables_is_that_of_the_platforms() -> None:
    table = _PAGE.partition("| Variable |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(APP["env"])


def test_where_systemd_finds_what_the_commands_install() -> None:
    unit = (ROOT / "deploy/systemd/tokend.service").read_text()
    installed = {command[-1] for command in _starting_with("install")} | {
        _starting_with("python3", "-m", "venv")[0][-1]
    }
    assert installed == {"/etc/tokend", "/etc/tokend/demo_certificate", "/etc/tokend/config.yaml", "/opt/tokend"}
    assert "LoadCredential=demo_certificate:/etc/tokend/demo_certificate\n" in unit
    assert "ExecStart=/opt/tokend/bin/tokend serve --config /etc/tokend/config.yaml\n" in unit


def test_the_yaml_loads(tmp_path: Path) -> None:
    (tmp_path / "demo_certificate").write_text(CERTIFICATE)
    (tmp_path / "config.yaml").write_text(_block("yaml", "credential:"))
    configuration = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}, tmp_path)
    assert list(configuration.apps) == ["demo"]
    _, _, apps = (ROOT / "config.yaml").read_text().partition("\ndefaults:")
    (tmp_path / "config.yaml").write_text(_block("yaml", "trusted_proxies") + "defaults:" + apps)
    assert load(None, DEMO, tmp_path).options.server.trusted_proxies.trust("127.0.0.1")


@pytest.mark.parametrize("command", _starting_with("helm"), ids=lambda command: command[1] + command[-1][:30])
def test_helm_takes_the_options(command: list[str]) -> None:
    skip_or_fail(missing())
    _, verb, release, chart, *options = command
    assert (verb in ("install", "upgrade"), release, chart) == (True, "tokend", "deploy/helm/tokend")
    absolute = [option.replace("config=config.yaml", f"config={ROOT}/config.yaml") for option in options]
    documents = rendered(*(option for option in absolute if option != "--reuse-values"))
    for (kind, _), document in documents.items():
        if kind != "ServiceMonitor":
            check(document)


async def test_nginx_ends_tls_as_the_page_says(tmp_path: Path) -> None:
    skip_or_fail(nginx.missing())
    (tmp_path / "nginx").mkdir()
    tls = certificate(tmp_path, "localhost")
    port = free_port()
    inside = _block("nginx", "ssl_certificate").partition("{\n")[2].partition("    # here")[0]
    for written, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name tokens.example.com", "server_name localhost"),
        ("/etc/letsencrypt/live/tokens.example.com", str(tmp_path)),
    ):
        assert written in inside
        inside = inside.replace(written, here)
    with serving(tmp_path, CREDENTIALS) as server:
        upstream, location = kept(int(server.url.rpartition(":")[2]))
        with nginx.proxying(tmp_path / "nginx", inside + location, upstream):
            url = f"https://localhost:{port}/rtc/room/publisher/uid/{{uid}}/"
            assert await statuses(url, 20, tls=tls) == {200: 20}
