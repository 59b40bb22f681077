"""docs/kinds.md is the output of `tokend kinds`, and every vendor has a page and a row in the table of products."""

import re
import subprocess
import sys

import pytest

from tests.running import ROOT, clean_environment
from tokend.config import entry_points
from tokend.config.entry_points import BACKENDS, package_of

VENDORS = ROOT / "docs/vendors"


def _printed(*kinds: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tokend", "kinds", *kinds]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=clean_environment({}))


def test_the_page_is_what_the_command_prints() -> None:
    printed = _printed()
    assert printed.returncode == 0, printed.stderr
    assert (ROOT / "docs/kinds.md").read_text() == printed.stdout, "run: tokend kinds > docs/kinds.md"


def test_every_field_says_what_it_is() -> None:
    fields = re.findall(r"^\| `(\w+)` \| .* \| (?:Required|Optional|Default: `[^`]*`)\. \|$", _printed().stdout, re.M)
    assert fields == []


def test_single_kinds_are_printed_without_the_rest() -> None:
    printed = _printed("rtm", "fpa").stdout
    assert re.findall(r"^## (\w+)$", printed, re.M) == ["fpa", "rtm"]
    assert printed.startswith("## fpa\n")


def test_an_unknown_kind_is_a_sentence_with_a_suggestion() -> None:
    printed = _printed("rtx")
    assert printed.returncode == 2
    assert "there is no backend 'rtx', did you mean" in printed.stderr


@pytest.mark.parametrize("kind", sorted(entry_points.installed(BACKENDS.name)))
def test_every_kind_has_a_row_in_the_table_of_products_and_a_page(kind: str) -> None:
    row = re.search(rf"^\|.*`{kind}`.*\]\(([\w-]+\.md)\).*\|$", (VENDORS / "README.md").read_text(), re.M)
    assert row is not None, kind
    assert f"`{kind}`" in (VENDORS / row[1]).read_text() or f"## {kind}\n" in (VENDORS / row[1]).read_text()
    (entry,) = entry_points.installed(BACKENDS.name)[kind]
    package = package_of(entry).split()[0]
    assert package == "tokend" or f"`{package}`" in row[0]


def test_a_capability_that_gives_a_role_too_has_both() -> None:
    """The role was left out, and a rule with `roles` of its own has to list it."""
    assert "`publish_camera` (publisher, capability `publish_camera`)" in _printed("livekit").stdout
