"""The base of backends of JWTs: a small kind passes the conformance suite, and reads nothing but what it writes."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import pytest
from pydantic import Field

from tokend.backends.contract import Unreadable
from tokend.backends.jwt_backend import JwtBackend
from tokend.plugins import (
    LISTEN,
    AppCredentials,
    Grant,
    Issuance,
    JwtKeys,
    Secret,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    printable_id,
)
from tokend.testing import BackendConformance


class _Options(StrictModel):
    project: str
    secret: SecretList


class _Fields(StrictModel):
    room: str = Field(examples=["lobby"])
    user: str | None = Field(default=None, examples=["ann"])


class _Small(JwtBackend):
    Options: ClassVar[type[StrictModel]] = _Options
    Fields: ClassVar[type[StrictModel]] = _Fields
    services: ClassVar = {"small": ServiceShape()}
    privileges: ClassVar = {"join": LISTEN}

    @cached_property
    def keys(self) -> JwtKeys:
        return JwtKeys("HS256", self.options.secret)

    @property
    def identity(self) -> Mapping[str, object]:
        return {"iss": self.options.project}

    def grant(self, fields: _Fields, ttl: int, user: str | None = None) -> Grant:
        user = printable_id("user", fields.user if fields.user is not None else user, 40)
        return Grant(None, "jwt", ttl, (Service("small", user, printable_id("room", fields.room, 40), {"join": ttl}),))

    def claims(self, grant: Grant, issuance: Issuance) -> Mapping[str, Any]:
        (service,) = grant.services
        times = {"iat": issuance.issued_at, "exp": issuance.issued_at + grant.ttl}
        return {"sub": service.user, "context": {"room": service.channel}, **times, "jti": f"{issuance.nonce:x}"}

    def fields_of(self, claims: Mapping[str, Any]) -> Mapping[str, object]:
        return {"user": claims["sub"], "room": claims["context"]["room"]}

    def nonce_of(self, claims: Mapping[str, Any]) -> int:
        return int(claims["jti"], 16)


class TestSmall(BackendConformance):
    """A kind without `mint` and `read` of its own."""

    backend = _Small
    options: ClassVar = {"project": "p7", "secret": [Secret("kq3v9x7p2m8w4z6t"), Secret("u5hd7gxs2mb4cje9")]}
    token_requests = (
        {"room": "lobby", "user": "ann"},
        {"room": "hall", "user": "ann"},
        {"room": "lobby", "user": "bob"},
    )
    refused = ({"user": "ann"}, {"room": "*", "user": "ann"}, {"room": "lobby", "user": ""})
    unnamed = ({"room": "lobby"},)


CLAIMS: dict[str, Any] = {"sub": "ann", "context": {"room": "lobby"}, "iat": 1000, "exp": 1060, "jti": "7"}


def _backend() -> _Small:
    options = {"project": "p7", "secret": SecretList([Secret("kq3v9x7p2m8w4z6t")])}
    return _Small(_Options.model_validate(options), AppCredentials(None, {}))


def test_what_was_minted_is_read_with_its_signer_and_times() -> None:
    backend = _backend()
    grant = backend.grant(_Fields(room="lobby", user="ann"), 60)
    minted = backend.mint(grant, Issuance(1000, 7))
    reading = backend.read(minted.token)
    assert backend.keys.read(minted.token).claims == {"iss": "p7", **CLAIMS}
    assert (reading.grant, reading.signed_by, reading.issued_at, reading.expires_at) == (grant, "secret[0]", 1000, 1060)
    assert minted.renew_after == 30


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"context": {"room": "lobby", "admin": True}},
        {"context": {"room": "*"}},
        {"context": "lobby"},
        {"context": None},
        {"sub": 7},
        {"sub": ""},
        {"jti": "07"},
        {"jti": 7},
        {"jti": "no number"},
        {"exp": 1000},
        {"iat": 1000.0},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = _backend()
    assert backend.read(backend.keys.sign({"iss": "p7", **CLAIMS})).signed_by == "secret[0]"
    with pytest.raises(Unreadable):
        backend.read(backend.keys.sign({"iss": "p7", **CLAIMS, **change}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"admin": "hidden-value"}, "not as a token of the kind small: it has a further claim admin"),
        ({"jti": "0007"}, "not as a token of the kind small: its claim jti has another form or value"),
        ({"x" * 61: 7}, "not as a token of the kind small: it has a further claim with a long or unprintable name"),
    ],
    ids=["further", "other", "long"],
)
def test_the_first_claim_that_differs_is_named_without_its_value(change: dict[str, object], words: str) -> None:
    backend = _backend()
    backend.kind = "small"
    with pytest.raises(Unreadable) as caught:
        backend.read(backend.keys.sign({"iss": "p7", **CLAIMS, **change}))
    assert str(caught.value) == words


def test_a_header_that_differs_is_named() -> None:
    backend = _backend()
    backend.kind = "small"
    with pytest.raises(Unreadable, match="its header is not that of a token of the kind small"):
        backend.read(backend.keys.sign({"iss": "p7", **CLAIMS}, {"cty": "x"}))


def test_a_claim_that_is_missing_or_a_further_header_is_unreadable() -> None:
    backend, whole = _backend(), {"iss": "p7", **CLAIMS}
    for name in CLAIMS:
        with pytest.raises(Unreadable):
            backend.read(backend.keys.sign({claim: value for claim, value in whole.items() if claim != name}))
    with pytest.raises(Unreadable):
        backend.read(backend.keys.sign(whole, {"cty": "x"}))


def test_a_token_of_another_project_is_read_and_signed_by_nobody() -> None:
    backend = _backend()
    reading = backend.read(backend.keys.sign({"iss": "another", **CLAIMS}))
    assert (reading.grant.services[0].user, reading.signed_by) == ("ann", None)
