"""`tokend explain --bearer`: whom a JWT authenticates, or why it is rejected; and the token is never an argument."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import APP_ID, CERTIFICATE
from tests.unit.auth.jwt.making import SECRET, good, pem, with_secret
from tokend.auth.key_digests import digest_of
from tokend.cli import main

CONFIG = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: DEMO_APP_CERTIFICATE}}
    callers:
      studio: {{api_key: "{digest_of("a-key")}"}}
      machine:
        jwt: {{issuer: machine, audience: tokend, secret: {{env: SHARED}}}}
        rules: [{{kinds: rtc, channel: "room-*", user: "7"}}]
      web:
        jwt: {{issuer: "https://id.example.com", audience: tokend, keys: [{{file: key.pem}}]}}
        rules: [{{when: {{claims.role: host}}, user: "{{claims.sub}}"}}, {{kinds: rtm, user: "{{claims.sub}}"}}]
    routes:
      - {{path: /studio, callers: studio}}
      - {{path: /users, callers: [machine, web]}}
"""
ASK = ("rtc", "channel=room-1")
LATE = 4_000_000_000
"""No test waits that long: these tokens hold by the real clock."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration whose keys need no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOKEND_CONFIG", raising=False)
    monkeypatch.setenv("DEMO_APP_CERTIFICATE", CERTIFICATE)
    monkeypatch.setenv("SHARED", SECRET)
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "key.pem").write_text(pem("ec"))
    return tmp_path


def _web(**claims: object) -> str:
    return good("ec", **{"iat": None, "nbf": None, "exp": LATE, **claims})  # type: ignore[arg-type]  # header is not among them


def _machine(**claims: object) -> str:
    return with_secret(**{"iat": 1, "nbf": 1, "exp": LATE, **claims})  # type: ignore[arg-type]  # nor is the algorithm


def test_it_is_the_caller_whose_issuer_it_has(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "token").write_text(_machine() + "\n")
    assert main(["explain", "--bearer", "@token", *ASK]) == 0
    says = json.loads(capsys.readouterr().out)
    assert (says["issued"], says["caller"], says["rule"]) == (True, "machine", "demo.machine.rules[0]")
    assert says["claims"]["sub"] == "alice"


def test_the_file_may_hold_the_value_of_the_header(home: Path) -> None:
    (home / "token").write_text(f"Bearer {_machine()}\n")
    assert main(["explain", "--bearer", "@token", *ASK]) == 0


def test_its_claims_go_into_the_rules(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "token").write_text(_web(role="guest"))
    assert main(["explain", "--bearer", "@token", *ASK]) == 1
    says = json.loads(capsys.readouterr().out)
    assert (says["issued"], says["caller"], says["claims"]["role"]) == (False, "web", "guest")
    assert says["rule_results"][0]["unmet"] == ['when: claims.role is not "host"']
    assert main(["explain", "--bearer", "@token", "rtm"]) == 0


@pytest.mark.usefixtures("home")
def test_it_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(_web(role="host").encode() + b"\n")))
    assert main(["explain", "--bearer", "@-", *ASK]) == 0
    assert json.loads(capsys.readouterr().out)["gives"]["services"][0]["user"] == "alice"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: _web(exp=1_000), "exp is past"),
        (lambda: _web(aud="other"), "aud is 'other', caller web expects tokend"),
        (
            lambda: _web(iss="https://other.example.com"),
            "no caller here trusts the issuer 'https://other.example.com'; trusted: https://id.example.com and machine",
        ),
        (lambda: _web()[:-9] + "AAAAAAAAA", "the signature is by none of the issuer's keys"),
        (lambda: _machine(exp=None), "exp is no time"),
        (
            lambda: "no-token",
            "the bearer token is opaque (no dots), or a key that nobody here has. A signed JWT has three parts. Some "
            "providers issue opaque tokens where no audience is requested",
        ),
        (
            lambda: "aaa.bbb.ccc.ddd.eee",
            "the bearer token is an encrypted JWT (five parts): have the provider issue signed ones (three parts)",
        ),
        (lambda: "aaa.bbb", "the bearer token has 2 parts with dots between, and a signed JWT has three"),
        (
            lambda: "two words",
            "Authorization is not the word Bearer, a blank and a credential, or a credential has characters outside ASCII",
        ),
    ],
)
def test_the_operator_reads_why_the_jwt_was_rejected(
    token: Callable[[], str], reason: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "token").write_text(token())
    assert main(["explain", "--bearer", "@token", *ASK]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"tokend: credential_invalid: {reason}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bearer", "aaa.bbb.ccc"], "use --bearer @FILE or @-"),
        (["--bearer", "@missing"], "the token cannot be read: No such file or directory"),
        (["--bearer", "@empty"], "the token cannot be read: it is empty"),
        (["--bearer", "@latin"], "the token cannot be read: it is not ASCII text"),
        (["--bearer", "@empty", "--claims", "x"], "--claims goes with --as"),
        (["--bearer", "@empty", "--as", "web"], "not allowed with argument"),
        ([], "one of the arguments --as --bearer is required"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_repeats_no_token(
    arguments: list[str], sentence: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "empty").write_text("\n")
    (home / "latin").write_bytes(b"\xe9")
    with pytest.raises(SystemExit) as left:
        main(["explain", *arguments, *ASK])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "aaa.bbb" not in told


@pytest.mark.parametrize("command", ["explain", "token"])
def test_claims_are_checked_by_require(home: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    text = CONFIG.replace("keys: [{file: key.pem}]", "keys: [{file: key.pem}], require: {claims.org: acme}")
    (home / "config.yaml").write_text(text)
    (home / "claims.json").write_text('{"sub": "ada", "role": "host", "org": "bolt"}')
    words = [command, "--as", "web", "--claims", "claims.json", *ASK]
    assert main(words) == 1
    assert capsys.readouterr().err == ('tokend: credential_invalid: require of caller web: claims.org is not "acme"\n')
    (home / "claims.json").write_text('{"sub": "ada", "role": "host", "org": "acme"}')
    assert main(words) == 0


def test_without_claims_explain_says_that_require_is_not_checked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.replace("keys: [{file: key.pem}]", "keys: [{file: key.pem}], require: {claims.org: acme}")
    (home / "config.yaml").write_text(text)
    main(["explain", "--as", "web", *ASK])
    assert json.loads(capsys.readouterr().out)["require"] == "not checked: name the caller's claims with --claims"
    main(["explain", "--as", "studio", *ASK])
    assert "require" not in json.loads(capsys.readouterr().out)
