"""Deny entries: what an entry shuts out, and what a line that is none is told."""

import json
import random
from typing import Any

import pytest

from tests.running import APP_ID
from tests.unit.http.running import NOW
from tokend.core.declarations import LISTEN, OPTIONAL, Declarations, ServiceShape
from tokend.core.deny_entries import SELECTORS, Entry, _is_plain, parse_entries, parse_line
from tokend.core.deny_index import DenyIndex
from tokend.core.model import ANY, NOT_APPLICABLE, Caller, Extent, Grant, Service
from tokend.core.reach import Reach, reach_of

DECLARED = Declarations({"rtc": ServiceShape(channel=OPTIONAL)}, {"join": LISTEN})
ROOM = reach_of(Grant(APP_ID, "007", 600, (Service("rtc", "ada", "lobby", {"join": 600}),)), DECLARED)
STUDIO = Caller("studio", {"iat": NOW - 100})


def entries(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def denies(entry: dict[str, Any], caller: Caller = STUDIO, reach: Reach = ROOM) -> bool:
    found, problems = parse_entries(entries(entry))
    assert not problems
    return DenyIndex(found).reason("demo", caller, reach, NOW) is not None


@pytest.mark.parametrize(
    ("entry", "denied"),
    [
        ({"user": "ada"}, True),
        ({"user": "bob"}, False),
        ({"channel": "lobby"}, True),
        ({"channel": "Lobby"}, False),
        ({"caller": "studio"}, True),
        ({"caller": "web"}, False),
        ({"user": "ada", "channel": "lobby"}, True),
        ({"user": "ada", "channel": "other"}, False),
        ({"app": "demo", "user": "ada"}, True),
        ({"app": "other", "user": "ada"}, False),
        ({"user": "ada", "until": NOW + 1}, True),
        ({"user": "ada", "until": NOW}, False),
        ({"issued_before": NOW - 99}, True),
        ({"issued_before": NOW - 100}, False),
        ({"caller": "studio", "issued_before": NOW}, True),
        ({"url": "party-7"}, False),  # no signed URL
    ],
)
def test_an_entry_shuts_out_what_all_of_it_fits(entry: dict[str, Any], denied: bool) -> None:
    assert denies(entry) is denied


@pytest.mark.parametrize(
    ("claims", "denied"),
    [
        ({"sub": "ada"}, True),
        ({"sub": "Ada"}, False),
        ({"sub": ["ada"]}, False),
        ({"sub": True}, False),
        ({}, False),
    ],
)
def test_an_entry_for_a_sub_shuts_out_whatever_user_the_token_has(claims: dict[str, object], denied: bool) -> None:
    nobody = Reach(frozenset(), frozenset({"private"}), frozenset(), frozenset())
    for reach in (ROOM, nobody):
        assert denies({"sub": "ada"}, Caller("web", claims), reach) is denied
        assert denies({"sub": "ada", "caller": "web", "channel": "private"}, Caller("web", claims), nobody) is denied
    assert not denies({"sub": "ada", "caller": "other"}, Caller("web", claims))
    assert not denies({"sub": "ada", "user": "bob"}, Caller("web", claims))


def test_a_sub_that_is_a_number_is_found_by_its_digits() -> None:
    assert denies({"sub": "7"}, Caller("web", {"sub": 7}))


def test_a_caller_without_a_time_is_not_shut_out_by_one() -> None:
    assert not denies({"issued_before": NOW}, Caller("studio"))


def test_a_jwt_that_does_not_say_when_it_was_issued_counts_as_old() -> None:
    old = Caller("web", {"sub": "ada", "exp": NOW + 60})
    assert denies({"issued_before": NOW}, old)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"junk\n", "line 1: is no JSON object"),
        (b'{"user": "\xed"}', "line 1: is no JSON object"),
        (b'\n{"user": "ada"}\n[]\n', "line 3: must be a mapping"),
        (b'{"usr": "ada"}', "must name one of caller, channel, issued_before, sub, url, user"),
        (b'{"user": null}', "an entry for everybody is no entry"),
        (b'{"app": "demo", "url": null}', "an entry for everybody is no entry"),
        (b'{"user": "ada", "chanel": "x"}', "chanel unknown key, did you mean 'channel'?"),
        (b'{"user": 7}', "user must be text"),
        (b'{"user": ""}', "user must have at least 1 character"),
        (b'{"channel": "", "user": "ada"}', "channel must have at least 1 character"),
        (b'{"app": "demo"}', "an entry for everybody is no entry"),
        (b'{"user": "a", "user": "b"}', "line 1: is no JSON object"),
        (b'{"user": "ada", "until": -1}', "until"),
    ],
)
def test_a_line_that_is_no_entry_is_told(raw: bytes, sentence: str) -> None:
    _, (problem,) = parse_entries(raw)
    assert problem.startswith("line ")
    assert sentence in problem


def test_every_line_and_field_that_is_wrong_is_named_and_the_others_count() -> None:
    raw = b'{"user": 7, "channel": 8}\n{"user": "ada"}\r\njunk\n{"user": 9}\n \n{"user": "bob"}'
    found, problems = parse_entries(raw)
    assert found == [Entry(user="ada"), Entry(user="bob")]
    assert problems == [
        "line 1: user must be text; channel must be text",
        "line 3: is no JSON object",
        "line 4: user must be text",
    ]


