"""Without a configuration, `tokend inspect` reads the tokens of kinds that need options, too."""

import jwt
import pytest

from tests.running import CERTIFICATE
from tokend.cli.unconfigured import installed_backends
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
        says = inspection.inspect(installed_backends(), Inspect(token), NOW, knows_secrets=False).fields()
        assert (says["format"], says["signed_by"], says["app"]) == ("livekit", None, "unknown")


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
    found = inspection.inspect(installed_backends(), Inspect(token), NOW, knows_secrets=False)
    assert (found.says["app"], found.problems) == ("unknown", ())
    assert str(found.says["signature"]).startswith("cannot be checked")
    assert "signed_by" not in str(found.says["hidden"])


def test_without_secrets_an_expired_token_is_still_one() -> None:
    expired = Inspect("1700000000:ann:FjzImjcpLUeFxqTSQtH2E/AE/Og=")
    found = inspection.inspect(installed_backends(), expired, NOW, knows_secrets=False)
    assert found.problems[0].startswith("It expired ")
    assert found.says["app"] == "unknown"
