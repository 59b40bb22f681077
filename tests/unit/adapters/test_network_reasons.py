"""Why another service does not answer, in words an operator knows, for identity providers and authorizers alike."""

import errno
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientPayloadError,
    ConnectionTimeoutError,
    ServerDisconnectedError,
)

from tokend.adapters.http_client import network_reason

KEY: Any = SimpleNamespace(host="id.example.com", port=443, ssl=True, is_ssl=True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "x")), "no connection: Connection refused"),
        (ClientConnectorError(KEY, OSError(errno.ENETUNREACH, "x")), "no connection: Network is unreachable"),
        (ClientConnectorDNSError(KEY, OSError(-2, "x")), "the name of the host cannot be resolved"),
        (ClientConnectorCertificateError(KEY, ssl.CertificateError("x")), "the TLS certificate is not accepted"),
        (ClientConnectorSSLError(KEY, ssl.SSLError(1, "x")), "TLS cannot be agreed on"),
        (ConnectionTimeoutError(), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (ServerDisconnectedError(), "the connection was closed without an answer"),
        (ClientPayloadError("text of the provider"), "ClientPayloadError"),
    ],
)
def test_a_reason_in_words_that_quotes_nothing(error: Exception, reason: str) -> None:
    assert network_reason(error) == reason
