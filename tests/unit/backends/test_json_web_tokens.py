"""JSON Web Tokens against PyJWT: what we sign it accepts, what it signs we read."""

import base64
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tokend.backends.contract import Unreadable
from tokend.backends.json_web_tokens import MAX_TOKEN, JwtKeys, JwtKeysById, fits_algorithm, read_jwt, token_times
from tokend.backends.jwt_keys import ALGORITHMS
from tokend.core.errors import ApiError
from tokend.core.secrets import Secret, SecretList

CLAIMS = {"sub": "ann", "video": {"room": "a\u00e9", "roomJoin": True}, "exp": 4_000_000_000}
LONG = "0123456789abcdef" * 4


@cache
def private_key(form: str) -> Any:
    """A key that is made once for the module."""
    match form:
        case "RS":
            return generate_rsa_key(65537, 2048)
        case "ES256":
            return generate_private_key(SECP256R1())
        case "ES384":
            return generate_private_key(SECP384R1())
        case _:
            return Ed25519PrivateKey.generate()


def pem(form: str, password: bytes | None = None) -> Secret:
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return Secret(private_key(form).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode())


def secret_for(algorithm: str) -> Secret:
    if algorithm.startswith("HS"):
        return Secret(LONG)
    return pem("RS" if algorithm.startswith("RS") else algorithm)


def public_for(algorithm: str) -> Any:
    if algorithm.startswith("HS"):
        return LONG
    return private_key("RS" if algorithm.startswith("RS") else algorithm).public_key()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyjwt_accepts_what_is_signed_and_its_tokens_are_read(algorithm: str) -> None:
    keys = JwtKeys(algorithm, [secret_for(algorithm)])
    token = keys.sign(CLAIMS, {"kid": "k1"})
    assert keys.sign(CLAIMS, {"kid": "k1"}) == token
    assert jwt.decode(token, public_for(algorithm), [algorithm]) == CLAIMS
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    theirs = jwt.encode(CLAIMS, LONG if algorithm.startswith("HS") else secret_for(algorithm).reveal(), algorithm)
    content = keys.read(theirs)
    assert (content.claims, content.signed_by) == (CLAIMS, "secret[0]")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_changed_token_is_signed_by_nobody(algorithm: str) -> None:
    keys = JwtKeys(algorithm, [secret_for(algorithm)])
    token = keys.sign(CLAIMS)
    for position in range(0, len(token), 7):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        try:
            assert keys.read(changed).signed_by is None
        except Unreadable:
            continue


def test_the_first_secret_signs_and_all_verify() -> None:
    old, new = Secret("an old secret, long enough"), Secret("a new secret, long enough")
    token = JwtKeys("HS256", [old]).sign(CLAIMS)
    assert JwtKeys("HS256", [new, old], "api_secret").read(token).signed_by == "api_secret[1]"
    assert JwtKeys("HS256", [new]).read(token).signed_by is None
    assert JwtKeys("HS256", [old, new]).sign(CLAIMS) == token


def test_another_algorithm_in_the_header_is_signed_by_nobody() -> None:
    keys = JwtKeys("HS256", [Secret(LONG)])
    for algorithm in ("none", "HS512"):
        foreign = jwt.encode(CLAIMS, LONG if algorithm == "HS512" else "", algorithm)
        try:
            assert keys.read(foreign).signed_by is None
        except Unreadable:
            assert algorithm == "none"


def part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        *("", "a.b", "a.b.c.d", "007eJx", f"{part(b'{}')}.{part(b'[]')}.AA", f"{part(b'{}')}.{part(b'no')}.AA"),
        f"{part(b'{}')}.{part(b'{}')}.AB",
        f"{part(b'{}')}=.{part(b'{}')}.AA",
        f"{part(b'{}')}.{part(b'{' + b'1' * MAX_TOKEN)}.AA",
        part(b"{}") + "." + part(b'{"a": 1, "a": 2}') + ".AA",
        part(b"{}") + "." + part(b'{"a": NaN}') + ".AA",
        f"{part(b'{}')}.{part(b'[' * 5000)}.AA",
    ],
)
def test_what_is_not_a_token_is_unreadable(token: str) -> None:
    with pytest.raises(Unreadable):
        read_jwt(token)


