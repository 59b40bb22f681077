"""docs/configuration.md: every variable, preset and capability has its row, and every example loads."""

import re
from pathlib import Path

import pytest

from tests.unit.config.writing import APP_ID, CERTIFICATE
from tokend.auth.presets import FORWARD_PRESETS, PRESETS
from tokend.config import environment, secrets, vendor_defaults
from tokend.config.loading import load
from tokend.config.shape import RootShape
from tokend.config.vendor_defaults import RULE_PRESETS
from tokend.core.declarations import CAPABILITIES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
FORWARD_AUTH = "Users that a proxy names: `forward_auth`"


def _section(heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no section {heading}"
    return re.sub(r"^```yaml\n.*?^```", "", found[1], flags=re.DOTALL | re.MULTILINE)


def _rows(heading: str) -> list[str]:
    """What stands in code in the first column of the section's tables."""
    cells = [line.split("|")[1] for line in _section(heading).splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_capabilities() -> None:
    assert _rows("Rules: `rules`") == [*CAPABILITIES]


def test_the_presets_of_forward_auth() -> None:
    assert _rows(FORWARD_AUTH) == [*FORWARD_PRESETS]
    for name, preset in FORWARD_PRESETS.items():
        claims, lists = (
            ", ".join(f"`{claim}`: `{header}`" for claim, header in headers.items())
            for headers in (preset.claims, preset.lists)
        )
        assert f"| `{name}` | `{preset.user}` | {claims} | {lists} |" in _section(FORWARD_AUTH).lower()


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
