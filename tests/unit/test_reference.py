"""docs/reference: the parts that `make reference` writes are up to date and complete, and the other tables are true."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from docs.site.reference import __main__ as pages
from docs.site.reference.configuration import Key, Schema
from docs.site.reference.errors import CLIENT
from tests.running import ROOT
from tokend.auth.forward_auth_options import ForwardAuthOptions, SecretHeader
from tokend.auth.jwt_options import JwtOptions
from tokend.auth.key_digests import Key as CallersKey
from tokend.backends.agora.credentials import RestApi
from tokend.config.entry_points import BACKENDS, DIALECTS, installed
from tokend.config.references import Certificate, SecretRef
from tokend.config.shape import AppShape, RootShape
from tokend.core.authorizer import AuthorizerSettings
from tokend.core.errors import Code
from tokend.core.rate_limits import Limits
from tokend.core.rules import Rule, RuleTtl
from tokend.core.validation import StrictModel
from tokend.issuing import audit_settings, server_settings
from tokend.issuing.app_options import RouteOptions, TtlBounds
from tokend.issuing.origins import Cors

SCHEMA: Final = Schema()
KEYS: Final[Mapping[str, Key]] = {key.path: key for key in SCHEMA.keys}
CALLER: Final = "apps.NAME.callers.NAME"
MODELS: Final[Mapping[str, type[StrictModel]]] = {
    "": RootShape,
    "server.": server_settings.ServerSettings,
    "server.admin.": server_settings.Admin,
    "server.connections.": server_settings.Connections,
    "server.log.": server_settings.Log,
    "audit.": audit_settings.AuditSettings,
    "audit.to.": audit_settings.AuditFile,
    "redis.": server_settings.RedisSettings,
    "deny.": server_settings.DenySettings,
    "secrets.": server_settings.SecretSettings,
    "apps.NAME.": AppShape,
    "apps.NAME.ttl.": TtlBounds,
    "apps.NAME.cors.": Cors,
    "apps.NAME.limits.": Limits,
    "apps.NAME.authorizer.": AuthorizerSettings,
    "apps.NAME.certificate.": Certificate,
    "apps.NAME.backends.KIND.rest.": RestApi,
    f"{CALLER}.jwt.": JwtOptions,
    f"{CALLER}.forward_auth.": ForwardAuthOptions,
    f"{CALLER}.forward_auth.secret_header.": SecretHeader,
    f"{CALLER}.api_key.": CallersKey,
    f"{CALLER}.rules[].": Rule,
    f"{CALLER}.rules[].ttl.": RuleTtl,
    "apps.NAME.routes[].": RouteOptions,
}


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_page_is_as_make_reference_writes_it(page: str) -> None:
    assert (pages.FOLDER / page).read_text("utf-8") == pages.written(page), "run `make reference`"


@pytest.mark.parametrize("prefix", MODELS)
def test_every_key_of_a_model_has_a_heading_and_no_heading_names_another_key(prefix: str) -> None:
    text = (pages.FOLDER / "configuration.md").read_text("utf-8")
    headings = re.findall(rf"^##+ `{re.escape(prefix)}([a-z0-9_]+)`$", text, re.MULTILINE)
    assert sorted(headings) == sorted(field.alias or name for name, field in MODELS[prefix].model_fields.items())


@pytest.mark.parametrize("kind", sorted(installed(BACKENDS.name)))
def test_every_option_of_a_kind_has_a_heading(kind: str) -> None:
    shared = {"rest", "strict_006"}  # Agora's, which stand below KIND
    options = {field.alias or name for name, field in BACKENDS.load(kind).Options.model_fields.items()} - shared
    assert _described(f"apps.NAME.backends.{kind}") == options


@pytest.mark.parametrize("dialect", sorted(installed(DIALECTS.name)))
def test_every_option_of_a_dialect_has_a_heading(dialect: str) -> None:
    assert _described(f"apps.NAME.routes[].dialect.{dialect}") == DIALECTS.load(dialect).Options.model_fields.keys()


def _described(path: str) -> set[str]:
    """The keys that have a heading below a path, or below the one whose keys it refers to."""
    home = (KEYS[path].home if path in KEYS else None) or path
    return {key.name for key in SCHEMA.keys if key.path.rpartition(".")[0] == home}


def test_every_mapping_of_the_schema_is_one_of_these_models() -> None:
    by_name = {"apps.NAME.backends.KIND", CALLER}
    options = ("apps.NAME.backends", "apps.NAME.routes[].dialect")  # the two tests above
    prefixes = {key.path.rpartition(".")[0] for key in SCHEMA.keys}
    prefixes = {prefix for prefix in prefixes if not prefix.startswith(options)}
    prefixes |= {"apps.NAME.backends.KIND", "apps.NAME.backends.KIND.rest"}
    assert {f"{prefix}." if prefix else "" for prefix in prefixes - by_name} == MODELS.keys()
    assert set(SecretRef.model_fields) < set(Certificate.model_fields)


@pytest.mark.parametrize("key", SCHEMA.keys, ids=lambda key: key.path)
def test_a_key_has_a_description_a_default_and_an_example(key: Key) -> None:
    assert key.description
    assert key.is_required == (key.default is None)
    assert key.example or key.inside or key.home


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("apps.NAME.backends", "mapping, or a list of texts"),
        (
            "apps.NAME.callers.NAME.url_key",
            "`signed`, hash `sha256:…` or mapping, or a list of hash `sha256:…` or mapping",
        ),
        ("apps.NAME.routes[].dialect", "text or mapping, or a list of these"),
        ("include", "text, or a list of these"),
    ],
)
def test_a_list_of_something_else_is_not_called_a_list_of_these(path: str, words: str) -> None:
    assert SCHEMA.type_of(KEYS[path].node) == words


def _examples() -> list[tuple[str, Any]]:
    return [(path, example) for path, key in KEYS.items() for example in key.node.get("examples", ())]


@pytest.mark.parametrize(("path", "example"), _examples())
def test_an_example_is_valid(path: str, example: Any) -> None:
    schema = {**KEYS[path].node, "$defs": SCHEMA.models}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(example)] == []


@pytest.mark.parametrize("key", SCHEMA.keys, ids=lambda key: key.path)
def test_the_example_of_a_key_is_yaml(key: Key) -> None:
    assert key.example is None or list(yaml.safe_load(key.example)) == [key.name]


def test_every_error_code_says_what_a_client_should_do() -> None:
    assert list(CLIENT) == list(Code)


def test_the_log_fields_of_a_request_are_all_there() -> None:
    page = (ROOT / "docs/reference/log-and-audit.md").read_text("utf-8").partition("## Audit")[0]
    source = (ROOT / "tokend/telemetry/request_record.py").read_text("utf-8")
    fields = re.findall(r'^            "(\w+)": ', source, re.MULTILINE) + re.findall(r'fields\["(\w+)"\]', source)
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == fields


def test_the_troubleshooting_page_quotes_what_the_server_says() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in (ROOT / "tokend").rglob("*.py"))
    _, *quoted = re.findall(r"^\| `([^`]+)` \|", page.partition("## 503")[2].partition("\n## ")[0], re.M)
    assert len(quoted) == 7
    assert [sentence for sentence in quoted if sentence not in code] == []
