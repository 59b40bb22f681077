"""docs/configuration.md: every key and variable has its row, no row names anything else, and every example loads."""

import re
from pathlib import Path

import pytest

from tests.built_in_dialects import DIALECTS
from tests.unit.config.writing import APP_ID, CERTIFICATE
from tokend.auth.forward_auth_options import ForwardAuthOptions, SecretHeader
from tokend.auth.jwt_options import JwtOptions
from tokend.auth.key_digests import Key
from tokend.auth.presets import FORWARD_PRESETS, PRESETS
from tokend.backends.agora.credentials import RestApi
from tokend.config import environment, references, secrets, vendor_defaults
from tokend.config import shape as shapes
from tokend.config.entry_points import installed
from tokend.config.loading import load
from tokend.config.shape import RootShape
from tokend.config.vendor_defaults import RULE_PRESETS
from tokend.core.declarations import CAPABILITIES
from tokend.core.interfaces import AuthorizerSettings
from tokend.core.rate_limits import Limits
from tokend.core.rules import Rule, RuleTtl
from tokend.core.validation import StrictModel
from tokend.issuing import server_settings
from tokend.issuing.app_options import Cors, RouteOptions, TtlBounds

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
SECTIONS: dict[str, tuple[type[StrictModel], str]] = {
    "The file": (shapes.RootShape, ""),
    "`server`": (server_settings.ServerSettings, "server."),
    "`server.log`": (server_settings.Log, "server.log."),
    "`audit`": (server_settings.AuditSettings, "audit."),
    "`deny`": (server_settings.DenySettings, "deny."),
    "`secrets`": (server_settings.SecretSettings, "secrets."),
    "`redis`": (server_settings.RedisSettings, "redis."),
    "An app: `apps.NAME`": (shapes.AppShape, ""),
    "Lifetimes: `ttl`": (TtlBounds, "ttl."),
    "CORS: `cors`": (Cors, "cors."),
    "Rate limits: `limits`": (Limits, "limits."),
    "Keys: `api_key` and `url_key`": (Key, ""),
    "Tokens of an identity provider: `jwt`": (JwtOptions, "jwt."),
    "The vendor's REST API: `rest`": (RestApi, "rest."),
    "Routes: `routes`": (RouteOptions, ""),
    "The app's own backend: `authorizer`": (AuthorizerSettings, "authorizer."),
}
FORWARD_AUTH = "Users that a proxy names: `forward_auth`"
NO_KEYS_OF_THE_FILE = {
    "AuditFile": "a form of audit.to",
    "Admin": "a form of server.admin",
    "Connections": "a form of server.connections",
    "RootOptions": "the keys of the file that are used as they are written",
}


def _section(heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no section {heading}"
    return re.sub(r"^```yaml\n.*?^```", "", found[1], flags=re.DOTALL | re.MULTILINE)


def _rows(heading: str) -> list[str]:
    """What stands in code in the first column of the section's tables."""
    cells = [line.split("|")[1] for line in _section(heading).splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_has_its_row_and_no_row_an_unknown_key(heading: str) -> None:
    model, prefix = SECTIONS[heading]
    assert sorted(_rows(heading)) == sorted(prefix + name for name in model.model_fields)


def test_every_auth_scheme_has_its_row() -> None:
    assert sorted(_rows("Callers: `callers`")) == sorted([*installed("tokend.auth"), "rules"])


def test_secrets_rules_and_powers() -> None:
    secret, certificate = list(references.SecretRef.model_fields), list(references.Certificate.model_fields)
    assert _rows("Secrets and certificates") == [*secret, *(f"certificate.{name}" for name in certificate)]
    rule = [*Rule.model_fields, *(f"ttl.{name}" for name in RuleTtl.model_fields)]
    assert _rows("Rules: `rules`") == [*rule, *CAPABILITIES]


def test_forward_auth_and_its_presets() -> None:
    keys = [f"forward_auth.{key}" for key in ForwardAuthOptions.model_fields]
    secret = [f"secret_header.{key}" for key in SecretHeader.model_fields]
    assert _rows(FORWARD_AUTH) == [*keys, *secret, *FORWARD_PRESETS]
    for name, preset in FORWARD_PRESETS.items():
        claims, lists = (
            ", ".join(f"`{claim}`: `{header}`" for claim, header in headers.items())
            for headers in (preset.claims, preset.lists)
        )
        assert f"| `{name}` | `{preset.user}` | {claims} | {lists} |" in _section(FORWARD_AUTH)


def test_no_shape_is_left_out() -> None:
    models = {
        name: value
        for module in (shapes, server_settings)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, StrictModel) and value.__module__ == module.__name__
    }
    covered = {model.__name__ for model, _ in SECTIONS.values()}
    covered -= {"Key", "JwtOptions"}  # of the auth schemes
    covered -= {"TtlBounds", "Cors", "Limits", "RestApi", "RouteOptions", "AuthorizerSettings"}  # of apps
    assert {
        name
        for name, value in vars(references).items()
        if isinstance(value, type) and value.__module__ == references.__name__
    } == {
        *("Reference", "SecretRef", "Certificate"),
        *("AppId", "Env"),  # forms of app_id
    }
    assert models.keys() == covered | NO_KEYS_OF_THE_FILE.keys()


def test_every_environment_variable_has_its_row() -> None:
    modules = (environment, secrets, vendor_defaults)
    own = [ROOT / "tokend/config/loading.py", ROOT / "tokend/core/listening.py"]
    sources = [*own, *(Path(str(module.__file__)) for module in modules)]
    read = {name for path in sources for name in re.findall(r'"([A-Z][A-Z0-9_]{3,})"', path.read_text())}
    rows = _rows("Environment variables")
    assert len(set(rows)) == len(rows)
    assert set(rows) == read


def test_every_preset_is_named_with_what_it_needs() -> None:
    said = _section("Tokens of an identity provider: `jwt`")
    for name, preset in PRESETS.items():
        assert f"`{name}` ({', '.join(f'`{part}`' for part in preset.needs)}" in said


def test_every_preset_of_a_rule_has_its_row() -> None:
    said = _section("Rules: `rules`")
    for name, preset in RULE_PRESETS.items():
        (row,) = (line for line in said.splitlines() if line.startswith(f"| {name} |"))
        assert f"| {' and '.join(preset.kinds)}" in row
        assert f"| {', '.join(preset.roles)} |" in row


def test_every_dialect_is_named() -> None:
    assert all(f"`{name}`" in _section("Routes: `routes`") for name in DIALECTS)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_loads(number: int, tmp_path: Path) -> None:
    text = EXAMPLES[number]
    names = re.findall(r"env: \"?((?:\{app\}|[A-Za-z_])+)", text)
    values = {name.replace("{app}", app): CERTIFICATE for name in names for app in ("acme", "bolt")}
    ids = {name: APP_ID for name in values if name.endswith("APP_ID")}
    for name in re.findall(r"/run/secrets/(\w+)", text):
        (tmp_path / name).write_text(CERTIFICATE)
        (tmp_path / name).chmod(0o444)  # as Docker mounts them
    ids |= {name: "redis://127.0.0.1:6379" for name in values if name == "REDIS_URL"}
    (tmp_path / "config.yaml").write_text(text.replace("/run/secrets", str(tmp_path)))
    assert load(None, values | ids, tmp_path).apps


def test_there_are_examples_and_the_root_is_the_first() -> None:
    assert len(EXAMPLES) >= 5
    assert "apps" in RootShape.model_fields
