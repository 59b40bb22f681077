"""A reload builds the apps that changed and keeps the others, and every file and variable counts as before."""

import gc
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.auth.jwt.making import pem
from tests.unit.config.test_isolation import DEFAULTS, isolated, sentences
from tests.unit.config.writing import APP_ID, CERTIFICATE, ENVIRONMENT, OTHER, write
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source, load
from tokend.issuing.configuration import Configuration

SECRET_FILE = "certificate: {file: run/bolt}"


def again(
    directory: Path, previous: Configuration, environment: Mapping[str, str] = ENVIRONMENT, files: Files | None = None
) -> Isolated:
    return Source(None, environment, directory, dotenv=False).load_isolated(files or Files(), previous)


def test_only_the_app_that_changed_is_built(tmp_path: Path) -> None:
    before = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 1h}"}).configuration
    after = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 2h}", "cord": "{}"}, before)
    assert after.configuration.apps["acme"] is before.apps["acme"]
    assert after.configuration.apps["bolt"].options.ttl.max == 7200
    assert (set(after.added), set(after.changed), set(after.removed)) == ({"cord"}, {"bolt"}, set())
    assert {route.app.name for route in after.configuration.routes} == {"acme", "bolt", "cord"}


def test_what_is_kept_has_the_fingerprint_and_warnings_of_what_is_built(tmp_path: Path) -> None:
    texts = {"acme": "callers: {web: {anonymous: true, rules: [{kinds: rtc}]}}", "bolt": SECRET_FILE}
    before = isolated(tmp_path, texts, more={"run/bolt": OTHER}).configuration
    after, new = again(tmp_path, before).configuration, load(None, ENVIRONMENT, tmp_path)
    assert after.apps["bolt"] is before.apps["bolt"]
    assert (after.fingerprint, after.apps_fingerprint) == (new.fingerprint, new.apps_fingerprint)
    assert after.warnings == new.warnings
    assert any("acme" in warning for warning in after.warnings)


def test_a_line_more_in_front_changes_no_app(tmp_path: Path) -> None:
    before = isolated(tmp_path, {"acme": "{}"}).configuration
    after = isolated(tmp_path, {"acme": "{}"}, before, root=f"# a comment\n{DEFAULTS}")
    assert after.configuration.apps["acme"] is before.apps["acme"]


@pytest.mark.parametrize("key", ["certificate: {env: CERTIFICATE}", SECRET_FILE])
def test_a_secret_that_changed_is_in_force(tmp_path: Path, key: str) -> None:
    before = isolated(tmp_path, {"acme": "app_id: {env: APP}", "bolt": key}, more={"run/bolt": CERTIFICATE})
    write(tmp_path, {"run/bolt": OTHER})
    after = again(tmp_path, before.configuration, {**ENVIRONMENT, "CERTIFICATE": OTHER}).configuration
    assert after.apps["bolt"].backends["rtc"].app_credentials.certificates["primary"].reveal() == OTHER


@pytest.mark.parametrize("where", ["app", "defaults"])
def test_an_authorizers_secret_that_changed_is_in_force(tmp_path: Path, where: str) -> None:
    """It is read with the app's options, before the app is built: it was taken for a setting of the server."""
    authorizer = "authorizer: {url: 'http://127.0.0.1:9/', secret: {file: hook}}"
    root = DEFAULTS if where == "app" else f"{DEFAULTS.rstrip()}\n      {authorizer}\n"
    texts = {"acme": "{}", "bolt": authorizer if where == "app" else "{}"}
    before = isolated(tmp_path, texts, root=root, more={"hook": OTHER}).configuration
    assert again(tmp_path, before).configuration.apps["bolt"] is before.apps["bolt"]
    write(tmp_path, {"hook": CERTIFICATE})
    after = again(tmp_path, before)
    options = after.configuration.apps["bolt"].options.authorizer
    assert options is not None
    assert options.secret.reveal() == CERTIFICATE
    assert "bolt" in after.changed
    assert after.configuration.settings_fingerprint == before.settings_fingerprint


def test_an_authorizers_secret_that_cannot_be_read_changes_no_setting(tmp_path: Path) -> None:
    text = "authorizer: {url: 'http://127.0.0.1:9/', secret: {file: hook}}"
    before = isolated(tmp_path, {"acme": "{}", "bolt": text}, more={"hook": OTHER}).configuration
    (tmp_path / "hook").unlink()
    after = again(tmp_path, before)
    assert "cannot be read" in sentences(after, "bolt")[0]
    assert not after.changes_apps
    assert after.configuration.settings_fingerprint == before.settings_fingerprint


