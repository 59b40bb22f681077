"""The chart's README, values.yaml and JSON Schema name the same values, with the same defaults and meanings."""

import json
import re
from typing import Any, Final

import yaml

from tests.running import ROOT
from tests.system.deploy.helm import CHART

TEXT: Final = (CHART / "values.yaml").read_text()
VALUES: Final = yaml.safe_load(TEXT)


def _commented() -> dict[str, str]:
    """The comment above each value; a value is a key that has one. Groups of values have none."""
    found: dict[str, str] = {}
    comment: list[str] = []
    group = ""
    for line in TEXT.splitlines():
        if text := re.fullmatch(r" {0,2}# (.*)", line):
            comment.append(text[1])
            continue
        if key := re.match(r"( *)(\w+):", line):
            if not key[1]:
                group = key[2]
            if comment:
                found[f"{group}.{key[2]}" if key[1] else key[2]] = " ".join(comment)
        comment = []
    return found


def _value(name: str) -> Any:
    found = VALUES
    for key in name.split("."):
        found = found[key]
    return found


def _of_schema() -> set[str]:
    properties = json.loads((CHART / "values.schema.json").read_text())["properties"]
    names = set()
    for name, schema in properties.items():
        below = schema.get("properties", {})
        names |= {f"{name}.{key}" for key in below} or {name}
    return names - {"global"}


def test_every_value_has_a_comment_and_a_schema() -> None:
    groups = {name.partition(".")[0] for name in _commented() if "." in name}
    written = {name for name in VALUES if name not in groups} | {
        f"{group}.{name}" for group in groups for name in VALUES[group]
    }
    assert set(_commented()) == written == _of_schema()


def test_the_table_is_what_values_yaml_says() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (.*) \|$", (CHART / "README.md").read_text(), re.M)
    expected = [
        (name, "a demo app" if name == "config" else f"`{json.dumps(_value(name))}`", comment)
        for name, comment in _commented().items()
    ]
    assert rows == expected


def test_the_readmes_commands_name_what_there_is() -> None:
    page = (CHART / "README.md").read_text()
    for path in re.findall(r"\bdeploy/[\w/]+", page):
        assert (ROOT / path).exists()
    for name in re.findall(r"--set(?:-file)? ([\w.]+)=", page):
        assert name in _commented()
