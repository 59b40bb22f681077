"""Tokens that people post, made again: the exact problems, and notes, that a person needs. Signed with the published App ID."""

from typing import Any

import pytest

from tests.running import APP_ID, CERTIFICATE
from tests.unit.issuing.test_stuck_people import NOW, backends, built, look, raw
from tokend.backends.agora import v006, v007
from tokend.core.durations import in_words

HOUR = 3600
DAY = 86_400
PUBLISHER = (1, 2, 3, 4)
LOGIN = 1000
ROOM: dict[str, Any] = {"channel": "room", "user": "7"}


def raw_006(privileges: dict[int, int], channel: str = "room", uid: str = "7", issued_at: int = NOW) -> str:
    return v006.encode(v006.Content(APP_ID, channel, uid, issued_at, 1, privileges), CERTIFICATE)


def raw_007(service: int, privileges: dict[int, int], *values: str, expire: int = HOUR, issued_at: int = NOW) -> str:
    content = v007.Content(APP_ID, issued_at, expire, 1, (v007.Service(service, privileges, values),))
    return v007.encode(content, CERTIFICATE)


def relative(names: str, seconds: int, clients: str, year: str = "in 1970") -> str:
    return (
        f"Its {names} {seconds}: 006 expects a point in time (Unix seconds), not seconds from now. "
        f"{seconds} is {year}, so it is over: {clients}."
    )


RTC_OVER, RTM_OVER, CHAT_OVER = "RTC clients get 109", "RTM clients get -10009", "Chat clients get 108"
LONG = "c" * 65
OTHER_USER = "they must be equal, otherwise Agora rejects the join with error"

