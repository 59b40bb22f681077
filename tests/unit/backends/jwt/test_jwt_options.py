"""Mistakes in a template: each is an error of the configuration, with its place and what to write instead."""

from pathlib import Path
from typing import Final

import pytest

from tests.assembling import assemble
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse

_SECRETS: Final = {
    "SECRET": "a secret of the tests, long enough",
    "PEM": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----",
}
_FIELDS: Final = "user: {as: user}, room: {as: channel}"
_CLAIMS: Final = 'sub: "{user}", room: "{room}"'


def _errors(
    *, fields: str = "", claims: str = "", options: str = "", algorithm: str = "HS256", secret: str = "SECRET",
    end: str = "{expires_at}",
) -> str:  # fmt: skip
    text = f"""
apps:
  demo:
    backends:
      stage:
        backend: jwt
        algorithm: {algorithm}
        secret: {{env: {secret}}}
        always: listen
        fields: {{{_FIELDS}{fields}}}
        claims: {{{_CLAIMS}, exp: "{end}"{claims}}}
        {options}
    callers: {{web: {{anonymous: true, rules: [{{channel: "demo-*", user: "*"}}]}}}}
"""
    try:
        assemble(parse(text, "config.yaml"), "config.yaml", Secrets(_SECRETS, Path()))
    except ConfigurationError as error:
        return str(error)
    return ""


def test_the_template_itself_is_right() -> None:
    assert _errors() == ""


@pytest.mark.parametrize(
    ("claims", "place", "sentence"),
    [
        (', a: "{usr}"', "claims.a", "names {usr}, which is no field, did you mean 'user'?"),
        (', a: {b: ["{usr}"]}', "claims.a.b[0]", "names {usr}"),
        (', a: "{User}"', "claims.a", "write {{ and }} for braces"),
        (", a: .nan", "claims.a", "must be a finite number"),
        (", a: {b: [-.inf]}", "claims.a.b[0]", "must be a finite number"),
        (', a: "{user"', "claims.a", "has a single '{': write {{ for a brace"),
        (', a: "user}"', "claims.a", "has a single '}': write }} for a brace"),
        (', a: "{user}{room}"', "claims.a", "needs a separator between {user} and {room}"),
        (', a: "{expires_at + 5}"', "claims.a", "only {issued_at} can be moved"),
        (', a: "{issued_at - 3601}"', "claims.a", "by over 3600 s"),
    ],
)
def test_a_wrong_claim_names_its_place(claims: str, place: str, sentence: str) -> None:
    found = _errors(claims=claims)
    assert f"apps.demo.backends.stage.{place}: " in found, found
    assert sentence in found, found


@pytest.mark.parametrize(
    ("field", "place", "sentence"),
    [
        (", a: {as: detail}", "claims", 'do not use the field a: write "{a}" in one, or remove the field'),
        (", a: {as: user}", "fields.a.as", "is user, as user is: a token has only one"),
        (", a: {as: viewer}", "fields.a.as", "must be 'user', 'channel', 'detail' or 'privilege'"),
        (", a: {type: text}", "fields.a.as", "is missing"),
        (", a: {as: privilege}", "fields.a.as", "write either `gives` or `values`"),
        (", a: {as: privilege, gives: everything}", "fields.a.gives", "must be connect, listen, publish, admin"),
        (", a: {as: privilege, gives: {}}", "fields.a.gives", "must be connect, listen, publish, admin"),
        (", a: {as: privilege, gives: {rol: x}}", "fields.a.gives.rol", "unknown key"),
        (", a: {as: privilege, gives: listen, type: text}", "fields.a.type", "must be boolean"),
        (", a: {as: privilege, gives: listen, missing: none}", "fields.a.missing", "counts as false"),
        (", a: {as: privilege, values: {}}", "fields.a.values", "at least 1"),
        (", a: {as: privilege, type: integer, values: {x: listen}}", "fields.a.values", "must be whole numbers"),
        (", a: {as: detail, gives: listen}", "fields.a.gives", "belongs to `as: privilege`"),
        (", a: {as: detail, missing: any}", "fields.a.missing", "only for a user or a channel"),
        (", a: {as: privilege, gives: listen, capability: x}", "fields.a.capability", "belongs to `as: detail`"),
        (", a: {as: detail, type: object, pattern: x}", "fields.a.pattern", "belongs to texts"),
        (', a: {as: detail, pattern: "["}', "fields.a.pattern", "is no regular expression"),
        (", A: {as: detail}", "fields.A", "must be named with a-z, 0-9 and _"),
        (", ttl: {as: detail}", "fields.ttl", "has a name that is reserved"),
        (", app: {as: detail}", "fields.app", "has a name that is reserved"),
        (", issued_at: {as: detail}", "fields.issued_at", "has a name that is reserved"),
        (", model_dump: {as: detail}", "fields.model_dump", "has a name that is reserved"),
    ],
)
def test_a_wrong_field_names_its_place(field: str, place: str, sentence: str) -> None:
    found = _errors(fields=field)
    assert f"apps.demo.backends.stage.{place}: " in found, found
    assert sentence in found, found


def test_types_must_fit_their_claims() -> None:
    found = _errors(fields=", a: {as: detail, type: object}", claims=', a: "x{a}"')
    assert 'claims.a: must be "{a}" alone: a is no text and no whole number' in found


def test_a_built_in_capability_cannot_be_redefined() -> None:
    found = _errors(fields=", a: {as: privilege, gives: {capability: app_admin, role: x}}", claims=', a: "{a}"')
    assert found == "", "app_admin is what `admin` means"
    found = _errors(fields=", a: {as: detail, capability: wildcard_user}", claims=', a: "{a}"')
    assert "capability wildcard_user is built in: choose another name" in found
    found = _errors(fields=", a: {as: privilege, gives: {role: Two Words}}", claims=', a: "{a}"')
    assert "'Two Words' must be a plain word" in found


@pytest.mark.parametrize(
    ("algorithm", "secret", "sentence"),
    [
        ("RS256", "SECRET", "must be an RSA private key of at least 2048 bits in PEM"),
        ("ES256", "SECRET", "must be a private key of the curve P-256 in PEM"),
        ("EdDSA", "PEM", "must be an Ed25519 private key in PEM"),
        ("HS256", "PEM", "is a key in PEM, and HS256 takes a shared secret"),
    ],
)
def test_a_key_that_does_not_fit_its_algorithm_is_an_error(algorithm: str, secret: str, sentence: str) -> None:
    found = _errors(algorithm=algorithm, secret=secret)
    assert f"apps.demo.backends.stage.secret: {sentence}" in found, found
    assert _SECRETS[secret][:20] not in found


def test_no_algorithm_none() -> None:
    assert "algorithm: must be 'HS256'" in _errors(algorithm="none")


def test_a_header_holds_constants() -> None:
    assert "header: has a placeholder" in _errors(options='header: {kid: "{user}"}')
    assert "header: cannot hold alg" in _errors(options="header: {alg: none}")


def test_every_token_has_to_end() -> None:
    found = _errors(end="{issued_at}")
    assert 'claims: must contain "{expires_at}", such as `exp: "{expires_at}"`' in found
