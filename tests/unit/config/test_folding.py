"""`tokend check` says once what is wrong in many apps alike."""

from pathlib import Path

import pytest

from tests.running import APP_ID, CERTIFICATE
from tests.unit.config.writing import ENVIRONMENT
from tokend.auth.key_digests import digest_of
from tokend.config.loading import ConfigurationError, load
from tokend.config.problems import Problem, fold
from tokend.config.yaml_tree import Location
from tokend.core import folding


def test_thirty_one_files_with_the_same_mode_are_one_line(tmp_path: Path) -> None:
    apps = [f"app{number}" for number in range(31)]
    for name in apps:
        file = tmp_path / name
        file.write_text(CERTIFICATE)
        file.chmod(0o644)
    text = "apps:\n" + "".join(
        f'  {name}: {{app_id: "{APP_ID}", certificate: {{file: "./{name}"}}}}\n' for name in apps
    )
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load(str(tmp_path / "config.yaml"), ENVIRONMENT, tmp_path)
    alike = [problem for problem in raised.value.problems if "chmod 600" in problem.sentence]
    (line,) = fold(alike)
    assert len(alike) == 31
    assert "apps.app0.certificate: the file ./app0 can be read by others than its owner" in line
    assert "(the same for 30 more apps: app1, app2, app3, " in line
    assert line.endswith(" and 10 others)")


def test_only_the_names_that_are_shown_are_searched_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload with the same problem in ten thousand apps searched the names of all of them, line by line."""
    searched = []

    def counted(text: str) -> str:
        searched.append(text)
        return text

    monkeypatch.setattr(folding, "redact_secrets", counted)
    found = [Problem(Location("config.yaml"), ("apps", f"app{number}"), "is bad") for number in range(500)]
    (line,) = fold(found)
    assert "(the same for 499 more apps: app1, app2, " in line
    assert len(searched) < 100


def test_each_file_of_the_same_app_has_a_line(tmp_path: Path) -> None:
    """Of three files of one app, the third was named nowhere, although there were two problems."""
    for folder in "abc":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "demo.yaml").write_text(
            f'{{app_id: "{APP_ID}", certificate: {{env: CERTIFICATE}}, callers: {{a: {{api_key: "{digest_of("a")}"}}}}}}'
        )
    (tmp_path / "config.yaml").write_text('include: "[abc]/*.yaml"')
    with pytest.raises(ConfigurationError) as raised:
        load(str(tmp_path / "config.yaml"), ENVIRONMENT, tmp_path)
    assert fold(raised.value.problems) == [
        f"{folder}/demo.yaml: apps.demo: stands in a/demo.yaml:1:1 already" for folder in "bc"
    ]
