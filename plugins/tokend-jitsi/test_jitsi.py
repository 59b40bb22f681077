"""The conformance suite with the kinds `jitsi` and `jaas`, and PyJWT as the reader of their tokens."""

import importlib
from typing import Any

import jwt
import pytest
from tokend_jaas import Jaas, JaasOptions
from tokend_jitsi import Jitsi, JitsiFields, JitsiOptions

from tokend.plugins import AppCredentials, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance, new_rsa_key

jitsi_proof: Any = importlib.import_module("plugins.tokend-jitsi.proof_jitsi")
jaas_proof: Any = importlib.import_module("plugins.tokend-jitsi.proof_jaas")

OLD, NEW, FOREIGN = (Secret(new_rsa_key()) for _ in range(3))
SECRETS = ("b7d1f2a3c4e5968778695a4b3c2d1e0f", "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
REQUESTS: tuple[dict[str, object], ...] = (
    {"room": "standup", "user": "ann"},
    {"room": "standup", "user": "ann", "moderator": True},
    {"room": "caf%c3%a9-(1)", "user": "ann@example.com", "name": "Zoë 👩‍💻", "email": "ann@example.com"},
    {"room": "*", "user": "ann", "avatar": "https://pictures.example/a.png", "group": "physics"},
    {"room": "standup", "user": "ann", "moderator": True, "features": ["recording", "sip-outbound-call"]},
    {"room": "standup", "user": "ann", "hidden_from_recorder": True},
    {
        "room": "standup",
        "user": "ann",
        "callee": {"id": "bob", "name": "Bob", "avatar": "https://pictures.example/b.png"},
    },
)
REFUSED: tuple[dict[str, object], ...] = (
    {"user": "ann"},
    {"room": "", "user": "ann"},
    {"room": "Standup", "user": "ann"},
    {"room": "room-*", "user": "ann"},
    {"room": "app/standup", "user": "ann"},
    {"room": "x" * 1024, "user": "ann"},
    {"room": "standup", "user": ""},
    {"room": "standup", "user": "*"},
    {"room": "standup", "user": 7},
    {"room": "standup", "user": "ann", "features": ["screen-sharing"]},
    {"room": "standup", "user": "ann", "moderator": "true"},
    {"room": "standup", "user": "ann", "name": ""},
    {"room": "standup", "user": "ann", "callee": {"id": "bob"}},
)


class TestJitsi(BackendConformance):
    """A server of one's own."""

    backend = Jitsi
    options = {"app_id": "my_client", "secret": [*map(Secret, SECRETS)], "domain": "meet.example.com"}
    token_requests = (*REQUESTS, {"room": "standup", "user": "ann", "features": ["recording"]})
    refused = REFUSED
    unnamed = ({"room": "standup"},)


class TestJaas(BackendConformance):
    """JaaS. Its keys are pairs, which `test_every_key_of_jaas_verifies` rotates."""

    backend = Jaas
    options = {"app_id": jaas_proof.APP_ID, "keys": [{"key_id": "4f4910", "private_key": NEW}]}
    other_options = {"app_id": jaas_proof.APP_ID, "keys": [{"key_id": "4f4910", "private_key": FOREIGN}]}
    token_requests = REQUESTS[3:5]  # each character of a token costs a check of RSA
    refused = (*REFUSED, {"room": "standup", "user": "ann", "features": ["recording"]})
    unnamed = ({"room": "standup"},)
    ttls = (3600,)


def jaas(*keys: tuple[str, Secret]) -> Jaas:
    """A backend with these keys."""
    pairs = [{"key_id": key_id, "private_key": private_key} for key_id, private_key in keys]
    return Jaas(JaasOptions.model_validate({"app_id": jaas_proof.APP_ID, "keys": pairs}), AppCredentials(None, {}))


def jitsi(**options: object) -> Jitsi:
    """A backend with these options."""
    usual = {"app_id": "my_client", "secret": [Secret(SECRETS[0])], "domain": "meet.example.com"}
    return Jitsi(JitsiOptions.model_validate({**usual, **options}), AppCredentials(None, {}))


def test_every_key_of_jaas_verifies() -> None:
    both = jaas(("new", NEW), ("old", OLD))
    for backend, name in ((both, "new"), (jaas(("old", OLD)), "old")):
        fields = JitsiFields.model_validate(REQUESTS[0])
        token = backend.mint(backend.grant(fields, 60), Issuance(1_700_000_000, 7)).token
        assert both.read(token).signed_by == f"{jaas_proof.APP_ID}/{name}"
    assert (
        jaas(("new", OLD)).read(both.mint(both.grant(fields, 60), Issuance(1_700_000_000, 7)).token).signed_by is None
    )


@pytest.mark.parametrize("change", [{"app_id": "another"}, {"domain": "other.example.com"}, {"audience": "else"}])
def test_a_token_for_another_app_of_the_same_secret_is_not_ours(change: dict[str, object]) -> None:
    minted = jitsi(**change).mint(jitsi().grant(JitsiFields.model_validate(REQUESTS[0]), 60), Issuance(100, 7))
    reading = jitsi().read(minted.token)
    assert (reading.grant.services[0].user, reading.signed_by) == ("ann", None)
    assert "Prosody's log says 'Invalid signature'." in jitsi().diagnose(reading, Join(), 101).problems


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"room": "Standup"},
        {"room": ["standup"]},
        {"iat": 100.0},
        {"iat": True},
        {"exp": 10**40},
        {"exp": 100},
        {"nbf": 100},
        {"nbf": 90.0},
        {"context": "user"},
        {"context": {"user": ["id"], "features": {}}},
        {"context": {"user": {"id": "ann", "moderator": "false", "hidden-from-recorder": "false"}, "features": {}}},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = jitsi()
    grant = backend.grant(JitsiFields.model_validate(REQUESTS[0]), 60)
    claims = {**backend.identity, **backend.claims(grant, Issuance(100, 7))}
    assert backend.read(backend.keys.sign(claims)).signed_by == "secret[0]"
    with pytest.raises(Unreadable):
        backend.read(backend.keys.sign({**claims, **change}))
    for name in ("moderator", "role"):
        user = {**claims["context"]["user"], name: True}
        with pytest.raises(Unreadable):
            backend.read(backend.keys.sign({**claims, "context": {**claims["context"], "user": user}}))
    with pytest.raises(Unreadable):
        backend.read(jwt.encode(claims, SECRETS[0], headers={"kid": "other"}))


