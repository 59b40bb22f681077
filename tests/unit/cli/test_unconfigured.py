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
        says = inspection.inspect(installed_backends(), Inspect(token), NOW).fields()
        assert (says["format"], says["signed_by"], says["app"]) == ("livekit", None, "another")
