"""The move-over pages: their YAML loads, and every dialect has a page."""

import re
from pathlib import Path

import pytest

from tests.built_in_dialects import DIALECTS
from tests.running import CREDENTIALS, ROOT
from tokend.config.loading import load

PAGES = sorted((ROOT / "docs/moving").glob("*.md"))


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
