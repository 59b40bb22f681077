"""Without a configuration, `tokend inspect` reads the tokens of kinds that need options, too."""

import json
import time
from pathlib import Path

import jwt
import pytest

from tests.running import CERTIFICATE
from tokend.cli import main
from tokend.cli.unconfigured import installed_backends
from tokend.core.errors import ApiError
from tokend.dialects.contract import Inspect
from tokend.issuing import inspection

NOW = 1_800_000_000


def test_every_built_in_kind_can_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {backend.kind for backend in installed_backends()}
    assert {"rtc", "chat", "livekit", "jwt", "turn", "pusher"} <= kinds
    assert capsys.readouterr().err == ""


def test_a_token_of_livekit_is_read_and_nobody_signed_it() -> None:
    claims = {
        "iss": "APIabcdefghijk",
        "sub": "ann",
        "nbf": NOW,
        "exp": NOW + 600,
        "video": {"roomJoin": True, "room": "r"},
    }
    for key in (CERTIFICATE, "", "x" * 64):
        token = jwt.encode(claims, key or "none" * 10, algorithm="HS256")
        says = inspection.inspect(installed_backends(), Inspect(token), NOW).fields()
        assert (says["format"], says["signed_by"], says["app"]) == ("livekit", None, "another")


def test_no_token_steers_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name, now = "\x9b2J\u202eann é", int(time.time())
    video = {"roomJoin": True, "room": "r"}
    claims = {"iss": "APIabcdefghijk", "sub": "ann", "name": name, "nbf": now, "exp": now + 600, "video": video}
    assert main(["inspect", jwt.encode(claims, "x" * 64, algorithm="HS256")]) == 0
    written = capsys.readouterr().out
    assert all(line.isprintable() for line in written.split("\n"))
    assert '"\\u009b2J\\u202eann é"' in written
    assert json.loads(written)["services"][0]["detail"]["name"] == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("007eJxTYBBbsMMnKq7p9", "damaged: what follows 007 is cut off"),
        ("006" + "970CA35de60c44645bbae8a215061b33" + "IAC", "damaged: what follows"),
        (f'"0044{"a" * 60}"', "an old Dynamic Key (before 006)"),
        (f"Bearer {CERTIFICATE}", "an App ID or a certificate, not a token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.A", "not a JSON Web Token: a part of it is not base64url"),
    ],
)
def test_a_text_that_one_backend_recognises_gets_no_reason_of_another(text: str, reason: str) -> None:
    with pytest.raises(ApiError) as caught:
        inspection.inspect(installed_backends(), Inspect(text), NOW)
    assert caught.value.detail.startswith(f"token cannot be read: {reason}")
    for other in ("Ably", "Pusher", "begin with 006", ";"):
        assert other not in caught.value.detail


def test_without_a_configuration_nothing_is_said_about_the_signer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    now = int(time.time())
    claims = {"iss": "APIx", "sub": "ann", "nbf": now, "exp": now + 600, "video": {"roomJoin": True, "room": "r"}}
    assert main(["inspect", jwt.encode(claims, "x" * 64, algorithm="HS256")]) == 0
    says = json.loads(capsys.readouterr().out)
    assert says["signature"].startswith("not checked: ")
    assert (says["app"], says["signed_by"], says["problems"]) == ("unknown", None, [])
    assert "extra" not in says


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(
            {"iss": "APIx", "sub": "ann", "nbf": NOW, "exp": NOW + 60, "video": {"room": "r", "roomJoin": True}},
            "x" * 64,
        ),
        f"{NOW + 60}:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og=",
        f"app-key:{'2f' * 32}:1234.5678:private-room-1",
    ],
    ids=["livekit", "turn", "pusher"],
)
def test_without_secrets_a_missing_signer_is_no_problem_and_says_nothing_of_the_app(token: str) -> None:
    found = inspection.inspect(installed_backends(), Inspect(token), NOW, "no configuration")
    assert (found.says["app"], found.problems) == ("unknown", ())
    assert str(found.says["signature"]).startswith("not checked")
    assert "signed_by" not in str(found.says["hidden"])


def test_without_secrets_an_expired_token_is_still_one() -> None:
    expired = Inspect("1700000000:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og=")
    found = inspection.inspect(installed_backends(), expired, NOW, "no configuration")
    assert found.problems[0].startswith("It expired ")
    assert found.says["app"] == "unknown"
