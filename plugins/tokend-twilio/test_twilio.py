"""The conformance suite with the kind `twilio`, and Twilio's library as the reader of its tokens."""

import importlib
from typing import Any

import pytest
from tokend_twilio import Twilio, TwilioOptions
from tokend_twilio_grants import TwilioFields

from tokend.plugins import AppCredentials, Issuance, Join, JwtKeys, Secret, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-twilio.proof_twilio")

AP, CR, IS = (f"{prefix}{'0123456789abcdef' * 2}" for prefix in ("AP", "CR", "IS"))
OTHER_KEY = f"SK{'fedcba9876543210' * 2}"
OTHER_SECRET = "hT4kYw9QbN2xVs6RmC8dLg3PzJ7fAe5u"
ROOM = {"user": "ann", "room": "standup"}


def twilio(**options: object) -> Twilio:
    """A backend with these options."""
    usual = {"account_sid": proof.ACCOUNT, "keys": [{"sid": proof.KEY, "secret": Secret(proof.SECRET)}]}
    return Twilio(TwilioOptions.model_validate({**usual, **options}), AppCredentials(None, {}))


def minted(backend: Twilio, ttl: int = 60) -> str:
    """A token for a room."""
    return backend.mint(backend.grant(TwilioFields.model_validate(ROOM), ttl), Issuance(1000, 7)).token


class TestTwilio(BackendConformance):
    """Keys are pairs of a SID and a secret, which `test_every_key_verifies` rotates."""

    backend = Twilio
    options = {
        "account_sid": proof.ACCOUNT,
        "keys": [{"sid": proof.KEY, "secret": Secret(proof.SECRET)}],
        "region": "ie1",
    }
    token_requests = (
        ROOM,
        {"user": "ann@example.com", "room": "*"},
        {"user": "ann", "incoming": True, "voice_push_credential_sid": CR, "voice_endpoint_id": "phone"},
        {"user": "ann", "outgoing_application_sid": AP, "outgoing_params": {"to": "+15005550006"}},
        {"user": "Zoë", "chat_service_sid": IS, "chat_push_credential_sid": CR, "chat_endpoint_id": "web"},
        {"user": "ann", "sync_service_sid": IS, "sync_endpoint_id": "web"},
        {"user": "ann", "sync_service_sid": "default"},
        {**ROOM, "incoming": True, "outgoing_application_sid": AP, "chat_service_sid": IS, "sync_service_sid": IS},
    )
    refused = (
        {"user": "ann"},
        {"user": "", "room": "standup"},
        {"user": "*", "room": "standup"},
        {"user": "u" * 257, "chat_service_sid": IS},
        {"user": "u" * 129, "room": "standup"},
        {"user": "ann", "room": "r" * 129},
        {"user": 7, "room": "standup"},
        {"user": "ann", "room": ""},
        {"user": "ann", "room": "room-*"},
        {"user": "ann", "incoming": False},
        {"user": "ann@example.com", "incoming": True},
        {"user": "ann", "outgoing_application_sid": "CR" + AP[2:]},
        {"user": "ann", "incoming": True, "outgoing_params": {"to": "+15005550006"}},
        {"user": "ann", "outgoing_application_sid": AP, "outgoing_params": {}},
        {**ROOM, "voice_push_credential_sid": CR},
        {**ROOM, "chat_push_credential_sid": CR},
        {**ROOM, "sync_endpoint_id": "web"},
        {"user": "ann", "chat_service_sid": "default"},
    )
    unnamed = ({"room": "standup"},)


def test_every_key_verifies() -> None:
    old, new = ({"sid": OTHER_KEY, "secret": Secret(OTHER_SECRET)}, {"sid": proof.KEY, "secret": Secret(proof.SECRET)})
    both = twilio(keys=[new, old])
    assert both.read(minted(both)).signed_by == f"the key {proof.KEY}"
    assert both.read(minted(twilio(keys=[old]))).signed_by == f"the key {OTHER_KEY}"
    wrong = twilio(keys=[{"sid": proof.KEY, "secret": Secret(OTHER_SECRET)}])
    assert both.read(minted(wrong)).signed_by is None


