"""An app's authorizer: what is said, what is left out, and what it takes from `defaults`."""

from pathlib import Path

from tests.unit.config.writing import CERTIFICATE, ONE_APP, OTHER, loaded
from tokend.core.authorizer import AuthorizerSettings

TEXT = """
    defaults:
      app_id: "APP_ID"
      certificate: {env: CERTIFICATE}
      callers: {studio: {api_key: "DIGEST"}}
      authorizer: {url: "https://api.example.com/{app}/authorize", secret: {env: CERTIFICATE}}
    apps:
      plain: {}
      own:
        authorizer: {url: "http://127.0.0.1:9000/", secret: {file: own.txt}, timeout: 5s, cache: 1m}
      longer:
        authorizer: {cache: 0s, timeout: 2s}
"""


def _told(settings: AuthorizerSettings | None) -> tuple[str, str, int, int]:
    assert settings is not None
    return settings.url, settings.secret.reveal(), settings.timeout, settings.cache


def test_an_app_takes_what_it_does_not_say_from_the_defaults(tmp_path: Path) -> None:
    apps = loaded(tmp_path, TEXT, {"own.txt": f"{OTHER}\n"}).apps
    assert {name: _told(app.options.authorizer) for name, app in apps.items()} == {
        "plain": ("https://api.example.com/plain/authorize", CERTIFICATE, 1, 0),
        "own": ("http://127.0.0.1:9000/", OTHER, 5, 60),
        "longer": ("https://api.example.com/longer/authorize", CERTIFICATE, 2, 0),
    }
    assert CERTIFICATE not in repr(apps["plain"].options.authorizer)


def test_without_one_nobody_is_asked(tmp_path: Path) -> None:
    assert [app.options.authorizer for app in loaded(tmp_path, ONE_APP).apps.values()] == [None]
