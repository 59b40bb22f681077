"""What stands in the lines: every decision about a token, and nothing else; and nothing in the words of strangers."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.unit.adapters.audit_faults import NOW, Made, decided
from tests.unit.http.running import DEMO, KEY, serving
from tests.unit.issuing.making import CALLER, ISSUANCE, app, route_options, rule
from tokend.core.audit_records import HashChain, body
from tokend.core.deny_entries import DenyChange, Entry
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Decision, Grant, Restriction, Service, TokenRequest
from tokend.core.reach import Reach
from tokend.dialects.contract import Issue
from tokend.issuing.issuer import issue

PAGE: Final = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
FIELDS_PAGE: Final = (Path(__file__).parents[3] / "docs/reference/log-and-audit.md").read_text()
EXAMPLES: Final = [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


async def lines_of(
    file: Path, *asked: tuple[str, bytes | dict[str, Any] | None, Mapping[str, str]], yaml: str = DEMO
) -> list[dict[str, Any]]:
    """What the audit says after these requests: paths with bodies and headers; the statuses are not looked at."""
    made = Made(file)
    async with serving(yaml, interfaces=Interfaces(audit=made.audit)) as server:
        for path, content, headers in asked:
            await server.token_request("GET" if content is None else "POST", f"/demo{path}", content, *headers.items())
    made.audit.close()
    return [json.loads(line) for line in file.read_bytes().splitlines()]


GOOD: Final = {"X-API-Key": KEY}
BAD: Final = {"X-API-Key": "guessed-by-a-stranger"}
ASK: Final = {"kind": "rtc", "channel": "strangers-words", "uid": 7}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (BAD, "credential_invalid"),
        ({}, "unauthenticated"),
        ({**GOOD, "Authorization": f"Bearer {KEY}"}, "credential_ambiguous"),
        ({"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}, "credential_invalid"),
    ],
)
async def test_a_credential_that_is_refused_is_one_line_without_a_word_of_its_sender(
    tmp_path: Path, headers: Mapping[str, str], code: str
) -> None:
    found = await lines_of(
        tmp_path / "audit.jsonl",
        ("/v1/token", ASK, headers),
        ("/v1/tokens", {"requests": [ASK, ASK]}, headers),
        ("/rtc/strangers-words/publisher/uid/7", None, headers),
    )
    assert [one["outcome"] for one in found] == ["refused"] * 3
    assert [one["sequence"] for one in found] == [0, 1, 2]
    expected = {"app": "demo", "caller": None, "code": code, "field": None, "kind": None, "outcome": "refused"}
    for one in found:
        kept = {name: one[name] for name in one.keys() - {"writer", "sequence", "previous", "after"}}
        assert kept == {**expected, "time": NOW, "request_id": "request-1"}


async def test_explain_and_inspect_mint_nothing_and_are_not_there(tmp_path: Path) -> None:
    found = await lines_of(
        tmp_path / "audit.jsonl",
        *(("/v1/explain", ASK, headers) for headers in (GOOD, BAD)),
        *(("/v1/inspect", {"token": "007eJ"}, headers) for headers in (GOOD, BAD)),
    )
    assert found == []


async def test_neither_is_what_cannot_be_read_or_leads_nowhere(tmp_path: Path) -> None:
    found = await lines_of(
        tmp_path / "audit.jsonl", ("/v1/token", b"{", GOOD), ("/v1/token", {"uid": 7}, GOOD), ("/v1/none", None, GOOD)
    )
    assert found == []


async def test_an_unknown_field_is_refused_and_not_quoted(tmp_path: Path) -> None:
    (line,) = await lines_of(tmp_path / "audit.jsonl", ("/v1/token", {**ASK, "strangers_field": 1}, GOOD))
    assert (line["outcome"], line["code"], line["field"]) == ("refused", "unknown_field", None)
    assert "stranger" not in json.dumps(line)


async def test_a_bad_value_names_its_field_alone(tmp_path: Path) -> None:
    (line,) = await lines_of(tmp_path / "audit.jsonl", ("/v1/token", {**ASK, "uid": "strangers-uid"}, GOOD))
    assert (line["caller"], line["code"], line["field"]) == ("studio", "invalid_field", "uid")
    assert "stranger" not in json.dumps(line)


async def test_a_bad_value_under_a_key_of_the_clients_does_not_quote_the_key(tmp_path: Path) -> None:
    live_kit = "livekit: {api_key: a, secret: {env: CERTIFICATE}, url: 'wss://media.example.com'}"
    ask = {"kind": "livekit", "room": "r", "identity": "ann", "attributes": {"strangers words": 5}}
    found = await lines_of(tmp_path / "a", ("/v1/token", ask, GOOD), yaml=f"{DEMO}    backends: {{{live_kit}}}\n")
    assert [(line["code"], line["field"]) for line in found] == [("invalid_field", "attributes")]
    assert "stranger" not in json.dumps(found)


async def test_an_unknown_kind_is_not_quoted(tmp_path: Path) -> None:
    (line,) = await lines_of(tmp_path / "audit.jsonl", ("/v1/token", {**ASK, "kind": "strangers-kind"}, GOOD))
    assert (line["caller"], line["kind"], line["outcome"]) == ("studio", None, "refused")
    assert "stranger" not in json.dumps(line)


class _Sink:
    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def healthy(self) -> bool:
        return True

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.decisions += decisions


class _Denying:
    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        return "denied for the time being"


LOBBY: Final = TokenRequest("rtc", {"channel": "lobby", "uid": 7}, names={"uid": "userId"})
HALL: Final = TokenRequest("rtc", {"channel": "hall", "uid": 7})
STORED: Final = TokenRequest("rtm", {"user": "ann"})


@pytest.mark.parametrize(
    ("token_request", "interfaces", "user", "channel"),
    [
        (HALL, {}, "7", "hall"),  # no rule fits
        (LOBBY, {"deny": _Denying()}, "7", "lobby"),
        (STORED, {"deny": _Denying()}, "ann", None),
    ],
)
async def test_a_refused_line_has_the_kind_and_the_ids_of_a_correct_request(
    token_request: TokenRequest, interfaces: Mapping[str, Any], user: str, channel: str | None
) -> None:
    sink = _Sink()
    with pytest.raises(ApiError, match=r"permit|denied"):
        await issue(
            app(rule(channel="lobby", kinds=["rtc"]), rule(kinds=["rtm"])),
            route_options(),
            CALLER,
            Issue((token_request,)),
            [ISSUANCE],
            Interfaces(audit=sink, **interfaces),
        )
    (decision,) = sink.decisions
    line = json.loads(body(decision))
    (service,) = line["services"]
    assert (line["kind"], line["outcome"], line["code"]) == (token_request.kind, "refused", "not_permitted")
    assert (service["user"], service.get("channel")) == (user, channel)
    hashed = body(decision, hash_ids=True)
    assert hashlib.sha256(user.encode()).hexdigest().encode() in hashed
    assert f'"{user}"'.encode() not in hashed


def test_a_refused_line_has_no_details() -> None:
    grant = Grant(
        None, "jwt", 600, (Service("video", "ann", "lobby", {"join": 600}, detail={"name": "strangers words"}),)
    )
    api_error = ApiError(Code.NOT_PERMITTED, "no rule of this caller permits this")
    line = body(Decision("demo", "web", STORED, grant, None, None, NOW, api_error))
    assert json.loads(line)["services"] == [
        {"name": "video", "user": "ann", "channel": "lobby", "privileges": {"join": 600}}
    ]


async def test_who_narrowed_a_caller_is_said_of_an_issued_token() -> None:
    sink, bound_restrictions = (
        _Sink(),
        Caller(CALLER.name, restrictions=(Restriction("url:17"), Restriction("authorizer"))),
    )
    for caller in (bound_restrictions, CALLER):
        await issue(
            app(rule()),
            route_options(),
            caller,
            Issue((TokenRequest("rtm", {"user": "ann"}),)),
            [ISSUANCE],
            Interfaces(audit=sink),
        )
    first, second = (json.loads(body(one)) for one in sink.decisions)
    assert first["restricted_by"] == ["url:17", "authorizer"]
    assert "restricted_by" not in second


def test_the_page_shows_lines_as_they_are() -> None:
    issued, refused, stranger, denied = EXAMPLES
    decision = replace(decided(7), url="lobby-1", restricted_by=("url lobby-1",))
    api_error = ApiError(Code.NOT_PERMITTED, "no rule of this caller permits this")
    nobody = ApiError(Code.CREDENTIAL_INVALID, "unknown or invalid credential")
    bodies = [
        body(decision),
        body(Decision("demo", "web", decision.token_request, decision.grant, None, None, NOW, api_error, "request-1")),
        body(Decision("demo", None, None, None, None, None, NOW, nobody, "request-1")),
        body(DenyChange(Entry(app="demo", user="ann"), True, "file", NOW, "cli")),
    ]
    made = [json.loads(line) for line in HashChain("writer").lines(bodies)]
    for example, line in zip((issued, refused, stranger, denied), made, strict=True):
        assert list(example) == list(line)
        assert {name: type(value) for name, value in example.items()} == {
            name: type(value) for name, value in line.items()
        }
    for example, line in ((issued, made[0]), (refused, made[1])):
        assert list(map(list, example["services"])) == list(map(list, line["services"]))
    fields = FIELDS_PAGE.partition("## Audit")[2]
    assert all(f"`{name}`" in fields for line in made for name in line)


def test_the_page_begins_with_an_example_that_loads() -> None:
    configuration = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()  # whose examples are loaded
    (example,) = re.findall(r"^```yaml\n.*?^```", PAGE, re.DOTALL | re.MULTILINE)
    assert example in configuration


@pytest.mark.parametrize("mode", ["os", "batch", "off"])
def test_the_page_tells_of_every_sync_mode(mode: str) -> None:
    assert re.search(rf"^\| `{mode}`", PAGE, re.MULTILINE)


def test_a_change_of_the_deny_list_can_be_written_without_ids() -> None:
    change = DenyChange(
        Entry(app="demo", user="ann", sub="anna", channel="room"), False, "redis", NOW, "console", "spam"
    )
    line = json.loads(body(change, hash_ids=True))
    assert line["outcome"] == "allowed"
    assert line["reason"] == "spam"
    assert line["entry"]["app"] == "demo"
    assert line["entry"]["user"] == f"sha256:{hashlib.sha256(b'ann').hexdigest()}"
    assert line["entry"]["sub"] == f"sha256:{hashlib.sha256(b'anna').hexdigest()}"
    assert "room" not in str(line)
