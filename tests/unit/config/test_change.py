"""A change leads from one configuration to the next as reading all files does, and builds only the apps that differ."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.unit.config.test_isolation import DEFAULTS, isolated, paths
from tests.unit.config.writing import APP_ID, CERTIFICATE, ENVIRONMENT, NOTHING, OTHER, write
from tokend.config.change import Change
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.issuing.configuration import Configuration

TWO = {"acme": "{}", "bolt": "ttl: {max: 1h}"}


def source(directory: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Source:
    return Source(None, environment, directory)


def changed(
    directory: Path, found: Isolated, served: Configuration, environment: Mapping[str, str] = ENVIRONMENT
) -> Configuration | None:
    """What another process makes of the change, which comes to it as JSON."""
    change = msgspec.msgpack.decode(msgspec.msgpack.encode(found.change), type=Change)
    return source(directory, environment).changed_by(change, served)


def of(configuration: Configuration) -> object:
    """What two equal configurations have in common."""
    apps = configuration.apps.values()
    return (
        paths(configuration),
        [
            (app.name, app.app_id, app.options.ttl, app.options.cors.origins.written, app.undated_callers)
            for app in apps
        ],
        [(app.name, {name: [rule.name for rule in rules] for name, rules in app.rules.items()}) for app in apps],
        [(route.prefix, route.host, route.callers, route.ttl) for route in configuration.routes],
        (configuration.fingerprint, configuration.apps_fingerprint, configuration.settings_fingerprint),
        (
            configuration.listen,
            configuration.platform_port,
            configuration.key_ends,
            repr(configuration.options.server.log),
        ),
        [str(network) for network in configuration.options.server.trusted_proxies.written],
    )


@pytest.mark.parametrize(
    ("texts", "root"),
    [
        ({**TWO, "bolt": "ttl: {max: 2h}"}, DEFAULTS),
        ({**TWO, "cord": "cors: {origins: ['https://cord.example.com']}"}, DEFAULTS),
        ({"bolt": TWO["bolt"]}, DEFAULTS),
        ({"aaaa": "{}", **TWO}, DEFAULTS),
        (TWO, DEFAULTS.replace("{on_invalid_app: isolate}", "{workers: 2, trusted_proxies: [10.0.0.0/8]}")),
        (TWO, DEFAULTS.rstrip() + "\n      ttl: {default: 10m}\n"),
        ({**TWO, "bolt": 'description: "\\u20ac, a \\t and \'"'}, DEFAULTS),
    ],
)
def test_it_leads_to_what_reading_everything_leads_to(tmp_path: Path, texts: Mapping[str, str], root: str) -> None:
    before = isolated(tmp_path, TWO).configuration
    after = isolated(tmp_path, texts, before, root=root)
    found = changed(tmp_path, after, before)
    assert found is not None
    assert of(found) == of(after.configuration)
    for name, app in found.apps.items():
        assert (app is before.apps.get(name)) == (after.configuration.apps[name] is before.apps.get(name))


def test_apps_that_stay_are_not_in_it(tmp_path: Path) -> None:
    before = isolated(tmp_path, TWO).configuration
    change = isolated(tmp_path, {**TWO, "bolt": "ttl: {max: 2h}"}, before).change
    assert change is not None
    assert '"acme"' not in change.written
    assert change.apps == ("acme", "bolt")


def test_it_holds_the_secrets_and_none_of_the_texts(tmp_path: Path) -> None:
    """A process that reads the disk again could find another secret than the one that was checked."""
    texts = {**TWO, "bolt": "certificate: {file: run/bolt}"}
    before = isolated(tmp_path, texts, more={"run/bolt": CERTIFICATE}).configuration
    write(tmp_path, {"run/bolt": OTHER})
    after = source(tmp_path).load_isolated(Files(), before)
    write(tmp_path, {"run/bolt": CERTIFICATE})
    found = changed(tmp_path, after, before)
    assert found is not None
    assert found.apps["bolt"].backends["rtc"].app_credentials.certificates["primary"].reveal() == OTHER
    assert after.change is not None
    assert {Path(name).name for name in after.change.files.read} == {"bolt"}


def test_a_variable_of_dotenv_is_in_it(tmp_path: Path) -> None:
    environment = {"CERTIFICATE": CERTIFICATE}
    write(tmp_path, {".env": f"APP={APP_ID}\n", "config.yaml": DEFAULTS.replace('"APP_ID"', "{env: APP}")})
    write(tmp_path, {"apps.d/acme.yaml": "{}"})
    before = source(tmp_path, environment).load_isolated(Files()).configuration
    write(tmp_path, {".env": f"APP={OTHER}\n"})
    after = source(tmp_path, environment).load_isolated(Files(), before)
    (tmp_path / ".env").unlink()
    found = changed(tmp_path, after, before, environment)
    assert found is not None
    assert found.apps["acme"].app_id == OTHER
    assert of(found) == of(after.configuration)


def test_the_port_of_a_platform_counts_as_at_the_start(tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "PORT": "8123"}
    before = isolated(tmp_path, TWO).configuration
    write(tmp_path, {"apps.d/bolt.yaml": "ttl: {max: 2h}"})
    after = source(tmp_path, environment).load_isolated(Files(), before)
    found = changed(tmp_path, after, before, environment)
    assert found is not None
    assert found.platform_port
    assert of(found) == of(after.configuration)


def test_an_invalid_app_keeps_its_last_version_and_a_new_one_its_routes(tmp_path: Path) -> None:
    before = isolated(tmp_path, TWO).configuration
    after = isolated(tmp_path, {"acme": "ttl: {max: 99d}", "bolt": "ttl: {max: 2h}", "cord": "app_id: short"}, before)
    found = changed(tmp_path, after, before)
    assert found is not None
    assert of(found) == of(after.configuration)
    assert found.apps["acme"] is before.apps["acme"]
    assert after.change is not None
    assert after.change.taken_routes == dict(after.taken_routes)
    assert set(after.change.taken_routes) == {"acme", "cord"}


def test_a_mistake_in_defaults_that_no_app_inherits_does_not_stop_it(tmp_path: Path) -> None:
    root = DEFAULTS.replace("{env: CERTIFICATE}", "{env: UNSET}")
    texts = dict.fromkeys(TWO, "certificate: {env: OTHER}")
    before = isolated(tmp_path, texts, root=root).configuration
    after = isolated(tmp_path, {**texts, "bolt": "{certificate: {env: OTHER}, ttl: {max: 2h}}"}, before, root=root)
    found = changed(tmp_path, after, before)
    assert found is not None
    assert of(found) == of(after.configuration)


def test_numbers_come_through_as_they_are_written(tmp_path: Path) -> None:
    """A change that could not be followed would have every worker build everything."""
    claims = "{odds: [1e300, -0.0, 9007199254740993, 0.1], exp: '{expires_at}'}"
    text = f"backends: {{jwt: {{algorithm: HS256, secret: {{env: OTHER}}, always: connect, claims: {claims}}}}}"
    before = isolated(tmp_path, TWO).configuration
    after = isolated(tmp_path, {**TWO, "bolt": text}, before)
    assert not after.invalid_apps
    found = changed(tmp_path, after, before)
    assert found is not None
    assert found.apps_fingerprint == after.configuration.apps_fingerprint


@pytest.mark.parametrize(
    ("other", "more"),
    [
        pytest.param({"acme": "{}"}, NOTHING, id="an app that stays is missing"),
        pytest.param({"acme": "ttl: {max: 3h}", "bolt": TWO["bolt"]}, NOTHING, id="an app that stays is different"),
    ],
)
def test_nothing_follows_from_another_configuration(
    tmp_path: Path, other: Mapping[str, str], more: Mapping[str, str]
) -> None:
    served = isolated(tmp_path, other, more=more).configuration
    before = isolated(tmp_path, TWO).configuration
    after = isolated(tmp_path, {**TWO, "cord": "{}"}, before)
    assert changed(tmp_path, after, served) is None
    assert changed(tmp_path, after, before) is not None


def test_nothing_follows_where_a_variable_is_missing(tmp_path: Path) -> None:
    before = isolated(tmp_path, TWO).configuration
    after = isolated(tmp_path, {**TWO, "cord": "certificate: {env: OTHER}"}, before)
    assert changed(tmp_path, after, before, {"CERTIFICATE": CERTIFICATE}) is None


def test_there_is_no_change_without_a_configuration_before(tmp_path: Path) -> None:
    assert isolated(tmp_path, TWO).change is None
