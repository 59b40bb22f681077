"""Where secrets come from besides the environment: files that nobody else may read, and systemd's credentials."""

from pathlib import Path

import pytest

from tests.unit.auth.jwt.making import pem
from tests.unit.config.writing import CERTIFICATE, ENVIRONMENT, ONE_APP, OTHER, loaded, write
from tokend.config.loading import ConfigurationError, load
from tokend.config.references import SecretRef
from tokend.config.secrets import SecretProblem, Secrets
from tokend.issuing.configuration import Configuration

IN_A_FILE = ONE_APP.replace("{env: CERTIFICATE}", "{file: certificate}")
AS_CREDENTIAL = ONE_APP.replace("{env: CERTIFICATE}", '{credential: "{app}.certificate"}')
TOLD = "secrets: {readable_files: true}\n"


def _certificate(configuration: Configuration) -> str:
    return configuration.apps["demo"].backends["rtc"].app_credentials.certificates["primary"].reveal()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o444, 0o440, 0o404, 0o660])
def test_a_file_that_group_or_others_may_read_is_refused_unless_told(mode: int, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": IN_A_FILE, "certificate": CERTIFICATE})
    (tmp_path / "certificate").chmod(mode)
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, tmp_path)
    (problem,) = caught.value.problems
    assert "the file certificate can be read by others than its owner: chmod 600 it" in problem.sentence
    assert "secrets: {readable_files: true}" in problem.sentence
    assert CERTIFICATE[:8] not in str(problem)
    assert _certificate(loaded(tmp_path, TOLD + IN_A_FILE)) == CERTIFICATE


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o500])
def test_a_file_of_its_owner_alone_is_read(mode: int, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": IN_A_FILE, "certificate": CERTIFICATE})
    (tmp_path / "certificate").chmod(mode)
    assert _certificate(load(None, {}, tmp_path)) == CERTIFICATE


def test_a_file_that_is_too_long_is_refused_whatever_its_characters(tmp_path: Path) -> None:
    """Its length was that of its text: a file of two bytes a character was cut at 65,537 bytes, and the rest was lost."""
    write(tmp_path, {"config.yaml": IN_A_FILE, "certificate": "a" + "é" * 40_000})
    with pytest.raises(ConfigurationError, match="the file certificate is too long"):
        load(None, {}, tmp_path)


def test_a_link_is_as_safe_as_what_it_leads_to(tmp_path: Path) -> None:
    """Kubernetes mounts secrets as links, whose own mode is always 777."""
    write(tmp_path, {"config.yaml": IN_A_FILE, "data/certificate": CERTIFICATE})
    (tmp_path / "certificate").symlink_to("data/certificate")
    assert _certificate(load(None, {}, tmp_path)) == CERTIFICATE
    (tmp_path / "data/certificate").chmod(0o644)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        load(None, {}, tmp_path)


def test_the_mode_is_that_of_the_file_that_was_opened(tmp_path: Path) -> None:
    """A path that leads elsewhere between a look and the reading would pass what was never looked at."""

    class Swapped(type(tmp_path)):  # type: ignore[misc]  # the path class of this system
        def open(self, *arguments: object, **named: object) -> object:
            opened = super().open(*arguments, **named)
            Path(self).unlink()
            Path(self).write_text(OTHER)
            Path(self).chmod(0o600)
            return opened

    write(tmp_path, {"certificate": CERTIFICATE})
    (tmp_path / "certificate").chmod(0o644)
    secrets = Secrets({}, Swapped(tmp_path))
    with pytest.raises(SecretProblem, match="can be read by others"):
        secrets.read(SecretRef(file="certificate"))


def test_public_keys_may_be_read_by_anybody(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pem("ec"))
    (tmp_path / "key.pem").chmod(0o644)
    jwt = '{jwt: {issuer: "https://id.example.com", audience: tokend, keys: [{file: key.pem}]}, rules: [{user: "*"}]}'
    assert loaded(tmp_path, f"{ONE_APP}      web: {jwt}\n").apps["demo"].rules["web"]


def test_a_secret_of_hs256_and_one_in_a_backends_options_are_looked_at_too(tmp_path: Path) -> None:
    jwt = "{jwt: {issuer: machine, audience: tokend, secret: {file: shared}}, rules: [{user: '*'}]}"
    write(tmp_path, {"shared": OTHER})
    (tmp_path / "shared").chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"machine\.jwt\.secret: the file shared can be read by others"):
        loaded(tmp_path, f"{ONE_APP}      machine: {jwt}\n")


def test_a_credential_is_read_from_systemds_directory_whatever_its_mode(tmp_path: Path) -> None:
    """systemd guards the directory; where it gives a service's user access by an ACL, the mode shows 440."""
    write(tmp_path, {"config.yaml": AS_CREDENTIAL, "credentials/demo.certificate": CERTIFICATE + "\n"})
    (tmp_path / "credentials/demo.certificate").chmod(0o440)
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert _certificate(load(None, environment, tmp_path)) == CERTIFICATE


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"CREDENTIALS_DIRECTORY": ""},
            "the credential demo.certificate cannot be had, since CREDENTIALS_DIRECTORY is not set",
        ),
        ({"CREDENTIALS_DIRECTORY": "/nowhere"}, "the credential demo.certificate cannot be read: No such file"),
    ],
)
def test_a_credential_that_is_not_there(environment: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, AS_CREDENTIAL, environment=environment)
    (problem,) = caught.value.problems
    assert problem.sentence.startswith(sentence)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a:b", "a\nb", "x" * 256])
def test_a_credentials_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ValueError, match="which has no slash"):
        SecretRef.model_validate({"credential": name})


def test_a_certificate_may_be_primary_and_secondary_of_different_forms(tmp_path: Path) -> None:
    both = "{primary: {env: CERTIFICATE}, secondary: {credential: next}}"
    write(tmp_path, {"credentials/next": OTHER})
    environment = {**ENVIRONMENT, "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    app = loaded(tmp_path, ONE_APP.replace("{env: CERTIFICATE}", both), environment=environment).apps["demo"]
    found = app.backends["rtc"].app_credentials.certificates
    assert {name: certificate.reveal() for name, certificate in found.items()} == {
        "primary": CERTIFICATE,
        "secondary": OTHER,
    }


def test_an_app_replaces_the_credential_of_the_defaults_whole(tmp_path: Path) -> None:
    text = "defaults: {backends: {rtc: {}}, certificate: {credential: shared}}\n" + ONE_APP
    assert _certificate(loaded(tmp_path, text)) == CERTIFICATE
