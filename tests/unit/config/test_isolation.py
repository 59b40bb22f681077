"""One tenant's mistake stays with that tenant: which apps are served, in which version, and which routes stay taken."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.config.writing import ENVIRONMENT, NOTHING, write
from tokend.auth.jwt import Jwt
from tokend.config import conflicts
from tokend.config.callers import check_between_apps
from tokend.config.isolation import Isolated
from tokend.config.loading import ConfigurationError, Files, Source, load
from tokend.config.routes import check_clashes
from tokend.core.claims import Condition
from tokend.issuing.configuration import Configuration

DEFAULTS = """
    server: {on_invalid_app: isolate}
    include: apps.d/*.yaml
    defaults:
      app_id: "APP_ID"
      certificate: {env: CERTIFICATE}
      callers: {studio: {api_key: "DIGEST"}}
"""
FILE = "apps.d/{}.yaml"
ISSUER = "callers: {web: {jwt: {issuer: 'https://id.example.com', audience: tokend}, rules: [{user: '*'}]}}"


def isolated(
    directory: Path,
    apps: Mapping[str, str],
    previous: Configuration | None = None,
    root: str = DEFAULTS,
    more: Mapping[str, str] = NOTHING,
) -> Isolated:
    """What is served of apps that are each a file; those of an earlier call go."""
    for old in directory.glob("apps.d/*"):
        old.unlink()
    write(directory, {"config.yaml": root, **{FILE.format(name): text for name, text in apps.items()}, **more})
    return Source(None, ENVIRONMENT, directory, dotenv=False).load_isolated(Files(), previous)


def paths(configuration: Configuration) -> dict[str, list[str]]:
    """The paths of each app that is served."""
    return {
        name: [route.prefix for route in configuration.routes if route.app is app]
        for name, app in configuration.apps.items()
    }


def sentences(found: Isolated, app: str) -> list[str]:
    return list(map(str, found.invalid_apps[app].problems))


def test_without_a_mistake_all_are_served_as_load_has_it(tmp_path: Path) -> None:
    found = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 1h}"})
    assert not found.invalid_apps
    assert not found.problems
    assert paths(found.configuration) == {"acme": ["/acme"], "bolt": ["/bolt"]}
    assert found.configuration.fingerprint == load(None, ENVIRONMENT, tmp_path).fingerprint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ttl: {max: 99d}", "apps.bolt.ttl.max: is over the maximum of every kind"),
        ("callers: {studio: {api_key: secret}}", "apps.bolt.callers.studio.api_key"),
        ("certificate: {env: UNSET}", "apps.bolt.certificate: the environment variable UNSET is not set"),
        ("ttl: [", "apps.d/bolt.yaml:"),
        ("- a list", "apps.d/bolt.yaml:1:1: the file must hold a mapping, such as app_id: …"),
        ("unknwon: 1", "apps.bolt.unknwon: unknown key"),
    ],
)
def test_an_invalid_app_is_left_out_and_its_route_stays_taken(tmp_path: Path, text: str, sentence: str) -> None:
    found = isolated(tmp_path, {"acme": "{}", "bolt": text})
    assert paths(found.configuration) == {"acme": ["/acme"]}
    (problem,) = sentences(found, "bolt")
    assert sentence in problem
    assert list(map(str, found.problems)) == [problem]
    app = found.invalid_apps["bolt"]
    assert not app.serves_previous
    assert [(taken.path, taken.host) for taken in app.routes] == [(("bolt",), None)]
    with pytest.raises(ConfigurationError) as caught:
        load(None, ENVIRONMENT, tmp_path)
    assert list(map(str, caught.value.problems)) == [problem]


def test_the_routes_that_are_known_stay_taken(tmp_path: Path) -> None:
    text = "ttl: {max: 99d}\nroutes: [{path: /a}, {path: /b, host: b.example.com}, {path: b}]"
    (app,) = isolated(tmp_path, {"acme": "{}", "bolt": text}).invalid_apps.values()
    assert [(taken.path, taken.host) for taken in app.routes] == [(("a",), None), (("b",), "b.example.com")]


def test_an_app_that_was_valid_keeps_its_last_version(tmp_path: Path) -> None:
    first = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 1h}"}).configuration
    found = isolated(tmp_path, {"acme": "ttl: {max: 2h}", "bolt": "ttl: {max: 99d}"}, first)
    assert found.configuration.apps["bolt"] is first.apps["bolt"]
    assert found.configuration.routes[1] is first.routes[1]
    assert found.configuration.routes[0].ttl.max == 7200
    assert found.invalid_apps["bolt"].serves_previous
    assert not found.invalid_apps["bolt"].routes
    again = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: ["}, found.configuration)
    assert again.configuration.apps["bolt"] is first.apps["bolt"]
    mended = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 3h}"}, again.configuration)
    assert not mended.invalid_apps
    assert mended.configuration.routes[1].ttl.max == 10_800


def test_a_mistake_in_defaults_concerns_each_app_that_inherits_it(tmp_path: Path) -> None:
    root = f"{DEFAULTS}      ttl: {{max: 99d}}\n"
    found = isolated(tmp_path, {"acme": "{}", "bolt": "ttl: {max: 1h}", "cat": "{}"}, root=root)
    assert paths(found.configuration) == {"bolt": ["/bolt"]}
    assert found.invalid_apps.keys() == {"acme", "cat"}
    assert sentences(found, "acme")[0].startswith("config.yaml:")
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{path: /acme}]",
        "routes: [{path: /bolt}, {path: /acme}]",
        "routes: [{path: /acme/v1}]",
        "routes: [{path: /acme/v1/token, kind: rtc, response: {token: '{token}'}}]",
    ],
)
def test_a_newcomer_takes_over_no_path_that_is_served(tmp_path: Path, text: str) -> None:
    first = isolated(tmp_path, {"acme": "{}"}).configuration
    for acme in ("{}", "ttl: {max: 2h}"):  # unchanged, or changed in something else
        found = isolated(tmp_path, {"aaa": text, "acme": acme}, first)
        assert paths(found.configuration) == {"acme": ["/acme"]}
        assert found.invalid_apps.keys() == {"aaa"}
        assert "could match the same requests as a route of apps.acme" in sentences(found, "aaa")[0]
        assert "acme" not in [part for taken in found.invalid_apps["aaa"].routes for part in taken.path]


@pytest.mark.parametrize("text", ["ttl: {max: 99d}\n", "certificate: {env: NOWHERE}\n", "unknown: 1\n"])
def test_a_newcomer_takes_over_no_path_of_an_app_that_is_invalid_since_the_start(tmp_path: Path, text: str) -> None:
    """It got the requests of the other app's clients, and the repair of that app was then a clash."""
    invalid, newcomer = {"bolt": "{}", "acme": f"{text}routes: [{{path: /a}}]"}, {"cat": "routes: [{path: /a}]"}
    first = isolated(tmp_path, invalid)
    assert first.invalid_apps.keys() == {"acme"}
    for previous in (None, first.configuration):
        found = isolated(tmp_path, {**invalid, **newcomer}, previous)
        assert paths(found.configuration) == {"bolt": ["/bolt"]}
        assert "could match the same requests as a route of apps.acme" in sentences(found, "cat")[0]


def test_an_invalid_newcomer_keeps_no_app_from_the_path_that_it_had(tmp_path: Path) -> None:
    first = isolated(tmp_path, {"acme": "{}"}).configuration
    newcomer = {"bolt": "ttl: {max: 99d}\nroutes: [{path: /acme}]"}
    for acme in ("{}", "ttl: {max: 2h}"):
        found = isolated(tmp_path, {"acme": acme, **newcomer}, first)
        assert (paths(found.configuration), set(found.invalid_apps)) == ({"acme": ["/acme"]}, {"bolt"})


def test_an_app_whose_file_cannot_be_read_claims_no_path_of_another(tmp_path: Path) -> None:
    """Which paths it had is not known: `/acme` is only the default."""
    found = isolated(tmp_path, {"acme": "ttl: [", "bolt": "routes: [{path: /acme}]"})
    assert paths(found.configuration) == {"bolt": ["/acme"]}


def test_an_app_that_goes_back_to_its_last_version_keeps_its_path(tmp_path: Path) -> None:
    first = isolated(tmp_path, {"acme": "{}", "bolt": "{}"}).configuration
    apps = {"acme": "{}", "bolt": "routes: [{path: /acme}]", "cat": "routes: [{path: /bolt}]"}
    found = isolated(tmp_path, apps, first)
    assert paths(found.configuration) == {"acme": ["/acme"], "bolt": ["/bolt"]}
    assert found.invalid_apps.keys() == {"bolt", "cat"}
    assert found.invalid_apps["bolt"].serves_previous


def test_two_apps_may_change_places(tmp_path: Path) -> None:
    first = isolated(tmp_path, {"acme": "{}", "bolt": "{}"}).configuration
    apps = {"acme": "routes: [{path: /bolt}]", "bolt": "routes: [{path: /acme}]"}
    assert paths(isolated(tmp_path, apps, first).configuration) == {"acme": ["/bolt"], "bolt": ["/acme"]}


@pytest.mark.parametrize("text", ["routes: [{path: /x}]", ISSUER])
def test_what_two_apps_share_rejects_both_at_the_start_and_later_the_one_that_changed(
    tmp_path: Path, text: str
) -> None:
    found = isolated(tmp_path, {"acme": text, "bolt": text, "cat": "{}"})
    assert paths(found.configuration) == {"cat": ["/cat"]}
    assert found.invalid_apps.keys() == {"acme", "bolt"}
    assert "acme" in sentences(found, "bolt")[0]
    assert "bolt" in sentences(found, "acme")[0]
    first = isolated(tmp_path, {"acme": "{}", "bolt": text}).configuration
    later = isolated(tmp_path, {"acme": text, "bolt": text}, first)
    assert later.invalid_apps.keys() == {"acme"}
    assert paths(later.configuration)["acme"] == ["/acme"]


SHARED = DEFAULTS.replace(
    'callers: {studio: {api_key: "DIGEST"}}',
    "callers: {web: {jwt: {issuer: 'https://id.example.com', audience: tokend, require: {claims.tenant: '{app}'}}, "
    "rules: [{user: '*'}]}}",
)


@pytest.mark.parametrize("name", ["aaron", "mallory", "zoe"])
def test_an_app_that_says_not_whose_users_it_takes_is_alone_at_fault(tmp_path: Path, name: str) -> None:
    """At the start, it made every app of that issuer invalid, and nothing was served."""
    others = {"bolt": "{}", "nina": "{}", "yara": "{}"}
    found = isolated(tmp_path, {**others, name: ISSUER}, root=SHARED)
    assert (set(found.invalid_apps), set(found.configuration.apps)) == ({name}, set(others))
    assert "trusts the same issuer and audience as caller web of app" in sentences(found, name)[0]


@pytest.mark.parametrize("name", ["aaron", "mallory", "zoe"])
def test_an_app_whose_require_tells_it_from_no_other_is_alone_at_fault(tmp_path: Path, name: str) -> None:
    """It made every app of that issuer invalid at the start, and nothing was served."""
    others = {"bolt": "{}", "nina": "{}", "yara": "{}"}
    wrong = ISSUER.replace("audience: tokend", "audience: tokend, require: {claims.role: teacher}")
    found = isolated(tmp_path, {**others, name: wrong}, root=SHARED)
    assert (set(found.invalid_apps), set(found.configuration.apps)) == ({name}, set(others))
    same = isolated(
        tmp_path, {"acme": wrong, "bolt": wrong, "cora": wrong, "dune": "routes: [{path: /x}]"}, root=DEFAULTS
    )
    assert (set(same.invalid_apps), set(same.configuration.apps)) == ({"acme", "bolt", "cora"}, {"dune"})


TENANTS = ["aaron", "bolt", "nina", "yara"]


@pytest.mark.parametrize(
    ("claims", "at_fault"),
    [
        ("claims.role: teacher", ["aaron"]),
        ("claims.role: teacher, claims.tenant: bolt", ["aaron", "bolt"]),
        ("claims.tenant: [bolt, nina, yara, zoe]", TENANTS),
    ],
)
def test_check_names_the_apps_that_a_start_leaves_out(tmp_path: Path, claims: str, at_fault: list[str]) -> None:
    """It reported each of two apps at the later one, whichever was at fault."""
    wrong = ISSUER.replace("audience: tokend", f"audience: tokend, require: {{{claims}}}")
    found = isolated(tmp_path, {"bolt": "{}", "nina": "{}", "yara": "{}", "aaron": wrong}, root=SHARED)
    with pytest.raises(ConfigurationError) as caught:
        load(None, ENVIRONMENT, tmp_path)
    assert sorted(found.invalid_apps) == at_fault
    assert caught.value.problems == list(found.problems)


def test_nobody_gets_a_claims_value_that_two_apps_require_at_the_start(tmp_path: Path) -> None:
    """Of three apps, the one that required the value beside another one was served."""
    claims = {"acme": "claims.t: [c, a]", "bolt": "claims.t: c", "cora": "claims.t: c"}
    apps = {
        name: ISSUER.replace("audience: tokend", f"audience: tokend, require: {{{require}}}")
        for name, require in claims.items()
    }
    found = isolated(tmp_path, {**apps, "dune": "{}"})
    assert (set(found.invalid_apps), set(found.configuration.apps)) == (set(claims), {"dune"})


@pytest.mark.parametrize("key", ["secret: {env: OTHER}", "keys: [{file: jwks.json}]"])
def test_a_newcomer_with_the_issuer_of_a_changed_app_is_alone_at_fault(tmp_path: Path, key: str) -> None:
    """Also where the issuer's keys are written out: they are other objects after each reading."""
    web = ISSUER.replace("audience: tokend", f"audience: tokend, {key}")
    files = {"jwks.json": json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}]})}
    first = isolated(tmp_path, {"bolt": web}, more=files).configuration
    found = isolated(tmp_path, {"acme": web, "bolt": f"{web}\nttl: {{max: 2h}}"}, first, more=files)
    assert found.invalid_apps.keys() == {"acme"}
    assert found.configuration.apps["bolt"].options.ttl.max == 7200


def test_an_app_that_claims_a_path_of_another_takes_nobody_with_it_whose_users_it_shares(tmp_path: Path) -> None:
    """Such an app was left out too, although nothing that is served conflicted with it."""
    claims = {"acme": f"{ISSUER}\nroutes: [{{path: /x}}]", "bolt": "routes: [{path: /x}]"}
    found = isolated(tmp_path, {**claims, "zoe": ISSUER})
    assert (set(found.invalid_apps), set(found.configuration.apps)) == (set(claims), {"zoe"})
    assert ["zoe" in sentence for sentence in sentences(found, "acme")] == [True, False]  # all that is wrong, at once


@pytest.mark.parametrize("shared", ["routes: [{path: /x}]", ISSUER])
def test_apps_that_all_conflict_are_compared_a_few_times(
    tmp_path: Path, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was compared with each: 300 apps with one path took a minute, at a start too."""
    checked: list[int] = []

    def counting(check: Callable[..., object]) -> Callable[..., object]:
        def checks(entries: Collection[object], report: object) -> object:
            checked.append(len(entries))
            return check(entries, report)

        return checks

    monkeypatch.setattr(conflicts, "check_clashes", counting(check_clashes))
    monkeypatch.setattr(conflicts, "check_between_apps", counting(check_between_apps))
    found = isolated(tmp_path, {f"app{number}": shared for number in range(50)})
    assert len(found.invalid_apps) == 50
    assert sum(checked) < 50 * 15


def test_nobody_gets_a_path_that_two_apps_claim_at_the_start(tmp_path: Path) -> None:
    """Two tenants could otherwise get a third one's paths, by claiming one each."""
    claims = {
        "acme": "routes: [{path: /x}]",
        "bolt": "routes: [{path: /x}, {path: /y}]",
        "cora": "routes: [{path: /y}]",
    }
    found = isolated(tmp_path, {**claims, "dune": "{}"})
    assert (set(found.invalid_apps), set(found.configuration.apps)) == (set(claims), {"dune"})


@pytest.fixture
def broken_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme that cannot say what it requires."""

    def broken(options: object) -> Sequence[Condition]:
        raise RuntimeError("a secret of the options")

    monkeypatch.setattr(Jwt, "requirements", broken)


@pytest.mark.usefixtures("broken_requirements")
def test_a_scheme_that_cannot_say_what_it_requires_leaves_both_at_fault(tmp_path: Path) -> None:
    """Its exception ended the load of all apps, and the server."""
    found = isolated(tmp_path, {"acme": ISSUER, "bolt": ISSUER, "cat": "callers: {studio: {api_key: 'DIGEST'}}"})
    assert (set(found.invalid_apps), set(found.configuration.apps)) == ({"acme", "bolt"}, {"cat"})


@pytest.mark.usefixtures("broken_requirements")
def test_a_scheme_that_cannot_say_what_it_requires_is_no_problem_of_check_alone(tmp_path: Path) -> None:
    """`tokend check` reported a broken package where the server starts without a problem."""
    assert not isolated(tmp_path, {"acme": ISSUER, "bolt": ISSUER.replace("id.", "login.")}).problems
    assert set(load(None, ENVIRONMENT, tmp_path).apps) == {"acme", "bolt"}


def test_two_routes_of_one_app_that_clash_are_its_own_mistake(tmp_path: Path) -> None:
    found = isolated(tmp_path, {"acme": "{}", "bolt": "routes: [{path: /bolt}, {path: /bolt}]"})
    assert found.invalid_apps.keys() == {"bolt"}
    assert paths(found.configuration) == {"acme": ["/acme"]}


@pytest.mark.parametrize(
    "line",
    ["server: {workers: none}", "audit: {to: nowhere}", "redis: {url: {env: UNSET}}", "include: none.yaml", "x: 1"],
)
def test_a_mistake_beside_the_apps_is_one_of_the_whole_file(tmp_path: Path, line: str) -> None:
    first = isolated(tmp_path, {"acme": "{}"}).configuration
    key = line.partition(":")[0]
    root = "\n".join(kept for kept in DEFAULTS.splitlines() if not kept.startswith(f"    {key}:"))
    with pytest.raises(ConfigurationError):
        isolated(tmp_path, {"acme": "{}"}, first, root=f"{root}\n    {line}\n")


def test_refuse_restores_all_or_nothing(tmp_path: Path) -> None:
    root = DEFAULTS.replace("isolate", "refuse")
    first = isolated(tmp_path, {"acme": "{}", "bolt": "{}"}, root=root).configuration
    for bolt in ("ttl: {max: 99d}", "ttl: [", "routes: [{path: /acme}]"):
        with pytest.raises(ConfigurationError) as caught:
            isolated(tmp_path, {"acme": "{}", "bolt": bolt}, first, root=root)
        assert len(caught.value.problems) == 1


def test_refuse_rejects_a_mistake_in_defaults_that_no_app_inherits(tmp_path: Path) -> None:
    """`check` reported it, and the server started without a word."""
    root = f"{DEFAULTS}      ttl: {{max: never}}\n".replace("isolate", "refuse")
    with pytest.raises(ConfigurationError, match=r"defaults\.ttl\.max"):
        isolated(tmp_path, {"acme": "ttl: {max: 1h}"}, root=root)


def test_where_no_app_is_valid_each_keeps_its_routes(tmp_path: Path) -> None:
    found = isolated(tmp_path, {"acme": "ttl: ["})
    assert not found.configuration.apps
    assert [taken.path for taken in found.invalid_apps["acme"].routes] == [("acme",)]
