"""HTTP client for calls to other services: no proxies, no cookies, no decompression, responses of a limited size."""

import os
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)

CONNECTIONS: Final = 100
"""The most connections that a session opens."""


class ResponseProblem(ValueError):
    """Why a response cannot be used. The sentence is our own and quotes nothing from the response.

    `status`: if it is another than 200.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


def client(connections: int = CONNECTIONS) -> ClientSession:
    """A new session with its own connection pool. Needs a running loop; the caller closes it."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "tokend"}
    return ClientSession(
        connector=TCPConnector(limit=connections),
        trust_env=False,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        headers=headers,
    )


def network_reason(error: Exception) -> str:
    """Why there is no response, in words that quote nothing from one. An error without words of its own is named."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ClientConnectorDNSError):
        return "the name of the host cannot be resolved"
    if isinstance(error, ClientConnectorCertificateError):
        return "the TLS certificate is not accepted"
    if isinstance(error, ClientSSLError):
        return "TLS cannot be agreed on"
    if isinstance(error, ClientConnectorError) and error.errno:
        return f"no connection: {os.strerror(error.errno)}"
    if isinstance(error, ServerDisconnectedError):
        return "the connection was closed without an answer"
    return type(error).__name__


async def read_body(response: ClientResponse, max_bytes: int) -> bytes:
    """The body of a 200 response; `ResponseProblem` if the status differs, or the body is compressed or too long."""
    if response.status != 200:
        raise ResponseProblem(f"the answer has status {response.status}", response.status)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ResponseProblem("the answer is compressed, although identity encoding was requested")
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > max_bytes:
            raise ResponseProblem(f"the answer is over {max_bytes // 1024} KiB")
    return bytes(raw)