PROBLEMS: list[tuple[str, str, dict[str, Any], tuple[str, ...]]] = [
    ("i1", raw_006({1: 3600}), {}, (relative("privilege join says", 3600, RTC_OVER),)),
    (
        "i1",
        raw_006(dict.fromkeys(PUBLISHER, 3600)),
        ROOM,
        (relative("privileges join, publish_audio, publish_video, publish_data say", 3600, RTC_OVER),),
    ),
    ("i1", raw_006({LOGIN: 86_400}, "ada", ""), {}, (relative("privilege login says", 86_400, RTM_OVER),)),
    ("i1", raw_006({1: 646_470_272}), {}, (relative("privilege join says", 646_470_272, RTC_OVER, "before 2002"),)),
    (
        "i5",
        raw_006({1: 2**32 - 1}, issued_at=NOW - HOUR),
        {},
        (f"It says {in_words(2**32 - 1 - NOW + HOUR)}, but the platform ends it 24 hours after its issue.",),
    ),
    ("i1", raw_006({1: NOW + HOUR, 2: 600}), {}, (relative("privilege publish_audio says", 600, RTC_OVER),)),
    (
        "i1",
        raw_006({1: 600}, issued_at=0),
        {},
        (
            relative("privilege join says", 600, RTC_OVER),
            "Its time says 86400: 006 expects a point in time there, the issue time plus 24 hours in Unix seconds. "
            "It counts as expired: RTC clients get 109.",
        ),
    ),
    ("i2", raw_006(dict.fromkeys(PUBLISHER, 0)), ROOM, ()),
    ("i2", raw_006({LOGIN: 0}, "ada", ""), {"product": "rtm", "user": "ada"}, ()),
    ("i2", raw_006({1: 0}, issued_at=NOW - DAY - 60), {}, (f"It expired 1 minute ago: {RTC_OVER}.",)),
    ("i3", raw_006({1: NOW + HOUR, LOGIN: NOW + HOUR}), ROOM, ()),
    ("i3", raw_006({1: NOW + HOUR, LOGIN: NOW + HOUR}), {"product": "rtm", "user": "7"}, ()),
    ("i3", raw_006({1: 0, LOGIN: 0}, "", "ada"), {"product": "rtm", "user": "ada"}, ()),
    (
        "i3",
        raw_006({1: 0, LOGIN: 0}, "", "ada"),
        {"product": "rtc", "channel": "room", "user": "ada"},
        ('The place of its channel is empty, and the client joins "room": it is 110.',),
    ),
    (
        "i3",
        raw_006({1: NOW + HOUR, LOGIN: NOW + HOUR}),
        {"product": "rtm", "user": "bob"},
        ("Its user is not the one that the client joins with: the checksums differ, so it is -10005.",),
    ),
    ("i3", raw_006({LOGIN: NOW + HOUR}, "ada", "ada"), {"user": "ada"}, ()),
    (
        "i3",
        raw_006({LOGIN: NOW + HOUR}, "room", ""),
        {"channel": "room", "user": "ada"},
        ("The channel stands where an RTM token has its user: it is -10005.",),
    ),
    (
        "i3",
        raw_006({1: NOW + HOUR}, "ada", ""),
        {"channel": "room", "user": "ada"},
        ("The user stands in the place of the channel, as in a token for RTM: it is 110.",),
    ),
    (
        "a token of another product in a channel",  # there was no problem
        raw_007(2, {1: DAY}, "ada", expire=DAY, issued_at=NOW - 600),
        {"channel": "room", "user": "ada"},
        ("It is for RTM (Signaling), not for RTC: a token of another product is 110 there.",),
    ),
    (
        "i4",
        raw_007(1, {1: 60}, "room", "7", expire=DAY, issued_at=NOW - 600),
        {},
        (f"Its privilege join ended 9 minutes ago, although the token still lives: {RTC_OVER}.",),
    ),
    (
        "i4",
        raw_007(2, {1: 60}, "ada", expire=DAY, issued_at=NOW - 600),
        {},
        (f"Its privilege login ended 9 minutes ago, although the token still lives: {RTM_OVER}.",),
    ),
    (
        "i4",
        raw_007(5, {1: 60}, "ada", expire=DAY, issued_at=NOW - 600),
        {},
        (f"Its privilege user ended 9 minutes ago, although the token still lives: {CHAT_OVER}.",),
    ),
    (
        "i4",
        raw_006({1: NOW - 540, 2: NOW + HOUR}, issued_at=NOW - 600),
        {},
        (f"Its privilege join ended 9 minutes ago, although the token still lives: {RTC_OVER}.",),
    ),
    (
        "i4",
        raw_006({1: NOW + HOUR, LOGIN: NOW - 540}, issued_at=NOW - 600),
        {},
        (f"Its privilege login ended 9 minutes ago, although the token still lives: {RTM_OVER}.",),
    ),
    (
        "i5",
        raw(7 * DAY, {1: 7 * DAY}, issued_at=NOW - 25 * HOUR),
        {},
        (
            "It says 7 days, but the platform ends it 24 hours after its issue.",
            f"It expired 1 hour ago: {RTC_OVER}.",
        ),
    ),
    ("i6", built("chat", app=True), {}, ()),
    (
        "i6",
        built("chat", app=True),
        {"product": "chat", "user": "ada"},
        (
            "It is an administrator's token for the REST API of Chat, and has no user: "
            "no client can log in with it (Chat clients get 104). Keep it on the server.",
        ),
    ),
    ("i6", built("chat", user="00000000-0000-11ec-8000-000000000001"), {"product": "chat", "user": "ada"}, ()),
    (
        "i6",
        built("chat", user="ada", issued_at=NOW - 2 * HOUR),
        {"product": "chat", "user": "bob"},
        (
            f"It expired 1 hour ago: {CHAT_OVER}.",
            f'Its user is "ada", the client joins with "bob": {OTHER_USER} 104 (invalid token).',
        ),
    ),
    (
        "i6",
        built("rtm", user="ada"),
        {"user": "bob"},
        (f'Its user is "ada", the client joins with "bob": {OTHER_USER} -10005 (invalid token).',),
    ),
    ("i7", raw_007(1, {2: HOUR, 3: HOUR}, "room", "7"), ROOM, ()),
    ("i7", raw_006({}), ROOM, ()),
    ("i7", v007.encode(v007.Content(APP_ID, NOW, HOUR, 1, ()), CERTIFICATE), {}, ()),
    (
        "i7",
        v007.encode(v007.Content(APP_ID, NOW, HOUR, 1, ()), CERTIFICATE),
        {"product": "rtc"},
        ("It has no service, so it is not for RTC: RTC clients get 110.",),
    ),
    (
        "i7",
        raw(0, {1: 0}),
        {},
        (
            "Its lifetime is 0 seconds, so it ended when it was issued. Only a privilege's 0 means as long as the token.",
            f"It expired 0 seconds ago: {RTC_OVER}.",
        ),
    ),
    (
        "i9",
        raw(HOUR, {1: HOUR}, uid="7894561230"),
        {},
        (
            'The user "7894561230" is no uid: the largest is 4294967295, and RTC clients get 121. '
            "Only a text account may be as long.",
        ),
    ),
    (
        "i9",
        raw(HOUR, {1: HOUR}, channel=LONG),
        {},
        ("Its channel has 65 bytes, and no channel may have over 63: RTC clients get 102.",),
    ),
    (
        "i9",
        raw(HOUR, {1: HOUR}, channel="caf\u00e9 \U0001f600"),
        {},
        (
            'The channel "caf\u00e9 \U0001f600" holds a character that Agora does not allow. It may hold a-z A-Z 0-9, '
            "space and !#$%&()+-:;<=.>?@[]^_{}|~, (RTC clients get 102).",
        ),
    ),
    (
        "i9",
        raw_007(5, {1: HOUR}, "Ada"),
        {},
        ('The user "Ada" must be 1 to 64 of a-z 0-9 _ - . (no upper case): Chat clients get 101.',),
    ),
    (
        "i9",
        raw_007(2, {1: HOUR}, " ada"),
        {},
        (
            'The user " ada" must be 1 to 64 printable ASCII characters and not begin with a space: '
            "RTM clients get -10006.",
        ),
    ),
    (
        "i9",
        raw_006({1: NOW + HOUR}, LONG, "7"),
        {"channel": LONG},
        ("Its channel has 65 bytes, and no channel may have over 63: RTC clients get 102.",),
    ),
]


