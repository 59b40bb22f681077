"""The vendor's published test vectors, both ways: what we write is what they print, what they print is what we read."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.unit.backends.agora.contents import APP_ID, CERTIFICATE, OTHER_CERTIFICATE, VECTORS, inflated, service_of
from tokend.backends.agora import v006, v007

_V007: Final = [vector for vector in VECTORS["vectors"] if vector["version"] == "007"]
_V006: Final = [vector for vector in VECTORS["vectors"] if vector["version"] == "006"]
# Printed by the vendor's Python builder; the npm builder brings its own zlib, which compresses otherwise.
_PYTHON_MADE: Final = [vector for vector in _V007 if "npm" not in vector["note"]]
# zlib builds write different text for the same bytes: ask this one about the first vector, whatever tokend does.
_SAME_ZLIB: Final = (
    base64.b64encode(zlib.compress(bytes.fromhex(_V007[0]["inflated_hex"]))).decode() == _V007[0]["token"][3:]
)

Vector = Mapping[str, Any]


def _name(vector: Vector) -> str:
    return str(vector["name"])


def _content(vector: Vector) -> v007.Content:
    inputs = vector["inputs"]
    services = tuple(map(service_of, inputs["services"]))
    return v007.Content(APP_ID, inputs["issue_ts"], inputs["expire"], inputs["salt"], services)


def _content006(vector: Vector) -> v006.Content:
    inputs = vector["inputs"]
    privileges = {int(privilege): until for privilege, until in inputs["privileges"].items()}
    issued = inputs["ts"] - v006.DAY
    return v006.Content(APP_ID, inputs["channel"], inputs["uid"], issued, inputs["salt"], privileges)


def test_every_vector_is_here() -> None:
    assert (len(_V007), len(_V006), len(_PYTHON_MADE)) == (22, 4, 20)
    assert {service.type for vector in _V007 for service in _content(vector).services} == set(v007.LAYOUTS)


@pytest.mark.parametrize("vector", _V007, ids=_name)
def test_007_writes_the_bytes_of_the_vector(vector: Vector) -> None:
    token = v007.encode(_content(vector), CERTIFICATE)
    assert inflated(token).hex() == vector["inflated_hex"]
    assert inflated(vector["token"]).hex() == vector["inflated_hex"]


@pytest.mark.skipif(not _SAME_ZLIB, reason="this zlib compresses otherwise than the vectors'; their bytes are compared")
@pytest.mark.parametrize("vector", _PYTHON_MADE, ids=_name)
def test_007_writes_the_text_of_the_vector(vector: Vector) -> None:
    assert v007.encode(_content(vector), CERTIFICATE) == vector["token"]


@pytest.mark.parametrize("vector", _V007, ids=_name)
def test_007_reads_the_inputs_of_the_vector(vector: Vector) -> None:
    decoded = v007.decode(vector["token"])
    assert decoded.content == _content(vector)
    assert decoded.unread == b""
    assert v007.verifies(decoded, CERTIFICATE)
    assert not v007.verifies(decoded, OTHER_CERTIFICATE)


def test_007_services_go_out_by_type_and_within_a_type_as_given() -> None:
    """The vector's builder was given RTM, RTC, RTC; the inputs list what stands on the wire."""
    (vector,) = (vector for vector in _V007 if vector["name"] == "two services of one type")
    content = _content(vector)
    first, second, rtm = content.services
    shuffled = replace(content, services=(rtm, first, second))
    assert inflated(v007.encode(shuffled, CERTIFICATE)).hex() == vector["inflated_hex"]
    swapped = replace(content, services=(second, first, rtm))
    assert inflated(v007.encode(swapped, CERTIFICATE)).hex() != vector["inflated_hex"]


@pytest.mark.parametrize("vector", _V006, ids=_name)
def test_006_writes_the_vector(vector: Vector) -> None:
    assert v006.encode(_content006(vector), CERTIFICATE) == vector["token"]


@pytest.mark.parametrize("vector", _V006, ids=_name)
def test_006_reads_the_inputs_of_the_vector(vector: Vector) -> None:
    content = _content006(vector)
    decoded = v006.decode(vector["token"])
    assert (decoded.app_id, decoded.issue_ts, decoded.salt) == (APP_ID, content.issue_ts, content.salt)
    assert decoded.privileges == content.privileges
    assert decoded.channel_crc == zlib.crc32(content.channel.encode())
    assert decoded.uid_crc == zlib.crc32(content.uid.encode())
    assert v006.verifies(decoded, CERTIFICATE, content.channel, content.uid)
    assert not v006.verifies(decoded, OTHER_CERTIFICATE, content.channel, content.uid)
    assert not v006.verifies(decoded, CERTIFICATE, content.channel + "x", content.uid)
    assert not v006.verifies(decoded, CERTIFICATE, content.channel, content.uid + "0")