def test_the_reason_says_nothing_of_the_entry() -> None:
    index = DenyIndex([Entry(user="ada", channel="lobby")])
    assert index.reason("demo", STUDIO, ROOM, NOW) == "this is on the deny list"


@pytest.mark.parametrize(
    "line",
    [
        rb'{"user": "a\"b"}',
        rb'{"user": "\u0061da", "until": null}',
        rb'{"app": "demo", "user": "ada", "sub": "s", "channel": "c", "caller": "c", "url": "u", "issued_before": 1, "until": 2}',
    ],
)
def test_lines_with_escapes_and_null_are_entries(line: bytes) -> None:
    assert parse_line(line) == Entry(**json.loads(line))


@pytest.mark.parametrize("line", [b'{"user": "a", "user": null}', b'{"user":"a","until":1,"until":2}'])
def test_a_key_that_occurs_twice_is_a_mistake(line: bytes) -> None:
    with pytest.raises(ValueError, match="is no JSON object"):
        parse_line(line)


def test_an_entry_is_written_as_it_is_read() -> None:
    entry = Entry(user='a"b', issued_before=7)
    assert entry.line() == b'{"user":"a\\"b","issued_before":7}'
    assert parse_line(entry.line()) == entry


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "ada"},
        {"channel": "c"},
        {"sub": "s"},
        {"app": "demo", "user": "u", "sub": "s"},
        {"app": "demo", "caller": "c"},
        {"app": "demo", "url": "u", "until": 2},
        {"issued_before": 1},
        {"user": "ada", "channel": "c", "issued_before": 1, "until": 2},
    ],
)
def test_a_line_as_tokend_writes_it_is_parsed_once(fields: dict[str, Any]) -> None:
    entry = Entry(**fields)
    assert _is_plain(entry.line(), entry) is True
    assert _is_plain(entry.line()[:-1] + b',"until":null}', entry) is False
    assert _is_plain(entry.line()[:-1] + b',"user":"ada"}', entry) is False


@pytest.mark.parametrize("fields", [{}, {"app": "demo"}, {"until": 2}])
def test_a_line_without_a_selector_is_parsed_strictly(fields: dict[str, Any]) -> None:
    entry = Entry(**fields)
    assert not _is_plain(entry.line(), entry)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        (b'{"user": "ada", "app": "demo"}', True),
        (b'{"user": "ada", "app": "demo", "until": 7}', True),
        (b'{"user": "ada"}', False),
        (b'{"user": "ada", "app": "demo", "issued_before": 7}', False),
        (b"", False),
        (b"junk", False),
    ],
)
def test_a_line_is_about_the_same_whenever_it_ends(line: bytes, same: bool) -> None:
    for until in (None, 5, 7):
        assert Entry(app="demo", user="ada", until=until).is_about(line) is same


@pytest.mark.parametrize(
    ("user", "channel", "entry", "denied"),
    [
        (ANY, "lobby", {"user": "ada"}, True),
        (ANY, "lobby", {"app": "demo", "user": "ada", "channel": "lobby"}, True),
        (ANY, "lobby", {"app": "other", "user": "ada"}, False),
        (ANY, "lobby", {"user": "ada", "channel": "other"}, False),
        (ANY, "lobby", {"user": "ada", "until": NOW}, False),
        (ANY, "lobby", {"channel": "other"}, False),
        ("ada", ANY, {"channel": "other"}, True),
        ("ada", ANY, {"user": "ada", "channel": "other"}, True),
        ("ada", ANY, {"user": "bob", "channel": "other"}, False),
        (ANY, ANY, {"user": "bob", "channel": "other"}, True),
        (ANY, ANY, {"caller": "web", "user": "bob"}, False),
        ("ada", NOT_APPLICABLE, {"channel": "other"}, True),
    ],
)
def test_an_entry_for_a_user_or_channel_stops_a_token_for_any(
    user: str | Extent, channel: str | Extent, entry: dict[str, Any], denied: bool
) -> None:
    reach = reach_of(Grant(APP_ID, "007", 600, (Service("rtc", user, channel, {"join": 600}),)), DECLARED)
    assert denies(entry, reach=reach) is denied


