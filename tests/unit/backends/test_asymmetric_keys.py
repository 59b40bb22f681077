"""Backends with RSA and Ed25519 keys pass the suite, and one that takes the key of another app does not."""

import base64
import json
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar, Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pydantic import Field

from tokend.plugins import (
    LISTEN,
    ApiError,
    Backend,
    Code,
    Grant,
    Issuance,
    Minted,
    Reading,
    Secret,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
)
from tokend.testing import BackendConformance

PrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey


class KeyOptions(StrictModel):
    private_key: SecretList


class RoomFields(StrictModel):
    room: str = Field(min_length=1, pattern="^[a-z0-9-]+$", examples=["lobby"])
    user: str | None = Field(default=None, examples=["ann"])


class Claims(StrictModel):
    sub: str = Field(min_length=1)
    room: str = Field(min_length=1)
    iat: int = Field(ge=0, lt=1 << 40)
    exp: int = Field(ge=0, lt=1 << 40)
    jti: str


class SignedWithKey(Backend):
    """JWTs (RFC 7519) with RS256 or EdDSA, by the type of the key."""

    Options: ClassVar[type[StrictModel]] = KeyOptions
    Fields: ClassVar[type[StrictModel]] = RoomFields
    services: ClassVar = {"room": ServiceShape()}
    privileges: ClassVar = {"join": LISTEN}

    @cached_property
    def keys(self) -> list[PrivateKey]:
        found: list[PrivateKey] = []
        for secret in self.options.private_key:
            key = load_pem_private_key(secret.reveal().encode(), None)
            assert isinstance(key, rsa.RSAPrivateKey | Ed25519PrivateKey)
            found.append(key)
        return found

    def grant(self, fields: RoomFields, ttl: int, user: str | None = None) -> Grant:
        name = fields.user if fields.user is not None else user
        if name is None or not name.isascii() or not name.isprintable() or not name:
            raise ApiError(Code.INVALID_FIELD, "must be printable ASCII", "user")
        return _granted(name, fields.room, ttl)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        claims = {"sub": service.user, "room": service.channel, "iat": issuance.issued_at}
        claims |= {"exp": issuance.issued_at + grant.ttl, "jti": f"{issuance.nonce:032x}"}
        key = self.keys[0]
        text = f"{_encoded(_header(key))}.{_encoded(json.dumps(claims).encode())}"
        return Minted(f"{text}.{_encoded(_signature(key, text))}", max(1, grant.ttl // 2))

    def read(self, token: str) -> Reading:
        try:
            text, signature = token.encode("ascii").decode().rsplit(".", 1)
            header, body = map(_decoded, text.split("."))
            claims, signed = Claims.model_validate_json(body), _decoded(signature)
        except ValueError as error:
            raise Unreadable("not a token of this format") from error
        grant = _granted(claims.sub, claims.room, claims.exp - claims.iat)
        return Reading(grant, self.signer(header, text, signed), claims.iat, claims.exp)

    def signer(self, header: bytes, text: str, signed: bytes) -> str | None:
        """The name of the key whose signature it is, or None."""
        for number, key in enumerate(self.keys):
            if header == _header(key) and _is_signed(key, text, signed):
                return f"private_key[{number}]"
        return None


def _granted(user: str, room: str, ttl: int) -> Grant:
    return Grant(None, "jwt", ttl, (Service("room", user, room, {"join": ttl}),))


def _header(key: PrivateKey) -> bytes:
    return json.dumps({"alg": "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA", "typ": "JWT"}).encode()


def _signature(key: PrivateKey, text: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    return key.sign(text.encode())


def _is_signed(key: PrivateKey, text: str, signed: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            key.public_key().verify(signed, text.encode(), padding.PKCS1v15(), SHA256())
        else:
            key.public_key().verify(signed, text.encode())
    except InvalidSignature:
        return False
    return True


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """The bytes of base64. Raises `ValueError` unless it is the one text for them."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encoded(raw) != text:
        raise ValueError("another text has these bytes")
    return raw


@cache
def _pem(algorithm: str, number: int) -> Secret:
    """One of the test's keys, made once."""
    key: PrivateKey = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else Ed25519PrivateKey.generate()
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


_BOB: Final = {"room": "stage", "user": "bob"}


class TestRsa(BackendConformance):
    """RS256 with 2048 bits, two keys for rotation."""

    backend = SignedWithKey
    options: ClassVar[Mapping[str, object]] = {"private_key": [_pem("RS256", 0), _pem("RS256", 1)]}
    other_options: ClassVar[Mapping[str, object] | None] = {"private_key": [_pem("RS256", 2)]}
    token_requests = ({"room": "lobby", "user": "ann"}, _BOB)
    refused = ({"room": ""}, {"room": "lobby", "user": 7})
    unnamed = ({"room": "lobby"},)


class TestEd25519(TestRsa):
    """EdDSA with Ed25519."""

    options: ClassVar[Mapping[str, object]] = {"private_key": [_pem("EdDSA", 0), _pem("EdDSA", 1)]}
    other_options: ClassVar[Mapping[str, object] | None] = {"private_key": [_pem("EdDSA", 2)]}


class _OnlyTheFirst(SignedWithKey):
    """Forgets the keys of before."""

    @cached_property
    def keys(self) -> list[PrivateKey]:
        return super().keys[:1]


class _AnyKey(SignedWithKey):
    """Takes whatever has a signature of the right length."""

    def signer(self, header: bytes, text: str, signed: bytes) -> str | None:
        return "private_key[0]" if len(signed) == 64 else None


class _ShortNonce(SignedWithKey):
    """Fails for nonces of more than 64 bits."""

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        issuance.nonce.to_bytes(8)
        return super().mint(grant, issuance)


_WRONG: Final[Mapping[type[Backend], str]] = {
    _OnlyTheFirst: "test_every_secret_of_a_list_verifies",
    _AnyKey: "test_verify_fails_for_another_apps_secret",
    _ShortNonce: "test_what_is_minted_keeps_to_the_contract",
}


@pytest.mark.parametrize(("wrong", "test"), _WRONG.items(), ids=[wrong.__name__ for wrong in _WRONG])
def test_a_wrong_backend_with_keys_is_caught(wrong: type[Backend], test: str) -> None:
    suite: Any = type("Suite", (TestEd25519,), {"backend": wrong})()
    with pytest.raises(AssertionError):
        getattr(suite, test)()


def test_the_keys_of_a_backend_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite has one backend for all its tests: parsing an RSA key takes long."""
    parsed: list[int] = []
    load = load_pem_private_key

    def counting(data: bytes, password: None) -> Any:
        parsed.append(len(data))
        return load(data, password)

    monkeypatch.setitem(globals(), "load_pem_private_key", counting)
    suite: Any = type("Suite", (TestEd25519,), {})()
    suite.test_no_changed_token_passes()
    suite.test_junk_is_unreadable_and_nothing_worse()
    assert len(parsed) == 2
