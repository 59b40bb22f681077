"""Finding backends: one sentence for each thing that can be wrong, and nothing is imported that nobody asked for."""

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Final

import pytest

from tokend.backends.agora.rtc import Rtc
from tokend.config import entry_points
from tokend.config.entry_points import PluginError, load, package_of

_MODULES: Final = {
    "fake_good": "from tokend.backends.agora.rtm import Rtm",
    "fake_needs": "import fake_absent_library",
    "fake_needs_part": "import fake_pkg.absent",
    "fake_raises": "raise ValueError('no luck today')",
    "fake_attribute": "import sys; sys.no_such_thing",
    "fake_prefix": "import fake_pre",
    "fake_pkg/__init__": "",
    "fake_pkg/needs_sibling": "import fake_pkg.absent",
    "fake_shapes": """
from tokend.plugins import Backend, StrictModel
from tokend.backends.agora.rtm import Rtm
not_a_class = Rtm.grant
class NotABackend: pass
class Abstract(Backend):
    Fields = StrictModel
class Whole(Backend):
    grant = mint = read = None
class LaxFields(Whole):
    Fields = dict
class LaxOptions(Whole):
    Fields, Options = StrictModel, None
""",
}


class _Package(Distribution):
    """An installed distribution, of which only name and version are asked."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read_text(self, filename: str) -> str | None:
        return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: 1.2\n" if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def _entry(kind: str, value: str, package: str = "waveline") -> EntryPoint:
    entry = EntryPoint(kind, value, "tokend.backends")
    vars(entry).update(dist=_Package(package))
    return entry


def _table(kind: str, *values: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    return {kind: tuple(_entry(kind, value, f"package-{index}") for index, value in enumerate(values))}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The made-up modules, gone again afterwards."""
    for name, source in _MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [one for one in sys.modules if one.startswith("fake_")]:
        del sys.modules[name]


def _problem(kind: str, known: Mapping[str, tuple[EntryPoint, ...]]) -> str:
    with pytest.raises(PluginError) as caught:
        load(kind, known)
    return str(caught.value)


def test_a_backend_is_loaded_by_its_kind() -> None:
    assert load("rtm", _table("rtm", "fake_good:Rtm")).__name__ == "Rtm"
    assert load("rtc", _table("rtc", "tokend.backends.agora.rtc:Rtc")) is Rtc


def test_only_the_kind_that_is_asked_for_is_imported() -> None:
    known = {
        **_table("good", "fake_good:Rtm"),
        **_table("bad", "fake_raises:X"),
        **_table("other", "fake_shapes:Whole"),
    }
    load("good", known)
    assert "fake_good" in sys.modules
    assert not {"fake_raises", "fake_shapes"} & sys.modules.keys()


def test_a_kind_that_nobody_brings_is_told_with_the_nearest() -> None:
    assert _problem("wavelin", _table("waveline", "x:Y")) == "there is no backend 'wavelin', did you mean 'waveline'?"
    assert _problem("turn", {}) == "there is no backend 'turn'"


def test_a_kind_that_two_packages_bring_names_both() -> None:
    told = _problem("wave", _table("wave", "fake_good:Rtm", "fake_raises:X"))
    assert told == "backend 'wave' is brought by package-0 1.2 and package-1 1.2: uninstall one of them"
    assert "fake_raises" not in sys.modules


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("fake_absent:X", "is missing: its entry point names fake_absent:X, which is not there"),
        ("fake_pkg.gone:X", "is missing: its entry point names fake_pkg.gone:X, which is not there"),
        ("fake_gone.below:X", "is missing: its entry point names fake_gone.below:X, which is not there"),
        ("fake_good:Nothing", "is missing: its entry point names fake_good:Nothing, which is not there"),
        ("fake_needs:X", "is broken inside: it needs the module fake_absent_library, which is not there"),
        ("fake_pkg.needs_sibling:X", "is broken inside: it needs the module fake_pkg.absent, which is not there"),
        ("fake_prefix:X", "is broken inside: it needs the module fake_pre, which is not there"),
        ("fake_raises:X", "is broken inside: importing it raised ValueError: no luck today"),
        (
            "fake_attribute:X",
            "is broken inside: importing it raised AttributeError: module 'sys' has no attribute 'no_such_thing'",
        ),
        (
            "fake_shapes:not_a_class",
            "is no backend: fake_shapes:not_a_class is not a subclass of tokend.plugins.Backend",
        ),
        (
            "fake_shapes:NotABackend",
            "is no backend: fake_shapes:NotABackend is not a subclass of tokend.plugins.Backend",
        ),
        ("fake_shapes", "is no backend: fake_shapes is not a subclass of tokend.plugins.Backend"),
        ("fake_shapes:Abstract", "is no backend: fake_shapes:Abstract does not implement grant, mint, read"),
        ("fake_shapes:Whole", "is no backend: fake_shapes:Whole needs Fields, a subclass of tokend.plugins.Strict"),
        (
            "fake_shapes:LaxFields",
            "is no backend: fake_shapes:LaxFields needs Fields, a subclass of tokend.plugins.Strict",
        ),
        (
            "fake_shapes:LaxOptions",
            "is no backend: fake_shapes:LaxOptions needs Options, a subclass of tokend.plugins.Strict",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_package(value: str, told: str) -> None:
    assert _problem("wave", _table("wave", value)) == f"backend 'wave' of package-0 1.2 {told}"


def test_an_entry_without_a_package_says_so() -> None:
    assert package_of(EntryPoint("wave", "x:Y", "tokend.backends")) == "an unnamed package"


def test_the_installed_table_has_the_built_in_kinds_once() -> None:
    for kind in ("rtc", "rtm", "chat"):
        (entry,) = entry_points.installed()[kind]
        assert package_of(entry).startswith("tokend ")
