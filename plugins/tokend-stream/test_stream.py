"""The conformance suite with the kind `stream`, and Stream's own library beside it."""

import importlib
from typing import Any

import pytest
from tokend_stream import Stream, StreamFields, StreamOptions

from tokend.plugins import ANY, AppCredentials, Issuance, Join, JwtKeys, Secret, SecretList, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-stream.proof_stream")

KEYS = JwtKeys("HS256", [Secret(proof.SECRET)])


class TestStream(BackendConformance):
    """Logins, tokens for calls, and server tokens."""

    backend = Stream
    options = {"api_key": proof.API_KEY, "secret": [Secret(proof.SECRET), Secret(proof.SECRET.upper())]}
    token_requests = (
        {"user": "ann"},
        {"user": "ann@example-com_1"},
        {"user": "ann", "calls": ["default:standup"]},
        {"user": "ann", "calls": ["default:standup", "livestream:keynote"], "role": "host"},
        {"user": "!anon", "calls": ["livestream:keynote"]},
        {"server": True},
    )
    refused = (
        {},
        {"user": ""},
        {"user": "*"},
        {"user": "auth0|5f"},
        {"user": "a" * 256},
        {"user": 7},
        {"user": "!anon"},
        {"user": "!admin", "calls": ["default:standup"]},
        {"user": "ann", "calls": []},
        {"user": "ann", "calls": ["standup"]},
        {"user": "ann", "calls": ["default:*"]},
        {"user": "ann", "calls": ["*"]},
        {"user": "ann", "calls": "default:standup"},
        {"user": "ann", "calls": ["default:standup", "default:standup"]},
        {"user": "ann", "role": "host"},
        {"user": "ann", "calls": ["default:standup"], "role": ""},
        {"user": "ann", "server": True},
        {"server": True, "calls": ["default:standup"]},
        {"server": "true"},
    )
    unnamed = ({"calls": ["default:standup"]}, {})


def stream() -> Stream:
    """A backend with one secret."""
    return Stream(
        StreamOptions(api_key=proof.API_KEY, secret=SecretList([Secret(proof.SECRET)])), AppCredentials(None, {})
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"user_id": "ann"},
        {"user_id": "ann", "iat": 95},
        {"user_id": "ann", "iat": 95, "exp": 100},
        {"user_id": "ann", "iat": 95.0, "exp": 160},
        {"user_id": "ann", "iat": True, "exp": 160},
        {"user_id": "ann", "iat": 95, "exp": 10**40},
        {"user_id": None, "iat": 95, "exp": 160},
        {"user_id": ["ann"], "iat": 95, "exp": 160},
        {"user_id": "ann", "iat": 95, "exp": 160, "server": False},
        {"user_id": "ann", "iat": 95, "exp": 160, "server": True},
        {"user_id": "ann", "iat": 95, "exp": 160, "call_cids": None},
        {"user_id": "ann", "iat": 95, "exp": 160, "role": "admin"},
        {"user_id": "ann", "iat": 95, "exp": 160, "channel_cids": ["messaging:1"]},
        {"user_id": "ann", "iat": 95, "exp": 160, "sub": "user/ann"},
        {"server": True},
        {"server": 1, "iat": 95, "exp": 160},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(claims: dict[str, object]) -> None:
    assert stream().read(KEYS.sign({"user_id": "ann", "iat": 95, "exp": 160})).grant.ttl == 60
    with pytest.raises(Unreadable):
        stream().read(KEYS.sign(claims))
    with pytest.raises(Unreadable):
        stream().read(KEYS.sign({"user_id": "ann", "iat": 95, "exp": 160}, {"kid": "x"}))


def test_the_longest_request_is_minted_and_read_again() -> None:
    calls = [f"{number:064}:{'x' * 64}" for number in range(50)]
    fields = StreamFields(user="u" * 255, calls=calls, role="r" * 64)
    grant = stream().grant(fields, 60)
    assert stream().verify(stream().mint(grant, Issuance(1000, 7)), grant, Issuance(1000, 7)) is None


def test_every_call_is_a_channel_and_none_is_any() -> None:
    grant = stream().grant(StreamFields(user="ann", calls=["default:a", "default:b"]), 60)
    assert [service.name for service in grant.services] == ["login", "calls"]
    assert (grant.services[1].channel, grant.services[1].more_channels) == ("default:a", ("default:b",))
    assert ANY not in {service.channel for service in grant.services}


def test_the_numbers_of_streams_errors_stand_in_a_diagnosis() -> None:
    backend = stream()
    minted = backend.mint(backend.grant(StreamFields(user="ann", calls=["default:a"]), 60), Issuance(1000, 7))
    reading = backend.read(minted.token)
    foreign = backend.read(JwtKeys("HS256", [Secret("another")]).sign({"user_id": "ann", "iat": 995, "exp": 1060}))
    cases = (
        (reading, Join(), 1060, "40 (token expired)"),
        (reading, Join(), 100, "42 (used before it was issued)"),
        (reading, Join(channel="default:b"), 1000, "17 (not allowed)"),
        (foreign, Join(), 1000, "43 (signature invalid)"),
    )
    for read, join, now, words in cases:
        assert words in backend.diagnose(read, join, now).problems[-1]
    assert backend.diagnose(reading, Join(channel="default:a", user="ann"), 1000).problems == ()


def test_streams_library_writes_what_was_requested_too() -> None:
    assert proof.differences(2_000, 1) == []
