"""A secret that stands in a wrong place is told of, and no piece of it is in any message."""

import hashlib
import tempfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.config.trees import SOUND, Position, positions, renamed, replaced
from tests.unit.config.writing import ENVIRONMENT, ONE_APP
from tokend.backends.agora.rtc import Rtc
from tokend.cli.context import Context
from tokend.config.entry_points import BACKENDS
from tokend.config.loading import ConfigurationError, Files, Source, load
from tokend.config.problems import fold
from tokend.config.reading import with_dotenv
from tokend.config.references import Reference
from tokend.config.secrets import SecretProblem, Secrets
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, redact_secrets

PLACES = list(positions(SOUND))
TEXT = yaml.safe_dump(SOUND, sort_keys=False)


def _secrets(number: int) -> str:
    """A certificate, an API key as `tokend key new` makes it, or a longer key, as random as theirs."""
    raw = hashlib.sha512(str(number).encode()).digest()
    certificate, key, long = raw[:16].hex(), urlsafe_b64encode(raw[:32]).decode().rstrip("="), raw.hex()
    return (certificate, certificate.upper(), key, long)[number % 4]


SECRETS = st.integers(0, 10**9).map(_secrets)


def _messages(text: str, environment: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "config.yaml").write_text(text)
        try:
            load(None, environment, Path(directory))
        except ConfigurationError as error:
            return "\n".join([str(error), *map(str, error.problems)])
        return ""


def _leaks(secret: str, messages: str) -> list[str]:
    pieces = (secret[start : start + 8] for start in range(len(secret) - 7))
    return [piece for piece in pieces if piece.lower() in messages.lower()]


def _forms(tree: Any, place: Position, secret: str) -> list[Any]:
    """The tree with the secret as a value, as a list's item, as a key, and where a name or path is wanted."""
    values: list[Any] = [
        secret,
        [secret],
        {secret: "x"},
        {secret: {}},
        {"env": secret},
        {"file": secret},
        {"file": f"/run/{secret}"},
        {"env": {"env": secret}},
        f"{{claims.{secret}",
        f"{{{secret}}}",
        f"{{claims.x|{secret}}}",
        f"{{claims.{secret}}}*",
        f"/x/{secret}/{{x}}",
        f"sha256:{secret}",
    ]
    return [*(replaced(tree, place, value) for value in values), renamed(tree, place, secret)]


FORMS = len(_forms(SOUND, PLACES[1], "x"))


@examples(70)
@given(secret=SECRETS, place=st.sampled_from(PLACES), form=st.integers(0, FORMS - 1))
def test_in_no_place_of_the_tree(secret: str, place: Position, form: int) -> None:
    tree = _forms(SOUND, place, secret)[form]
    messages = _messages(yaml.safe_dump(tree, sort_keys=False), ENVIRONMENT)
    assert not _leaks(secret, messages), messages


@examples(50)
@given(
    secret=SECRETS,
    where=st.integers(0, len(TEXT)),
    around=st.sampled_from(["{}", " {} ", "!{} ", "&{} ", "*{}", "\n{}: "]),
)
def test_in_no_place_of_the_text(secret: str, where: int, around: str) -> None:
    messages = _messages(TEXT[:where] + around.format(secret) + TEXT[where:], ENVIRONMENT)
    assert not _leaks(secret, messages), messages


@examples(30)
@given(
    secret=SECRETS,
    name=st.sampled_from(["APP", "CERTIFICATE", "OTHER", "APP_ID", "PORT", "API_KEY_SHA256", "ALLOW_APP_ADMIN"]),
    cut=st.integers(8, 64),
)
def test_not_from_the_environment(secret: str, name: str, cut: int) -> None:
    secret = secret[:cut] + "!"
    assert not _leaks(secret, _messages(TEXT, ENVIRONMENT | {name: secret}))
    with tempfile.TemporaryDirectory() as directory:
        environment = {"APP_ID": "x", "APP_CERTIFICATE": "y", "CORS_ALLOW_ORIGIN": secret, name: secret}
        with pytest.raises(ConfigurationError) as caught:
            load(None, environment, Path(directory))
        assert not _leaks(secret, str(caught.value))


class Options(StrictModel):
    secret: Secret
    inner: dict[str, Secret] | None = None


