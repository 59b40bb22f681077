"""Sound configurations and what they give: the 90 % case, the big example as far as it is built, the defaults."""

from pathlib import Path

import pytest

from tests.built_in_dialects import DIALECTS
from tests.unit.config.writing import APP_ID, CERTIFICATE, ENVIRONMENT, ONE_APP, OTHER, loaded
from tests.unit.issuing.making import ttl_bounds
from tokend.backends.agora.rtc import RtcOptions
from tokend.config.loading import ConfigurationError, load
from tokend.core.declarations import WILDCARD_PUBLISH, WILDCARD_USER
from tokend.core.listening import Listen
from tokend.dialects.agora_fields import AgoraOptions

BIG = """
    server:
      listen: 0.0.0.0:8080
    defaults:
      certificate: {file: "run/{app}"}
      ttl: {default: 1h, min: 1m, max: 24h}
      cors: {origins: ["https://{app}.example.com", "https://*.preview.example.com"]}
      callers:
        web:
          jwt: {issuer: "https://id.example.com/realms/{app}", audience: tokend}
          rules:
            - {when: {claims.roles: host}, kinds: [rtc, rtm], channel: "room-{claims.org}-*", user: "{claims.sub|uid}",
               roles: [publisher], ttl: {max: 30m}}
            - {kinds: [rtc], channel: "{app}-*", user: "{claims.sub|uid}", roles: [subscriber]}
      routes: [{path: "/{app}"}, {host: "{app}.rtc.example.com", path: /}]
    include: apps.d/*.yaml
    apps:
      acme: {app_id: "APP_ID"}
      bolt:
        app_id: "APP_ID"
        certificate: {primary: {env: CERTIFICATE}, secondary: {env: OTHER}, sign_with: secondary}
        backends: {rtc: {strict_006: true}, rtm: {}}
        callers:
          kiosk:
            anonymous: true
            rules: [{kinds: [rtc, rtm], channel: "lobby-*", capabilities: [wildcard_user, wildcard_publish]}]
        routes:
          - {path: /bolt, dialect: [native, agora-token-service], callers: [web, kiosk]}
          - {path: /bolt/old, dialect: {agora-token-service: {token_version: "006", signed_uid: true}},
             callers: kiosk, on_excess: clamp, ttl: {default: 10m, max: 20m}}
"""


def test_the_ninety_percent_case(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, ONE_APP)
    app = configuration.apps["demo"]
    (route,) = configuration.routes
    (rule,) = app.rules["studio"]
    assert configuration.source == "config.yaml"
    assert configuration.listen == Listen("127.0.0.1", 8080)
    assert app.app_id == APP_ID
    assert list(app.backends) == ["rtc", "rtm", "chat"]
    assert app.options.cors.origins.written == ()
    assert route.prefix == "/demo"
    assert route.host is None
    assert [dialect.name for dialect in route.dialects] == ["native", "agora-token-service"]
    assert route.callers == ("studio",)
    assert route.ttl == ttl_bounds(3600, 60, 86_400)
    assert not route.options.clamp
    assert rule.name == "demo.studio.rules[0]"
    assert rule.kinds == {"rtc", "rtm", "chat"}
    assert (rule.channel, rule.user, rule.roles, rule.capabilities, rule.max_ttl) == (
        None,
        None,
        None,
        frozenset(),
        None,
    )
    assert configuration.warnings == ()


def test_the_big_example(tmp_path: Path) -> None:
    more = {"apps.d/coda.yaml": 'app_id: "APP_ID"\n', "run/acme": CERTIFICATE + "\n", "run/coda": OTHER + "\r\n"}
    configuration = loaded(tmp_path, BIG, more)
    acme, bolt, coda = (configuration.apps[name] for name in ("acme", "bolt", "coda"))
    assert configuration.listen == Listen("0.0.0.0", 8080)
    assert [(route.app.name, route.host, route.prefix) for route in configuration.routes] == [
        ("acme", None, "/acme"),
        ("acme", "acme.rtc.example.com", "/"),
        ("bolt", None, "/bolt"),
        ("bolt", None, "/bolt/old"),
        ("coda", None, "/coda"),
        ("coda", "coda.rtc.example.com", "/"),
    ]
    assert acme.options.cors.origins.written == ("https://acme.example.com", "https://*.preview.example.com")
    assert acme.rules["web"][0].max_ttl == 1800
    assert acme.rules["web"][1].channel is not None
    assert acme.rules["web"][1].channel.parts[0] == "acme-"
    assert acme.backends["rtc"].app_credentials.certificates["primary"].reveal() == CERTIFICATE
    assert coda.backends["rtc"].app_credentials.certificates["primary"].reveal() == OTHER
    assert list(bolt.backends) == ["rtc", "rtm"]
    assert bolt.rules["kiosk"][0].capabilities == {WILDCARD_USER, WILDCARD_PUBLISH}
    assert list(bolt.rules) == ["web", "kiosk"]


