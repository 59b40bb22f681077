"""The kind `jwt` keeps the contract of backends, with every feature of a template, and with asymmetric keys."""

from functools import cache
from typing import Any, ClassVar, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tokend.backends.jwt.backend import JwtTemplate
from tokend.backends.jwt.options import JwtOptions
from tokend.plugins import ANY, NOT_APPLICABLE, AppCredentials, Backend, Grant, Issuance, Secret, Unreadable
from tokend.testing import BackendConformance

TEMPLATE: Final[dict[str, Any]] = {
    "always": "listen",
    "fields": {
        "user": {"as": "user"},
        "room": {"as": "channel", "missing": "any"},
        "name": {"as": "detail", "max_length": 20},
        "level": {"as": "detail", "type": "integer"},
        "score": {"as": "detail", "type": "number"},
        "quiet": {"as": "detail", "type": "boolean"},
        "tags": {"as": "detail", "type": "list"},
        "data": {"as": "detail", "type": "object", "capability": "data"},
        "publish": {"as": "privilege", "gives": "publish"},
        "role": {"as": "privilege", "type": "integer", "values": {"0": "listen", "1": {"capability": "host"}}},
        "plan": {"as": "privilege", "values": {"free": "connect", "paid": {"role": "paid"}}, "missing": "none"},
    },
    "claims": {
        "iss": "tests",
        "sub": "{user}",
        "place": "rooms/{room}/of/{user}",
        "level": "{level}:{role}",
        "score": "{score}",
        "quiet": "{quiet}",
        "names": ["{name}", "literal {{name}}", 1, None],
        "more": {"tags": "{tags}", "data": "{data}", "constant": {"a": [1.5, True]}},
        "publish": "{publish}",
        "role": "{role}",
        "lvl": "{level}",
        "plan": "{plan}",
        "nbf": "{issued_at - 10}",
        "iat": "{issued_at}",
        "exp": "{expires_at}",
        "jti": "id-{nonce}",
    },
    "header": {"kid": "key-1", "v": 2},
}
USER: Final = {"user": "ann", "role": 0}


class TestEveryFeature(BackendConformance):
    backend = JwtTemplate
    options: ClassVar = {
        "algorithm": "HS256",
        "secret": [Secret("qx7-first-secret-of-the-tests"), Secret("zk3-second-one-of-the-tests")],
        **TEMPLATE,
    }
    token_requests = (
        USER,
        {**USER, "room": "lobby"},
        {**USER, "room": "*", "role": 1},
        {**USER, "name": "Ann Example é", "level": -3, "score": 1},
        {**USER, "score": 1.0, "quiet": False},
        {**USER, "quiet": True, "tags": [], "data": {}},
        {**USER, "tags": [1, [2.5], {"a": None}], "data": {"deep": {"er": [True, 2**63]}}},
        {**USER, "publish": True, "plan": "paid"},
        {**USER, "plan": "free"},
        {"user": "ann:b", "role": 0},
    )
    refused = (
        {"user": "ann"},
        *({"user": "ann", "role": role} for role in (2, -1, "0", True, 1.0, None)),
        *({**USER, "user": user} for user in ("", "x" * 256, "a\nb", 7)),
        *({**USER, "room": room} for room in ("", "a/of/b", 7)),
        {**USER, "user": "a/of/b", "room": "lobby"},
        *({**USER, "name": name} for name in ("x" * 21, 7)),
        *({**USER, "level": level} for level in (1.5, "1", True, 2**53)),
        *({**USER, "score": score} for score in ("1", True, float("inf"), float("nan"))),
        *({**USER, "quiet": quiet} for quiet in (1, "true")),
        {**USER, "data": []},
        *({**USER, "data": {"a": value}} for value in (float("inf"), "x" * 9000, b"bytes")),
        {**USER, "publish": None},
        {**USER, "publish": "true"},
        {**USER, "plan": "other"},
    )
    unnamed = ({"role": 0}, {"role": 1, "room": "lobby"})
    refused_users = ("line\nbreak", "\ud800", "x" * 256, "")


