"""Random requests in the servers' shapes: the vendor's packages read, or build, what each of them asked for."""

import random
from typing import Any, Final
from urllib.parse import quote

from tests.oracle import Vendor
from tests.unit.dialects.notation import of_vendor, rebuilt_006
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW, OPEN, Serving

_HOW_MANY: Final = 60
_LETTERS: Final = "abcXYZ019 !$%&()+-:;<=.>?@[]^_{}|~,"
_STREAM: Final = _LETTERS.replace(".", "").replace("_", "").replace(">", "").replace("<", "")
_OLD: Final = ("agora-token-guide", "agora-node-server", "agora-npm-demo", "agora-samples")
_ALL: Final = "join publish_audio publish_video publish_data"


def _text(pick: random.Random, letters: str, longest: int) -> str:
    return "a" + "".join(pick.choices(letters.replace(">", ""), k=pick.randrange(longest)))


async def test_the_vendor_reads_what_was_asked_for(vendor: Vendor, serving: Serving) -> None:
    pick = random.Random(3)
    expected: list[str] = []
    questions: list[dict[str, Any]] = []

    def expect(token: str, notation: str) -> None:
        questions.append({"op": "verify007", "token": token, "certificate": CERTIFICATE})
        expected.append(notation)

    async with serving(OPEN) as server:
        for _ in range(_HOW_MANY):
            channel, user = _text(pick, _STREAM, 62), _text(pick, _LETTERS, 63)
            uid, ttl = pick.randint(1, 2**32 - 1), pick.randint(60, 86_400)
            word, get_keys, data = pick.choice([("publisher", _ALL, "join publish_data"), ("audience", "join", "join")])
            path = quote(channel, safe="")
            reply = await server.token_request(
                "GET", f"/rtc/{path}/{word}/userAccount/{quote(user, safe='')}?expiry={ttl}"
            )
            expect(reply.json["rtcToken"], f'<007 {ttl} s: rtc "{channel}" "{user}" {get_keys}>')
            reply = await server.token_request("GET", f"/rtm/{quote(user, safe='')}/?expiry={ttl}")
            expect(reply.json["rtmToken"], f'<007 {ttl} s: rtm "{user}" login>')
            reply = await server.token_request("GET", f"/rte/{path}/{word}/uid/{uid}/?expiry={ttl}")
            expect(reply.json["rtcToken"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {get_keys}>')
            expect(reply.json["rtmToken"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {data} + rtm "{uid}" login>')
            body = {"tokenType": "rtc", "channel": channel, "uid": str(uid), "role": word, "expire": ttl}
            reply = await server.token_request("POST", "/getToken", body)
            expect(reply.json["token"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {get_keys}>')
    assert [of_vendor(answer) for answer in vendor.ask_all(questions)] == expected


async def test_the_vendor_builds_the_same_006_tokens(vendor: Vendor, serving: Serving) -> None:
    """The servers of version 006, under random names: equal text for the same time and salt."""
    pick = random.Random(6)
    expected: list[str] = []
    tokens: list[str] = []

    def expect(token: str, notation: str) -> None:
        tokens.append(token)
        expected.append(notation)

    routes = "".join(f"      - {{path: /{name}, dialect: {name}}}\n" for name in _OLD)
    async with serving(f"{ANYBODY['every capability']}    routes:\n{routes}") as server:
        for _ in range(_HOW_MANY // 2):
            channel, user = _text(pick, _LETTERS, 62), _text(pick, _LETTERS, 63)
            path, account = quote(channel, safe=""), quote(user, safe="")
            uid, ttl = pick.randint(1, 2**32 - 1), pick.randint(60, 86_400)
            word, get_keys = pick.choice([("publisher", _ALL), ("audience", "join")])
            for server_name in ("agora-token-guide", "agora-node-server"):
                reply = await server.token_request(
                    "GET", f"/{server_name}/rte/{path}/{word}/userAccount/{account}?expiry={ttl}"
                )
                expect(reply.json["rtcToken"], f'<006 {ttl} s: rtc "{channel}" "{user}" {get_keys}>')
                expect(reply.json["rtmToken"], f'<006 {ttl} s: rtm "{user}" login>')
                reply = await server.token_request("GET", f"/{server_name}/rtc/{path}/{word}/uid/{uid}/?expiry={ttl}")
                expect(reply.json["rtcToken"], f'<006 {ttl} s: rtc "{channel}" "{uid}" {get_keys}>')
            reply = await server.token_request("GET", f"/agora-npm-demo/rtcToken?channelName={path}&uid={uid}")
            expect(reply.json["key"], f'<006 3600 s: rtc "{channel}" "{uid}" {_ALL}>')
            reply = await server.token_request("GET", f"/agora-npm-demo/rtmToken?account={account}")
            expect(reply.json["key"], f'<006 3600 s: rtm "{user}" login>')
            until = f"/agora-samples/access_token?channel={path}&uid={uid}&expiredTs={NOW + ttl}"
            expect(
                (await server.token_request("GET", until)).json["token"],
                f'<006 {ttl} s: rtc "{channel}" "{uid}" join>',
            )
    assert [answer["token"] for answer in vendor.ask_all(map(rebuilt_006, expected))] == tokens


async def test_the_vendor_reads_random_requests_of_the_other_dialects(vendor: Vendor, serving: Serving) -> None:
    pick = random.Random(8)
    expected: list[str] = []
    tokens: list[str] = []

    def expect(token: str, notation: str) -> None:
        tokens.append(token)
        expected.append(notation)

    routes = "      - {path: /, dialect: [agora-docker, agora-docs-sample, agora-samples, agora-samples-chat]}\n"
    async with serving(f"{ANYBODY['every capability']}    routes:\n{routes}") as server:
        for _ in range(_HOW_MANY // 2):
            channel, user, name = _text(pick, _LETTERS, 62), _text(pick, _LETTERS, 63), _text(pick, "abz019_-.", 63)
            uid, ttl = pick.randint(1, 2**32 - 1), pick.randint(60, 86_400)
            shorter, role = pick.randint(1, ttl - 1), pick.choice((1, 2))
            get_keys = _ALL if role == 1 else "join"
            body: dict[str, Any] = {
                "channelName": channel,
                "uid": user,
                "tokenExpireTs": ttl,
                "privilegeExpireTs": shorter,
            }
            services = {"serviceRtc": {"enable": True, "role": role}, "serviceRtm": {"enable": True}}
            chat = {"serviceChat": {"enableUser": True, "userUuid": name}, "serviceFpa": {"enable": True}}
            reply = await server.token_request("POST", "/token/generate", {**body, **services, **chat})
            rtc = " ".join(f"{one}={shorter}" for one in get_keys.split())
            also = f'rtm "{user}" login + fpa login=0 + chat "{name}" user'
            expect(reply.json["data"]["token"], f'<007 {ttl} s: rtc "{channel}" "{user}" {rtc} + {also}>')
            reply = await server.token_request(
                "POST", "/fetch_rtc_token", {"uid": uid, "ChannelName": channel, "role": role}
            )
            expect(reply.json["token"], f'<007 3600 s: rtc "{channel}" "{uid}" {get_keys}>')
            generate = {"appId": APP_ID, "channelName": channel, "expire": ttl, "uid": user}
            reply = await server.token_request("POST", "/v2/token/generate", {**generate, "types": [1, 2]})
            both = f'rtc "{channel}" "{user}" {_ALL} + rtm "{user}" login'
            expect(reply.json["data"]["token"], f"<007 {ttl} s: {both}>")
            reply = await server.token_request("POST", "/api/token", {"channel": channel, "uid": uid})
            expect(reply.json["rtcToken"], f'<007 3600 s: rtc "{channel}" "{uid}" {_ALL}>')
            expect(reply.json["rtmToken"], f'<007 3600 s: rtm "{uid}" login>')
            reply = await server.token_request("GET", f"/v1/token?channel_name={quote(channel, safe='')}")
            expect(reply.body.decode(), f'<007 3600 s: rtc "{channel}" "" {_ALL}>')
            reply = await server.token_request("GET", f"/chat/user/{name}/token")
            expect(reply.body.decode(), f'<007 3600 s: chat "{name}" user>')
            reply = await server.token_request(
                "POST", f"/token/generate?userId={name}&expireSeconds={ttl}&tokenType=user"
            )
            expect(reply.body.decode(), f'<007 {ttl} s: chat "{name}" user>')
    answers = vendor.ask_all({"op": "verify007", "token": one, "certificate": CERTIFICATE} for one in tokens)
    assert [of_vendor(answer) for answer in answers] == expected
