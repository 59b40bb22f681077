"""docs/identity.md: each provider's file loads, and each reason that it explains is one that the forgeries meet."""

import re
from pathlib import Path

import pytest

from tests.jwt.forged import FORGED
from tests.running import CERTIFICATE, ROOT
from tokend.auth.presets import PRESETS
from tokend.config import load

# what stands behind a proxy is in tests/proxy
PAGE, _, _ = (ROOT / "docs/identity.md").read_text().partition("\n## Behind ")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_of_a_provider_loads(preset: str, tmp_path: Path) -> None:
    (block,) = (one for one in BLOCKS if f"preset: {preset}," in one)
    (tmp_path / "config.yaml").write_text(block)
    setup = load(None, {"DEMO_APP_CERTIFICATE": CERTIFICATE}, tmp_path)
    assert [rule.user is None for rule in setup.apps["demo"].rules["web"]].count(True) == 0


def test_the_reasons_are_real() -> None:
    said = re.findall(r"^\| `(.*?)` \|", PAGE, re.M)
    assert len(said) >= 6
    met = [reason for _, reason in FORGED.values()]
    for reason in said:
        begins = re.split(r"['h]", reason.replace("https", "h"))[0]
        assert any(one.startswith(begins) for one in met), reason
