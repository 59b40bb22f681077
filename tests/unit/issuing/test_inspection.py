"""What inspect tells of a token: what it gives, who signed it, and how long it lasts."""

from collections.abc import Mapping
from typing import Final

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import CREDENTIALS, ISSUANCE, OTHER_CREDENTIALS, app, backends, permitted, rtc, rule
from tokend.core.declarations import CAPABILITIES
from tokend.core.durations import in_words
from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials, TokenRequest
from tokend.core.secrets import Secret
from tokend.dialects.contract import Inspect, Inspection
from tokend.issuing.inspection import inspect

_NOW: Final = ISSUANCE.issued_at + 60


def _token(token_request: TokenRequest, app_credentials: AppCredentials = CREDENTIALS) -> str:
    permit = permitted(app(rule(capabilities=CAPABILITIES), app_credentials=app_credentials), token_request)
    return permit.backend.mint(permit.grant, ISSUANCE).token


def _told(
    token: str, now: int = _NOW, app_credentials: AppCredentials = CREDENTIALS, **joins: str | None
) -> tuple[Mapping[str, object], str]:
    inspection: Inspection = inspect(backends(app_credentials).values(), Inspect(token, **joins), now)
    return inspection.says, "\n".join(inspection.problems)


def test_it_says_what_the_token_gives_and_finds_nothing_wrong() -> None:
    says, problems = _told(_token(rtc("room", 7, role="publisher", ttl=5400)), channel="room", user="7", product="rtc")
    assert problems == ""
    assert says == {
        "app_id": CREDENTIALS.app_id,
        "format": "007",
        "ttl": 5400,
        "services": [
            {
                "name": "rtc",
                "user": "7",
                "channel": "room",
                "role": "publisher",
                "privileges": {"join": 5400, "publish_audio": 5400, "publish_video": 5400, "publish_data": 5400},
            }
        ],
        "capabilities": [],
        "signed_by": "primary",
        "signature": "valid",
        "issued_at": ISSUANCE.issued_at,
        "expires_at": ISSUANCE.issued_at + 5400,
        "lasts": "1 hour 30 minutes",
        "seconds_left": 5340,
        "expired": False,
        "hidden": [],
        "app": "yours",
        "gives": [
            'RTC "room" user "7" as publisher: join 1 hour 30 minutes, publish_audio 1 hour 30 minutes, '
            "publish_video 1 hour 30 minutes, publish_data 1 hour 30 minutes"
        ],
    }


def test_it_names_the_capabilities_of_a_wildcard() -> None:
    assert _told(_token(rtc("*", 0)))[0]["capabilities"] == ["wildcard_channel", "wildcard_user"]


@pytest.mark.parametrize(("later", "expired", "left"), [(3599, False, 1), (3600, True, 0), (7200, True, 0)])
def test_it_says_whether_the_token_expired(later: int, expired: bool, left: int) -> None:
    says, problems = _told(_token(rtc()), ISSUANCE.issued_at + later)
    assert (says["expired"], says["seconds_left"]) == (expired, left)
    assert ("RTC clients get 109" in problems) is expired


def test_an_issue_time_in_the_future_is_a_wrong_clock() -> None:
    assert "It is issued 1 minute 1 second in the future" in _told(_token(rtc()), ISSUANCE.issued_at - 61)[1]
    assert _told(_token(rtc()), ISSUANCE.issued_at - 60)[1] == ""


def test_a_token_of_another_app_id() -> None:
    says, problems = _told(_token(rtc(), OTHER_CREDENTIALS))
    assert "another App ID" in problems
    assert (says["signed_by"], says["signature"]) == (None, "not by a certificate of this app")


def test_a_token_that_no_certificate_of_ours_signed() -> None:
    says, problems = _told(_token(rtc(), replace(OTHER_CREDENTIALS, app_id=CREDENTIALS.app_id)))
    assert "No certificate of this app signed it: RTC clients get 110." in problems
    assert says["signed_by"] is None


def test_it_names_the_certificate_of_two() -> None:
    both = AppCredentials(
        CREDENTIALS.app_id, {"primary": Secret("0" * 32), "secondary": CREDENTIALS.certificates["primary"]}
    )
    assert _told(_token(rtc()), app_credentials=both)[0]["signed_by"] == "secondary"


def test_a_wildcard_fits_any_channel_and_user() -> None:
    assert _told(_token(rtc("*", 0)), channel="anything", user="8")[1] == ""


def test_what_a_service_lacks_is_not_held_against_it() -> None:
    assert _told(_token(TokenRequest("rtm", {"user": "ann"})), user="ann", product="rtm")[1] == ""


def test_006_hides_channel_user_and_signature() -> None:
    says, problems = _told(_token(rtc(version="006")))
    assert says["hidden"] == ["channel", "signed_by", "ttl", "user"]
    assert says["signature"] == "cannot be checked without the channel and user that the client joins with"
    assert problems == ""


def test_006_shows_how_long_each_privilege_lasts() -> None:
    """It hides the ttl of the token alone: a privilege that lasts as long as the token had no time."""
    says, _ = _told(_token(rtc(version="006", ttl=600)))
    assert (says["ttl"], says["services"]) == (
        None,
        [{"name": "rtc", "role": "subscriber", "privileges": {"join": 600}}],
    )


def test_006_still_tells_the_product_the_app_and_the_end() -> None:
    assert "not for RTC" in _told(_token(TokenRequest("rtm", {"user": "ann", "version": "006"})), product="rtc")[1]
    assert "another App ID" in _told(_token(rtc(version="006"), OTHER_CREDENTIALS))[1]
    assert "RTC clients get 109" in _told(_token(rtc(version="006")), ISSUANCE.issued_at + 3600)[1]


@pytest.mark.parametrize(
    "token", ["", "junk", "007", "006", "007eJx", f"006{CREDENTIALS.app_id}", "a.b.c", "\ud800", "007" + "A" * 9000]
)
def test_what_cannot_be_read_is_a_bad_ask(token: str) -> None:
    with pytest.raises(ApiError, match="cannot be read") as caught:
        _told(token)
    assert (caught.value.code, caught.value.status, caught.value.field) == (Code.INVALID_FIELD, 400, "token")
    assert caught.value.sentence.count("\n") == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (61, "1 minute 1 second"), (5400, "1 hour 30 minutes"), (172_800, "2 days")],
)
def test_lengths_are_told_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