@pytest.mark.parametrize(
    ("algorithm", "secret", "sentence"),
    [
        ("HS256", Secret(""), "is empty"),
        ("RS256", Secret("a secret that is no key"), "must be an RSA private key of at least 2048 bits in PEM"),
        ("RS256", pem("RS", b"password"), "without a password"),
        ("RS256", pem("ES256"), "must be an RSA private key"),
        ("ES256", pem("ES384"), "must be a private key of the curve P-256"),
        ("EdDSA", pem("RS"), "must be an Ed25519 private key"),
    ],
)
def test_a_key_of_another_form_is_rejected_without_its_text(algorithm: str, secret: Secret, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        JwtKeys(algorithm, [secret])
    assert not secret.reveal() or secret.reveal() not in str(caught.value)


def test_a_token_that_would_be_too_long_is_an_error_of_the_request() -> None:
    """What is signed can be read back: without this, a long request would be an error of the server."""
    keys = JwtKeys("HS256", [Secret(LONG)])
    with pytest.raises(ApiError, match="the token would be over 16384 characters") as caught:
        keys.sign({"name": "x" * MAX_TOKEN})
    assert caught.value.status == 400
    assert keys.read(keys.sign({"name": "x" * 12_000})).signed_by == "secret[0]"


def test_a_key_is_found_by_its_id() -> None:
    old, new, other = Secret(LONG), Secret(LONG[::-1]), Secret("kq3v9x7p2m" * 4)
    keys = JwtKeysById("HS256", [("new", new), ("old", old), ("new", other)])
    token = keys.sign(CLAIMS)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": "new"}
    assert jwt.decode(token, new.reveal(), ["HS256"]) == CLAIMS
    content = keys.read(token)
    assert (content.claims, content.signed_by) == (CLAIMS, "new")
    assert keys.read(JwtKeysById("HS256", [("old", old)]).sign(CLAIMS)).signed_by == "old"


def test_a_key_under_another_id_or_none_has_not_signed() -> None:
    keys = JwtKeysById("HS256", [("new", Secret(LONG)), ("old", Secret(LONG[::-1]))])
    for header in ({}, {"kid": "old"}, {"kid": "third"}, {"kid": 7}, {"kid": ["new"]}):
        content = keys.read(JwtKeys("HS256", [Secret(LONG)]).sign(CLAIMS, header))
        assert (content.claims, content.signed_by) == (CLAIMS, None)
    with pytest.raises(Unreadable):
        keys.read("a.b")


def test_a_header_with_more_or_of_another_algorithm_is_not_written() -> None:
    one_algorithm, by_id = JwtKeys("HS256", [Secret(LONG)]), JwtKeysById("HS256", [("new", Secret(LONG))])
    assert one_algorithm.writes({"typ": "JWT", "alg": "HS256"})
    assert by_id.writes({"alg": "HS256", "typ": "JWT", "kid": "another"})
    for header in ({}, {"alg": "HS256"}, {"alg": "HS512", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT", "cty": "x"}):
        assert not one_algorithm.writes(header)
        assert not by_id.writes({**header, "kid": "new"})
    assert not by_id.writes({"alg": "HS256", "typ": "JWT", "kid": 7})
    assert not by_id.writes({"alg": "HS256", "typ": "JWT"})


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iat": 7},
        {"iat": 7, "exp": 7},
        {"iat": 8, "exp": 7},
        {"iat": -1, "exp": 7},
        {"iat": 7, "exp": 1 << 40},
        {"iat": 7, "exp": 10**4000},
        {"iat": 7.0, "exp": 8},
        {"iat": False, "exp": True},
        {"iat": "7", "exp": "8"},
        {"nbf": 7, "exp": 8},
    ],
    ids=lambda claims: str(claims)[:30],
)
def test_times_that_are_none_are_unreadable(claims: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=r"its claims? (iat|exp)"):
        token_times(claims)


@pytest.mark.parametrize("missing", ["nbf", "end"])
def test_a_time_that_is_missing_is_named(missing: str) -> None:
    claims = {"nbf": 7, "end": 8}
    del claims[missing]
    with pytest.raises(Unreadable, match=f"^its claim {missing} is missing$"):
        token_times(claims, "nbf", "end")


def test_times_are_read_from_the_claims_that_are_named() -> None:
    assert token_times({"iat": 0, "exp": 1}) == (0, 1)
    assert token_times({"nbf": 7, "end": (1 << 40) - 1, "exp": 3}, "nbf", "end") == (7, (1 << 40) - 1)


def test_an_option_is_checked_as_a_key_of_its_algorithm() -> None:
    good, bad = pem("RS"), Secret("a secret that is no key")
    check = fits_algorithm("RS256")
    assert check(good) is good
    wrong: list[Any] = [bad, SecretList([good, bad])]
    for secrets in wrong:
        with pytest.raises(ValueError, match="must be an RSA private key of at least 2048 bits in PEM") as caught:
            check(secrets)
        assert bad.reveal() not in str(caught.value)
