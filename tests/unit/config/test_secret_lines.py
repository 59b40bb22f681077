"""A secret loses one final line break, wherever it comes from. What else surrounds it is an error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.config.writing import CERTIFICATE, ONE_APP, loaded, write
from tokend.config.loading import ConfigurationError, load
from tokend.config.references import Reference
from tokend.config.secrets import SecretProblem, Secrets

SECRET = "secret-0123456789-abcdefghijklmnop"
SURROUNDED = {
    "blank before": f" {SECRET}",
    "blank after": f"{SECRET} ",
    "tab": f"{SECRET}\t",
    "two line breaks": f"{SECRET}\n\n",
    "line break before": f"\n{SECRET}",
    "blank before the line break": f"{SECRET} \r\n",
    "no-break space": f"\u00a0{SECRET}",
    "zero width space": f"{SECRET}\u200b",
    "byte order mark": f"\ufeff{SECRET}",
    "byte order mark and quotes": f'\ufeff"{SECRET}"',
    "double quotes": f'"{SECRET}"',
    "single quotes": f"'{SECRET}'\n",
    "typographic quotes": f"“{SECRET}”",
}
OPTIONS: dict[str, Callable[[str], str]] = {
    "certificate": lambda reference: ONE_APP.replace("{env: CERTIFICATE}", reference),
    "url_signing_key": lambda reference: f"{ONE_APP}    url_signing_key: {reference}\n",
    "authorizer.secret": lambda reference: (
        f"{ONE_APP}    authorizer: {{url: 'https://authorizer.example.com', secret: {reference}}}\n"
    ),
    "jwt.secret": lambda reference: (
        f"{ONE_APP}      machine: {{jwt: {{issuer: m, audience: t, secret: {reference}}}, rules: [{{user: '*'}}]}}\n"
    ),
    "rest.customer_secret": lambda reference: (
        f"{ONE_APP}    backends: {{rtc: {{rest: {{customer_id: x, customer_secret: {reference}}}}}}}\n"
    ),
    "redis.url": lambda reference: f"redis: {{url: {reference}}}\n{ONE_APP}",
}


def _secrets(text: str, directory: Path) -> dict[str, tuple[Reference, Secrets]]:
    """The same text as each source of a secret."""
    (directory / "secret").write_bytes(text.encode())
    (directory / "secret").chmod(0o600)
    secrets = Secrets({"KEY": text, "CREDENTIALS_DIRECTORY": str(directory)}, directory)
    return {
        "environment variable KEY": (Reference(env="KEY"), secrets),
        "file secret": (Reference(file="secret"), secrets),
        "credential secret": (Reference(credential="secret"), secrets),
    }


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_final_line_break_is_removed(tmp_path: Path, end: str) -> None:
    for reference, secrets in _secrets(f"{SECRET}{end}", tmp_path).values():
        assert secrets.read(reference).reveal() == SECRET


def test_a_line_break_alone_is_no_secret(tmp_path: Path) -> None:
    for source, (reference, secrets) in _secrets("\n", tmp_path).items():
        with pytest.raises(SecretProblem, match=f"the {source} holds only a line break"):
            secrets.read(reference)


@pytest.mark.parametrize("text", SURROUNDED.values(), ids=SURROUNDED)
def test_what_else_surrounds_a_secret_is_an_error_that_names_the_source(tmp_path: Path, text: str) -> None:
    for source, (reference, secrets) in _secrets(text, tmp_path).items():
        with pytest.raises(SecretProblem, match=f"^the {source} (begins|stands)") as caught:
            secrets.read(reference)
        assert SECRET[:8] not in str(caught.value)


@pytest.mark.parametrize("text", ['"', 'a"', '"a', "a b", 'a"b', "a\nb", "'a\""])
def test_quotes_on_one_side_and_blanks_inside_belong_to_the_secret(tmp_path: Path, text: str) -> None:
    for reference, secrets in _secrets(text, tmp_path).values():
        assert secrets.read(reference).reveal() == text


@pytest.mark.parametrize("text", [f" {SECRET}", f'"{SECRET}"', f"\ufeff{SECRET}"], ids=["blank", "quotes", "mark"])
@pytest.mark.parametrize("written", OPTIONS.values(), ids=OPTIONS)
def test_every_option_that_is_a_secret_says_so(tmp_path: Path, written: Callable[[str], str], text: str) -> None:
    for reference in ("{env: SURROUNDED}", "{file: surrounded}", "{credential: surrounded}"):
        write(tmp_path, {"config.yaml": written(reference), "surrounded": ""})
        (tmp_path / "surrounded").write_text(text)
        environment = {
            "CERTIFICATE": CERTIFICATE,
            "APP_ID": "970CA35de60c44645bbae8a215061b33",
            "SURROUNDED": text,
            "CREDENTIALS_DIRECTORY": str(tmp_path),
        }
        with pytest.raises(ConfigurationError) as caught:
            load(None, environment, tmp_path)
        (problem,) = caught.value.problems
        assert "surrounded" in problem.sentence.lower()
        assert any(word in problem.sentence for word in ("byte order mark", "a blank", "in quotes"))
        assert SECRET[:8] not in str(problem)


def test_an_app_id_from_a_variable_loses_its_line_break_too(tmp_path: Path) -> None:
    text = ONE_APP.replace('"970CA35de60c44645bbae8a215061b33"', "{env: ID}")
    assert "{env: ID}" in text
    environment = {"CERTIFICATE": CERTIFICATE, "ID": "970CA35de60c44645bbae8a215061b33\n"}
    assert loaded(tmp_path, text, environment=environment).apps
    with pytest.raises(ConfigurationError, match="variable ID begins or ends with a blank"):
        loaded(tmp_path, text, environment={**environment, "ID": " 970CA35de60c44645bbae8a215061b33"})
