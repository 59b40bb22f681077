"""Finding plug-ins: one sentence for each thing that can be wrong, and nothing is imported that nobody asked for."""

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any, Final

import pytest

from tokend.auth.api_key import ApiKey
from tokend.backends.agora.rtc import Rtc
from tokend.config.entry_points import (
    AUTH_SCHEMES,
    BACKENDS,
    DIALECTS,
    GROUPS,
    PluginError,
    PluginGroup,
    installed,
    package_of,
)
from tokend.dialects import native

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
from tokend.plugins import Backend, Role, ServiceShape, StrictModel
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
class OptionsWithBackend(StrictModel):
    backend: str
class BackendOption(Whole):
    Fields, Options = StrictModel, OptionsWithBackend
class TooNew(Whole):
    Fields, api_version = StrictModel, 2
class NewAndAbstract(Backend):
    Fields, api_version = StrictModel, 99
class TooOld(Whole):
    Fields, api_version = StrictModel, 0
class NoVersion(Whole):
    Fields, api_version = StrictModel, "1"
class Undeclared(Whole):
    Fields = StrictModel
class Vague(Undeclared):
    services, privileges = {"wave": ServiceShape()}, {"administrate": "everything"}
class Listed(Undeclared):
    services, privileges = {"wave": ServiceShape()}, ["join"]
class WordlessRole(Undeclared):
    services, privileges = {"wave": ServiceShape()}, {"join": Role(None)}
""",
    "fake_exits": "raise SystemExit('the whole\\nserver')",
    "fake_late": "def __getattr__(name): raise SystemExit('later')",
    "fake_nameless": "raise ModuleNotFoundError('by hand')",
    "fake_stops": "class Stop(BaseException): pass\nraise Stop('now')",
    "fake_auth": """
from tokend.plugins import BEARER, AuthScheme, StrictModel
class Abstract(AuthScheme): pass
class Lax(AuthScheme):
    authenticate = None
    Options = dict
class Nameless(AuthScheme):
    authenticate = None
    Options = StrictModel
class Other(Nameless):
    name = "other"
class OneSource(Nameless):
    name, reads = "wave", BEARER
""",
    "fake_dialect": """
from tokend.plugins import Dialect, Endpoint
NEW = Dialect("new", (), None, api_version=2)
OTHER = Dialect("other", (), None)
LAX = Dialect("lax", (), None, Options=dict)
ONE = Dialect("wave", (Endpoint("GET", "x", None, None)), None)
PATHLESS = Dialect("wave", (Endpoint("GET", None, None, None),), None)
NUMBERS = Dialect("wave", (1, 2), None)
LOWER = Dialect("wave", (Endpoint("get", "x", None, None),), None)
PUT = Dialect("wave", (Endpoint("PUT", "x", None, None),), None)
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


def _entry(name: str, value: str, package: str = "waveline") -> EntryPoint:
    entry = EntryPoint(name, value, "any group")
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
    for name in [module for module in sys.modules if module.startswith("fake_")]:
        del sys.modules[name]


def _problem(name: str, known: Mapping[str, tuple[EntryPoint, ...]], group: PluginGroup[Any] = BACKENDS) -> str:
    with pytest.raises(PluginError) as caught:
        group.load(name, known)
    return str(caught.value)


def test_a_backend_is_loaded_by_its_kind() -> None:
    assert BACKENDS.load("rtm", _table("rtm", "fake_good:Rtm")).__name__ == "Rtm"
    assert BACKENDS.load("rtc", _table("rtc", "tokend.backends.agora.rtc:Rtc")) is Rtc


def test_only_the_kind_that_is_asked_for_is_imported() -> None:
    known = {
        **_table("good", "fake_good:Rtm"),
        **_table("bad", "fake_raises:X"),
        **_table("other", "fake_shapes:Whole"),
    }
    BACKENDS.load("good", known)
    assert "fake_good" in sys.modules
    assert not {"fake_raises", "fake_shapes"} & sys.modules.keys()


