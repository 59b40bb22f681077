"""docs/backends.md: its examples run, its configuration loads, and its reference has every name of the contract."""

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
import pytest
import yaml
from pydantic import ValidationError

from tests.installing import installed
from tests.running import ROOT
from tests.unit.http.running import serving
from tokend import plugins
from tokend.config.loading import load
from tokend.testing.checks import reversed_secrets, secrets_in

PAGE: Final = (ROOT / "docs/backends.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"^```(\w+ ?[\w.]*)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def waveline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example's module, as if its package were installed."""
    with installed("example-backend", tmp_path, monkeypatch):
        yield importlib.import_module("tokend_waveline")
    sys.modules.pop("tokend_waveline")


def _texts(form: str) -> list[str]:
    return [text for written, text in BLOCKS if written == form]


def _classes() -> dict[str, ast.ClassDef]:
    """The classes of the reference by name."""
    statements = [statement for text in _texts("python reference") for statement in ast.parse(text).body]
    return {statement.name: statement for statement in statements if isinstance(statement, ast.ClassDef)}


def _attributes(shown: ast.ClassDef) -> dict[str, str | None]:
    """Attributes of a shown class, with their defaults as they are written."""
    return {
        ast.unparse(statement.target): None if statement.value is None else ast.unparse(statement.value)
        for statement in shown.body
        if isinstance(statement, ast.AnnAssign)
    }


def _methods(shown: ast.ClassDef) -> dict[str, list[str]]:
    """Methods of a shown class, with the names of their parameters."""
    return {
        statement.name: [argument.arg for argument in (*statement.args.args, *statement.args.kwonlyargs)]
        for statement in shown.body
        if isinstance(statement, ast.FunctionDef)
    }


def test_every_block_is_of_a_form_that_is_checked() -> None:
    assert {form for form, _ in BLOCKS} == {
        *("python", "python reference", "python tokend_waveline.py", "python test_waveline.py"),
        *("yaml", "yaml fragment", "toml", "sh", "json"),
    }


def test_its_examples_run(waveline: ModuleType) -> None:
    names = {**vars(plugins), **vars(waveline)}
    for text in _texts("python"):
        exec(compile(text, "docs/backends.md", "exec"), names)
    options = waveline.WavelineOptions(secret=[plugins.Secret("a secret")], server_url="wss://waveline.example")
    explained = names["Explained"](options, plugins.AppCredentials(None, {}))
    minted = explained.mint(
        explained.grant(waveline.WavelineFields(room="lobby", user="ann"), 60), plugins.Issuance(1, 2)
    )
    reading = explained.read(minted.token)
    assert not explained.diagnose(reading, plugins.Join(), 1).problems
    assert "code 4001" in explained.diagnose(reading, plugins.Join(), 61).problems[-1]
    assert names["read_without_issue_time"]("ann", "lobby", 60, "secret").grant.ttl == 0
    declared = plugins.Declarations(names["services"], names["privileges"], names["details"])
    assert list(declared.problems()) == []
    assert sorted(declared.roles) == ["moderator", "publisher", "subscriber"]
    assert sorted(declared.capabilities) == ["dispatch", "publish_camera", "record"]
    with pytest.raises(ValidationError, match="must be eu or us"):
        names["Regional"](region="mars")


def test_the_suite_finds_the_secrets_of_pairs(waveline: ModuleType) -> None:
    names = {**vars(plugins), **vars(waveline)}
    (text,) = (text for text in _texts("python") if "class KeyPair" in text)
    exec(compile(text, "docs/backends.md", "exec"), names)
    (written,) = re.findall(r"`options = (.*?)`", PAGE)
    options = eval(written.replace("…", "a test's"), names)
    assert [secret.reveal() for secret in secrets_in(options)] == ["a test's"]
    other = names["PairOptions"].model_validate(reversed_secrets(options))
    assert other.keys[0].key_id == "APInew"
    assert other.keys[0].secret.reveal() == "s'tset a"
    (written,) = re.findall(r"writes `keys: (.*?)`", PAGE)
    context = {"secrets": lambda reference: plugins.Secret(reference["env"])}
    pairs = names["PairOptions"].model_validate({"keys": yaml.safe_load(written)}, context=context).keys
    assert [(pair.key_id, pair.secret.reveal()) for pair in pairs] == [("APInew", "NEW"), ("APIold", "OLD")]


def test_a_signed_token_that_ends_before_it_begins_is_unreadable(waveline: ModuleType) -> None:
    secret = plugins.Secret("a secret")
    options = waveline.WavelineOptions(secret=[secret], server_url="wss://waveline.example")
    backend = waveline.Waveline(options, plugins.AppCredentials(None, {}))
    for seconds, readable in ((1, True), (0, False), (-5, False)):
        said = waveline.Said(room="lobby", user="ann", name=None, speak=False, iat=100, exp=100 + seconds, nonce="")
        text = "wl1." + waveline.encoded(said.model_dump_json().encode())
        token = f"{text}.{waveline.signature(text, secret)}"
        if readable:
            assert backend.read(token).grant.ttl == seconds
        else:
            with pytest.raises(plugins.Unreadable, match="it ends before it begins"):
                backend.read(token)


@pytest.mark.usefixtures("waveline")
async def test_its_configuration_answers_as_the_page_says() -> None:
    text, (shown,) = _texts("yaml")[0], _texts("json")
    async with serving(text.replace("WAVELINE_SECRET", "CERTIFICATE")) as server:
        (body,) = re.findall(r"^`POST /demo/v1/token` with `(.*?)`", PAGE, re.M)
        reply = await server.token_request("POST", "/demo/v1/token", json.loads(body))
        assert (reply.status, reply.json | {"token": "wl1.…"}) == (200, json.loads(shown))
        assert reply.json["token"].startswith("wl1.")


@pytest.mark.usefixtures("waveline")
def test_its_configurations_load(tmp_path: Path) -> None:
    for text in _texts("yaml"):
        (tmp_path / "config.yaml").write_text(text, "utf-8")
        secrets = {name: f"the secret {name} of this test" for name in re.findall(r"\{env: (\w+)\}", text)}
        assert load(str(tmp_path / "config.yaml"), secrets, tmp_path).apps


def test_its_fragments_are_yaml() -> None:
    for text in _texts("yaml fragment"):
        assert isinstance(yaml.safe_load(text), dict)


def test_the_reference_shows_every_type_as_it_is() -> None:
    for name, shown in _classes().items():
        actual = getattr(plugins, name)
        if isinstance(actual, type) and issubclass(actual, msgspec.Struct):
            fields = msgspec.structs.fields(actual)
            assert list(_attributes(shown)) == [field.name for field in fields], name
            optional = {field.name for field in fields if not field.required}
            assert {field for field, default in _attributes(shown).items() if default is not None} == optional, name


def test_the_reference_shows_every_attribute_and_method_of_a_backend() -> None:
    shown, backend = _classes()["Backend"], plugins.Backend
    own = {
        name for name in (*vars(backend), *backend.__annotations__) if name == "__init__" or not name.startswith("_")
    }
    attributes, methods = _attributes(shown), _methods(shown)
    assert own <= attributes.keys() | methods.keys()
    assert attributes.keys() | methods.keys() <= own | {"options", "app_credentials"}
    for name, default in attributes.items():
        if default is not None and hasattr(backend, name):
            assert eval(default, vars(plugins)) == getattr(backend, name), name
    for name, parameters in methods.items():
        actual = getattr(backend, name, None)
        if inspect.isfunction(actual):
            assert parameters == list(inspect.signature(actual).parameters), name


def test_the_reference_shows_how_errors_and_secrets_are_made() -> None:
    for name in ("ApiError", "Secret", "SecretList", "JwtBackend", "JwtKeys", "JwtKeysById"):
        shown = _methods(_classes()[name])
        for method, parameters in shown.items():
            actual = getattr(getattr(plugins, name), method)
            assert isinstance(actual, property) or parameters == list(inspect.signature(actual).parameters), name
    functions = {
        statement.name: [argument.arg for argument in statement.args.args]
        for text in _texts("python reference")
        for statement in ast.parse(text).body
        if isinstance(statement, ast.FunctionDef)
    }
    taken = {
        function.__name__: list(inspect.signature(function).parameters)
        for function in (
            plugins.invalid,
            plugins.matching_id,
            plugins.printable_id,
            plugins.read_jwt,
            plugins.token_times,
            plugins.fits_algorithm,
        )
    }
    assert functions == taken
    codes = PAGE.rpartition("| status | codes |")[2]
    assert set(re.findall(r"`(\w+)`", codes)) == set(plugins.Code)


def test_every_name_that_concerns_backends_is_on_the_page() -> None:
    modules = {
        "tokend.backends.contract",
        "tokend.backends.ids",
        "tokend.backends.json_web_tokens",
        "tokend.backends.jwt_backend",
        "tokend.core.declarations",
        "tokend.core.secrets",
        "tokend.core.validation",
    }
    for name, offered in vars(plugins).items():
        if getattr(offered, "__module__", None) in modules and name != "StrictValue":
            assert re.search(rf"\b{name}\b", PAGE), name


def test_its_links_lead_somewhere() -> None:
    headings = {_anchor(heading) for heading in re.findall(r"^#+ (.*)$", PAGE, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        if not target.startswith("https:"):
            assert not path or (ROOT / "docs" / path).exists(), target
            assert path or anchor in headings, target


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
