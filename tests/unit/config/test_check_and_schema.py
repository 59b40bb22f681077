"""`tokend check`, its exit codes and `--show`; `tokend schema` against good and bad files."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

from tests.unit.commands import Command
from tests.unit.config import bad_files
from tests.unit.config.test_good_files import BIG
from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, ENVIRONMENT, ONE_APP, write
from tokend.cli import main
from tokend.config.entry_points import BACKENDS, installed
from tokend.config.schema import json_schema

ROOT = Path(__file__).parents[3]


def test_check_of_a_sound_file(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    found = command(tmp_path, ENVIRONMENT, "check")
    assert (found.returncode, found.stdout, found.stderr) == (0, "config.yaml: no problems; 1 app, 1 route\n", "")


def test_a_rule_for_a_channel_that_is_a_login_as_any_user_is_warned_of(tmp_path: Path, command: Command) -> None:
    rules = (
        '{kinds: [rtc, chat], channel: "room-*", user: "*"}',
        '{kinds: rtc, channel: "room-*", user: "*"}',
        "{user: '*'}",
    )
    write(tmp_path, {"config.yaml": ONE_APP.replace('"}', f'", rules: [{", ".join(rules)}]}}')})
    found = command(tmp_path, ENVIRONMENT, "check")
    assert found.returncode == 0
    (warning,) = [line for line in found.stdout.splitlines() if line.startswith("warning: ")]
    assert warning == (
        'warning: app demo: demo.studio.rules[0] limits the channel, but its user "*" permits a login as any user to chat, '
        "which may have no channel; name the kinds that it is for (rtc), or a user"
    )


def test_check_tells_every_problem_and_exits_with_78(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"other.yaml": ONE_APP + "    certficate: x\n    ttl: {max: 25h}\n"})
    found = command(tmp_path, ENVIRONMENT, "check", "--config", "other.yaml")
    assert (found.returncode, found.stdout) == (78, "")
    assert found.stderr.splitlines() == [
        "other.yaml:8:5: apps.demo.certficate: unknown key, did you mean 'certificate'?",
        "other.yaml:9:11: apps.demo.ttl.max: is over the maximum of every kind: rtc 86400 s, rtm 86400 s, chat 86400 s",
        "2 problems; invalid configuration",
    ]


def test_a_dotenv_is_read_and_a_broken_one_is_78(tmp_path: Path, command: Command) -> None:
    (tmp_path / ".env").write_text(f"APP_ID={APP_ID}\nAPP_CERTIFICATE={CERTIFICATE}\n")
    found = command(tmp_path, ENVIRONMENT, "check")
    assert found.returncode == 0
    assert "environment: no problems; 1 app, 1 route" in found.stdout
    assert "warning: app default: caller anybody" in found.stdout
    (tmp_path / ".env").write_bytes(b"\xff\n")
    found = command(tmp_path, ENVIRONMENT, "check")
    assert (found.returncode, found.stderr) == (78, ".env: is not UTF-8 text\n1 problem; invalid configuration\n")


def test_wrong_usage_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ONE_APP.replace("{env: CERTIFICATE}", "{file: certificate}")
    write(tmp_path, {"config.yaml": config, "certificate": CERTIFICATE})
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--show", "dmeo"]) == 2
    assert capsys.readouterr().err == "tokend: there is no app dmeo; there are demo\n"
    for arguments in (["check", "--confg", "x"], ["chek"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert main([]) == 2
    assert main(["check"]) == 0


def test_show_prints_the_app_as_merged_and_no_secret(tmp_path: Path, command: Command) -> None:
    files = {
        "config.yaml": BIG,
        "run/acme": CERTIFICATE,
        "run/coda": CERTIFICATE,
        "apps.d/coda.yaml": "app_id: 'APP_ID'\n",
    }
    write(tmp_path, files)
    shown = {}
    for app in ("acme", "bolt", "coda"):
        found = command(tmp_path, ENVIRONMENT, "check", "--show", app)
        assert (found.returncode, found.stderr) == (0, "")
        assert CERTIFICATE not in found.stdout
        shown[app] = yaml.safe_load(found.stdout)[app]
    assert shown["acme"]["certificate"] == {"file": "run/acme"}
    assert shown["acme"]["cors"]["origins"][0] == "https://acme.example.com"
    assert shown["acme"]["routes"] == [{"path": "/acme"}, {"host": "acme.rtc.example.com", "path": "/"}]
    assert shown["bolt"]["certificate"]["sign_with"] == "secondary"
    assert list(shown["bolt"]["callers"]) == ["web", "kiosk"]
    assert shown["coda"]["callers"]["web"]["jwt"]["issuer"] == "https://id.example.com/realms/coda"


def test_what_show_prints_is_the_app_itself(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"config.yaml": BIG, "run/acme": CERTIFICATE})
    whole = {}
    for app in ("acme", "bolt"):
        whole.update(yaml.safe_load(command(tmp_path, ENVIRONMENT, "check", "--show", app).stdout))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"apps": whole}))
    for app in ("acme", "bolt"):
        assert yaml.safe_load(command(tmp_path, ENVIRONMENT, "check", "--show", app).stdout) == {app: whole[app]}


def _validator() -> Any:
    return Draft202012Validator(json_schema())


def _plain(text: str) -> Any:
    return yaml.safe_load(text.replace("APP_ID", APP_ID).replace("DIGEST", DIGEST))


def test_the_schema_is_one_and_the_command_prints_it(tmp_path: Path, command: Command) -> None:
    found = command(tmp_path, ENVIRONMENT, "schema")
    assert found.returncode == 0
    assert json.loads(found.stdout) == json_schema()
    Draft202012Validator.check_schema(json_schema())


def test_good_files_fit_the_schema() -> None:
    for text in ((ROOT / "config.yaml").read_text(), BIG, ONE_APP, ONE_APP + "    backends: {rtc: , rtm: {}}\n"):
        assert list(_validator().iter_errors(_plain(text))) == []


@pytest.mark.parametrize(
    ("backends", "fits"),
    [
        ("[rtc, waveline]", True),
        ("{rtc: {rest: {customer_id: x, customer_secret: {env: X}}}, rtm: }", True),
        ("{waveline: {server_url: x, secret: [{env: X}]}}", True),
        ("{zoom: {backend: rtc, any: thing}, rtc: {backend: waveline, server_url: x}}", True),
        ("{rtc: {rest: {customer_id: x}}}", False),
        ("{rtc: {rest: {customer_id: x, customer_secret: text}}}", False),
        ("{rtc: {region: eu}}", False),
        ("{zoom: {backend: 7}}", False),
        ("{rtc: true}", False),
    ],
)
def test_the_schema_knows_the_options_of_installed_kinds_and_takes_others(backends: str, fits: bool) -> None:
    assert _validator().is_valid(_plain(f"{ONE_APP}    backends: {backends}\n")) is fits


def test_every_installed_kind_is_a_property_of_backends_for_editors() -> None:
    (_, by_kind) = json_schema()["$defs"]["AppShape"]["properties"]["backends"]["anyOf"]
    assert by_kind["properties"].keys() == set(installed("tokend.backends"))
    for name, kind in by_kind["properties"].items():
        assert kind["else"]["properties"].keys() >= {"backend", *BACKENDS.load(name).Options.model_fields}
        assert kind["description"]


@pytest.mark.parametrize(
    "name",
    [
        *("unknown_key", "unknown_key_far", "unknown_key_in_rule", "unknown_key_in_cors", "not_a_mapping"),
        *(
            "app_not_a_mapping",
            "rule_not_a_mapping",
            "key_without_value",
            "key_without_value_in_rule",
            "number_for_text",
        ),
        *("text_or_list", "empty_list", "anonymous_false", "on_excess_unknown"),
        *(
            "duration",
            "secret_literal",
            "secret_literal_below",
            "app_id_form",
            "certificate_both_forms",
            "backends_text",
        ),
        *("certificate_without_primary", "api_key_literal", "api_key_upper_case", "backend_not_a_mapping"),
        *("backend_option_unknown", "rest_secret_literal", "backend_of_kind_no_text"),
        *("jwt_secret_literal", "key_not_after", "key_entries"),
    ],
)
def test_bad_files_do_not_fit_the_schema(name: str) -> None:
    (text,) = (file.content for file in bad_files.all_files() if file.name == f"{name}.yaml")
    assert list(_validator().iter_errors(yaml.safe_load(text))) != []