class WithSecret(Rtc):
    Options = Options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("{}", "backends.x.secret: is missing"),
        (
            "{secret: VALUE}",
            "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself",
        ),
        ("{secret: {env: VALUE}}", "the environment variable (hidden: it looks like a secret) is not set"),
        ("{secret: {env: NONE}}", "the environment variable NONE is not set"),
        ("{secret: {env: 7}}", "backends.x.secret: env: must be text"),
        ("{secret: {env: OTHER, fil: x}}", "backends.x.secret: fil: unknown key, did you mean 'file'?"),
        (
            "{secret: {env: OTHER, VALUE: x}}",
            "secret: (hidden: it looks like a secret): unknown key; known: credential, env, file",
        ),
        ("{secret: {file: none}}", "the file none cannot be read: No such file or directory"),
        ("{secret: {env: OTHER}, inner: {a: VALUE}}", "backends.x.inner.a: is a secret: write"),
    ],
)
def test_secrets_in_the_options_of_a_backend(
    options: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BACKENDS, "load", lambda name: WithSecret)
    secret = _secrets(4)
    (tmp_path / "config.yaml").write_text(ONE_APP + "    backends: {x: " + options.replace("VALUE", secret) + "}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(None, ENVIRONMENT, tmp_path)
    (problem,) = caught.value.problems
    assert sentence in str(problem)
    assert not _leaks(secret, str(problem))


def test_a_secret_of_a_backend_is_read_and_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BACKENDS, "load", lambda name: WithSecret)
    (tmp_path / "config.yaml").write_text(ONE_APP + "    backends: {x: {secret: {env: OTHER}}}\n")
    options = load(None, ENVIRONMENT, tmp_path).apps["demo"].backends["x"].options
    assert options.secret.reveal() == ENVIRONMENT["OTHER"]
    assert ENVIRONMENT["OTHER"] not in repr(options)


@pytest.mark.parametrize(
    "text",
    [
        ONE_APP
        + "    backends: {x: {backend: jwt, algorithm: HS256, always: connect, secret: {env: OTHER}, claims: {a: '{VALUE}'}}}\n",
        ONE_APP
        + "    backends: {x: {backend: jwt, algorithm: HS256, always: connect, secret: {env: OTHER}, claims: {a: '{aVALUE}'}}}\n",
        ONE_APP + "  first: x\n  VALUE: x\n",
    ],
)
def test_places_that_repeat_a_name(text: str, tmp_path: Path) -> None:
    """A claim's placeholder, and the apps that have the same problem, were named as they are written."""
    for number in (4, 5):
        secret = _secrets(number)
        (tmp_path / "config.yaml").write_text(text.replace("VALUE", secret))
        with pytest.raises(ConfigurationError) as caught:
            load(None, ENVIRONMENT, tmp_path)
        lines = "\n".join(fold(caught.value.problems))
        assert "hidden: it looks like a secret" in lines
        assert not _leaks(secret, lines), lines


def test_no_error_holds_the_bytes_of_a_file(tmp_path: Path) -> None:
    """The error about bytes that are not UTF-8 holds all of them, and what reports errors of an application finds it."""
    secret = _secrets(4)
    (tmp_path / ".env").write_bytes(f"CERTIFICATE={secret}\n".encode() + b"\xff")
    (tmp_path / "secret").write_bytes(secret.encode() + b"\xff")
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(ConfigurationError) as of_dotenv:
        with_dotenv({}, tmp_path)
    with pytest.raises(SecretProblem) as of_file:
        Secrets({}, tmp_path).read(Reference(file="secret"))
    for caught in (of_dotenv.value, of_file.value):
        assert "is not UTF-8 text" in str(caught)
        assert caught.__cause__ is None
        assert caught.__context__ is None


def test_what_is_read_cannot_be_printed(tmp_path: Path) -> None:
    """What reports errors of an application prints the variables of each frame."""
    secret = _secrets(4)
    (tmp_path / "secret").write_text(secret)
    files = Files()
    files.read(tmp_path / "secret", 100)
    for found in (
        Source(None, {"CERTIFICATE": secret}, tmp_path),
        Context({"CERTIFICATE": secret}, tmp_path),
        files.record(),
    ):
        assert not _leaks(secret, f"{found!r} {found}")


def test_a_key_without_digits_is_hidden() -> None:
    """One of 1,500 keys has none."""
    key = "eMX_cHtbSviklvDPmsqIstHlw_YiQLvCStEjZUeiQab"
    assert redact_secrets(f"x-{key}") == redact_secrets("0" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "DEMO_APP_CERTIFICATE_SECONDARY_2",
        "/run/secrets/demo-app-2-certificate-primary",
        'claims["https://id.example.com/claims/v2/organisation-roles"]',
        "a-rather-long-name-of-an-app-in-production-3",
        "/var/lib/MyCompanyTokenServerConfiguration/x",
        "https://IdentityProvider-Production-Environment.example.com/",
    ],
)
def test_ordinary_names_are_shown(text: str) -> None:
    assert redact_secrets(text) == text
