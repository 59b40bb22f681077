"""A reload puts every secret that changed into force, whatever part of the configuration refers to it."""

import sys
from pathlib import Path

import pytest

from tests.system.secrecy.canaries import CERTIFICATES, OTHERS
from tests.system.secrecy.system import ENVIRONMENT, FILES, environment, write
from tokend.config import entry_points
from tokend.config.loading import Files, Source

_ANOTHER = {
    **dict.fromkeys(CERTIFICATES.values(), "00112233445566778899aabbccddeeff"),
    **dict.fromkeys(OTHERS.values(), "another-text-of-which-nobody-knows-anything-0123456789"),
}
_APPS = {name: {"demo"} for name in (*ENVIRONMENT, *FILES)} | {
    "PRIMARY": {"demo", "asked"},
    "CUSTOMER": {"asked"},
    "authorizer": {"asked"},
}
"""The apps that refer to each variable and each file."""


@pytest.mark.parametrize("name", _APPS)
def test_the_apps_that_refer_to_a_changed_secret_are_built_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "package")
    monkeypatch.delitem(sys.modules, "canary_kind", raising=False)
    monkeypatch.setattr(entry_points, "installed", entry_points.installed.__wrapped__)
    variables = environment(tmp_path)
    before = Source("config.yaml", variables, tmp_path).load_isolated(Files()).configuration
    if name in FILES:
        (tmp_path / name).write_text(_ANOTHER[FILES[name]])
    else:
        variables[name] = _ANOTHER[ENVIRONMENT[name]]
    after = Source("config.yaml", variables, tmp_path).load_isolated(Files(), before)
    assert after.invalid_apps == {}
    assert set(after.changed) == _APPS[name]
    assert after.configuration.settings_fingerprint == before.settings_fingerprint
