"""One class for each options object: a new option touches its model and the place that uses it, and nothing between."""

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import Field
from pydantic_core import PydanticUndefined

from tests.assembling import assemble
from tests.unit.config.trees import SOUND, marked
from tests.unit.config.writing import ENVIRONMENT, ONE_APP, loaded
from tokend.config.merge import place
from tokend.config.partly_valid import Part, part_of
from tokend.config.problems import Report
from tokend.config.secrets import Secrets
from tokend.config.shape import AppShape, RootShape
from tokend.config.yaml_tree import LocatedDict
from tokend.core.durations import Duration
from tokend.core.validation import StrictModel
from tokend.issuing.app_options import AppOptions
from tokend.issuing.configuration import App, Configuration
from tokend.issuing.server_settings import RootOptions


class Region(StrictModel):
    """A new mapping."""

    name: str = Field(description="required")
    wait: Duration = 5


class NewOptions(AppOptions):
    """The options of an app, and two that are new."""

    region: Region | None = None
    motto: str = "none"


class NewShape(Part, NewOptions):
    """What the file says of such an app."""

    callers: dict[str, Any] | None = None


def options_of(written: dict[str, Any]) -> tuple[NewOptions, list[str]]:
    """The options, and what is reported."""
    marks = marked(written)
    assert isinstance(marks, LocatedDict)
    tree = place(marks)
    report = Report(tree)
    shape = NewShape.model_validate(tree, context={"report": report})
    return part_of(shape, NewOptions), [f"{problem.path}: {problem.sentence}" for problem in report.problems]


def test_a_new_option_of_an_app_is_read_with_its_units_and_kept() -> None:
    options, problems = options_of({"motto": "on", "region": {"name": "eu", "wait": "2m"}, "callers": {"x": {}}})
    assert problems == []
    assert options == NewOptions(motto="on", region=Region.model_construct(name="eu", wait=120))
    assert type(options) is NewOptions  # nothing of the file but its options is kept
    assert options.model_fields_set == {"motto", "region"}
    assert "callers" not in repr(options)


@pytest.mark.parametrize(
    ("written", "region", "problems"),
    [
        (
            {"name": "eu", "wait": "long", "x": 1},
            Region(name="eu"),
            [
                "('region', 'wait'): must be a number with its unit: 90s, 30m, 1h or 1d",
                "('region', 'x'): unknown key; known: name, wait",
            ],
        ),
        ({"wait": "2m"}, None, ["('region', 'name'): is missing: required"]),
        (
            {"name": "eu", "wait": None},
            Region(name="eu"),
            ["('region', 'wait'): has no value: write one, or leave the key out"],
        ),
        (None, None, ["('region',): has no value: write one, or leave the key out"]),
        ("eu", None, ["('region',): must be a mapping, such as {name: …}"]),
    ],
)
def test_what_is_wrong_in_a_new_option_is_reported_and_hides_nothing(
    written: Any, region: Region | None, problems: list[str]
) -> None:
    options, found = options_of({"region": written, "motto": 5})
    assert options == NewOptions(region=region)
    assert [problem for problem in found if "motto" not in problem] == problems
    assert [problem for problem in found if "motto" in problem] == ["('motto',): must be text: put it in quotes"]


TREE: Final = {
    **SOUND,
    "audit": {"to": "stdout"},
    "deny": {"file": "deny.yaml"},
    "apps": {
        "one": {
            **SOUND["apps"]["one"],
            "authorizer": {"url": "https://backend.example.com", "secret": {"env": "CERTIFICATE"}},
            "console": True,
        }
    },
}


def _configuration() -> Configuration:
    tree = marked(TREE)
    assert isinstance(tree, LocatedDict)
    return assemble(tree, "config.yaml", Secrets(ENVIRONMENT, Path("nowhere")))


@pytest.mark.parametrize("key", AppOptions.model_fields)
def test_every_option_of_an_app_arrives_as_its_model(key: str) -> None:
    options = _configuration().apps["one"].options
    assert type(options) is AppOptions
    assert key in options.model_fields_set
    assert key not in App.__struct_fields__


@pytest.mark.parametrize("key", RootOptions.model_fields)
def test_every_option_outside_the_apps_arrives_as_its_model(key: str) -> None:
    options = _configuration().options
    assert type(options) is RootOptions
    assert key in options.model_fields_set
    assert key not in Configuration.__struct_fields__


def test_what_config_makes_something_of_is_no_option_and_may_be_left_out() -> None:
    built = AppShape.model_fields.keys() - AppOptions.model_fields.keys()
    assert built == {"app_id", "certificate", "url_signing_key", "callers", "backends", "routes"}
    assert RootShape.model_fields.keys() - RootOptions.model_fields.keys() == {"defaults", "include", "apps"}
    for model in (AppShape, RootShape):
        assert all(field.default is not PydanticUndefined for field in model.model_fields.values())


def test_lifetimes_of_an_app_are_those_in_force(tmp_path: Path) -> None:
    ttl = loaded(tmp_path, f"{ONE_APP}    ttl: {{max: 10m}}\n").apps["demo"].options.ttl
    assert (ttl.default, ttl.min, ttl.max) == (600, 60, 600)
