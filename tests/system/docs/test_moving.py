"""The move-over pages and deployment files: their YAML loads, every dialect has a page, every variable is one of ours."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.built_in_dialects import DIALECTS
from tests.running import CREDENTIALS, ROOT
from tokend.config.loading import load

PAGES = sorted((ROOT / "docs/moving").glob("*.md"))
VARIABLES = {"APP_ID", "APP_CERTIFICATE", "API_KEY_SHA256", "FIREBASE_PROJECT", "CORS_ALLOW_ORIGIN"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_yaml_of_a_page_loads(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml config\n(.*?)^```$", page.read_text(), re.M | re.S)
    assert blocks or page.stem == "README"
    for block in blocks:
        (tmp_path / "config.yaml").write_text(block)
        assert load(None, CREDENTIALS, tmp_path).routes


def test_every_dialect_is_named_on_a_page_and_every_server_has_one() -> None:
    index = (ROOT / "docs/moving/README.md").read_text()
    for name in DIALECTS.keys() - {"native"}:
        assert f"`{name}`" in index, name
    for target in re.findall(r"\]\(([^)#]+)\)", index):
        assert (ROOT / "docs/moving" / target).is_file(), target


def test_deployment_files_name_our_variables_and_the_health_check() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["tokend"]
    assert (compose["env_file"], compose["volumes"]) == (".env", ["./config.yaml:/etc/tokend/config.yaml:ro"])
    render = yaml.safe_load((ROOT / "render.yaml").read_text())["services"][0]
    assert {one["key"] for one in render["envVars"]} == VARIABLES
    railway = json.loads((ROOT / "railway.json").read_text())
    assert {render["healthCheckPath"], railway["deploy"]["healthcheckPath"]} == {"/healthz"}
    assert set(json.loads((ROOT / "app.json").read_text())["env"]) == VARIABLES
    dockerfile = yaml.safe_load((ROOT / "heroku.yml").read_text())["build"]["docker"]["web"]
    assert {dockerfile, railway["build"]["dockerfilePath"]} == {"Dockerfile"}
    assert (ROOT / dockerfile).is_file()