@pytest.mark.parametrize(
    ("finding", "token", "joins", "problems"),
    PROBLEMS,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(PROBLEMS)],
)
def test_the_problems_of_a_token(finding: str, token: str, joins: dict[str, Any], problems: tuple[str, ...]) -> None:
    found = look(token, **joins)
    assert found.problems == problems, finding
    shown = repr(found.fields())
    assert " -1 " not in shown
    assert "006 expects" not in shown or token.startswith("006")
    assert "007 expects" not in shown or token.startswith("007")
    ttl = found.says["ttl"]
    assert ttl is None if token.startswith("006") else isinstance(ttl, int) and ttl >= 0
    assert found.says["expired"] is any("expired" in problem for problem in found.problems)


BUILDER = "Agora's builder of RTM tokens writes it in the place of the channel, and leaves the place of the uid empty."
NOTES: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "i2",
        raw_006({1: 0}),
        {},
        "A privilege of rtc says 0, which means as long as the token; no callback reports its end.",
    ),
    (
        "i3",
        raw_006({LOGIN: NOW + HOUR}, "ada", "ada"),
        {"user": "ada"},
        f"The user stands in both places, of channel and uid. {BUILDER}",
    ),
    (
        "i3",
        raw_006({1: 0, LOGIN: 0}, "", "ada"),
        {"user": "ada"},
        f"The user stands in the place of the uid. {BUILDER}",
    ),
    (
        "i6",
        built("chat", app=True),
        {},
        "It administers Chat through the REST API: whoever has it can act for every user. It is not for clients.",
    ),
    (
        "i6",
        built("chat", user="00000000-0000-11ec-8000-000000000001"),
        {"user": "ada"},
        "Its Chat user 00000000-0000-11ec-8000-000000000001 is the UUID that Chat gives a user when it is registered, as "
        'Agora\'s samples use it. It cannot be compared with "ada". docs/vendors/agora.md says which id to use.',
    ),
    (
        "i7",
        raw_007(1, {2: HOUR}, "room", "7"),
        {},
        "Its rtc service has no privilege join, only publish_audio: without join a client may be rejected "
        "(RTC clients get 110).",
    ),
    (
        "i7",
        raw_006({}),
        {},
        "Its rtc service has no privileges at all. People report that this works, but it is no documented use: "
        "add the privileges of the role.",
    ),
    (
        "i7",
        v007.encode(v007.Content(APP_ID, NOW, HOUR, 1, ()), CERTIFICATE),
        {},
        "It has no service: no product accepts it. Did the server add one to the token before it was built?",
    ),
    (
        "i9",
        raw(HOUR, {1: HOUR}, channel="c" * 64),
        {},
        "Its channel has 64 bytes: Agora's pages say both up to 64 and less than 64. Use at most 63.",
    ),
]


@pytest.mark.parametrize(
    ("finding", "token", "joins", "note"), NOTES, ids=[f"{number}-{case[0]}" for number, case in enumerate(NOTES)]
)
def test_the_notes_on_a_token(finding: str, token: str, joins: dict[str, Any], note: str) -> None:
    assert note in look(token, **joins).notes, finding


def test_both_services_are_read() -> None:
    says = look(raw_006({1: NOW + HOUR, LOGIN: NOW + HOUR}), **ROOM).says
    services: Any = says["services"]
    assert [(service["name"], service["user"], service.get("channel")) for service in services] == [
        ("rtc", "7", "room"),
        ("rtm", "7", None),
    ]
    assert says["signed_by"] == "primary"


@pytest.mark.parametrize("token", [raw(7 * DAY, {1: 7 * DAY}, issued_at=NOW - 25 * HOUR)])
def test_the_fields_end_a_token_when_the_platform_does(token: str) -> None:
    says = look(token).says
    assert (says["expired"], says["seconds_left"], says["expires_at"]) == (True, 0, NOW - HOUR)


@pytest.mark.parametrize(("channel", "user"), [("room", "7"), ("room", "-5")])
def test_a_006_token_of_ours_has_no_problem(channel: str, user: str) -> None:
    uid = int(user) % 2**32
    assert look(built("rtc", version="006", channel=channel, uid=uid), channel=channel, user=user).problems == ()


def test_another_certificate_is_named_per_product() -> None:
    (problem,) = look(built("chat", user="ada"), ours=backends(certificate="c" * 32)).problems
    assert problem.startswith("No certificate of this app signed it: Chat clients get 104.")


@pytest.mark.parametrize(
    ("token", "join"),
    [
        (raw_006({1: NOW + HOUR}, "ada", ""), {"channel": "room", "user": "ada"}),
        (raw_006({1: NOW + HOUR}), {"channel": "lobby", "user": "7"}),
        (raw_006({LOGIN: NOW + HOUR}, "ada", ""), {"user": "bob"}),
    ],
)
def test_no_note_wants_a_channel_or_user_that_is_given(token: str, join: dict[str, Any]) -> None:
    said = look(token, **join)
    assert said.problems
    assert not any("give" in note for note in said.notes)