def test_an_app_id_of_the_environment_that_changed_is_in_force(tmp_path: Path) -> None:
    before = isolated(tmp_path, {"acme": "app_id: {env: APP}", "bolt": "{}"}).configuration
    after = again(tmp_path, before, {**ENVIRONMENT, "APP": OTHER}).configuration
    assert (after.apps["acme"].app_id, after.apps["bolt"].app_id) == (OTHER, APP_ID)
    assert after.apps["bolt"] is before.apps["bolt"]


def test_a_public_key_that_changed_is_in_force(tmp_path: Path) -> None:
    text = "callers: {web: {jwt: {issuer: 'https://id.example.com', audience: a, keys: [{file: key}]}, rules: [{user: '*'}]}}"
    before = isolated(tmp_path, {"acme": text}, more={"key": pem("ec")}).configuration
    assert again(tmp_path, before).configuration.apps["acme"] is before.apps["acme"]
    write(tmp_path, {"key": pem("rsa")})
    assert again(tmp_path, before).configuration.apps["acme"] is not before.apps["acme"]


def test_a_secret_that_is_gone_or_readable_by_all_is_a_problem_again(tmp_path: Path) -> None:
    before = isolated(tmp_path, {"acme": "{}", "bolt": SECRET_FILE}, more={"run/bolt": OTHER}).configuration
    (tmp_path / "run/bolt").chmod(0o644)
    found = again(tmp_path, before)
    assert "can be read by others" in sentences(found, "bolt")[0]
    assert found.configuration.apps["bolt"] is before.apps["bolt"]  # its last valid version
    (tmp_path / "run/bolt").unlink()
    assert "cannot be read" in sentences(again(tmp_path, before), "bolt")[0]


def test_a_worker_gets_the_files_of_apps_that_were_kept(tmp_path: Path) -> None:
    before = isolated(tmp_path, {"acme": "{}", "bolt": SECRET_FILE}, more={"run/bolt": OTHER}).configuration
    files = Files()
    again(tmp_path, before, files=files)
    (tmp_path / "run/bolt").unlink()
    replayed = load(None, ENVIRONMENT, tmp_path, files=Files(files.record()))
    assert replayed.apps["bolt"].backends["rtc"].app_credentials.certificates["primary"].reveal() == OTHER


def test_the_collector_runs_again_after_a_load_and_stays_off_where_it_was_off(tmp_path: Path) -> None:
    isolated(tmp_path, {"acme": "{}"})
    assert gc.isenabled()
    gc.disable()
    try:
        isolated(tmp_path, {"acme": "{}"})
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("reference", ['{file: "secrets/{app}"}', '{env: "{app}_HOOK"}'])
def test_a_secret_of_defaults_with_the_apps_name_is_read_by_each_app_alone(tmp_path: Path, reference: str) -> None:
    """`tokend check` looked for the secret of an app named `app`, and failed."""
    root = f"{DEFAULTS.rstrip()}\n      authorizer: {{url: 'http://127.0.0.1:9/', secret: {reference}}}\n"
    write(tmp_path, {"config.yaml": root, "apps.d/acme.yaml": "{}", "apps.d/bolt.yaml": "{}"})
    write(tmp_path, {"secrets/acme": CERTIFICATE, "secrets/bolt": OTHER})
    environment = {**ENVIRONMENT, "acme_HOOK": CERTIFICATE, "bolt_HOOK": OTHER}
    apps = load(None, environment, tmp_path).apps
    for name, text in (("acme", CERTIFICATE), ("bolt", OTHER)):
        options = apps[name].options.authorizer
        assert options is not None
        assert options.secret.reveal() == text


def test_a_wrong_reference_in_defaults_is_still_one_problem(tmp_path: Path) -> None:
    root = f"{DEFAULTS.rstrip()}\n      authorizer: {{url: 'http://127.0.0.1:9/', secret: {{fil: hook}}}}\n"
    found = isolated(tmp_path, {"acme": "{}", "bolt": "{}"}, root=root)
    assert len(found.problems) == 1
    assert found.invalid_apps.keys() == {"acme", "bolt"}