class TestWithoutIssueTime(BackendConformance):
    """A whole number as user, several channels, no field that may be missing, and no issue time."""

    backend = JwtTemplate
    options: ClassVar = {
        "algorithm": "HS512",
        "secret": Secret("qx7-first-secret-of-the-tests"),
        "always": "publish",
        "fields": {
            "id": {"as": "user", "type": "integer"},
            "topics": {"as": "channel", "type": "list", "pattern": "[a-z/]+"},
        },
        "claims": {"id": "{id}", "topics": "{topics}", "exp": "{expires_at}"},
    }
    token_requests = ({"id": 7, "topics": ["a"]}, {"id": -1, "topics": ["a", "b/c"]}, {"id": 0, "topics": ["b/c", "a"]})
    refused = (
        *({"id": user, "topics": ["a"]} for user in ("7", 7.0, True, 2**60)),
        *({"id": 7, "topics": topics} for topics in ([], "a", ["a", ""], ["a#"], ["a\n"], [7], None)),
    )
    unnamed = ({"topics": ["a"]},)
    users = ("12", "-5")
    refused_users = ("line\nbreak", "\ud800", "ann", "007", "1.0", "9" * 5000)


class TestConstantsAlone(BackendConformance):
    """Nobody's token: no user and no channel."""

    backend = JwtTemplate
    options: ClassVar = {
        "algorithm": "HS384",
        "secret": Secret("qx7-first-secret-of-the-tests"),
        "always": "admin",
        "claims": {"admin": True, "iat": "{issued_at}", "exp": "{expires_at}"},
    }
    token_requests = ({},)
    refused = ({"user": "ann"},)


@cache
def _pem(algorithm: str, app: int) -> Secret:
    """A private key for an algorithm. `app`: each number has another."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if algorithm.startswith("RS"):
        key = rsa.generate_private_key(65_537, 2048)
    elif algorithm == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _made(**options: object) -> Backend:
    return JwtTemplate(JwtOptions.model_validate(options), AppCredentials(None, {}))


def _backend(algorithm: str, app: int) -> Backend:
    return _made(algorithm=algorithm, secret=_pem(algorithm, app), **TEMPLATE)


def _grant(backend: Backend) -> Grant:
    grant: Grant = backend.grant(backend.Fields.model_validate({**USER, "room": "lobby"}), 60)
    return grant


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"])
def test_each_asymmetric_algorithm_signs_and_verifies(algorithm: str) -> None:
    backend, other = _backend(algorithm, 1), _backend(algorithm, 2)
    grant, issuance = _grant(backend), Issuance(1_700_000_000, 5)
    minted = backend.mint(grant, issuance)
    assert backend.verify(minted, grant, issuance) is None
    assert backend.mint(grant, issuance) == minted
    assert other.read(minted.token).signed_by is None
    text, _, signature = minted.token.rpartition(".")
    changed = "A" if signature[10] != "A" else "B"
    assert backend.read(f"{text}.{signature[:10]}{changed}{signature[11:]}").signed_by is None


def test_a_token_of_another_template_is_unreadable() -> None:
    backend = _backend("ES256", 1)
    for change in (
        {"claims": {**TEMPLATE["claims"], "admin": True}},
        {"claims": {**TEMPLATE["claims"], "iss": "others"}},
        {"header": {"kid": "key-2", "v": 2}},
        {"header": {"kid": "key-1", "v": 2, "crit": "x"}},
        {"header": {"kid": "key-1", "v": True}},
    ):
        other = _made(algorithm="ES256", secret=_pem("ES256", 1), **{**TEMPLATE, **change})
        token = other.mint(_grant(other), Issuance(1_700_000_000, 5)).token
        with pytest.raises(Unreadable):
            backend.read(token)


def test_a_missing_channel_is_any_or_none_as_the_template_says() -> None:
    for missing, channel in (("any", ANY), ("none", NOT_APPLICABLE)):
        backend = _made(
            algorithm="HS256",
            secret=Secret("a secret of the tests"),
            always="listen",
            fields={"room": {"as": "channel", "missing": missing}},
            claims={"room": "{room}", "exp": "{expires_at}"},
        )
        grant: Grant = backend.grant(backend.Fields(), 60)
        assert grant.services[0].channel is channel
        assert backend.read(backend.mint(grant, Issuance(1, 2)).token).grant.services[0].channel is channel
