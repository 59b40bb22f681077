"""Commands beside an invalid app, or without `server.admin`: they go on where they can, and else say why not."""

import json
from pathlib import Path

import pytest

from tests.running import APP_ID, DEMO
from tests.unit.cli.test_commands import CONFIG
from tests.unit.commands import Command

BROKEN = "  broken: {app_id: 7}\n"


@pytest.fixture
def token(tmp_path: Path, command: Command) -> str:
    """A token of the app `demo`; then another app of the configuration becomes invalid."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = command(tmp_path, DEMO, "token", "rtc", "channel=lobby", "uid=7")
    (tmp_path / "config.yaml").write_text(CONFIG + BROKEN)
    return done.stdout.strip()


@pytest.mark.parametrize("named", [(), ("--config", "config.yaml")])
def test_inspect_uses_the_valid_apps_beside_an_invalid_app(
    tmp_path: Path, command: Command, token: str, named: tuple[str, ...]
) -> None:
    done = command(tmp_path, DEMO, "inspect", *named, token)
    assert done.returncode == 0
    assert json.loads(done.stdout)["signature"] == "valid"
    *problems, last = done.stderr.splitlines()
    assert all(line.startswith("config.yaml:") and "apps.broken" in line for line in problems)
    assert last.endswith("; the signature is checked for the valid apps only")


ONE_APP = [
    ("token", "rtc", "channel=lobby", "uid=7"),
    ("explain", "--as", "studio", "rtc", "channel=room-1", "uid=7", "role=subscriber"),
    ("key", "url", "--caller", "studio", "--channel", "lobby", "--ttl", "1h"),
    ("kick", "--user", "7", "--for", "10m"),
]


@pytest.mark.parametrize("arguments", ONE_APP, ids=lambda arguments: arguments[0])
def test_a_command_for_one_app_goes_on_beside_an_invalid_app(
    tmp_path: Path, command: Command, arguments: tuple[str, ...]
) -> None:
    """It ended with 78: one tenant's mistake kept an operator from a kick in another tenant's app."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    single = command(tmp_path, DEMO, *arguments, "--app", "demo")
    (tmp_path / "config.yaml").write_text(CONFIG + BROKEN)
    beside = command(tmp_path, DEMO, *arguments, "--app", "demo")
    assert (beside.returncode, beside.stderr) == (single.returncode, single.stderr)
    assert beside.returncode != 78
    for named in ((), ("--app", "broken"), ("--app", "unknown")):
        refused = command(tmp_path, DEMO, *arguments, *named)
        assert refused.returncode == 78
        assert "apps.broken" in refused.stderr


def test_inspect_names_the_invalid_app_that_may_have_signed(tmp_path: Path, command: Command, token: str) -> None:
    other = CONFIG.replace("  demo:", "  other:").replace(APP_ID, "f" * 32)
    broken = CONFIG.replace("apps:\n", "").replace("certificate:", "certficate:")
    (tmp_path / "config.yaml").write_text(other + broken)
    says = json.loads(command(tmp_path, DEMO, "inspect", token).stdout)
    assert says["signed_by"] is None
    assert says["notes"][-1] == "It was not compared with the invalid apps: demo."
    turn = (
        'apps:\n  other:\n    backends: {turn: {secret: {env: DEMO_APP_CERTIFICATE}, uris: ["turn:a.example.com"]}}\n'
    )
    callers = "    callers: {web: {anonymous: true, rules: [{user: seven}]}}\n"
    (tmp_path / "config.yaml").write_text(turn + callers + broken)
    says = json.loads(command(tmp_path, DEMO, "inspect", token).stdout)
    assert says["signature"] == "not checked: an invalid app may have signed it: demo"


def test_inspect_says_why_it_checks_no_signature(tmp_path: Path, command: Command, token: str) -> None:
    (tmp_path / "config.yaml").write_text(f"apps:\n{BROKEN}")
    done = command(tmp_path, DEMO, "inspect", token)
    assert done.returncode == 0
    says = json.loads(done.stdout)["signature"]
    assert says.startswith("not checked: the configuration has ")
    assert says.endswith(", as `tokend check` shows")
    assert "so the signature is not checked" in done.stderr
    assert command(tmp_path, DEMO, "inspect", "--config", "config.yaml", token).returncode == 78


@pytest.mark.parametrize("verb", ["reload", "diff"])
def test_reload_says_that_there_is_no_configuration(tmp_path: Path, command: Command, verb: str) -> None:
    done = command(tmp_path, {}, verb)
    assert done == command(tmp_path, {}, "check")
    assert done.returncode == 78
    assert "there is no config.yaml here" in done.stderr


@pytest.mark.parametrize("verb", ["reload", "diff"])
@pytest.mark.parametrize(
    "more",
    ["", "servr: {admin: 127.0.0.1:8081}\n", "server: {admin: {listen: '127.0.0.1:1', kye: x}}\n"],
)
def test_without_a_valid_admin_listener_a_sentence_says_where_to_look(
    verb: str, more: str, tmp_path: Path, command: Command
) -> None:
    """For a key that is unknown they advised SIGHUP alone, and for a listener that is wrong they said that there is none."""
    (tmp_path / "config.yaml").write_text(more + CONFIG)
    done = command(tmp_path, DEMO, verb)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "tokend: this command needs server.admin, and the configuration has none that is valid"
    )
    assert "`tokend check` shows mistakes" in done.stderr


def test_reload_finds_the_admin_listener_at_the_address_of_the_public_one(tmp_path: Path, command: Command) -> None:
    """`check` calls that a mistake, and `reload` said that there is no server.admin."""
    listen = "127.0.0.1:1"  # nothing answers there
    (tmp_path / "config.yaml").write_text(f"server: {{listen: {listen}, admin: {{listen: {listen}}}}}\n{CONFIG}")
    done = command(tmp_path, DEMO, "reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tokend: the server does not answer: ")


def test_reload_looks_at_no_key_where_the_listener_has_none(tmp_path: Path, command: Command) -> None:
    """It failed for a line break in a variable that it does not send."""
    (tmp_path / "config.yaml").write_text(f"server: {{admin: {{listen: '127.0.0.1:1'}}}}\n{CONFIG}")
    done = command(tmp_path, {**DEMO, "TOKEND_ADMIN_KEY": "key\n"}, "reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tokend: the server does not answer: ")


@pytest.mark.usefixtures("token")
def test_check_shows_a_valid_app_beside_an_invalid_app_and_says_what_is_wrong_with_that(
    tmp_path: Path, command: Command
) -> None:
    """It showed nothing, and the support page requests what it shows."""
    shown = command(tmp_path, DEMO, "check", "--show", "demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("demo:\n")
    broken = command(tmp_path, DEMO, "check", "--show", "broken")
    assert (broken.returncode, broken.stdout) == (78, "")
    assert "apps.broken.app_id" in broken.stderr
    assert "apps.demo" not in broken.stderr
