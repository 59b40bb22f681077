"""The `tokend` command, through `main`: what each prints, and its exit code."""

import io
import json
import re
from pathlib import Path

import pytest

from tests.running import APP_ID, CERTIFICATE, DEMO
from tokend.auth.key_digests import digest_of
from tokend.cli import main

CONFIG = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    callers:
      studio:
        api_key: "{digest_of("a-key")}"
        rules: [{{channel: "room-*", user: "7", roles: [subscriber]}}]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration, and an environment with its certificate."""
    monkeypatch.chdir(tmp_path)
    for name in ("APP_ID", "APP_CERTIFICATE", "TOKEND_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in DEMO.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_token_is_printed_alone_and_inspect_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "rtc", "channel=lobby", "account=1234", "role=publisher", "--ttl", "600"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["inspect", token]) == 0
    usual = json.loads(capsys.readouterr().out)
    assert usual["signature"] == "valid"  # c5: the default configuration counts
    assert usual["lasts"] == "10 minutes"
    assert main(["inspect", "--config", "config.yaml", "--user", "5", token]) == 1
    full = json.loads(capsys.readouterr().out)
    assert (full["signed_by"], full["services"][0]["user"]) == ("primary", "1234")
    assert full["problems"] == [
        'Its user is "1234", the client joins with "5": they must be equal, '
        "otherwise Agora rejects the join with error 110 (invalid token)."
    ]


@pytest.mark.usefixtures("home")
def test_of_two_options_that_say_where_the_last_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts add an option to those of the command that they run. Any other option is given once."""
    assert main(["check", "--config", "none.yaml", "--config", "config.yaml"]) == 0
    with pytest.raises(SystemExit):
        main(["token", "--app", "demo", "--app", "other", "rtc"])
    assert "argument --app: is given twice" in capsys.readouterr().err


def test_a_lifetime_that_the_route_shortens_is_told_beside_the_token(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.yaml").write_text(f"{CONFIG}    routes: [{{path: /, on_excess: clamp, ttl: {{max: 10m}}}}]\n")
    for arguments, warning in (
        (["--ttl", "2h"], "warning: on_excess shortens the lifetime to 600 seconds\n"),
        (["--ttl", "10m"], ""),
        (["--ttl", "2h", "--json"], ""),
    ):
        assert main(["token", "--as", "studio", "rtc", "channel=room-1", "uid=7", *arguments]) == 0
        assert capsys.readouterr().err == warning


def test_without_a_configuration_every_installed_backend_is_tried(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["token", "chat", "user=ada", "--ttl", "600"]) == 0
    token = capsys.readouterr().out.strip()
    (home / "config.yaml").unlink()
    monkeypatch.setattr("sys.stdin", io.StringIO(f'{{\n  "token": "{token}"\n}}\n'))
    assert main(["inspect", "-"]) == 0
    bare = json.loads(capsys.readouterr().out)
    assert bare["signature"].startswith("not checked")
    assert (bare["app"], bare["services"][0]["user"]) == ("unknown", "ada")
    assert bare["notes"][0] == "It stood in token of a JSON text."


def test_without_a_configuration_a_token_of_another_vendor_is_not_called_a_strangers(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.yaml").unlink()
    assert main(["inspect", "4102444800:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og="]) == 0
    bare = json.loads(capsys.readouterr().out)
    assert (bare["app"], bare["format"], bare["problems"]) == ("unknown", "turn", [])
    assert bare["signature"].startswith("not checked")


@pytest.mark.usefixtures("home")
def test_a_token_that_no_app_can_read_is_read_as_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """It was "not an Agora token", although the same command reads it in an empty directory."""
    assert main(["inspect", "4102444800:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og="]) == 0
    bare = json.loads(capsys.readouterr().out)
    assert (bare["app"], bare["format"], bare["problems"]) == ("unknown", "turn", [])
    assert bare["signature"] == "not checked: no app of the configuration can read it"


def test_a_default_configuration_that_is_invalid_does_not_stop_an_inspection(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["token", "rtc", "channel=lobby", "uid=7"]) == 0
    token = capsys.readouterr().out.strip()
    monkeypatch.delenv("DEMO_APP_CERTIFICATE")
    assert main(["inspect", token]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["signature"].startswith("not checked")
    assert "the configuration has 1 problem, so the signature is not checked" in shown.err
    assert main(["inspect", "--config", str(home / "config.yaml"), token]) == 78


@pytest.mark.usefixtures("home")
def test_problems_are_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "rtc", "channel=lobby", "uid=7"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["inspect", token, "--channel", "lobby", "--uid", "7"]) == 0
    assert main(["inspect", token, "--channel", "lobby", "--user", "8"]) == 1
    assert json.loads(capsys.readouterr().out.split("\n}\n")[1] + "\n}")["problems"]


@pytest.mark.usefixtures("home")
def test_token_as_a_caller_goes_through_its_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--as", "studio", "--json", "rtc", "channel=room-1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["uid"], answer["role"]) == (7, "subscriber")
    assert main(["token", "--as", "studio", "rtc", "channel=lobby"]) == 1
    assert capsys.readouterr().err.startswith("tokend: not_permitted: ")
    assert main(["token", "rtc", "channel=lobby", "uid=7", "--ttl", "86401"]) == 1
    assert capsys.readouterr().err == "tokend: ttl_out_of_range: ttl must be 60 to 86400 seconds\n"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [
        ["rtc", "--app", "demo", "channel=lobby", "uid=7"],
        ["rtc", "channel=lobby", "--app", "demo", "uid=7"],
        ["--app", "demo", "rtc", "channel=lobby", "--ttl", "10m", "uid=7", "--json"],
    ],
)
def test_fields_and_options_may_stand_in_any_order(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", *arguments]) == 0
    assert capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["token", *arguments, "--nonsense"])
    assert left.value.code == 2
    assert "unrecognized arguments: --nonsense\n" in capsys.readouterr().err


