"""A process that starts later builds what the others serve, whatever was valid when."""

from pathlib import Path

import msgspec
import pytest

from tests.unit.config.test_change import TWO, of, source
from tests.unit.config.test_isolation import isolated
from tokend.config.files import FileRecord, Files
from tokend.config.isolation import Isolated
from tokend.config.loading import ConfigurationError
from tokend.config.served import Served

INVALID = "ttl: {max: 99d}"


def after(directory: Path, *steps: dict[str, str]) -> tuple[Isolated, Served]:
    """What is served after these configurations, one after the other."""
    found = isolated(directory, steps[0])
    served = Served.at_start(found, _record(directory))
    for apps in steps[1:]:
        found = isolated(directory, apps, found.configuration)
        served = served.followed_by(found, _record(directory))
    return found, served


def _record(directory: Path) -> FileRecord:
    files = Files()
    source(directory).load_isolated(files)
    return files.record()


def built(directory: Path, served: Served) -> Isolated:
    """What another process makes of it."""
    return source(directory).load_served(msgspec.msgpack.decode(msgspec.msgpack.encode(served), type=Served))


@pytest.mark.parametrize(
    "steps",
    [
        (TWO,),
        ({**TWO, "cord": INVALID},),
        (TWO, {"acme": INVALID, "bolt": "ttl: {max: 2h}"}),
        (TWO, {**TWO, "acme": "ttl: {max: 2h}", "cord": INVALID}, {**TWO, "acme": INVALID, "cord": INVALID}),
        (TWO, {**TWO, "acme": INVALID}, {"acme": INVALID, "bolt": INVALID, "cord": "{}"}, {"bolt": INVALID}),
        (TWO, {**TWO, "acme": INVALID}, {**TWO, "acme": "ttl: {max: 3h}"}, {"acme": INVALID, "bolt": "{}"}),
        (TWO, {**TWO, "cord": "routes: [{path: /bolt}]"}, {**TWO, "acme": "routes: [{path: /bolt}]"}),
    ],
)
def test_it_is_the_same_as_the_others_serve(tmp_path: Path, steps: tuple[dict[str, str], ...]) -> None:
    found, served = after(tmp_path, *steps)
    again = built(tmp_path, served)
    assert of(again.configuration) == of(found.configuration)
    assert again.configuration.apps_fingerprint == found.configuration.apps_fingerprint
    assert {name: routes for name, routes in again.taken_routes.items() if routes} == {
        name: routes for name, routes in found.taken_routes.items() if routes
    }


def test_apps_that_became_invalid_together_share_their_files(tmp_path: Path) -> None:
    _, served = after(tmp_path, TWO, {"acme": INVALID, "bolt": INVALID, "cord": "{}"})
    assert [names for _, names in served.valid_in] == [("acme", "bolt")]


def test_an_app_that_is_invalid_there_is_an_error(tmp_path: Path) -> None:
    """A part of it would be served: a rule without its channel, say."""
    _, served = after(tmp_path, TWO)
    isolated(tmp_path, {**TWO, "bolt": INVALID})
    with pytest.raises(ConfigurationError, match="bolt"):
        built(tmp_path, msgspec.structs.replace(served, files=_record(tmp_path)))
