"""How explain, inspect, the audit and the authorizer write a service."""

import hashlib
from types import MappingProxyType

import msgspec
import pytest

from tokend.core.model import ANY, NOT_APPLICABLE, Service
from tokend.core.service_fields import hashed_service_fields, service_fields

FULL = Service(
    "room",
    "5f4dcc3b",
    "lobby",
    MappingProxyType({"listen": 60}),
    ("bob", "eve"),
    ("hall",),
    "ann",
    MappingProxyType({"name": "Ann", "level": 2, "tags": ["a", 1], "nested": {"key": ("b", None, True)}}),
)


def _hashed(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_service_is_written_in_full() -> None:
    assert service_fields(FULL) == {
        "name": "room",
        "user": "5f4dcc3b",
        "channel": "lobby",
        "privileges": {"listen": 60},
        "more_users": ("bob", "eve"),
        "more_channels": ("hall",),
        "derived_from": "ann",
        "detail": {"name": "Ann", "level": 2, "tags": ["a", 1], "nested": {"key": ("b", None, True)}},
    }
    msgspec.json.encode(service_fields(FULL))  # whatever mapping a backend uses


def test_what_a_service_does_not_have_is_left_out() -> None:
    assert service_fields(Service("agent")) == {"name": "agent", "privileges": {}}
    assert service_fields(Service("room", ANY, NOT_APPLICABLE)) == {"name": "room", "user": "*", "privileges": {}}
    assert service_fields(Service("room", NOT_APPLICABLE, ANY)) == {"name": "room", "channel": "*", "privileges": {}}


def test_hashed_every_id_and_every_text_is_its_sha_256() -> None:
    assert hashed_service_fields(FULL) == {
        "name": "room",
        "user": _hashed("5f4dcc3b"),
        "channel": _hashed("lobby"),
        "privileges": {"listen": 60},
        "more_users": (_hashed("bob"), _hashed("eve")),
        "more_channels": (_hashed("hall"),),
        "derived_from": _hashed("ann"),
        "detail": {
            "name": _hashed("Ann"),
            "level": 2,
            "tags": [_hashed("a"), 1],
            "nested": {"key": [_hashed("b"), None, True]},
        },
    }


def test_hashed_any_and_none_stay_as_they_are() -> None:
    for service in (Service("agent"), Service("room", ANY, NOT_APPLICABLE), Service("room", NOT_APPLICABLE, ANY)):
        assert hashed_service_fields(service) == service_fields(service)


@pytest.mark.parametrize("text", ["", "ä", "\ud800"])
def test_hashed_any_text_has_a_hash(text: str) -> None:
    digest = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    assert hashed_service_fields(Service("room", "ann", detail={"name": text}))["detail"] == {"name": digest}
