"""What a 007 token may hold, and how often an inspection decodes it."""

import base64
import hashlib

import pytest

from tests.unit.backends.agora.contents import APP_ID, CERTIFICATE, token_of
from tests.unit.http.running import DEMO, KEY, KINDS, serving
from tests.unit.issuing.making import CREDENTIALS
from tokend.backends.agora import v007
from tokend.backends.agora.packing import WireError, pack_bytes, pack_map, pack_string, pack_u16, pack_u32
from tokend.config.entry_points import BACKENDS
from tokend.core.errors import ApiError
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect


def _token(*services: bytes) -> str:
    head = pack_string(APP_ID) + pack_u32(1) + pack_u32(600) + pack_u32(1)
    signed = head + pack_u16(len(services)) + b"".join(services)
    return token_of(pack_bytes(v007.sign(signed, 1, 1, CERTIFICATE)) + signed)


def _with_resources(number: int) -> str:
    access = pack_u16(1) + pack_u16(0) + pack_u16(1) + pack_u16(0) + pack_u16(number) + pack_string("") * number
    return _token(pack_u16(8) + pack_map({1: 600}) + pack_string("ann") + access)


def test_resources_of_a_service_are_bounded() -> None:
    assert v007.decode(_with_resources(v007.MAX_RESOURCES - 2)).content.services
    with pytest.raises(WireError, match="1024"):
        v007.decode(_with_resources(v007.MAX_RESOURCES - 1))


def test_privileges_of_a_service_are_bounded() -> None:
    privileges = dict.fromkeys(range(v007.MAX_PRIVILEGES), 1)
    assert v007.decode(_token(pack_u16(4) + pack_map(privileges))).content.services
    with pytest.raises(WireError, match="64 privileges"):
        v007.decode(_token(pack_u16(4) + pack_map({**privileges, v007.MAX_PRIVILEGES: 1})))


@pytest.mark.parametrize("kind", ["rtm2", "combined"])
async def test_a_token_that_would_be_too_long_to_read_is_the_clients_mistake_and_no_500(kind: str) -> None:
    # they hardly compress
    names = [base64.b64encode(hashlib.sha384(bytes([number])).digest()).decode() for number in range(150)]
    access = {"message_channels": {"read": names[:75]}, "stream_channels": {"read": names[75:]}}
    fields: dict[str, object] = {"user": "ann", "permissions": access}
    body = {"kind": kind, **(fields if kind == "rtm2" else {"services": [{"kind": "rtm2", **fields}] * 2})}
    async with serving(DEMO + "    backends: {rtm2: {}, combined: {}}\n") as server:
        reply = await server.token_request("POST", "/demo/v1/tokens", {"requests": [body]}, ("X-API-Key", KEY))
    (result,) = reply.json["results"]
    assert result["error"]["code"] == "invalid_field"
    assert str(v007.MAX_TOKEN) in result["error"]["detail"]


def test_an_inspection_decodes_once_for_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    decode = v007.decode

    def counting(token: str) -> v007.Decoded:
        decoded.append(token)
        return decode(token)

    monkeypatch.setattr(v007, "decode", counting)
    backends = [backend(backend.Options(), CREDENTIALS) for backend in map(BACKENDS.load, KINDS)]
    with pytest.raises(ApiError):
        inspect(backends, Inspect(_with_resources(30_000)), 1)
    assert len(decoded) == 1