def test_one_route_with_everything(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, BIG, {"run/acme": CERTIFICATE})
    old = next(route for route in configuration.routes if route.prefix == "/bolt/old")
    assert [dialect.name for dialect in old.dialects] == ["agora-token-service"]
    assert old.callers == old.authenticator.open_callers == ("kiosk",)
    assert old.ttl == ttl_bounds(600, 60, 1200)
    assert old.options.clamp
    assert old.dialect_options["agora-token-service"] == AgoraOptions(token_version="006", signed_uid=True)
    assert old.app.backends["rtc"].options == RtcOptions(strict_006=True)


def test_custom_routes(tmp_path: Path) -> None:
    watch = (
        '{path: "/bolt/watch/{channel}", kind: rtc, set: {role: subscriber, uid: 0}, response: {rtcToken: "{token}"}}'
    )
    both = (
        '{path: /bolt/both, kinds: [rtc, rtm], ttl: {max: 30m}, on_excess: clamp, response: "{rtc.token} {rtm.token}"}'
    )
    configuration = loaded(tmp_path, f"{ONE_APP}    routes: [{{path: /bolt}}, {watch}, {both}]\n")
    assert [route.prefix for route in configuration.routes] == ["/bolt", "/bolt/watch/{channel}", "/bolt/both"]
    for route in configuration.routes[1:]:
        assert [dialect.name for dialect in route.dialects] == ["custom"]
        assert [(endpoint.method, endpoint.path) for endpoint in route.dialects[0].endpoints] == [
            ("GET", ""),
            ("POST", ""),
        ]
        assert not route.warnings
    assert (configuration.routes[2].ttl.max, configuration.routes[2].options.clamp) == (1800, True)


def test_a_route_of_every_dialect_and_those_that_issue_006(tmp_path: Path) -> None:
    routes = "".join(f"      - {{path: /{name}, dialect: {name}}}\n" for name in DIALECTS)
    configuration = loaded(tmp_path, f"{ONE_APP}    routes:\n{routes}")
    old = {"agora-token-guide", "agora-node-server", "agora-npm-demo", "agora-samples"}
    of_006 = [warning for warning in configuration.warnings if "issues version 006" in warning]
    assert {warning.split()[3] for warning in of_006} == {f"/{name}" for name in old}
    assert len(of_006) == len(old)
    modern = "".join(
        f'      - {{path: /{name}, dialect: {{{name}: {{token_version: "007"}}}}}}\n' for name in (*old, "native")
    )
    assert loaded(tmp_path, f"{ONE_APP}    routes:\n{modern}").warnings == ()


def test_the_second_certificate_signs_and_both_verify(tmp_path: Path) -> None:
    app_credentials = loaded(tmp_path, BIG, {"run/acme": CERTIFICATE}).apps["bolt"].backends["rtc"].app_credentials
    assert app_credentials.signing == "secondary"
    assert {name: certificate.reveal() for name, certificate in app_credentials.certificates.items()} == {
        "primary": CERTIFICATE,
        "secondary": OTHER,
    }


def test_backends_as_a_list_as_a_mapping_and_without_options(tmp_path: Path) -> None:
    for written in ("[rtm, rtc]", "{rtm: {}, rtc: {}}", "{rtm: , rtc: }"):
        configuration = loaded(tmp_path, f"{ONE_APP}    backends: {written}\n")
        assert list(configuration.apps["demo"].backends) == ["rtm", "rtc"]
        assert configuration.apps["demo"].rules["studio"][0].kinds == {"rtc", "rtm"}


