"""Random asks of every kind through the native API: the vendor verifies each token and reads out of it what was asked for.

What is expected is written down here from the ask alone, field by field, in the vendor's numbers.
"""

from typing import Any, Final

import pytest

from tests.oracle import Vendor
from tests.random_asks import RandomAsks, Service, question_006
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import APP_ID, CERTIFICATE, KINDS, NOW, SALT, Serving

_HOW_MANY: Final = 60
_SETUP: Final = (
    ANYBODY["every capability"].replace("app_admin]", "app_admin, classroom_role]")
    + "    routes: [{path: /, dialect: native}]\n"
)
_OLD: Final = f'{ANYBODY["every capability"]}    routes: [{{path: /, dialect: {{native: {{token_version: "006"}}}}}}]\n'


@pytest.mark.parametrize("kind", KINDS)
async def test_the_vendor_reads_what_was_asked_for(kind: str, vendor: Vendor, serving: Serving) -> None:
    chance = RandomAsks(KINDS.index(kind))
    tokens: list[str] = []
    expected: list[tuple[int, list[Service]]] = []
    async with serving(_SETUP) as server:
        for _ in range(_HOW_MANY):
            chance.next_ttl()
            token_request, services = chance.made(kind)
            reply = await server.token_request("POST", "/v1/token", {"kind": kind, "ttl": chance.ttl, **token_request})
            assert reply.status == 200, (token_request, reply.body)
            assert {name: reply.json[name] for name in token_request} == token_request
            tokens.append(reply.json["token"])
            expected.append((chance.ttl, services))
    answers = vendor.ask_all({"op": "verify007", "token": one, "certificate": CERTIFICATE} for one in tokens)
    for answer, (ttl, services) in zip(answers, expected, strict=True):
        assert (answer["read"], answer["ok"], answer["app_id"]) == (True, True, APP_ID)
        assert (answer["issue_ts"], answer["salt"], answer["expire"]) == (NOW, SALT, ttl)
        assert answer["services"] == services


@pytest.mark.parametrize("kind", ["rtc", "rtm"])
async def test_006_is_what_the_vendor_builds(kind: str, vendor: Vendor, serving: Serving) -> None:
    chance = RandomAsks(6)
    tokens: list[str] = []
    questions: list[dict[str, Any]] = []
    async with serving(_OLD) as server:
        for _ in range(_HOW_MANY):
            chance.next_ttl()
            token_request, (service,) = chance.old(kind)
            reply = await server.token_request("POST", "/v1/token", {"kind": kind, "ttl": chance.ttl, **token_request})
            tokens.append(reply.json["token"])
            questions.append(question_006(service, APP_ID, CERTIFICATE, NOW, SALT))
    assert [answer["token"] for answer in vendor.ask_all(questions)] == tokens
