"""Thousands of hostile requests, the same ones each time: never a 5xx, never an exception in the log."""

import asyncio
import random
from typing import Final

import pytest

from tests.dialects.transcripts import ANYBODY
from tests.server import hostile_words as words
from tests.server.running import OPEN, Running, request_bytes, serving

_HOW_MANY: Final = 3_000
_EVERYTHING: Final = f"""{ANYBODY["every power"]}    routes:
      - at: /
        dialect: [native, agora-token-service, agora-npm-demo, agora-docker, agora-docs-sample, agora-samples, agora-samples-chat]
      - {{at: /guide, dialect: agora-token-guide, strict_006: true, on_excess: clamp}}
      - {{at: /node, dialect: agora-node-server, signed_uid: true}}
      - {{at: "/watch/{{channel}}", kind: rtc, default: {{uid: 7}}, answer: {{a: "{{token}}", b: "{{uid}} {{role}}"}}}}
      - {{at: /join, kinds: [rtc, rtm, combined], answer: {{a: "{{rtc.token}}", b: "{{combined.services}}"}}}}
      - {{at: /text, kind: rtm2, answer: "{{token}} {{permissions}}"}}
"""
"""Every dialect, every kind and routes of one's own."""


class _Hostile:
    """Random requests, half of them near to good ones."""

    def __init__(self, seed: int, paths: list[str]) -> None:
        self._random = random.Random(seed)
        self._paths = paths

    def parameters(self) -> str:
        pick = self._random
        return "&".join(
            f"{pick.choice(words.PARAMETERS)}={pick.choice(words.ARGUMENTS)}" for _ in range(pick.randrange(5))
        )

    def body(self) -> bytes:
        pick = self._random
        if pick.random() < 0.1:
            return self.parameters().encode()
        if pick.random() < 0.1:
            return pick.choice(
                [b"", b"\xff\xfe", b"{", b"null", b'"x"', b"{}{}", b"\x00" * 100, b"x" * 80_000, b'{"a":1,}']
            )
        pairs = [f'"{pick.choice(words.NAMES)}": {pick.choice(words.VALUES)}' for _ in range(pick.randrange(6))]
        if pick.random() < 0.7:
            kind = pick.choice(
                (
                    *('"kind": "rtc", "channel": "stage"', '"kind": "rtm"', '"kind": "chat"', '"tokenType": "rtc"'),
                    *(
                        '"kind": "combined"',
                        '"kind": "apaas"',
                        '"kind": "rtm2", "user": "ada"',
                        '"kind": "stt", "uid": 7',
                    ),
                    *('"kind": "streaming", "channel": "stage"', '"kind": "fcdn", "account": "ada"', '"kind": "fpa"'),
                    *('"channelName": "stage", "uid": "7"', '"appId": "970CA35de60c44645bbae8a215061b33", "uid": "7"'),
                )
            )
            pairs.insert(0, kind)
        one = "{" + ", ".join(pairs) + "}"
        text = f'{{"asks": [{one}, {one}]}}' if pick.random() < 0.2 else one
        return text.encode()

    def target(self) -> str:
        pick = self._random
        if pick.random() < 0.5:
            path = pick.choice(self._paths)
        else:
            path = "/" + "/".join(pick.choice(words.WORDS) for _ in range(pick.randrange(7)))
        return path + (f"?{self.parameters()}" if pick.random() < 0.4 else pick.choice(words.QUERIES))

    def request(self) -> bytes:
        pick = self._random
        if pick.random() < 0.02:
            return pick.randbytes(pick.randrange(1, 300)) + b"\r\n\r\n"
        headers = pick.sample(words.HEADERS, pick.choice((0, 0, 0, 1, 1, 2)))
        if pick.random() < 0.5:
            headers.append(("Content-Type", pick.choice(words.TYPES)))
        method = pick.choice(words.METHODS)
        body = self.body() if method == "POST" or pick.random() < 0.1 else None
        return request_bytes(method, self.target(), body, *headers)


async def _status(server: Running, raw: bytes) -> int | None:
    """The status of the first answer; None where the server waits for more, as after half a body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(100), 1)
    except (ConnectionError, TimeoutError):
        return None
    finally:
        writer.close()
    return int(answer[9:12]) if answer else None


@pytest.mark.parametrize(
    ("text", "paths"), [(OPEN, words.PATHS), (_EVERYTHING, words.PATHS + words.MORE_PATHS)], ids=["default", "all"]
)
async def test_no_request_makes_it_fail(text: str, paths: list[str]) -> None:
    hostile = _Hostile(11, paths)
    seen: dict[int | None, int] = {}
    async with serving(text) as server:

        async def some() -> None:
            for _ in range(_HOW_MANY // 30):
                raw = hostile.request()
                status = await _status(server, raw)
                seen[status] = seen.get(status, 0) + 1
                assert status is None or status < 500, raw[:2_000]

        await asyncio.gather(*(some() for _ in range(30)))
        assert (await server.ask("GET", "/ping")).status == 200
        lines = server.lines
    assert not {str(line.get("at", line)) for line in lines if line["event"] != "request" or "exception" in line}
    assert {200, 204, 400, 404, 405, 413, 415} <= seen.keys(), seen
    assert seen.get(None, 0) < _HOW_MANY // 10, seen
