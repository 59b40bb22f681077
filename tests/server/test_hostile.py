"""Thousands of hostile requests, the same ones each time: never a 5xx, never an exception in the log."""

import asyncio
import random
from typing import Final

from tests.server.running import OPEN, Running, request_bytes, serving

_HOW_MANY: Final = 3_000
_WORDS: Final = [
    *("rtc", "rtm", "rte", "chat", "app", "account", "getToken", "v1", "token", "tokens", "explain", "inspect", "docs"),
    *(
        "openapi.json",
        "ping",
        "healthz",
        "uid",
        "userAccount",
        "publisher",
        "2",
        "0",
        "7",
        "-1",
        "*",
        "",
        "",
        "stage",
        "ada",
    ),
    *(
        "%00",
        "%0a",
        "%2f",
        "%zz",
        "%",
        "%ff",
        "%C3%A9",
        "..",
        ".",
        "é",
        "a" * 300,
        "%F0%9F%98%80",
        "{channel}",
        "#",
        "\\",
        ";",
    ),
]
_QUERIES: Final = [
    *(
        "",
        "",
        "",
        "?expiry=600",
        "?expiry=",
        "?expiry=-1",
        "?expiry=9e9",
        "?expiry=1&expiry=2",
        "?expiry=%zz",
        "?%ff=%fe",
    ),
    *(
        "?" + "&".join(f"a{one}={one}" for one in range(200)),
        "?" + "x" * 5_000,
        "?;;;&&&===",
        "??",
        "?expiry=" + "9" * 400,
    ),
]
_VALUES: Final = [
    *(
        "null",
        "true",
        "1",
        "-1",
        "0",
        "1.5",
        "1e400",
        "NaN",
        "Infinity",
        "9" * 5_000,
        "9" * 4_200,
        "4294967296",
        '"\\ud800"',
    ),
    *(
        '"stage"',
        '"ada"',
        '"*"',
        '""',
        '"\\u0000"',
        '"\\n"',
        '"é"',
        '"' + "y" * 70_000 + '"',
        "[]",
        "{}",
        '["a"]',
        '{"a": 1}',
    ),
    *(
        "[" * 200 + "]" * 200,
        "[" * 3_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '"publisher"',
        '"006"',
        '{"join": 600, "join": 1}',
    ),
    *(
        '{"join": 600}',
        '{"audio": null}',
        '"007eJxTYOhSk"',
        '"006970CA35de60c44645bbae8a215061b33"',
        '"rtc"',
        '"rtm"',
        '"chat"',
    ),
]
_NAMES: Final = [
    *(
        "kind",
        "channel",
        "uid",
        "account",
        "user",
        "app",
        "role",
        "privileges",
        "ttl",
        "version",
        "asks",
        "token",
        "product",
    ),
    *("tokenType", "expire", "x", "", "é", "__proto__", "k" * 3_000, "model_config", "\\u0000"),
]
_TYPES: Final = [
    *("application/json", "application/json", "application/json; charset=utf-8", "application/json; charset=no-such"),
    *(
        "application/json; charset=\udcff",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        ";;;",
        "application/" * 300,
    ),
]
_HEADERS: Final = [
    *(
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "deflate, br"),
        ("Content-Length", "52428800"),
        ("Host", "\udcff:x"),
    ),
    *(
        ("Host", ""),
        ("Host", "[::1"),
        ("Origin", "null"),
        ("Origin", "https://\udcff"),
        ("Cookie", "a" * 4_000),
        ("Range", "bytes=0-"),
    ),
    *(
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "gzip, chunked"),
        ("Transfer-Encoding", "x"),
        ("Upgrade", "websocket"),
    ),
    *(
        ("Connection", "upgrade"),
        ("Expect", "100-continue"),
        ("Expect", "x"),
        ("Authorization", "Bearer \udcff"),
        ("X-API-Key", "é"),
    ),
    *(
        ("Authorization", "Digest " + "x" * 3_000),
        ("Access-Control-Request-Method", "\udcff"),
        ("If-None-Match", "*"),
        ("Accept", "\udcff"),
    ),
]
_METHODS: Final = (
    ["GET"] * 5 + ["POST"] * 9 + ["HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "BREW", "get", "PRI", "M-SEARCH"]
)


class _Hostile:
    """Random requests, half of them near to good ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def body(self) -> bytes:
        pick = self._random
        if pick.random() < 0.1:
            return pick.choice(
                [b"", b"\xff\xfe", b"{", b"null", b'"x"', b"{}{}", b"\x00" * 100, b"x" * 80_000, b'{"a":1,}']
            )
        pairs = [f'"{pick.choice(_NAMES)}": {pick.choice(_VALUES)}' for _ in range(pick.randrange(6))]
        if pick.random() < 0.7:
            kind = pick.choice(
                ('"kind": "rtc", "channel": "stage"', '"kind": "rtm"', '"kind": "chat"', '"tokenType": "rtc"')
            )
            pairs.insert(0, kind)
        one = "{" + ", ".join(pairs) + "}"
        text = f'{{"asks": [{one}, {one}]}}' if pick.random() < 0.2 else one
        return text.encode()

    def target(self) -> str:
        pick = self._random
        if pick.random() < 0.5:
            path = pick.choice(("/v1/token", "/v1/tokens", "/v1/explain", "/v1/inspect", "/getToken", "/rtm/ada"))
        else:
            path = "/" + "/".join(pick.choice(_WORDS) for _ in range(pick.randrange(7)))
        return path + pick.choice(_QUERIES)

    def request(self) -> bytes:
        pick = self._random
        if pick.random() < 0.02:
            return pick.randbytes(pick.randrange(1, 300)) + b"\r\n\r\n"
        headers = pick.sample(_HEADERS, pick.choice((0, 0, 0, 1, 1, 2)))
        if pick.random() < 0.5:
            headers.append(("Content-Type", pick.choice(_TYPES)))
        method = pick.choice(_METHODS)
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


async def test_no_request_makes_it_fail() -> None:
    hostile = _Hostile(11)
    seen: dict[int | None, int] = {}
    async with serving(OPEN) as server:

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
