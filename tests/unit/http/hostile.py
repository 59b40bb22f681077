"""Random hostile requests, the same ones for the same seed, and a configuration that has everything to be asked for."""

import random
from typing import Final

from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http import hostile_words as words
from tests.unit.http.wire import request_bytes

EVERYTHING: Final = f"""{ANYBODY["every capability"]}    routes:
      - path: /
        dialect: [native, agora-token-service, agora-npm-demo, agora-docker, agora-docs-sample, agora-samples, agora-samples-chat]
      - {{path: /guide, dialect: agora-token-guide, on_excess: clamp}}
      - {{path: /node, dialect: {{agora-node-server: {{signed_uid: true}}}}}}
      - {{path: "/watch/{{channel}}", kind: rtc, default: {{uid: 7}}, response: {{a: "{{token}}", b: "{{uid}} {{role}}"}}}}
      - {{path: /join, kinds: [rtc, rtm, combined], response: {{a: "{{rtc.token}}", b: "{{combined.services}}"}}}}
      - {{path: /text, kind: rtm2, response: "{{token}} {{permissions}}"}}
"""
"""Every dialect, every kind and routes of one's own."""


class Hostile:
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
        if pick.random() < 0.02:
            return b'{"kind": "rtc", ' + b", ".join(b'"k%d": 1' % one for one in range(pick.randrange(1_500))) + b"}"
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
        text = f'{{"requests": [{one}, {one}]}}' if pick.random() < 0.2 else one
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