def test_the_longest_request_is_minted_and_read_again() -> None:
    text, url = "\x01" * 200, '"' * 512
    fields = {"room": "x" * 1023, "user": "\U0001f389" * 255, "moderator": True, "features": [*jitsi_proof.FEATURES]}
    fields |= {"name": text, "email": text, "group": text, "avatar": url}
    fields |= {"callee": {"id": text, "name": text, "avatar": url}}
    for backend in (jitsi(), jaas(("new", NEW))):
        grant = backend.grant(JitsiFields.model_validate(fields), 60)
        assert backend.verify(backend.mint(grant, Issuance(1000, 7)), grant, Issuance(1000, 7)) is None


def test_the_words_of_prosody_stand_in_a_diagnosis() -> None:
    backend = jitsi()
    grant = backend.grant(JitsiFields.model_validate(REQUESTS[0]), 60)
    reading = backend.read(backend.mint(grant, Issuance(1000, 7)).token)
    cases = (
        (Join(), 1060, "Not acceptable by exp"),
        (Join(), 100, "Not acceptable by nbf"),
        (Join(channel="retro"), 1000, "Room and token mismatched"),
    )
    for join, now, words in cases:
        assert backend.diagnose(reading, join, now).problems[-1] == f"Prosody's log says '{words}'."
    assert backend.diagnose(reading, Join(channel="standup", user="ann"), 1000).problems == ()


def test_pyjwt_reads_what_was_requested() -> None:
    assert jitsi_proof.differences(2_000, 1) == []


def test_pyjwt_reads_what_was_requested_of_jaas() -> None:
    assert jaas_proof.differences(200, 1) == []
