"""What a `jwt` caller trusts: each preset's URLs, defaults, ties within an app and across apps, and the schema of it."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

from tests.unit.auth.jwt.making import jwk, pem
from tests.unit.config.writing import APP_ID, loaded
from tokend.auth.jwt import Jwt
from tokend.auth.jwt_options import ASYMMETRIC, TrustedIssuer
from tokend.auth.presets import PRESETS
from tokend.config.loading import ConfigurationError
from tokend.config.schema import json_schema
from tokend.core.interfaces import KeySource
from tokend.issuing.configuration import Configuration

TWO = """
    defaults:
      app_id: "APP_ID"
      certificate: {env: CERTIFICATE}
    apps:
      one: {callers: {web: {jwt: ONE, rules: [{user: "*"}]}}}
      two: {callers: {web: {jwt: TWO, rules: [{user: "*"}]}}}
"""
SHARED = 'issuer: "https://id.example.com", audience: tokend'


def _one(jwt: str) -> str:
    return f"""
    apps:
      demo:
        app_id: "APP_ID"
        certificate: {{env: CERTIFICATE}}
        callers: {{web: {{jwt: {jwt}, rules: [{{user: "*"}}]}}}}
    """


def _trusts(configuration: Configuration) -> list[TrustedIssuer]:
    schemes = [scheme for route in configuration.routes for scheme in route.authenticator]
    return [trust for scheme in schemes if isinstance(scheme, Jwt) for trust in scheme._trusts]


def _trust(directory: Path, jwt: str) -> TrustedIssuer:
    (trust,) = _trusts(loaded(directory, _one(jwt)))
    return trust


GOOGLE = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
COGNITO = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab"
KEYCLOAK = "https://id.example.com/auth/realms/demo"
EXPECTED: dict[str, tuple[str, str, str, KeySource]] = {
    "firebase": ("project: demo-1", "https://securetoken.google.com/demo-1", "demo-1", KeySource(GOOGLE)),
    "supabase": (
        "project: abcd",
        "https://abcd.supabase.co/auth/v1",
        "authenticated",
        KeySource("https://abcd.supabase.co/auth/v1/.well-known/jwks.json"),
    ),
    "cognito": (
        "region: eu-west-1, pool: eu-west-1_Ab, audience: 7abc",
        COGNITO,
        "7abc",
        KeySource(f"{COGNITO}/.well-known/jwks.json"),
    ),
    "clerk": (
        'domain: clerk.example.com, audience: "https://app.example.com"',
        "https://clerk.example.com",
        "https://app.example.com",
        KeySource("https://clerk.example.com/.well-known/jwks.json"),
    ),
    "auth0": (
        "domain: demo.eu.auth0.com, audience: tokend",
        "https://demo.eu.auth0.com/",
        "tokend",
        KeySource("https://demo.eu.auth0.com/.well-known/jwks.json"),
    ),
    "keycloak": (
        'url: "https://id.example.com/auth/", realm: demo, audience: web',
        KEYCLOAK,
        "web",
        KeySource(KEYCLOAK, discovery=True),
    ),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_gives_issuer_audience_and_keys(name: str, tmp_path: Path) -> None:
    parts, issuer, audience, source = EXPECTED[name]
    trust = _trust(tmp_path, f"{{preset: {name}, {parts}}}")
    assert (trust.issuer, trust.audiences, trust.source) == (issuer, frozenset({audience}), source)
    assert (trust.keys, trust.algorithms) == ((), ASYMMETRIC)
    assert trust.by_azp == (name in ("cognito", "clerk", "keycloak"))
    assert trust.cookie == ("__session" if name == "clerk" else None)
    assert [str(condition) for condition in trust.require] == (
        ['claims.token_use is not "access" or "id"'] if name == "cognito" else []
    )


def test_a_presets_audience_can_be_another(tmp_path: Path) -> None:
    assert _trust(tmp_path, "{preset: supabase, project: abcd, audience: [a, b]}").audiences == {"a", "b"}


def test_keys_are_written_as_pem_or_jwks(tmp_path: Path) -> None:
    (tmp_path / "one.pem").write_text(pem("rsa"))
    (tmp_path / "two.pem").write_text(pem("ec"))
    (tmp_path / "set.json").write_text(str({"keys": [jwk("ed"), jwk("ec")]}).replace("'", '"'))
    trust = _trust(
        tmp_path, f"{{{SHARED}, keys: [{{file: one.pem}}, {{file: two.pem}}, {{file: set.json}}], algorithms: [RS256]}}"
    )
    assert [key.kid for key in trust.keys] == [None, None, "ed", "ec"]
    assert (trust.source, trust.algorithms) == (None, ("RS256",))


def test_a_private_key_or_a_short_one_is_refused(tmp_path: Path) -> None:

    key = rsa.generate_private_key(65537, 2048)
    short = rsa.generate_private_key(65537, 1024).public_key()
    (tmp_path / "a.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "b.pem").write_bytes(short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigurationError) as caught:
        _trust(tmp_path, f"{{{SHARED}, keys: [{{file: a.pem}}, {{file: b.pem}}]}}")
    assert [problem.path[-1] for problem in caught.value.problems] == [0, 1]


@pytest.mark.parametrize("curve", [ec.SECP224R1(), ec.SECP256K1(), ec.BrainpoolP256R1()], ids=lambda curve: curve.name)
def test_a_key_that_no_algorithm_can_use_is_refused(curve: ec.EllipticCurve, tmp_path: Path) -> None:
    """It passed the check. With a curve that has no name in a JWK, the answer to each JWT of the app was 500."""
    key = ec.generate_private_key(curve).public_key()
    (tmp_path / "a.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigurationError) as caught:
        _trust(tmp_path, f"{{{SHARED}, keys: [{{file: a.pem}}]}}")
    assert "EC the curves P-256, P-384 and P-521" in caught.value.problems[0].sentence


def test_several_keys_in_one_pem_file_are_refused(tmp_path: Path) -> None:
    """Only the first counted: while keys rotated, the tokens of the other one were 401."""
    (tmp_path / "a.pem").write_text(pem("rsa") + pem("ec"))
    with pytest.raises(ConfigurationError) as caught:
        _trust(tmp_path, f"{{{SHARED}, keys: [{{file: a.pem}}]}}")
    assert "has several PEM texts" in caught.value.problems[0].sentence


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    trust = _trust(tmp_path, f"{{{SHARED}, secret: {{env: CERTIFICATE}}}}")
    assert trust.algorithms == ("HS256",)
    assert "5CFd2fd1" not in repr(trust)


def _two(directory: Path, one: str, two: str) -> list[str]:
    try:
        loaded(directory, TWO.replace("ONE", f"{{{one}}}").replace("TWO", f"{{{two}}}"))
    except ConfigurationError as error:
        return [problem.sentence for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("one", "two", "tied"),
    [
        (SHARED, SHARED, True),
        (SHARED, SHARED.replace("tokend", "[other, tokend]"), True),
        (SHARED, SHARED.replace("tokend", "other"), False),
        (SHARED, SHARED.replace("id.", "id2."), False),
        (f"{SHARED}, shared: true", SHARED, True),
        (f"{SHARED}, shared: true", f"{SHARED}, shared: true", False),
        (f"{SHARED}, shared: false", f"{SHARED}, shared: true", True),
        (f"{SHARED}, require: {{claims.t: one}}", SHARED, True),
        (f"{SHARED}, require: {{claims.t: one}}", f"{SHARED}, require: {{claims.t: two}}", False),
        (f"{SHARED}, require: {{claims.t: one}}", f"{SHARED}, require: {{claims.t: one}}", True),
        (f"{SHARED}, require: {{claims.t: [one, x]}}", f"{SHARED}, require: {{claims.t: [x, two]}}", True),
        (f"{SHARED}, require: {{claims.t: one}}", f"{SHARED}, require: {{claims.u: two}}", True),
        (f"{SHARED}, require: {{claims.t: '{{app}}'}}", f"{SHARED}, require: {{claims.t: '{{app}}'}}", False),
        ("preset: cognito, region: r, pool: p, audience: a", "preset: cognito, region: r, pool: p, audience: a", True),
        ("preset: firebase, project: p", "preset: firebase, project: p", True),
        ("preset: firebase, project: p", "preset: firebase, project: q", False),
    ],
)
def test_two_apps_that_one_token_could_be_for(one: str, two: str, tied: bool, tmp_path: Path) -> None:
    problems = _two(tmp_path, one, two)
    assert bool(problems) == tied
    assert all("say how a token names its app" in sentence for sentence in problems)


def test_two_callers_of_an_app_and_their_audiences(tmp_path: Path) -> None:
    other = SHARED.replace("tokend", "other")
    text = _one(f"{{{SHARED}}}").replace("{web:", f"{{also: {{jwt: {{{other}}}, rules: [{{user: '*'}}]}}, web:")
    assert [trust.caller for trust in _trusts(loaded(tmp_path, text))] == ["also", "web"]
    with pytest.raises(ConfigurationError, match="one token could be for both"):
        loaded(tmp_path, text.replace("other", "tokend"))


def test_the_cookie_of_a_preset_is_read_whatever_caller_stands_first(tmp_path: Path) -> None:
    clerk = '{jwt: {preset: clerk, domain: clerk.example.com, audience: x}, rules: [{user: "*"}]}'
    text = _one(f"{{{SHARED}}}").replace("]}}", f"]}}, session: {clerk}}}")
    (route,) = loaded(tmp_path, text).routes
    assert route.authenticator.cookie == "__session"


def _fits(jwt: Any) -> bool:
    tree = {"apps": {"demo": {"app_id": APP_ID, "callers": {"web": {"jwt": jwt, "rules": [{"user": "*"}]}}}}}
    return not list(Draft202012Validator(json_schema()).iter_errors(tree))


def test_the_schema() -> None:
    plain = {"issuer": "https://id.example.com", "audience": "tokend"}
    good: list[dict[str, Any]] = [
        {"preset": "firebase", "project": "x"},
        plain,
        {**plain, "audience": ["a", "b"], "require": {"claims.a": True}, "shared": True, "algorithms": "ES256"},
        {**plain, "secret": {"env": "X"}},
        {**plain, "keys": [{"file": "x"}]},
    ]
    bad: list[Any] = [
        "https://id.example.com",
        {"isuer": "x"},
        {**plain, "audience": []},
        {**plain, "audience": 7},
        {**plain, "secret": "text"},
        {**plain, "secret": {}},
        {**plain, "keys": {"file": "x"}},
        {**plain, "keys": ["text"]},
        {**plain, "shared": "yes"},
        {**plain, "require": ["claims.a"]},
    ]
    assert [options for options in good if not _fits(options)] == []
    assert [options for options in bad if _fits(options)] == []
