"""docs/threat-model.md: every defence names tests, every test that is named exists, every attacker is one that it knows."""

import ast
import re
from typing import Final

from tests.running import ROOT

PAGE: Final = (ROOT / "docs/threat-model.md").read_text()
DEFENDED, _, UNDEFENDED = PAGE.partition("\n## What is not defended\n")
ATTACKERS: Final = re.findall(r"^\| (.*?) \|", DEFENDED.partition("|---|---|\n")[2].partition("\n\n")[0], re.M)
ROWS: Final = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+) \|$", DEFENDED.partition("\n## Attackers\n")[2], re.M)
ATTACKS: Final = [row for row in ROWS if row[0] != "attacker" and not row[0].startswith("-")]


def _tests_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_named_test_exists() -> None:
    named = re.findall(r"`([^` ]+)::([^`]+)`", DEFENDED)
    assert len(named) > 100
    for path, name in set(named):
        assert path.startswith("tests/")
        assert name.startswith("test_")
        assert name in _tests_of(path), f"{path} has no {name}"


def test_every_attack_has_a_defence_and_nothing_but_tests_that_show_it() -> None:
    assert len(ATTACKS) == len(re.findall(r"^\|.*::test_", DEFENDED, re.M)) > 60
    for row in ATTACKS:
        assert re.fullmatch(r"`[^` ]+::test_\w+`( `[^` ]+::test_\w+`)*", row[3]), row


def test_every_attacker_attacks_and_no_other_does() -> None:
    assert {row[0] for row in ATTACKS} == set(ATTACKERS)
    assert len(ATTACKERS) == 12


def test_what_is_not_defended_is_said() -> None:
    assert len(re.findall(r"^- \*\*|^- `", UNDEFENDED, re.M)) >= 12


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
