"""The deny list: what an entry shuts out, that it works within a second, and that no typing error lets anybody in."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.running import APP_ID
from tests.unit.http.running import DEMO, KEY, NOW, Serving
from tokend.adapters.deny_file import DenyFile
from tokend.core.declarations import LISTEN, Declarations, ServiceShape
from tokend.core.deny_entries import parse_entries, reason
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Grant, Service
from tokend.core.reach import reach_of
from tokend.telemetry.log import JsonLog

ROOM = reach_of(
    Grant(APP_ID, "007", 600, (Service("rtc", "ada", "lobby", {"join": 600}),)),
    Declarations({"rtc": ServiceShape()}, {"join": LISTEN}),
)
STUDIO = Caller("studio", {"iat": NOW - 100})


def entries(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


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
    found = reason(parse_entries(entries(entry)), "demo", STUDIO, ROOM, NOW)
    assert (found is not None) is denied


def test_a_caller_without_a_time_is_not_shut_out_by_one() -> None:
    assert reason(parse_entries(entries({"issued_before": NOW})), "demo", Caller("studio"), ROOM, NOW) is None


def test_a_jwt_that_does_not_say_when_it_was_issued_counts_as_old() -> None:
    old = Caller("web", {"sub": "ada", "exp": NOW + 60})
    assert reason(parse_entries(entries({"issued_before": NOW})), "demo", old, ROOM, NOW) is not None


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"junk\n", "line 1: is no JSON object"),
        (b'\n{"user": "ada"}\n[]\n', "line 3: must be a mapping"),
        (b'{"usr": "ada"}', "must name one of caller, channel, issued_before, url, user"),
        (b'{"user": null}', "an entry for everybody is no entry"),
        (b'{"app": "demo", "url": null}', "an entry for everybody is no entry"),
        (b'{"user": "ada", "chanel": "x"}', "chanel unknown key, did you mean 'channel'?"),
        (b'{"user": 7}', "user must be text"),
        (b'{"user": ""}', "user string should have at least 1 character"),
        (b'{"channel": "", "user": "ada"}', "channel string should have at least 1 character"),
        (b'{"app": "demo"}', "an entry for everybody is no entry"),
        (b'{"user": "a", "user": "b"}', "line 1: is no JSON object"),
        (b'{"user": "ada", "until": -1}', "until"),
    ],
)
def test_a_line_that_is_no_entry_is_told(raw: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match="line ") as told:
        parse_entries(raw)
    assert sentence in str(told.value)


def test_every_line_and_field_that_is_wrong_is_named() -> None:
    raw = b'{"user": 7, "channel": 8}\n{"user": "ada"}\njunk\n{"user": 9}\n'
    with pytest.raises(ValueError, match="line ") as caught:
        parse_entries(raw)
    assert str(caught.value) == (
        "line 1: user must be text; line 1: channel must be text; line 3: is no JSON object; line 4: user must be text"
    )


def test_the_reason_says_nothing_of_the_entry() -> None:
    entry = parse_entries(entries({"user": "ada", "channel": "lobby"}))
    assert reason(entry, "demo", STUDIO, ROOM, NOW) == "this is denied for the time being"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_it_takes_effect_within_a_second_and_a_wrong_file_lets_nobody_in(
    tmp_path: Path, serving: Serving
) -> None:
    file, clock, log = tmp_path / "deny.jsonl", Clock(), io.BytesIO()
    file.write_bytes(b"")
    deny = DenyFile(str(file), JsonLog(log, lambda: NOW), lambda: NOW, clock)
    header = ("X-API-Key", KEY)

    async with serving(DEMO, interfaces=Interfaces(deny=deny)) as server:

        async def status() -> int:
            clock.now += 0.5
            return (await server.token_request("GET", "/demo/rtc/lobby/publisher/userAccount/ada", None, header)).status

        assert await status() == 200
        file.write_bytes(entries({"user": "ada"}))
        assert await status() == 403
        file.write_bytes(b"junk, and longer than before\n")
        assert await status() == 403
        file.unlink()
        assert await status() == 403
        file.write_bytes(entries({"user": "somebody-else"}))
        assert await status() == 200
        refused = await server.token_request("GET", "/demo/rtc/lobby/publisher/userAccount/somebody-else", None, header)
        assert refused.json["code"] == "not_permitted"
        assert "denied for the time being" in refused.json["error"]
    assert b"the deny list is unchanged: line 1" in log.getvalue()
