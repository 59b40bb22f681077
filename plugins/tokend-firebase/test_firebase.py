"""The conformance suite with the kind `firebase`, and firebase_admin as another maker of its tokens."""

import importlib
from typing import Any

import pytest
from pydantic import ValidationError
from tokend_firebase import Firebase, FirebaseFields, FirebaseOptions

from tokend.plugins import AppCredentials, Issuance, Join, JwtKeys, Secret, Unreadable, read_jwt
from tokend.testing import BackendConformance, new_rsa_key

proof: Any = importlib.import_module("plugins.tokend-firebase.proof_firebase")

OLD, NEW, FOREIGN = (Secret(new_rsa_key()) for _ in range(3))


def options_of(*keys: tuple[str, Secret]) -> dict[str, object]:
    """Options with these keys."""
    pairs = [{"key_id": key_id, "private_key": private_key} for key_id, private_key in keys]
    return {"service_account": proof.ACCOUNT, "keys": pairs, "claims": ["role", "groups"]}


class TestFirebase(BackendConformance):
    """Its keys are pairs, which `test_every_key_verifies` rotates."""

    backend = Firebase
    options = options_of(("7f3a", NEW))
    other_options = options_of(("7f3a", FOREIGN))
    token_requests = (
        {"user": "ann"},
        {"user": "Zoë 7", "claims": {"role": "host", "groups": ["a", 7, True]}, "tenant_id": "acme-x7k2p"},
    )
    refused = (
        {},
        {"user": ""},
        {"user": "*"},
        {"user": "a" * 129},
        {"user": 7},
        {"user": "ann", "claims": {}},
        {"user": "ann", "claims": {"admin": True}},
        {"user": "ann", "claims": {"sub": "bob"}},
        {"user": "ann", "claims": {"role": None}},
        {"user": "ann", "claims": {"role": 1.5}},
        {"user": "ann", "claims": {"role": {"a": 1}}},
        {"user": "ann", "claims": {"role": 1 << 60}},
        {"user": "ann", "claims": {"role": "x" * 1000}},
        {"user": "ann", "tenant_id": ""},
        {"user": "ann", "tenant_id": "a*"},
    )
    unnamed = ({"claims": {"role": "host"}},)
    ttls = (60, 3600)


def firebase(*keys: tuple[str, Secret]) -> Firebase:
    """A backend with these keys."""
    return Firebase(FirebaseOptions.model_validate(options_of(*keys)), AppCredentials(None, {}))


def test_every_key_verifies() -> None:
    both = firebase(("new", NEW), ("old", OLD))
    grant = both.grant(FirebaseFields(user="ann"), 60)
    for backend, name in ((both, "new"), (firebase(("old", OLD)), "old")):
        assert both.read(backend.mint(grant, Issuance(1_700_000_000, 7)).token).signed_by == name
    assert firebase(("new", OLD)).read(both.mint(grant, Issuance(1_700_000_000, 7)).token).signed_by is None


def test_a_token_of_the_library_for_node_is_read_though_it_names_no_key() -> None:
    """npm firebase-admin 13 writes no `kid`."""
    both = firebase(("new", NEW), ("old", OLD))
    minted = both.mint(both.grant(FirebaseFields(user="ann"), 60), Issuance(1_700_000_000, 7)).token
    for private_key, name in ((NEW, "new"), (OLD, "old"), (FOREIGN, None)):
        reading = both.read(JwtKeys("RS256", [private_key]).sign(read_jwt(minted).claims))
        assert (reading.grant, reading.signed_by) == (both.read(minted).grant, name)
    with pytest.raises(Unreadable):
        both.read(JwtKeys("RS256", [NEW]).sign(read_jwt(minted).claims, {"kid": 7}))


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"aud": "https://example.com"},
        {"uid": ""},
        {"uid": 7},
        {"iat": 1000.0},
        {"iat": True},
        {"exp": 10**40},
        {"exp": 1000},
        {"claims": {}},
        {"claims": {"admin": True}},
        {"claims": "role"},
        {"tenant_id": None},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = firebase(("7f3a", NEW))
    payload = {**backend.identity, **backend.claims(backend.grant(FirebaseFields(user="ann"), 60), Issuance(1000, 7))}
    assert backend.read(backend.keys.sign(payload)).signed_by == "7f3a"
    with pytest.raises(Unreadable):
        backend.read(backend.keys.sign({**payload, **change}))
    another = {"iss": "other@example.com", "sub": "other@example.com"}
    assert backend.read(backend.keys.sign({**payload, **another})).signed_by is None


@pytest.mark.parametrize("value", [None, 1.5, {"a": 1}, 1 << 60, ["a", 1.5]], ids=str)
def test_the_error_of_a_claim_names_the_claim_and_what_it_may_be(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FirebaseFields.model_validate({"user": "ann", "claims": {"role": value}})
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"][:14]) == (("claims", "role"), "must be a text")


def test_the_schema_of_a_claim_has_the_bounds_of_its_numbers() -> None:
    """The OpenAPI document had none."""
    of_claims, _ = FirebaseFields.model_json_schema()["properties"]["claims"]["anyOf"]
    forms = of_claims["additionalProperties"]["anyOf"]
    whole = {"type": "integer", "minimum": -(1 << 53), "maximum": 1 << 53}
    assert whole in forms
    assert whole in next(form for form in forms if form["type"] == "array")["items"]["anyOf"]


def test_the_codes_of_firebase_stand_in_a_diagnosis() -> None:
    backend = firebase(("7f3a", NEW))
    token = backend.mint(backend.grant(FirebaseFields(user="ann"), 60), Issuance(1000, 7)).token
    assert "auth/invalid-custom-token." in backend.diagnose(backend.read(token), Join(), 1060).problems[-1]
    assert backend.diagnose(backend.read(token), Join(user="ann"), 1000).problems == ()
    foreign = firebase(("7f3a", FOREIGN))
    assert "auth/custom-token-mismatch" in foreign.diagnose(foreign.read(token), Join(), 1000).problems[-1]


def test_firebase_admin_makes_the_same_claims() -> None:
    assert proof.differences(200, 1) == []
