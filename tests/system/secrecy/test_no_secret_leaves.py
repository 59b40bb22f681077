"""P14: secrets never leave. Every endpoint of a real server is driven, and all that it says anywhere is searched."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import tokend
from tests.system.secrecy.asking import (
    ADMIN_KEY,
    documents,
    of_the_operator,
    secrets_in_wrong_places,
    to_every_endpoint,
)
from tests.system.secrecy.canaries import SECRETS, found
from tests.system.secrecy.system import Gathered, configuration, environment, gathering, write
from tests.unit.http.wire import request_bytes
from tokend.cli import main
from tokend.config import entry_points

_SIGN = ("key", "url", "--app", "demo", "--caller", "kit", "--ttl", "1h", "--channel", "stage")
Run = Callable[..., tuple[int | str | None, bytes]]


def _drive(gathered: Gathered, signed: str) -> None:
    for name, raw in (*to_every_endpoint(signed), *documents(), *secrets_in_wrong_places()):
        gathered.send(name, raw)
    for name, raw in of_the_operator():
        gathered.send(name, raw, admin=True)


def _reload(gathered: Gathered, text: str) -> bytes:
    gathered.configure(text)
    bearer = ("Authorization", f"Bearer {ADMIN_KEY}")
    return gathered.send("reload", request_bytes("POST", "/-/reload", b"", bearer, ("Connection", "close")), admin=True)


def _mistaken(secret: str, directory: Path) -> dict[str, str]:
    """Configurations with a secret where none belongs."""
    text = configuration(directory)
    return {
        "literal certificate": text.replace("{primary: {env: PRIMARY}, secondary: {file: secondary}}", f'"{secret}"'),
        "variable": text.replace("{env: PRIMARY}", f"{{env: {secret}}}"),
        "file": text.replace("{file: secondary}", f"{{file: {secret}}}"),
        "literal option": text.replace("{env: OPTION}", secret),
        "key unhashed": text.replace("studio: {api_key: ", f'studio: {{api_key: "{secret}", x: '),
        "JWT secret": text.replace("{env: HS256}", secret),
        "signing key": text.replace("{env: SIGNING}", secret),
        "proxy's secret": text.replace("{file: proxy}", secret),
        "authorizer's secret": text.replace("{file: authorizer}", secret),
        "customer secret": text.replace("{env: CUSTOMER}", secret),
        "name of a key": text.replace("cors:", f"{secret}:"),
        "issuer": text.replace("issuer: machine", f"issuer: [{secret}]"),
        "route": text.replace("path: /text", f"path: {secret}"),
        "no YAML": text + f"\n  - {secret}: [",
        "kind": text.replace("canary:", f"{secret}:"),
        "file of an audit": text.replace("file: audit.jsonl", f"file: none/{secret}"),
    }


@pytest.mark.serial  # two workers take fifteen large reloads, each within its deadline
def test_all_that_a_driven_server_says(tmp_path: Path) -> None:
    with gathering(tmp_path) as gathered:
        made = tokend(tmp_path, environment(tmp_path), *_SIGN)
        signed = made.stdout.splitlines()[0].split()[1]
        _drive(gathered, signed)
        good = configuration(tmp_path)
        for name, text in _mistaken(SECRETS["primary"], tmp_path).items():
            assert b" 409 " in _reload(gathered, text)[:20], name
        assert b" 200 " in _reload(gathered, good + "\n# another\n")[:20]
        for number in (signal.SIGHUP, signal.SIGUSR1):
            gathered.process.send_signal(number)
            time.sleep(0.2)
        gathered.send("after signals", request_bytes("GET", "/ping", None, ("Connection", "close")))
    answers = gathered.answers
    assert sum(one.startswith(b"HTTP/1.1 200") for one in answers.values()) > 150
    assert sum(one.startswith(b"HTTP/1.1 500") for one in answers.values()) == 2, "the crashes; a batch is 200"
    assert gathered.places["standard error"].count(b"RuntimeError") == 3
    assert gathered.places["audit"].count(b"\n") > 300
    assert sum(place.startswith("arguments of") for place in gathered.places) == 3
    assert found(gathered.places, made=signed) == []
    assert found(answers, in_pieces=True, made=signed) == []  # not even to the one who sent it


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """One command as the shell would run it: its exit code, and all that it printed."""
    write(tmp_path)
    for variable, text in environment(tmp_path).items():
        monkeypatch.setenv(variable, text)
    monkeypatch.syspath_prepend(tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        entry_points, "installed", entry_points.installed.__wrapped__
    )  # it remembers what was there before

    def run(*arguments: str) -> tuple[int | str | None, bytes]:
        try:
            code: int | str | None = main(arguments)
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        return code or 0, (printed.out + printed.err).encode()

    return run


@pytest.mark.parametrize("name", SECRETS)
def test_all_that_a_wrong_configuration_is_answered_with(name: str, tmp_path: Path, run: Run) -> None:
    """Each secret in every fourth place, each place with a quarter of the secrets."""
    places = list(_mistaken(SECRETS[name], tmp_path).items())
    for what, text in places[list(SECRETS).index(name) % 4 :: 4]:
        (tmp_path / "config.yaml").write_text(text)
        code, printed = run("check")
        assert code == (0 if what == "file of an audit" else 78), what
        assert found({what: printed}, in_pieces=True) == []


@pytest.mark.parametrize("what", ["literal certificate", "file of an audit"])
def test_all_that_a_server_which_does_not_start_says(what: str, tmp_path: Path) -> None:
    """The audit's file used to be named as it was written, even where that was a secret."""
    write(tmp_path)
    text = _mistaken(SECRETS["primary"], tmp_path)[what]
    (tmp_path / "config.yaml").write_text(text.replace("server: {", "server: {on_invalid_app: refuse, ", 1))
    done = tokend(tmp_path, environment(tmp_path), "serve", "--port", "0")
    assert done.returncode == (1 if what == "file of an audit" else 78)
    assert found({what: (done.stdout + done.stderr).encode()}, in_pieces=True) == []


_ASK = ("--app", "demo", "canary", "channel=room", "uid=7")
_COMMANDS = ("serve", "check", "schema", "token", "explain", "inspect", "key", "plugins", "health", "kick")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        *(((one, "--help"), 0) for one in _COMMANDS),
        (("--help",), 0),
        (("check",), 0),
        (("check", "--show", "demo"), 0),
        (("check", "--show", "asked"), 0),
        (("kick", "--app", "asked", "--channel", "room", "--user", "7", "--for", "1h"), 1),
        (("schema",), 0),
        (("plugins", "--config", "config.yaml"), 0),
        (("token", "--json", *_ASK), 0),
        (("token", "--as", "kit", *_ASK), 0),
        (("token", *_ASK, "role=none"), 1),
        (("explain", "--as", "machine", *_ASK), 0),
        (("inspect", "--config", "config.yaml", "007eJx"), 1),
        (_SIGN, 0),
        (("serve", "--port", "99999"), 2),
        (("health", "--url", "http://127.0.0.1:9"), 1),
    ],
)
def test_all_that_a_command_prints(arguments: tuple[str, ...], code: int, run: Run) -> None:
    exit_code, printed = run(*arguments)
    assert exit_code == code, printed
    assert printed
    assert found({" ".join(arguments): printed}, in_pieces=True) == []
