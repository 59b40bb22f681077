"""HTTP as this server speaks it to others: no proxies, no cookies, nothing unpacked, and answers of a bounded size."""

from typing import Final

from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector

CONNECTIONS: Final = 100
"""How many connections a session holds at most."""


class AnswerProblem(ValueError):
    """Why an answer cannot be used: a sentence of ours, which repeats nothing of what came."""


def client(connections: int = CONNECTIONS) -> ClientSession:
    """A session of its own pool; to be made where a loop runs, and closed."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "tokend"}
    return ClientSession(
        connector=TCPConnector(limit=connections),
        trust_env=False,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        headers=headers,
    )


async def body_of(answer: ClientResponse, max_bytes: int) -> bytes:
    """The body of a 200 answer; `AnswerProblem` for any other, a compressed one and one that is too long."""
    if answer.status != 200:
        raise AnswerProblem(f"the answer has status {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise AnswerProblem("the answer is compressed, though it was asked for as it is")
    raw = bytearray()
    async for piece in answer.content.iter_any():
        raw += piece
        if len(raw) > max_bytes:
            raise AnswerProblem(f"the answer is over {max_bytes // 1024} KiB")
    return bytes(raw)
