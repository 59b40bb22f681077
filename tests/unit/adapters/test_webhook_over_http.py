"""The server asks a backend over real HTTP: what it sends, what each answer makes of an ask, in every dialect."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.unit.adapters.authorizer_backend import HEADER, YAML, asking, backend
from tests.unit.http.running import CERTIFICATE, KEY, Running
from tests.unit.http.wire import Reply

ROOM = {"kind": "rtc", "channel": "room-1", "uid": 7}


async def token(server: Running, token_request: dict[str, Any] = ROOM, *headers: tuple[str, str]) -> Reply:
    return await server.token_request("POST", "/demo/v1/token", token_request, *(headers or (HEADER,)))


async def test_the_question() -> None:
    async with backend() as own, asking(own.url) as server:
        assert (await token(server, ROOM | {"role": "publisher", "ttl": 600})).status == 200
    assert own.questions == [
        {
            "app": "demo",
            "caller": "studio",
            "claims": {},
            "kind": "rtc",
            "users": ["7"],
            "channels": ["room-1"],
            "roles": ["publisher"],
            "capabilities": [],
            "ttl": 600,
            "services": [
                {
                    "name": "rtc",
                    "user": "7",
                    "channel": "room-1",
                    "privileges": {"join": 600, "publish_audio": 600, "publish_video": 600, "publish_data": 600},
                }
            ],
            "request_id": "request-1",
        }
    ]


async def test_an_answer_for_each_of_the_three() -> None:
    async with backend() as own, asking(own.url) as server:
        assert (await token(server)).json["ttl"] == 3600
        own.answer = {"allow": True, "restrict": {"ttl": 120, "channel": "room-*"}}
        assert (await token(server)).json["ttl"] == 120
        own.answer = {"allow": False, "reason": "Ada is banned until noon"}
        refused = await token(server)
        assert (refused.status, refused.json["code"]) == (403, "not_permitted")
        assert refused.json["detail"] == "Ada is banned until noon"
        own.answer = {"allow": True, "restrict": {"channel": "room-2"}}
        assert (await token(server)).status == 403
    assert [line.get("reason") for line in server.lines] == [None, None, "authorizer", "authorizer"]


async def test_other_dialects_ask_too() -> None:
    async with backend() as own, asking(own.url) as server:
        target = "/demo/rtc/room-1/publisher/uid/7/"
        assert (await server.token_request("GET", target, None, HEADER)).status == 200
        own.answer = {"allow": False, "reason": "no"}
        refused = await server.token_request("GET", target, None, HEADER)
        assert (refused.status, refused.json["error"]) == (403, "no")
        assert "rtcToken" not in refused.json
    assert [one["roles"] for one in own.questions] == [["publisher"]] * 2


async def test_nothing_reaches_it_that_the_rules_refuse_and_nothing_to_explain_or_inspect() -> None:
    async with backend() as own, asking(own.url) as server:
        assert (await token(server, ROOM | {"channel": "lobby"})).status == 403
        assert (await token(server, ROOM | {"uid": 0})).status == 403
        assert (await token(server, ROOM | {"chanel": "x"})).status == 400
        assert (await token(server, ROOM, ("X-API-Key", "wrong"))).status == 401
        told = await server.token_request("POST", "/demo/v1/explain", ROOM, HEADER)
        assert told.json["issued"] is True
        assert told.json["authorizer"].startswith("is asked before a token is issued")
        refused = await server.token_request("POST", "/demo/v1/explain", ROOM | {"channel": "lobby"}, HEADER)
        assert "authorizer" not in refused.json
        assert (await server.token_request("POST", "/demo/v1/inspect", {"token": "x"}, HEADER)).status == 400
    assert own.questions == []


async def test_a_batch_asks_ten_at_once_and_answers_in_order() -> None:
    """The backend answers none before it has ten."""
    under_way, most = 0, 0
    ten = asyncio.Barrier(10)

    async def by_uid(question: dict[str, Any]) -> dict[str, Any]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await ten.wait()
        await asyncio.sleep(0.01 if int(question["users"][0]) % 2 else 0)
        under_way -= 1
        return {"allow": False} if question["users"] == ["13"] else {"allow": True}

    async with backend() as own, asking(own.url, ", timeout: 5s") as server:
        own.answer = by_uid
        token_requests = [ROOM | {"uid": uid} for uid in range(1, 101)]
        reply = await server.token_request("POST", "/demo/v1/tokens", {"requests": token_requests}, HEADER)
    results = reply.json["results"]
    assert [one.get("uid", "refused") for one in results] == [*range(1, 13), "refused", *range(14, 101)]
    assert results[12]["error"]["code"] == "not_permitted"
    assert len(own.questions) == 100
    assert most == 10


async def test_what_hangs_is_unavailable_and_others_are_served() -> None:
    """Other apps, and what needs no authorizer, do not wait for it."""

    async def hang(question: dict[str, Any]) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    other = YAML.partition("    authorizer")[0].replace("apps:\n", "").replace("demo:", "other:")
    callers = "    callers: {anybody: {anonymous: true, rules: [{}]}}\n"
    async with backend() as own, asking(own.url, yaml=YAML + other + callers) as server:
        own.answer = hang
        waiting = [asyncio.create_task(token(server)) for _ in range(5)]
        assert (await server.token_request("POST", "/other/v1/token", ROOM)).status == 200
        assert (await server.token_request("GET", "/ping", None)).status == 200
        replies = await asyncio.gather(*waiting)
        batch = await server.token_request("POST", "/demo/v1/tokens", {"requests": [ROOM] * 100}, HEADER)
    assert [one.status for one in replies] == [503] * 5
    assert {one.json["code"] for one in replies} == {"unavailable"}
    assert {one["error"]["code"] for one in batch.json["results"]} == {"unavailable"}, "one deadline for all of them"
    assert len(own.questions) == 5 + 10
    reasons = {line["reason"] for line in server.lines if "reason" in line}
    assert reasons == {"authorizer: no answer within 1 s"}


@pytest.mark.parametrize("answer", [{"allow": True}, {"allow": False}, {"alow": "x"}])
async def test_no_secret_and_no_id_is_in_the_question_or_the_log(answer: dict[str, Any]) -> None:
    async with backend() as own, asking(own.url) as server:
        own.answer = answer | {"reason": "canary-7f3a"} if answer == {"allow": False} else answer
        await token(server, ROOM | {"channel": "room-canary-9b1c"})
    said = repr(own.questions).encode()
    log = server.log.getvalue()
    for secret in (CERTIFICATE, KEY):
        assert secret.encode() not in said
        assert secret.encode() not in log
    assert b"canary" not in log