def test_the_index_finds_what_reading_every_entry_finds() -> None:
    chosen = random.Random(7)

    def some(*values: Any) -> Any:
        return chosen.choice((None, *values))

    for _ in range(400):
        listed = [
            Entry(
                some("demo", "other"),
                some("ada", "bob"),
                some("ada", "cid"),
                some("lobby", "room"),
                some("studio", "web"),
                some("party"),
                some(NOW - 50, NOW - 150),
                some(NOW, NOW + 1),
            )
            for _ in range(chosen.randrange(12))
        ]
        claims = {"iat": NOW - 100, "sub": chosen.choice(("ada", "bob"))}
        caller = Caller(chosen.choice(("studio", "web")), claims, url=chosen.choice((None, "party")))
        users, channels = (
            frozenset(chosen.sample(names, chosen.randrange(3))) for names in (["ada", "x"], ["lobby", "y"])
        )
        wild = frozenset(chosen.sample(("wildcard_user", "wildcard_channel"), chosen.randrange(3)))
        reach = Reach(users, channels, frozenset(), wild)
        listed = [entry for entry in listed if any(getattr(entry, name) for name in SELECTORS)]
        index = DenyIndex(listed)
        while listed:
            fits = any(_fits(entry, caller, reach) for entry in listed)
            assert (index.reason("demo", caller, reach, NOW) is not None) is fits
            chosen.shuffle(listed)
            removed = chosen.randrange(1, len(listed) + 1)
            index.remove(listed[:removed])
            listed = listed[removed:]
            assert index.count == len(listed)
        assert index.reason("demo", caller, reach, NOW) is None


def _fits(entry: Entry, caller: Caller, reach: Reach) -> bool:
    """The meaning of an entry, field by field."""
    return (
        entry.app in (None, "demo")
        and entry.caller in (None, caller.name)
        and entry.url in (None, caller.url)
        and entry.sub in (None, caller.claims["sub"])
        and (entry.user is None or entry.user in reach.users or "wildcard_user" in reach.capabilities)
        and (entry.channel is None or entry.channel in reach.channels or "wildcard_channel" in reach.capabilities)
        and (entry.issued_before is None or entry.issued_before > NOW - 100)
        and (entry.until is None or entry.until > NOW)
    )


def test_entries_for_the_same_user_count_together_and_each_by_itself_once_others_are_removed() -> None:
    chosen = random.Random(11)
    for _ in range(300):
        listed = [
            Entry(
                user="ada",
                issued_before=chosen.choice((None, NOW - 90, NOW - 60, NOW - 30)),
                until=chosen.choice((None, NOW + 10, NOW + 20, NOW + 30)),
            )
            for _ in range(chosen.randrange(2, 8))
        ]
        index = DenyIndex(listed)
        while listed:
            for began in (NOW - 91, NOW - 61, NOW - 31, NOW):
                for now in (NOW, NOW + 15, NOW + 25, NOW + 35):
                    fits = any(
                        (entry.issued_before is None or began < entry.issued_before)
                        and (entry.until is None or now < entry.until)
                        for entry in listed
                    )
                    assert (index.reason("demo", Caller("studio", {"iat": began}), ROOM, now) is not None) is fits
            entry = chosen.choice(listed)
            index.remove([entry])
            listed.remove(entry)
        assert index.reason("demo", STUDIO, ROOM, NOW) is None


def test_the_same_entry_counts_until_it_was_removed_as_often_as_it_was_added() -> None:
    short, long = Entry(user="ada", until=NOW + 10), Entry(user="ada", until=NOW + 20)
    index = DenyIndex([short, long, long])
    for denied in (True, True, False):
        assert (index.reason("demo", STUDIO, ROOM, NOW + 15) is not None) is denied
        index.remove([long] if denied else [])
    assert index.reason("demo", STUDIO, ROOM, NOW + 5) is not None
    assert index.count == 1


def test_entries_that_a_wider_one_covers_are_not_kept_apart() -> None:
    narrow, wide = Entry(user="ada", issued_before=NOW - 50, until=NOW), Entry(user="ada", issued_before=NOW - 50)
    for listed in ([narrow, wide], [wide, narrow], [narrow, wide, wide], [Entry(user="ada", until=NOW), wide, narrow]):
        index = DenyIndex(listed)
        assert {len(blocks) for blocks in index._blocks.values()} == {len({entry.issued_before for entry in listed})}


@pytest.mark.parametrize(("removed", "pauses"), [(16, 1), (17, 2), (33, 3)])
def test_removing_entries_pauses_every_16_entries(removed: int, pauses: int) -> None:
    listed = [Entry(user=f"u{number}") for number in range(removed)]
    index, calls = DenyIndex([*listed, Entry(user="other")]), []
    index.remove(listed, lambda: calls.append(index.count))
    assert calls == [1 + removed - 16 * number for number in range(pauses)]


def test_finding_the_widest_entry_again_pauses_every_16_entries() -> None:
    listed = [Entry(channel="lobby", until=NOW + number) for number in range(32)]
    index, calls = DenyIndex(listed), []
    index.remove([listed[31]], lambda: calls.append(index.count))
    assert calls == [32, 31, 31, 31, 31], "for the entry, and twice for the channel and for any channel"
    assert index.reason("demo", STUDIO, ROOM, NOW + 29) is not None
    assert index.reason("demo", STUDIO, ROOM, NOW + 30) is None


def test_a_shape_of_entries_is_looked_for_until_its_last_entry_is_removed() -> None:
    ann, bob, lobby = Entry(user="ann"), Entry(user="bob"), Entry(channel="lobby")
    index = DenyIndex([ann, bob, lobby])
    assert len(index._shapes) == 2
    for entry, shapes in ((ann, 2), (lobby, 1), (bob, 0)):
        index.remove([entry])
        assert len(index._shapes) == shapes