ROUTES = """    routes:
      - {path: /short, on_excess: clamp, callers: [studio], ttl: {max: 5m}}
      - {path: /long, callers: [other]}
"""


def test_the_operator_has_the_lifetimes_of_the_app_and_a_caller_those_of_its_first_route(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = f'      other: {{api_key: "{digest_of("other-key")}"}}\n'
    (home / "config.yaml").write_text(CONFIG + other + ROUTES)
    lifetimes = {}
    for who in ((), ("--as", "studio"), ("--as", "other")):
        for ttl in ((), ("--ttl", "30m")):
            assert main(["token", "--json", *who, *ttl, "rtc", "channel=room-1", "uid=7"]) == 0
            lifetimes[who, ttl] = json.loads(capsys.readouterr().out)["ttl"]
    assert list(lifetimes.values()) == [3600, 1800, 300, 300, 3600, 1800]
    assert main(["explain", "--as", "other", "--ttl", "30m", "rtc", "channel=room-1", "uid=7"]) == 0
    assert json.loads(capsys.readouterr().out)["gives"]["ttl"] == 1800


@pytest.mark.usefixtures("home")
def test_explain_says_what_each_rule_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--as", "studio", "rtc", "channel=room-1", "uid=8", "role=publisher"]) == 1
    answer = json.loads(capsys.readouterr().out)
    unmet = ['user "8" does not match "7"', "role publisher is not among roles [subscriber]"]
    assert answer["rule_results"] == [{"rule": "demo.studio.rules[0]", "unmet": unmet}]
    assert main(["explain", "--as", "studio", "rtc", "channel=room-1"]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "demo.studio.rules[0]"


def test_explain_says_that_an_authorizer_would_be_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = '    authorizer: {url: "http://127.0.0.1:1/", secret: {env: DEMO_APP_CERTIFICATE}}\n'
    (home / "config.yaml").write_text(CONFIG + asked)
    assert main(["explain", "--as", "studio", "rtc", "channel=room-1"]) == 0
    assert json.loads(capsys.readouterr().out)["authorizer"].endswith("explain does not ask it")


@pytest.mark.usefixtures("home")
def test_junk_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "007junk"]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["inspect", "hello"]) == 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "70000"],
        ["nonsense"],
        ["token", "rtc", "channel"],
        ["token", "--claims", "claims.json", "rtc", "channel=lobby", "uid=7"],
        ["token", "--app", "other", "rtc"],
        ["token", "rtc", "--app", "demo", "channel"],
        ["check", "more"],
        ["explain", "--as", "nobody", "rtc"],
        ["explain", "--as", "studio", "--claims", "missing.json", "rtc"],
        ["key"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out = capsys.readouterr().out
    for command in ("serve", "check", "schema", "token", "inspect", "explain", "key", "plugins", "kick", "health"):
        assert re.search(rf"^    {command}\s+\w", out, re.M), command


def test_configuration_problems_are_exit_code_78(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.yaml").write_text(CONFIG.replace("certificate:", "certficate:"))
    for arguments in (
        ["serve"],
        ["check"],
        ["token", "rtc", "channel=x", "uid=1"],
        ["plugins", "--config", "config.yaml"],
    ):
        assert main(arguments) == 78
        err = capsys.readouterr().err
        assert "config.yaml:5:5: apps.demo.certficate: unknown key, did you mean 'certificate'?" in err
        assert CERTIFICATE not in err


def test_without_any_configuration_both_ways_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.yaml").unlink()
    assert main(["check"]) == 78
    err = capsys.readouterr().err
    assert "--config" in err
    assert "APP_ID" in err


def test_key_new_prints_a_key_and_its_hash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["key", "new"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    key = first.split()[-1]
    assert f'"{digest_of(key)}"' in second
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{key}\n"))
    assert main(["key", "hash"]) == 0
    assert capsys.readouterr().out.strip() == digest_of(key)
    monkeypatch.setattr("sys.stdin", io.StringIO("with space\n"))
    assert main(["key", "hash"]) == 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("typed", ["", "\n"])
def test_standard_input_without_a_key_or_a_token_is_named_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["key", "hash"]) == 1
    assert "there is no key" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(SystemExit):
        main(["inspect", "-"])
    assert "the token cannot be read: it is empty" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_plugins_names_every_plug_in_and_its_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    listed = capsys.readouterr().out
    for line in ("backend\trtc", "auth scheme\tjwt", "dialect\tnative"):
        assert re.search(rf"^{line}\ttokend \S+$", listed, re.M), line
    assert main(["plugins", "--config", "config.yaml"]) == 0
    assert "apps demo\tfields channel, uid, account" in capsys.readouterr().out


def test_plugins_lists_a_kind_of_another_name_with_its_backend(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (home / "config.yaml").read_text()
    assert "    callers:" in text
    kinds = "    backends: {signaling: {backend: rtm}, rtm: , chat: }\n    callers:"
    (home / "config.yaml").write_text(text.replace("    callers:", kinds))
    assert main(["plugins", "--config", "config.yaml"]) == 0
    lines = [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [["backend", "chat"], ["backend", "rtm"], ["backend", "signaling (rtm)"]]


_KEY = "t7Kp2vQx9LmZ4rWc8YbNd3HsG6fJ1eUa5oTiRkVwXyE"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [
        ["key", "hash", _KEY],
        ["key", _KEY],
        [_KEY],
        ["inspect", "a", _KEY],
        ["completion", _KEY],
        ["health", _KEY],
        ["token", _KEY],
        ["token", "rtc", _KEY],
        ["token", "--as", _KEY, "rtc"],
        ["token", "--app", _KEY, "rtc"],
        ["explain", "--as", _KEY, "rtc"],
        ["check", "--show", _KEY],
        ["audit", "verify", _KEY],
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`tokend key hash` reads standard input; with the key as an argument, its error repeated the key."""
    try:
        assert main(arguments) in (1, 2)
    except SystemExit as leaving:
        assert leaving.code == 2
    printed = "".join(capsys.readouterr())
    assert "(hidden: it looks like a secret)" in printed
    assert _KEY[:8] not in printed
