"""What becomes of a body whose sender is gone."""

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request

from tokend.model import Code, Refusal
from tokend.server.reading import body_of


class _Gone(AbstractStreamWriter):
    """The writer of a connection that is closed already."""

    async def write(self, chunk: object) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    async def write_eof(self, chunk: bytes = b"") -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    async def drain(self) -> None: ...

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None: ...

    def enable_chunking(self) -> None: ...

    async def write_headers(self, status_line: str, headers: object) -> None: ...


async def test_a_client_that_waits_for_100_continue_and_is_gone_is_no_bug_of_ours() -> None:
    request = make_mocked_request("POST", "/v1/token", headers={"Expect": "100-continue"}, writer=_Gone())
    with pytest.raises(Refusal) as refused:
        await body_of(request, 1000, 1.0)
    assert refused.value.code == Code.MALFORMED
