"""Documents of keys that are made to take long."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk

from tokend.adapters.jwks import MAX_BYTES
from tokend.auth.jwk import FEW, MAX_KEYS, import_keys

EACH = MAX_BYTES // MAX_KEYS
RSA = jwk.RSAKey.import_key(rsa.generate_private_key(65537, 2048)).as_dict(private=False)
EC = jwk.ECKey.import_key(ec.generate_private_key(ec.SECP256R1())).as_dict(private=False)


def _number(size: int) -> str:
    return base64.urlsafe_b64encode(b"\xff" * size).decode().rstrip("=")


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "k", "priv"])
def test_a_key_with_a_private_member_is_skipped(member: str) -> None:
    assert import_keys({"keys": [{**RSA, member: _number(256)}, RSA]}) != ()
    assert len(import_keys({"keys": [{**RSA, member: _number(256)}, RSA]})) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        {**RSA, "d": _number(EACH - 600)},
        {**RSA, "n": _number(EACH - 600)},
        {**RSA, "e": _number(EACH - 600)},
        {**RSA, "oth": [{"r": _number(EACH - 600)}]},
        {**EC, "x": _number(EACH - 600)},
        {**EC, "d": _number(EACH - 600)},
        {**RSA, "n": _number(530), "e": _number(5)},
    ],
    ids=["d", "n", "e", "oth", "x", "ec d", "n and e a little too long"],
)
def test_overlong_numbers_are_not_imported(hostile: dict[str, object]) -> None:
    keys = import_keys({"keys": [hostile] * (MAX_KEYS - 1) + [EC]})
    assert len(keys) == 1


def test_keys_of_every_usual_size_are_imported() -> None:
    sizes = [jwk.RSAKey.import_key(rsa.generate_private_key(65537, 2048)).as_dict(private=False) for _ in range(2)]
    curves = [
        jwk.ECKey.import_key(ec.generate_private_key(curve())).as_dict(private=False)
        for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
    ]
    ed25519 = jwk.OKPKey.generate_key("Ed25519").as_dict(private=False)
    assert len(import_keys({"keys": [*sizes, *curves, ed25519, {**RSA, "x5c": ["certificate"], "x5t": "t"}]})) == 7


@pytest.mark.parametrize(("keys", "pauses"), [(1, 0), (FEW, 0), (FEW + 3, 3)])
def test_a_long_document_lets_others_run_between_its_keys(keys: int, pauses: int) -> None:
    paused: list[None] = []
    assert len(import_keys({"keys": [EC] * keys}, lambda: paused.append(None))) == keys
    assert len(paused) == pauses
