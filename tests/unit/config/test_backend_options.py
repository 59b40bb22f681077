"""Kinds and their backends: several kinds of one backend, secrets for rotation, limits and checks of the vendors."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from msgspec.structs import replace

from tests.unit.config.writing import APP_ID, ENVIRONMENT, NOTHING, write
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import Backend
from tokend.config.entry_points import BACKENDS
from tokend.config.loading import ConfigurationError, load
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Issuance, TokenRequest
from tokend.issuing.configuration import Configuration
from tokend.issuing.issuer import mint
from tokend.issuing.policy import decide, operator_grant
from tokend.plugins import AppCredentials, SecretList, StrictModel


class _Options(StrictModel):
    secret: SecretList | None = None
    region: str = "eu"


class _Rotating(Rtm):
    """A kind with a secret list, of a vendor without limits."""

    Options: ClassVar[type[StrictModel]] = _Options
    max_ttl: ClassVar[int | None] = None

    @classmethod
    def check_app_credentials(cls, app_credentials: AppCredentials) -> Iterable[tuple[str, str]]:
        if app_credentials.app_id != APP_ID:
            yield "app_id", "must be that of this test"
        for name, certificate in app_credentials.certificates.items():
            if len(certificate.reveal()) < 8:
                yield name, "must hold 8 characters"


class _Brief(_Rotating):
    """A kind of a vendor with a limit below ours."""

    max_ttl: ClassVar[int | None] = 600


_BACKENDS: Final[Mapping[str, type[Backend]]] = {"rotating": _Rotating, "brief": _Brief}


@pytest.fixture(autouse=True)
def _with_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = BACKENDS.load
    monkeypatch.setattr(BACKENDS, "load", lambda name: _BACKENDS.get(name) or installed(name))


def _loaded(
    directory: Path,
    app: str,
    more: str = "",
    files: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> Configuration:
    text = f'''
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{studio: {{anonymous: true, rules: [{{user: "*"}}]}}}}
    {app}
{more}'''
    write(directory, {"config.yaml": text, **files})
    return load(None, {**ENVIRONMENT, **environment}, directory)


def _problems(directory: Path, app: str, more: str = "", files: Mapping[str, str] = NOTHING) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        _loaded(directory, app, more, files)
    return [str(problem).split(" ", 1)[1] for problem in caught.value.problems]


def _revealed(configuration: Configuration, kind: str, app: str = "demo") -> list[str]:
    options: Any = configuration.apps[app].backends[kind].options
    return [secret.reveal() for secret in options.secret]


def test_one_backend_serves_several_kinds_each_with_its_own_options(tmp_path: Path) -> None:
    text = (
        "backends: {rtc: , zoom: {backend: rotating, region: us}, daily: {backend: rotating}, brief: {backend: brief}}"
    )
    backends = _loaded(tmp_path, text).apps["demo"].backends
    assert [(kind, backend.kind, type(backend)) for kind, backend in backends.items() if kind != "rtc"] == [
        ("zoom", "zoom", _Rotating),
        ("daily", "daily", _Rotating),
        ("brief", "brief", _Brief),
    ]
    assert backends["rtc"].kind == "rtc"
    options: dict[str, Any] = {kind: backend.options for kind, backend in backends.items()}
    assert (options["zoom"].region, options["daily"].region) == ("us", "eu")
    assert not any("backend" in type(of_kind).model_fields for of_kind in options.values())


def test_answers_name_the_kind_and_not_its_backend(tmp_path: Path) -> None:
    configuration = _loaded(tmp_path, "backends: {signaling: {backend: rtm}}")
    (route,) = configuration.routes
    permit = operator_grant(route.app, route.options, TokenRequest("signaling", {"user": "ann"}, 600))
    issued = mint(permit, Issuance(1_700_000_000, 1))
    assert issued.token_request.kind == "signaling"
    assert route.app.backends["signaling"].read(issued.token).signed_by == "primary"


@pytest.mark.parametrize(
    ("app", "problems"),
    [
        (
            "backends: {zoom: {backend: rtmm}}",
            ["apps.demo.backends.zoom.backend: there is no backend 'rtmm', did you mean 'rtm'?"],
        ),
        (
            "backends: {zoom: {region: us}}",
            ["apps.demo.backends.zoom: there is no backend 'zoom'"],
        ),
        ("backends: {zoom: {backend: }}", ["apps.demo.backends.zoom.backend: must be the name of a backend"]),
        ("backends: {rotating: {region: }}", ["apps.demo.backends.rotating.region: has no value: write one, or leave"]),
        (
            "backends: {zoom: {backend: rotating, region: 7}, daily: {backend: rotating, regoin: us}}",
            [
                "apps.demo.backends.zoom.region: must be text",
                "apps.demo.backends.daily.regoin: unknown key, did you mean 'region'?",
            ],
        ),
    ],
)
def test_a_wrong_kind_has_its_place(app: str, problems: list[str], tmp_path: Path) -> None:
    found = _problems(tmp_path, app)
    assert len(found) == len(problems)
    for problem, expected in zip(found, problems, strict=True):
        assert problem.startswith(expected)


def test_a_list_is_read_like_single_secrets_with_the_name_of_the_app(tmp_path: Path) -> None:
    defaults = "defaults: {backends: {rotating: {secret: [{env: NEW}, {file: 'old-{app}'}]}}}"
    configuration = _loaded(tmp_path, "", defaults, {"old-demo": "old one\n"}, {"NEW": "new one"})
    assert _revealed(configuration, "rotating") == ["new one", "old one"]


@pytest.mark.parametrize(
    ("base", "own", "revealed"),
    [
        ("[{env: A}, {env: B}]", "[{env: C}]", ["c"]),
        ("[{env: A}, {env: B}]", "{env: C}", ["c"]),
        ("{env: A}", "[{env: B}, {env: C}]", ["b", "c"]),
        ("{env: A}", "{file: d}", ["d"]),
    ],
)
def test_an_app_replaces_the_list_of_the_defaults(base: str, own: str, revealed: list[str], tmp_path: Path) -> None:
    defaults = f"defaults: {{backends: {{rotating: {{secret: {base}}}}}}}"
    environment = {"A": "a", "B": "b", "C": "c"}
    configuration = _loaded(tmp_path, f"backends: {{rotating: {{secret: {own}}}}}", defaults, {"d": "d"}, environment)
    assert _revealed(configuration, "rotating") == revealed


def test_each_wrong_secret_of_a_list_has_its_place(tmp_path: Path) -> None:
    text = "backends: {rotating: {secret: [{env: NONE}, {file: open}, plain, {env: OTHER}, {vault: x}]}}"
    write(tmp_path, {"open": "readable"})
    (tmp_path / "open").chmod(0o644)
    found = _problems(tmp_path, text)
    place = "apps.demo.backends.rotating.secret"
    assert [problem.partition(": ")[::2] for problem in found[:3]] == [
        (f"{place}[0]", "the environment variable NONE is not set"),
        (f"{place}[1]", found[1].partition(": ")[2]),
        (f"{place}[2]", "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"),
    ]
    assert "the file open can be read by others than its owner" in found[1]
    assert found[3].startswith(f"{place}[4]: ")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[]", ": is an empty list: write at least one secret"),
        ("[{env: OTHER}, {env: OTHER}]", "[1]: is the same secret as one before it: write each once"),
        ("[{env: OTHER}, {file: copy}]", "[1]: is the same secret as one before it: write each once"),
    ],
)
def test_a_list_is_not_empty_and_repeats_no_secret(written: str, problem: str, tmp_path: Path) -> None:
    found = _problems(tmp_path, f"backends: {{rotating: {{secret: {written}}}}}", "", {"copy": ENVIRONMENT["OTHER"]})
    assert found == [f"apps.demo.backends.rotating.secret{problem}"]


def test_the_fingerprint_changes_with_every_secret_of_a_list(tmp_path: Path) -> None:
    text = "backends: {rotating: {secret: [{env: NEW}, {file: old}]}}"
    seen = {
        _loaded(tmp_path, text, "", {"old": old}, {"NEW": new}).fingerprint
        for old, new in (("old", "new"), ("old", "other"), ("older", "new"))
    }
    assert len(seen) == 3


def test_no_secret_of_a_list_is_shown(tmp_path: Path) -> None:
    options = (
        _loaded(tmp_path, "backends: {rotating: {secret: [{env: OTHER}]}}").apps["demo"].backends["rotating"].options
    )
    assert ENVIRONMENT["OTHER"][:8] not in repr(options) + str(options)


def test_a_vendor_checks_the_apps_credentials_and_others_are_free(tmp_path: Path) -> None:
    environment = {"APP": "another", "SHORT": "short", "CERTIFICATE": "another certificate"}
    base = "callers: {studio: {anonymous: true, rules: [{}]}}\n"
    app = "apps:\n  demo:\n    app_id: {env: APP}\n    certificate: {primary: {env: CERTIFICATE}, secondary: {env: SHORT}}\n"
    write(tmp_path, {"config.yaml": f"{app}    {base}    backends: [rotating]\n"})
    with pytest.raises(ConfigurationError) as caught:
        load(None, environment, tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        "config.yaml:3:5: apps.demo.app_id: the environment variable APP must be that of this test",
        "config.yaml:4:48: apps.demo.certificate.secondary: the environment variable SHORT must hold 8 characters",
    ]
    certificate = (
        load(None, {**environment, "APP": APP_ID, "SHORT": "long enough"}, tmp_path)
        .apps["demo"]
        .backends["rotating"]
        .app_credentials.certificates["primary"]
    )
    assert certificate.reveal() == "another certificate"


_TEMPLATE: Final = "algorithm: HS256, secret: {env: OTHER}, always: connect, claims: {exp: '{expires_at}'}"
"""The options of a kind of `jwt`, whose options limit its lifetime."""


@pytest.mark.parametrize(
    ("backends", "ttl", "problem"),
    [
        ("[rtc]", "{max: 24h}", None),
        (f"{{jwt: {{{_TEMPLATE}, max_ttl: 48h}}}}", "{max: 48h}", None),
        (f"{{jwt: {{{_TEMPLATE}}}, rtc: }}", "{max: 30d}", None),
        (
            f"{{jwt: {{{_TEMPLATE}, max_ttl: 48h}}, rtc: }}",
            "{max: 49h}",
            "ttl.max: is over the maximum of every kind: jwt 172800 s, rtc 86400 s",
        ),
        (
            f"{{jwt: {{{_TEMPLATE}, max_ttl: 10m}}}}",
            "{min: 15m}",
            "ttl.min: is over the maximum of kind jwt, 600 s: it could issue nothing",
        ),
        (f"{{jwt: {{{_TEMPLATE}, max_ttl: never}}}}", "{max: 49h}", "backends.jwt.max_ttl: must be"),
        ("[rtc, rotating]", "{max: 30d}", None),
        ("[rotating]", "{default: 30d, max: 365d}", None),
        ("[brief]", "{max: 24h}", None),
        ("[brief]", "{max: 25h}", "ttl.max: is over the maximum of every kind: brief 600 s"),
        ("[rtc, brief]", "{max: 25h}", "ttl.max: is over the maximum of every kind: rtc 86400 s, brief 600 s"),
        ("[rtc, brief]", "{min: 15m}", "ttl.min: is over the maximum of kind brief, 600 s: it could issue nothing"),
        (
            "[rotating]",
            "{max: 99999d}",
            "ttl.max: must be below 1000000000 s: a number this large is read as a Unix time",
        ),
        ("[rtc, unknwon]", "{max: 25h}", "backends.unknwon: there is no backend"),
    ],
)
def test_over_24_hours_only_where_a_kind_allows_it(
    backends: str, ttl: str, problem: str | None, tmp_path: Path
) -> None:
    app = f"backends: {backends}\n    ttl: {ttl}"
    if problem is None:
        assert _loaded(tmp_path, app).apps
    else:
        (found,) = _problems(tmp_path, app)
        assert found.startswith(f"apps.demo.{problem}")


def test_a_rule_names_the_kind_and_not_its_backend(tmp_path: Path) -> None:
    configuration = _loaded(tmp_path, "backends: {signaling: {backend: rtm}, lobby: {backend: rtm}}")
    (route,) = configuration.routes
    (every,) = route.app.rules["studio"]
    only = replace(route.app, rules={"studio": (every.model_copy(update={"kinds": frozenset({"signaling"})}),)})
    requests = {kind: TokenRequest(kind, {"user": "ann"}, 600) for kind in ("signaling", "lobby")}
    for app, kind in ((route.app, "signaling"), (route.app, "lobby"), (only, "signaling")):
        assert decide(app, route.options, Caller("studio"), requests[kind]).rule == every.name
    with pytest.raises(ApiError) as caught:
        decide(only, route.options, Caller("studio"), requests["lobby"])
    assert caught.value.code is Code.NOT_PERMITTED
