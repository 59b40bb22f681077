"""What people are stuck on, as they ask about it in public: each case is a token, a join, and the sentence that helps."""

from typing import Any

import pytest

from tests.running import APP_ID, CERTIFICATE
from tokend import agora
from tokend.backends.agora import v007
from tokend.backends.agora.rtc import Rtc, RtcOptions
from tokend.backends.contract import Backend
from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret
from tokend.dialects.contract import Inspect, Inspection
from tokend.issuing.inspection import inspect

NOW = 1_800_000_000
OTHER_APP = "a" * 32


def backends(app_id: str = APP_ID, certificate: str = CERTIFICATE) -> list[Backend]:
    secrets = {"primary": Secret(certificate), "secondary": Secret("b" * 32)}
    return [Rtc(RtcOptions(), AppCredentials(app_id, secrets))]


def look(token: str, *, now: int = NOW, ours: list[Backend] | None = None, **joins: Any) -> Inspection:
    return inspect(backends() if ours is None else ours, Inspect(token, **joins), now)


def built(kind: str, *, ttl: int = 3600, issued_at: int = NOW, **fields: Any) -> str:
    return agora.build(kind, app_id=APP_ID, certificate=CERTIFICATE, ttl=ttl, issued_at=issued_at, **fields)


def raw(expire: int, privileges: dict[int, int], *, channel: str = "room", uid: str = "7", issued_at: int = NOW) -> str:
    """A token that our own kinds would not make, as careless servers do."""
    service = v007.Service(1, privileges, (channel, uid))
    return v007.encode(v007.Content(APP_ID, issued_at, expire, 1, (service,)), CERTIFICATE)


ROOM: dict[str, Any] = {"channel": "room", "uid": 7, "role": "publisher"}


@pytest.mark.parametrize(
    ("token", "joins", "sentence"),
    [
        # "110, but the token is fresh": another channel, in other letters
        (built("rtc", **ROOM), {"channel": "Room"}, '"Room" (upper and lower case differ): they must be equal'),
        (built("rtc", **ROOM), {"channel": "lobby"}, 'Its channel is "room", the client joins "lobby"'),
        # "joinChannel with uid 0 and a token for uid 7": the SDK picks a uid of its own
        (built("rtc", **ROOM), {"user": "8"}, 'Its user is "7", the client joins with "8"'),
        # account against number
        (built("rtc", channel="room", account="alice"), {"user": "7"}, "one is a number, the other an account"),
        (built("rtc", channel="room", account="0"), {"user": "7"}, 'It is for the account "0"'),
        # an RTC token given to RTM login, and the reverse
        (
            built("rtc", **ROOM),
            {"product": "rtm"},
            "It is for RTC, not for RTM (Signaling): a token of another product is -10005 there",
        ),
        (built("rtc", **ROOM), {"product": "chat", "channel": "Room"}, "It is for RTC, not for Chat"),
        (built("rtm", user="alice"), {"product": "rtc"}, "It is for RTM (Signaling), not for RTC"),
        # stream channel without its RTC service
        (
            built("rtm", user="alice"),
            {"product": "rtm", "channel": "stage"},
            "An RTM stream channel needs an RTC service",
        ),
        # an absolute time where 007 expects seconds
        (raw(NOW + 3600, {1: NOW + 3600}), {}, "Its lifetime is a point in time"),
        (raw(7 * 86_400, {1: 7 * 86_400}), {}, "It says 7 days, but the platform ends it 24 hours after its issue"),
        (raw(20, {1: 20}), {}, "It lasts 20 seconds: under a minute clients misbehave"),
        # clocks
        (
            built("rtc", issued_at=NOW - 7200, **ROOM),
            {},
            "It expired 1 hour ago: RTC clients get 109",
        ),
        (raw(7 * 86_400, {1: 1}, issued_at=NOW - 90_000), {}, "It expired 1 hour ago"),
        (built("rtc", issued_at=NOW + 600, **ROOM), {}, "It is issued 10 minutes in the future"),
    ],
)
def test_the_problem_is_told(token: str, joins: dict[str, Any], sentence: str) -> None:
    problems = look(token, **joins).problems
    assert any(sentence in one for one in problems), problems


@pytest.mark.parametrize(
    ("token", "joins"),
    [
        (built("rtc", **ROOM), {"channel": "room", "user": "7", "product": "rtc"}),
        (built("rtc", channel="room", uid=0), {"channel": "room", "user": "12345"}),
        (built("rtc", channel="*", uid=7), {"channel": "anything", "user": "7"}),
        (built("rtc", channel="room", uid=4_294_967_291), {"user": "-5"}),  # as Android shows it
        (built("rtm", user="alice", channel="stage"), {"product": "rtm", "channel": "stage", "user": "alice"}),
        (built("chat", user="alice"), {"product": "chat", "user": "alice"}),
    ],
)
def test_a_join_that_works_has_no_problems(token: str, joins: dict[str, Any]) -> None:
    assert look(token, **joins).problems == ()


def test_wrong_project_and_wrong_certificate_are_told_apart() -> None:
    token = built("rtc", **ROOM)
    other_project = look(token, ours=backends(app_id=OTHER_APP))
    assert "another App ID" in other_project.problems[0]
    assert other_project.says["app"] == "another"
    other_certificate = look(token, ours=backends(certificate="c" * 32))
    assert "No certificate of this app signed it" in other_certificate.problems[0]
    assert other_certificate.says["signature"] == "not by a certificate of this app"


def test_without_an_app_nothing_is_said_of_whose_it_is() -> None:
    bare: list[Backend] = [Rtc(RtcOptions(), AppCredentials(None, {}))]
    found = look(built("rtc", **ROOM), ours=bare)
    assert (found.says["app"], found.problems) == ("unknown", ())


def test_a_rest_token_by_the_secondary_certificate_is_told() -> None:
    token = agora.build("chat", app_id=APP_ID, certificate="b" * 32, issued_at=NOW, app=True)
    found = look(token)
    assert found.says["signed_by"] == "secondary"
    assert "REST calls (chat) take only the primary's" in found.problems[0]


def test_a_006_token_is_checked_with_what_the_client_joins_with() -> None:
    token = built("rtc", version="006", **ROOM)
    assert any("only checksums" in note for note in look(token).notes)
    assert look(token, channel="lobby").problems == (
        "Its channel is not the one that the client joins with: the checksums differ, so it is 110.",
    )
    whole = look(token, channel="room", user="7")
    assert (whole.says["signed_by"], whole.says["signature"], whole.problems) == ("primary", "valid", ())
    stranger = look(token, ours=backends(certificate="c" * 32), channel="room", user="7")
    assert "No certificate of this app signed it" in stranger.problems[0]
    anyone = look(built("rtc", version="006", channel="room", uid=0), channel="room", user="99")
    assert (anyone.says["signature"], anyone.problems) == ("valid", ())
    rtm = look(built("rtm", version="006", user="alice"), user="alice")
    assert (rtm.says["signed_by"], rtm.problems) == ("primary", ())


def test_notes_tell_what_surprises_people() -> None:
    notes = " ".join(look(built("rtc", **ROOM), user="7").notes)
    for fact in ("co-host authentication", "007 needs RTC SDK 3.5.2", "never mix them there"):
        assert fact in notes
    assert "says 0, which means as long as the token" in " ".join(look(raw(600, {1: 0})).notes)
    assert "outlasts the token" in " ".join(look(raw(600, {1: 700})).notes)
    assert "ends before the token" in " ".join(look(raw(600, {1: 300})).notes)
    assert "006 is the old format" in " ".join(look(built("rtc", version="006", **ROOM)).notes)