def test_one_name_where_a_list_may_stand(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, f"{ONE_APP}    routes: [{{path: /, dialect: native, callers: studio}}]\n")
    assert [dialect.name for dialect in configuration.routes[0].dialects] == ["native"]
    assert configuration.routes[0].callers == ("studio",)


def test_an_empty_list_of_rules_permits_nothing(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, ONE_APP.replace("{api_key:", "{rules: [], api_key:"))
    assert configuration.apps["demo"].rules["studio"] == ()


def test_plain_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = f"{ONE_APP}    routes: [{{path: /no, callers: [studio]}}]\n".replace("studio", "no")
    assert loaded(tmp_path, text).routes[0].callers == ("no",)
    for number in (".inf", "-.Inf", ".NaN", ".nan", "1e999", "9" * 400, "0x1f", "0o17"):
        with pytest.raises(ConfigurationError, match="must be text: put it in quotes"):
            loaded(tmp_path, f"{ONE_APP}    routes: [{{path: {number}}}]\n")


def test_anonymous_callers_and_006_are_warned_of(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, BIG.replace("wildcard_publish]", "app_admin]"), {"run/acme": CERTIFICATE})
    assert [warning.split(",")[0].split(" so")[0] for warning in configuration.warnings[1:]] == [
        "app bolt: caller kiosk is anonymous",
        "app bolt: anonymous caller kiosk has the capability app_admin: whoever has the URL administers the app",
        "app bolt: route /bolt/old issues version 006 tokens",
    ]


def test_a_thousand_apps(tmp_path: Path) -> None:
    apps = "".join(f'  app{number}: {{app_id: "{APP_ID}"}}\n' for number in range(1000))
    defaults = "defaults:\n  certificate: {env: CERTIFICATE}\n  callers: {studio: {api_key: DIGEST}}\n"
    configuration = loaded(
        tmp_path, f"{defaults}  routes: [{{path: '/{{app}}'}}, {{path: '/v/{{app}}'}}]\napps:\n{apps}"
    )
    assert (len(configuration.apps), len(configuration.routes)) == (1000, 2000)


def test_a_thousand_apps_with_problems_each(tmp_path: Path) -> None:
    apps = "".join(f"  app{number}: {{app_id: short, ttl: {{max: 25h}}}}\n" for number in range(1000))
    (tmp_path / "config.yaml").write_text(f"apps:\n{apps}")
    with pytest.raises(ConfigurationError) as caught:
        load(None, ENVIRONMENT, tmp_path)
    assert len(caught.value.problems) == 4000


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("{trusted_proxies: 10.0.0.0/8}", True),
        ("{listen: '127.0.0.1:9'}", True),
        ("{on_invalid_app: refuse}", True),
        ("{workers: 2}", False),
        ("{admin: 'unix:/run/a'}", False),
        ("{connections: {max: 5}}", False),
    ],
)
def test_what_counts_from_the_next_start(tmp_path: Path, line: str, same: bool) -> None:
    before = loaded(tmp_path, ONE_APP).options.server
    assert before.starts_like(loaded(tmp_path, f"server: {line}\n{ONE_APP}").options.server) is same


def test_callers_whose_credentials_have_no_issue_time(tmp_path: Path) -> None:
    """A caller with only fixed keys in the URL counted as one with times: its deny entry with `issued_before` blocked nobody."""
    rules = 'rules: [{user: "*"}]'
    callers = f"""
      keyed: {{url_key: "DIGEST", {rules}}}
      visitors: {{anonymous: true, {rules}}}
      people: {{jwt: {{issuer: "https://id.example.com", audience: tokend}}, {rules}}}
    """
    app = 'app_id: "APP_ID"\n    certificate: {env: CERTIFICATE}\n'
    for signing, undated in (("", {"keyed", "visitors"}), ("    url_signing_key: {env: OTHER}\n", {"visitors"})):
        configuration = loaded(tmp_path, f"apps:\n  demo:\n    {app}{signing}    callers: {callers}\n")
        assert configuration.undated_callers() == {"demo": undated}
