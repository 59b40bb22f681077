"""Whatever the YAML holds, `assemble` gives a Configuration or a ConfigurationError, and `parse` a tree or a YamlError."""

from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.assembling import assemble
from tests.examples import examples
from tests.unit.config.trees import SOUND, Position, marked, positions, replaced
from tests.unit.config.writing import ENVIRONMENT
from tokend.auth.jwt_options import JwtOptions
from tokend.auth.key_digests import Key
from tokend.config.assemble import assemble_apps
from tokend.config.entry_points import installed
from tokend.config.isolation import isolate
from tokend.config.loading import ConfigurationError
from tokend.config.references import Certificate
from tokend.config.secrets import Secrets
from tokend.config.shape import AppShape, RootShape
from tokend.config.yaml_tree import LocatedDict, Location, YamlError, parse
from tokend.core.rate_limits import Limits
from tokend.core.rules import Rule
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.audit_settings import AuditSettings
from tokend.issuing.configuration import Configuration
from tokend.issuing.routing import clash
from tokend.issuing.server_settings import RedisSettings, ServerSettings

KEYS = sorted(
    {
        key
        for shape in (
            RootShape,
            AppShape,
            Key,
            JwtOptions,
            Certificate,
            RouteOptions,
            Rule,
            Limits,
            RedisSettings,
            ServerSettings,
            AuditSettings,
        )
        for key in shape.model_fields
    }
    | {"rules", *installed("tokend.auth")}
)
WORDS = [
    "rtc",
    "/",
    "/x",
    "*",
    "{app}",
    "{claims.a}",
    "claims.a",
    "1h",
    "0s",
    "https://a.b",
    "",
    "\0",
    "\n",
    "ä",
    "CERTIFICATE",
    "20/s",
    "1/h burst 9",
]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), st.text(max_size=8))
NAMES = st.one_of(st.sampled_from([*KEYS, *WORDS]), st.text(max_size=4))
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
PLACES = st.sampled_from(list(positions(SOUND))[1:])
SERVED = assemble(marked(SOUND), "config.yaml", Secrets(ENVIRONMENT, Path("nowhere")))


def _assemble(tree: Any, directory: Path) -> list[str]:
    assert isinstance(tree, LocatedDict)
    try:
        assemble(tree, "config.yaml", Secrets(ENVIRONMENT, directory))
    except ConfigurationError as error:
        assert error.problems
        return list(map(str, error.problems))
    return []


def _isolate(tree: Any, directory: Path, previous: Configuration | None) -> None:
    """Each app is served or invalid, no two served routes clash, and each mistake is named."""
    secrets = Secrets(ENVIRONMENT, directory)
    problems = _assemble(tree, directory)
    try:
        found = isolate(assemble_apps(tree, "config.yaml", secrets), {}, previous)
    except ConfigurationError as error:
        assert list(map(str, error.problems)) == problems
        return
    assert {*found.configuration.apps, *found.invalid_apps} == set(tree["apps"])
    for name, invalid in found.invalid_apps.items():
        assert (name in found.configuration.apps) is invalid.serves_previous
        assert invalid.problems
    routes = found.configuration.routes
    assert not any(clash(route, other) for route, other in combinations(routes, 2))
    assert bool(found.problems) is bool(problems)


def test_the_sound_tree_is_sound() -> None:
    assert _assemble(marked(SOUND), Path("nowhere")) == []


@examples(50)
@given(tree=st.dictionaries(NAMES, TREES, max_size=4))
def test_any_tree(tree: dict[str, Any]) -> None:
    _assemble(marked(tree), Path("nowhere"))


@examples(50)
@given(changes=st.lists(st.tuples(PLACES, TREES), min_size=1, max_size=3))
def test_a_sound_tree_with_something_else_in_some_places(changes: list[tuple[Position, Any]]) -> None:
    tree = SOUND
    for place, value in changes:
        try:
            tree = replaced(tree, place, value)
        except (LookupError, TypeError):  # the place went with an earlier change
            continue
    _isolate(marked(tree), Path("nowhere"), None)
    _isolate(marked(tree), Path("nowhere"), SERVED)
    for problem in _assemble(marked(tree), Path("nowhere")):
        assert problem.isprintable()
        assert "nput should" not in problem
        assert "validation error" not in problem


@examples(200)
@given(text=st.text(alphabet=st.sampled_from("ab: -[]{},&*!|>#%@`'\"\\?\n\t~0.<\x00\ufeffé"), max_size=40))
def test_any_text(text: str) -> None:
    try:
        assert isinstance(parse(text, "config.yaml"), LocatedDict)
    except YamlError as error:
        assert error.problems
        assert all(isinstance(location, Location) and sentence for location, sentence in error.problems)
