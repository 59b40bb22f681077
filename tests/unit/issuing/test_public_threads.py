"""Situations of the vendor's public threads, made again with tokens of our own: what the inspector would have said there.

Each case names its thread as repository#number on GitHub; no text or token of a thread is repeated.
"""

from typing import Any

import pytest

from tests.unit.issuing.test_stuck_people import NOW, built, look, raw


@pytest.mark.parametrize(
    ("thread", "token", "joins", "sentence"),
    [
        (
            "AgoraIO/Tools#417: a token for a text account, joined with a number",
            built("rtc", channel="room", account="0f0c8a52-text-of-an-account", role="publisher"),
            {"channel": "room", "user": "7"},
            "one is a number, the other an account",
        ),
        (
            "AgoraIO/Tools#160: a token for one uid, while the client says 0 and gets a uid of the SDK's choice",
            built("rtc", channel="room", uid=12345, role="publisher"),
            {"channel": "room", "user": "0"},
            'Its user is "12345", the client joins with "0"',
        ),
        (
            "AgoraIO/Tools#130: an account on the server, a uid in the client",
            built("rtc", channel="room", account="user-id-1", role="publisher"),
            {"user": "1"},
            "one is a number, the other an account",
        ),
        (
            "AgoraIO/Tools#117: a lifetime of a year",
            raw(31_536_000, {1: 31_536_000}),
            {},
            "the platform ends it 24 hours after its issue",
        ),
        (
            "AgoraIO/Tools#175: expired as soon as it is used, 109",
            built("rtc", version="006", channel="room", uid=7, ttl=60, issued_at=NOW - 3600),
            {},
            "It expired 59 minutes ago: RTC clients get 109",
        ),
        (
            "AgoraIO/RTM#128: the console's RTC token given to RTM",
            built("rtc", channel="room", uid=12345),
            {"product": "rtm", "user": "12345"},
            "It is for RTC, not for RTM (Signaling)",
        ),
        (
            "AgoraIO/RTM#95: RTM login with a token of RTC privileges",
            built("rtc", version="006", channel="room", account="0"),
            {"product": "rtm"},
            "It is for RTC, not for RTM (Signaling)",
        ),
    ],
)
def test_the_thread_would_have_ended_here(thread: str, token: str, joins: dict[str, Any], sentence: str) -> None:
    problems = look(token, **joins).problems
    assert any(sentence in one for one in problems), (thread, problems)


def test_a_token_for_any_user_lets_every_uid_in() -> None:
    """AgoraIO/Tools#178: uid 0 in the token, another in the client, is no mistake of the token's."""
    assert look(built("rtc", channel="room", uid=0), channel="room", user="77").problems == ()


def test_a_subscriber_that_can_publish_is_told_of_co_host_authentication() -> None:
    """AgoraIO/API-Examples-Web#84: roles bite only where the project has it switched on."""
    notes = look(built("rtc", channel="room", uid=7)).notes
    assert any("co-host authentication" in one for one in notes)