@pytest.mark.parametrize("change", [{"account_sid": "AC" + "0" * 32}, {"region": "ie1"}])
def test_a_token_for_another_account_or_region_is_not_ours(change: dict[str, object]) -> None:
    reading = twilio().read(minted(twilio(**change)))
    assert (reading.grant.services[0].channel, reading.signed_by) == ("standup", None)


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"grants": {"identity": "ann"}},
        {"grants": {"identity": "ann", "video": {"room": "*"}}},
        {"grants": {"identity": "ann", "video": {"room": "standup", "role": "host"}}},
        {"grants": {"identity": "ann", "video": {}, "task_router": {"workspace_sid": "WS1"}}},
        {"grants": {"identity": "ann", "voice": {"incoming": {"allow": False}}}},
        {"grants": {"identity": "ann", "voice": ["incoming"]}},
        {"grants": {"identity": "ann", "voice": {"incoming": {"allow": 1}}}},
        {"grants": {"video": {"room": "standup"}}},
        {"grants": "video"},
        {"iss": "SK1"},
        {"iss": 7},
        {"sub": "AC1"},
        {"jti": "another"},
        {"nbf": 1000.0},
        {"exp": 10**40},
        {"exp": 1000},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    keys = JwtKeys("HS256", [Secret(proof.SECRET)])
    claims = keys.read(minted(twilio())).claims
    assert twilio().read(keys.sign(claims, {"cty": "twilio-fpa;v=1"})).signed_by
    with pytest.raises(Unreadable):
        twilio().read(keys.sign({**claims, **change}, {"cty": "twilio-fpa;v=1"}))


def test_a_token_of_twilios_library_for_node_is_read() -> None:
    """npm twilio 6.3.1 writes the issue time as `iat`; PyPI twilio and `mint` write `nbf`."""
    keys = JwtKeys("HS256", [Secret(proof.SECRET)])
    claims = {"iat" if name == "nbf" else name: value for name, value in keys.read(minted(twilio())).claims.items()}
    reading = twilio().read(keys.sign(claims, {"cty": "twilio-fpa;v=1"}))
    assert reading == twilio().read(minted(twilio()))
    for change in ({"nbf": claims["iat"] - 60}, {"iat": 1000.0}):  # two issue times, or none
        for others in ({**claims, **change}, {**change, **claims, **change}):
            with pytest.raises(Unreadable):
                twilio().read(keys.sign(others, {"cty": "twilio-fpa;v=1"}))


def test_the_longest_request_is_minted_and_read_again() -> None:
    text, backend = "\x01" * 64, twilio(region="x" * 16)
    fields = {"user": "u" * 128, "room": "\U0001f389" * 128, "incoming": True, "outgoing_application_sid": AP}
    fields |= {"outgoing_params": {f"{number:064}": text for number in range(16)}}
    fields |= {"chat_service_sid": IS, "sync_service_sid": IS, "chat_push_credential_sid": CR}
    fields |= dict.fromkeys(("voice_endpoint_id", "chat_endpoint_id", "sync_endpoint_id"), text)
    grant = backend.grant(TwilioFields.model_validate(fields), 60)
    assert backend.verify(backend.mint(grant, Issuance(1000, 7)), grant, Issuance(1000, 7)) is None


def test_another_header_is_unreadable() -> None:
    keys = JwtKeys("HS256", [Secret(proof.SECRET)])
    claims = keys.read(minted(twilio())).claims
    for header in ({}, {"cty": "twilio-fpa;v=2"}, {"cty": "twilio-fpa;v=1", "kid": "x"}):
        with pytest.raises(Unreadable):
            twilio().read(keys.sign(claims, header))


def test_the_numbers_of_twilios_errors_stand_in_a_diagnosis() -> None:
    backend = twilio()
    reading, foreign = backend.read(minted(backend)), backend.read(minted(twilio(account_sid="AC" + "0" * 32)))
    long_lived = backend.read(minted(backend, 86_401))
    cases = (
        (reading, Join(), 1060, "20104"),
        (reading, Join(), 100, "20105"),
        (reading, Join(channel="retro"), 1000, "20106"),
        (reading, Join(product="chat"), 1000, "20106"),
        (foreign, Join(), 1000, "20103"),
        (long_lived, Join(), 1000, "20157"),
    )
    for read, join, now, number in cases:
        assert number in backend.diagnose(read, join, now).problems[-1]
    assert backend.diagnose(reading, Join(channel="standup", user="ann"), 1000).problems == ()


def test_twilios_library_reads_what_was_requested_and_writes_the_same() -> None:
    assert proof.differences(2_000, 1) == []