def test_a_kind_that_nobody_brings_is_told_with_the_nearest() -> None:
    assert _problem("wavelin", _table("waveline", "x:Y")) == "there is no backend 'wavelin', did you mean 'waveline'?"
    assert _problem("turn", {}) == "there is no backend 'turn'"
    assert _problem("x" * 300, {}) == f"there is no backend '{'x' * 300}'"  # no file has so long a name
    assert _problem("nats", {}).startswith("there is no backend 'nats', its package is not installed: ")


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
        ("fake_exits:X", "is broken inside: importing it raised SystemExit: the whole server"),
        ("fake_late:X", "is broken inside: it raised SystemExit: later"),
        ("fake_nameless:X", "is broken inside: ModuleNotFoundError: by hand"),
        ("fake_stops:X", "is broken inside: importing it raised Stop: now"),
        ("fake_shapes:TooNew", "was written for version 2 of tokend.plugins, this is version 1: upgrade tokend"),
        (
            "fake_shapes:TooOld",
            "was written for version 0 of tokend.plugins, the oldest that works is 1: upgrade that package",
        ),
        (
            "fake_shapes:NoVersion",
            "needs api_version, the number of the version of tokend.plugins that it was written for",
        ),
        ("fake_shapes:Undeclared", "declares no services: set `services`"),
        (
            "fake_shapes:Vague",
            "privilege administrate must be declared as LISTEN, PUBLISH, CONNECT, ADMIN, a Role or a Capability",
        ),
        *(
            (f"fake_shapes:{name}", "has services, privileges or details that are no mappings as documented")
            for name in ("Listed", "WordlessRole")
        ),
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
        (
            "fake_shapes:Whole",
            "is no backend: fake_shapes:Whole needs Fields, a subclass of tokend.plugins.StrictModel",
        ),
        (
            "fake_shapes:LaxFields",
            "is no backend: fake_shapes:LaxFields needs Fields, a subclass of tokend.plugins.StrictModel",
        ),
        (
            "fake_shapes:LaxOptions",
            "is no backend: fake_shapes:LaxOptions needs Options, a subclass of tokend.plugins.StrictModel",
        ),
        (
            "fake_shapes:BackendOption",
            "is no backend: fake_shapes:BackendOption has an option `backend`, the key that names the backend of a kind: "
            "give the option another name",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_package(value: str, told: str) -> None:
    assert _problem("wave", _table("wave", value)) == f"backend 'wave' of package-0 1.2 {told}"


def test_a_package_of_a_newer_version_may_lack_what_this_one_needs() -> None:
    told = "was written for version 99 of tokend.plugins, this is version 1: upgrade tokend"
    assert _problem("wave", _table("wave", "fake_shapes:NewAndAbstract")) == f"backend 'wave' of package-0 1.2 {told}"


@pytest.mark.parametrize(
    ("group", "value", "told"),
    [
        (AUTH_SCHEMES, "fake_absent:X", "is missing: its entry point names fake_absent:X, which is not there"),
        (
            AUTH_SCHEMES,
            "fake_good:Rtm",
            "is no auth scheme: fake_good:Rtm is not a subclass of tokend.plugins.AuthScheme",
        ),
        (AUTH_SCHEMES, "fake_auth:Abstract", "is no auth scheme: fake_auth:Abstract does not implement authenticate"),
        (
            AUTH_SCHEMES,
            "fake_auth:Lax",
            "is no auth scheme: fake_auth:Lax needs Options, a subclass of pydantic.BaseModel",
        ),
        (
            AUTH_SCHEMES,
            "fake_auth:Nameless",
            "is no auth scheme: fake_auth:Nameless has the name None, its entry point another",
        ),
        (
            AUTH_SCHEMES,
            "fake_auth:Other",
            "is no auth scheme: fake_auth:Other has the name 'other', its entry point another",
        ),
        (
            AUTH_SCHEMES,
            "fake_auth:OneSource",
            "is no auth scheme: fake_auth:OneSource needs reads, a tuple such as (BEARER,)",
        ),
        *(
            (
                DIALECTS,
                f"fake_dialect:{name}",
                f"is no dialect: fake_dialect:{name} needs endpoints, a tuple of Endpoint, each with the method "
                "GET or POST and a path as text",
            )
            for name in ("ONE", "PATHLESS", "NUMBERS", "LOWER", "PUT")
        ),
        (DIALECTS, "fake_exits:X", "is broken inside: importing it raised SystemExit: the whole server"),
        (DIALECTS, "fake_good:Rtm", "is no dialect: fake_good:Rtm is not an instance of tokend.plugins.Dialect"),
        (
            DIALECTS,
            "fake_dialect:LAX",
            "is no dialect: fake_dialect:LAX needs Options, a subclass of tokend.plugins.StrictModel",
        ),
        (
            DIALECTS,
            "fake_dialect:OTHER",
            "is no dialect: fake_dialect:OTHER has the name 'other', its entry point another",
        ),
    ],
)
def test_the_other_groups_are_loaded_in_the_same_way(group: PluginGroup[Any], value: str, told: str) -> None:
    assert _problem("wave", _table("wave", value), group) == f"{group.noun} 'wave' of package-0 1.2 {told}"


def test_a_dialect_states_its_version_too() -> None:
    told = _problem("new", _table("new", "fake_dialect:NEW"), DIALECTS)
    assert told.endswith("was written for version 2 of tokend.plugins, this is version 1: upgrade tokend")


def test_schemes_and_dialects_are_loaded_by_their_names() -> None:
    assert AUTH_SCHEMES.load("api_key") is ApiKey
    assert DIALECTS.load("native") is native.DIALECT
    assert (
        _problem("jtw", installed("tokend.auth"), AUTH_SCHEMES) == "there is no auth scheme 'jtw', did you mean 'jwt'?"
    )


def test_an_entry_without_a_package_says_so() -> None:
    assert package_of(EntryPoint("wave", "x:Y", "tokend.backends")) == "an unnamed package"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_built_in_plug_in_works_and_is_there_once(group: PluginGroup[Any]) -> None:
    for name, entries in installed(group.name).items():
        assert len(entries) == 1
        group.load(name)
    assert set(group.load_all()) == set(installed(group.name))
    for name in {"backend": ("rtc", "rtm", "chat"), "dialect": ("native",)}.get(group.noun, ("api_key", "anonymous")):
        (entry,) = installed(group.name)[name]
        assert package_of(entry).startswith("tokend ")
