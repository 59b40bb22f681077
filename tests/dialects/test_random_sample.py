"""Random requests in the Go service's shape: the vendor's package reads out of each token what the path asked for."""

import random
from typing import Any, Final
from urllib.parse import quote

from tests.dialects.notation import of_vendor
from tests.oracle import Vendor
from tests.server.running import CERTIFICATE, OPEN, serving

_HOW_MANY: Final = 200
_LETTERS: Final = "abcXYZ019 !$%&()+-:;<=.>?@[]^_{}|~,"
_STREAM: Final = _LETTERS.replace(".", "").replace("_", "").replace(">", "").replace("<", "")
_ALL: Final = "join publish_audio publish_video publish_data"


def _text(pick: random.Random, letters: str, longest: int) -> str:
    return "a" + "".join(pick.choices(letters.replace(">", ""), k=pick.randrange(longest)))


async def test_the_vendor_reads_what_was_asked_for(vendor: Vendor) -> None:
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
            word, held, data = pick.choice([("publisher", _ALL, "join publish_data"), ("audience", "join", "join")])
            path = quote(channel, safe="")
            reply = await server.ask("GET", f"/rtc/{path}/{word}/userAccount/{quote(user, safe='')}?expiry={ttl}")
            expect(reply.json["rtcToken"], f'<007 {ttl} s: rtc "{channel}" "{user}" {held}>')
            reply = await server.ask("GET", f"/rtm/{quote(user, safe='')}/?expiry={ttl}")
            expect(reply.json["rtmToken"], f'<007 {ttl} s: rtm "{user}" login>')
            reply = await server.ask("GET", f"/rte/{path}/{word}/uid/{uid}/?expiry={ttl}")
            expect(reply.json["rtcToken"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {held}>')
            expect(reply.json["rtmToken"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {data} + rtm "{uid}" login>')
            body = {"tokenType": "rtc", "channel": channel, "uid": str(uid), "role": word, "expire": ttl}
            reply = await server.ask("POST", "/getToken", body)
            expect(reply.json["token"], f'<007 {ttl} s: rtc "{channel}" "{uid}" {held}>')
    assert [of_vendor(answer) for answer in vendor.ask_all(questions)] == expected
