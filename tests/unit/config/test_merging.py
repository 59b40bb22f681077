"""`defaults` and an app's own keys: maps merge, lists replace, and some values are replaced whole."""

from pathlib import Path

import pytest

from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, OTHER, loaded, write
from tests.unit.issuing.making import ttl_bounds
from tokend.config.assemble import merge_apps
from tokend.config.loading import ConfigurationError, Files, find
from tokend.issuing.configuration import App

ALL = """
    defaults:
      app_id: "APP_ID"
      certificate: {env: CERTIFICATE}
      callers: {studio: {api_key: "DIGEST"}}
"""


def _demo(directory: Path, defaults: str, own: str) -> App:
    lines = "\n".join(f"      {line}" for line in defaults.splitlines())
    below = "\n".join(f"        {line}" for line in own.splitlines())
    return loaded(directory, f"{ALL}{lines}\n    apps:\n      demo:\n{below or '        {}'}\n").apps["demo"]


def test_an_app_may_say_nothing_of_its_own(tmp_path: Path) -> None:
    assert _demo(tmp_path, "", "").app_id == APP_ID


def test_maps_merge_and_lists_replace(tmp_path: Path) -> None:
    app = _demo(tmp_path, "cors: {origins: [https://a.b, https://c.d]}", "cors: {origins: [https://e.f]}")
    assert app.options.cors.origins.written == ("https://e.f",)
    configuration = loaded(
        tmp_path,
        f"{ALL}      ttl: {{default: 10m, max: 2h}}\n    apps: {{demo: {{ttl: {{max: 20m}}}}}}",
    )
    assert configuration.routes[0].ttl == ttl_bounds(600, 60, 1200)


def test_callers_of_defaults_stay_beside_an_apps_own(tmp_path: Path) -> None:
    own = 'callers: {own: {api_key: "sha256:' + "1" * 64 + '"}}'
    assert list(_demo(tmp_path, "", own).rules) == ["studio", "own"]


def test_callers_that_are_called_like_the_keys_of_a_secret_merge_too(tmp_path: Path) -> None:
    own = 'callers: {env: {api_key: "sha256:' + "1" * 64 + '"}, file: {anonymous: true, rules: []}}'
    assert list(_demo(tmp_path, "", own).rules) == ["studio", "env", "file"]


def test_rules_are_a_list_and_replaced(tmp_path: Path) -> None:
    app = loaded(
        tmp_path,
        ALL.replace('"DIGEST"}', '"DIGEST", rules: [{kinds: rtc}, {kinds: rtm}]}')
        + "    apps: {demo: {callers: {studio: {rules: [{kinds: chat}]}}}}",
    ).apps["demo"]
    assert [rule.kinds for rule in app.rules["studio"]] == [{"chat"}]


def test_a_certificate_is_replaced_whole(tmp_path: Path) -> None:
    both = "certificate: {primary: {env: CERTIFICATE}, secondary: {env: OTHER}}"
    text = ALL.replace("certificate: {env: CERTIFICATE}", both)
    app = loaded(tmp_path, text + "    apps: {demo: {certificate: {env: OTHER}}}").apps["demo"]
    found = app.backends["rtc"].app_credentials.certificates
    assert {name: certificate.reveal() for name, certificate in found.items()} == {"primary": OTHER}


def test_a_secret_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path, {"secret": CERTIFICATE})
    app = _demo(tmp_path, "", "certificate: {file: secret}")
    assert app.backends["rtc"].app_credentials.certificates["primary"].reveal() == CERTIFICATE
    app = loaded(tmp_path, ALL.replace('"APP_ID"', "{env: APP}") + '    apps: {demo: {app_id: "APP_ID"}}').apps["demo"]
    assert app.app_id == APP_ID


def test_a_signing_key_and_a_key_with_an_end_are_replaced_whole(tmp_path: Path) -> None:
    both = "url_signing_key: {primary: {env: OTHER}, secondary: {env: OTHER}, sign_with: secondary}"
    found = _demo(tmp_path, both, "url_signing_key: {env: OTHER}").url_signing
    assert found is not None
    assert (found.signing, list(found.keys)) == ("primary", ["primary"])
    text = ALL.replace('api_key: "DIGEST"', 'api_key: {sha256: "DIGEST", not_after: 2020-01-01T00:00:00Z}')
    assert len(loaded(tmp_path, text + "    apps: {demo: {}}").key_ends) == 1
    own = '{demo: {callers: {studio: {api_key: {sha256: "DIGEST"}}}}}'
    assert loaded(tmp_path, text + f"    apps: {own}").key_ends == ()


def test_naming_a_scheme_drops_the_scheme_of_the_defaults(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, ALL + "    apps: {demo: {callers: {studio: {anonymous: true, rules: [{}]}}}}")
    assert configuration.routes[0].authenticator.open_callers == ("studio",)


def test_backends_as_a_list_replace_those_of_the_defaults(tmp_path: Path) -> None:
    assert list(_demo(tmp_path, "backends: {rtc: {}, rtm: {}}", "backends: [chat]").backends) == ["chat"]
    assert list(_demo(tmp_path, "backends: {rtc: {}}", "backends: {chat: {}}").backends) == ["rtc", "chat"]


def test_app_stands_for_the_apps_name_in_every_value(tmp_path: Path) -> None:
    text = """
        defaults:
          app_id: {env: "{app}_ID"}
          certificate: {env: "CERTIFICATE_of_{app}"}
          cors: {origins: "https://{app}.example.com"}
          callers:
            studio:
              jwt: {issuer: "https://{app}.example.com", audience: x}
              rules: [{channel: "{app}-*", user: "{app}/{claims.sub}"}]
          routes: [{path: "/x/{app}", host: "{app}.example.com"}]
        apps: {one: {}}
    """
    configuration = loaded(tmp_path, text, environment={"one_ID": APP_ID, "CERTIFICATE_of_one": CERTIFICATE})
    app = configuration.apps["one"]
    (rule,) = app.rules["studio"]
    assert rule.channel is not None
    assert rule.user is not None
    assert rule.channel.parts == ("one-", None)
    assert rule.user.parts[0] == "one/"
    assert (configuration.routes[0].prefix, configuration.routes[0].host) == ("/x/one", "one.example.com")
    assert app.options.cors.origins.written == ("https://one.example.com",)


def test_what_defaults_say_wrongly_is_told_once_at_its_own_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, ALL.replace("{env: CERTIFICATE}", "text") + "    apps: {one: {}, two: {}, three: {}}")
    (problem,) = caught.value.problems
    assert str(problem.location) == "config.yaml:4:3"
    assert problem.path == ("defaults", "certificate")


def test_what_defaults_mean_wrongly_is_told_once_at_its_own_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, ALL + "      ttl: {max: 25h}\n    apps: {one: {}, two: {}, three: {}}")
    (problem,) = caught.value.problems
    assert str(problem.location) == "config.yaml:6:9"


def test_the_tree_as_merged_keeps_each_keys_own_place(tmp_path: Path) -> None:
    loaded(tmp_path, ALL + "    apps:\n      demo:\n        ttl: {max: 1h}\n")
    tree = find(None, {}, tmp_path, Files()).tree
    demo = merge_apps(tree)["apps"]["demo"]
    assert {key: str(location) for key, location in demo.locations.items()} == {
        "app_id": "config.yaml:3:3",
        "certificate": "config.yaml:4:3",
        "callers": "config.yaml:5:3",
        "ttl": "config.yaml:8:5",
    }
    assert demo["callers"]["studio"]["api_key"] == DIGEST
