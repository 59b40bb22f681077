"""docs/identity.md: each provider's file loads, and each reason that it explains is one that the forgeries meet."""

import math
import re
from pathlib import Path

import pytest

from tests.running import CERTIFICATE, ROOT
from tests.unit.auth.jwt.forged import FORGED
from tokend.auth.presets import PRESETS
from tokend.config.loading import load

# what stands behind a proxy is in tests/system/proxy
PAGE, _, _ = (ROOT / "docs/identity.md").read_text().partition("\n## Behind ")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_file_loads(number: int, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(BLOCKS[number])
    assert load(None, {"DEMO_APP_CERTIFICATE": CERTIFICATE}, tmp_path).warnings == ()


def test_each_require_that_it_tells_to_write_loads(tmp_path: Path) -> None:
    told = re.findall(r"`(require: \{.*?\})`", PAGE)
    assert len(told) >= 3
    for require in told:
        assert BLOCKS[0].count("audience: web}") == 1
        (tmp_path / "config.yaml").write_text(BLOCKS[0].replace("audience: web}", f"audience: web, {require}}}"))
        assert load(None, {"DEMO_APP_CERTIFICATE": CERTIFICATE}, tmp_path).warnings == ()


def test_the_odds_of_two_equal_numbers_are_those_of_birthdays() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) % \| ([\d.]+) % \|$", PAGE, re.M)
    assert len(rows) == 3
    for written, *odds in rows:
        users = int(written.replace(",", ""))
        for ids, told in zip((users, 2 * users), odds, strict=True):
            exactly = -100 * math.expm1(-ids * (ids - 1) / 2 / (2**32 - 1))
            assert float(told) == pytest.approx(exactly, rel=0.05)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_of_a_provider_loads(preset: str, tmp_path: Path) -> None:
    (block,) = (one for one in BLOCKS if f"preset: {preset}," in one)
    (tmp_path / "config.yaml").write_text(block)
    configuration = load(None, {"DEMO_APP_CERTIFICATE": CERTIFICATE}, tmp_path)
    assert [rule.user is None for rule in configuration.apps["demo"].rules["web"]].count(True) == 0


def test_the_reasons_are_real() -> None:
    said = re.findall(r"^\| `(.*?)` \|", PAGE, re.M)
    assert len(said) >= 6
    met = [reason for _, reason in FORGED.values()]
    for reason in said:
        begins = re.split(r"['h]", reason.replace("https", "h"))[0]
        assert any(one.startswith(begins) for one in met), reason
