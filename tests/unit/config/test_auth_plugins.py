"""What holds for any auth scheme of a package: its order, what a route reads for it, and what it may not share."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from tests.unit.http.running import DEMO, configuration_of
from tokend.auth.contract import (
    PROXY_HEADERS,
    AppContext,
    AuthScheme,
    Cookie,
    Credentials,
    Header,
    Place,
    ProxyHeaders,
    Source,
)
from tokend.config.backends import BuildContext
from tokend.config.callers import (
    BuiltCaller,
    CallerShape,
    build_authenticator,
    build_callers,
    check_between_apps,
    check_trusted_proxies,
)
from tokend.config.entry_points import AUTH_SCHEMES
from tokend.config.problems import KeyPath, Report
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import LocatedDict, Location
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.validation import StrictModel

_APP = AppContext("demo")
_NO_SECRETS: Final = Secrets({}, Path())
_AT: KeyPath = ("apps", "demo", "routes", 0, "callers")


class _Session(AuthScheme):
    name: ClassVar[str] = "session"
    Options = StrictModel
    reads: tuple[Source, ...] = (Cookie("session"), Header("X-Session"))

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        return None


class _OtherCookie(_Session):
    name: ClassVar[str] = "other"
    priority: ClassVar[int] = 5
    reads: tuple[Source, ...] = (Cookie("other"),)


class _Proxied(_Session):
    name: ClassVar[str] = "proxied"
    reads: tuple[Source, ...] = (PROXY_HEADERS,)

    def __init__(self, app: AppContext, callers: Mapping[str, Any]) -> None:
        super().__init__(app, callers)
        self.reads = (ProxyHeaders(frozenset({"x-user"})),)


def _report() -> Report:
    return Report(LocatedDict(Location("config.yaml", 1, 1)))


def _callers(*schemes: type[AuthScheme]) -> dict[str, BuiltCaller]:
    return {scheme.name: BuiltCaller((), scheme, StrictModel()) for scheme in schemes}


def test_a_route_reads_what_its_schemes_read() -> None:
    report = _report()
    authenticator = build_authenticator(_callers(_Session, _Proxied), _APP, _AT, report)
    assert authenticator.schemes == ("session", "proxied")
    assert authenticator.headers == {"x-api-key", "x-session"}
    assert (authenticator.cookie, authenticator.proxy_headers) == ("session", frozenset({"x-user"}))
    assert authenticator.open_callers == authenticator.path_key_callers == ()
    assert report.problems == []


def test_schemes_go_by_priority_and_read_one_cookie() -> None:
    report = _report()
    authenticator = build_authenticator(_callers(_Session, _OtherCookie), _APP, _AT, report)
    assert authenticator.schemes == ("other", "session")
    (problem,) = report.problems
    assert problem.path == _AT
    assert problem.sentence == "takes in callers that read the cookies other and session: one route reads one cookie"


def test_callers_with_problems_are_left_out() -> None:
    broken = {"session": BuiltCaller((), _Session, None), "unknown": BuiltCaller(())}
    assert build_authenticator(broken, _APP, _AT, _report()).schemes == ()


def test_a_scheme_that_reads_a_proxys_headers_needs_a_trusted_proxy() -> None:
    report = _report()
    check_trusted_proxies({"demo": _callers(_Session, _Proxied)}, False, report)
    assert [problem.path for problem in report.problems] == [("apps", "demo", "callers", "proxied", "proxied")]
    report = _report()
    check_trusted_proxies({"demo": _callers(_Proxied)}, True, report)
    assert report.problems == []


class _Broken(_Session):
    name: ClassVar[str] = "broken"

    def __init__(self, app: AppContext, callers: Mapping[str, Any]) -> None:
        raise KeyError("a secret of the options")

    @classmethod
    def problems_between_apps(cls, callers: Mapping[tuple[str, str], Any]) -> Iterable[tuple[Place, str]]:
        raise RuntimeError("a secret of the options")


def test_an_exception_of_a_scheme_names_the_package_and_no_secret() -> None:
    report = _report()
    assert build_authenticator(_callers(_Broken), _APP, _AT, report).schemes == ()
    check_between_apps({("demo", name): caller for name, caller in _callers(_Broken).items()}, report)
    assert [(problem.path, problem.sentence) for problem in report.problems] == [
        (_AT, "the auth scheme broken of no package is broken inside: it raised KeyError"),
        (
            ("apps", "demo", "callers", "broken", "broken"),
            "the auth scheme broken of no package is broken inside: it raised RuntimeError",
        ),
    ]


class _WrongKeys(_Session):
    name: ClassVar[str] = "wrong"

    @classmethod
    def keys(cls, options: Any) -> Any:
        return [options]


class _NoKeys(_Session):
    name: ClassVar[str] = "none"

    @classmethod
    def keys(cls, options: Any) -> Any:
        raise RuntimeError("a secret of the options")


def test_keys_of_a_scheme_that_are_none_are_a_problem_of_its_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were read outside the apps, too: `check` ended in a traceback, and no app was served."""
    for scheme, raised in ((_WrongKeys, "TypeError"), (_NoKeys, "RuntimeError")):
        monkeypatch.setattr("tokend.config.callers.installed", lambda _, name=scheme.name: {name: ()})
        monkeypatch.setattr(AUTH_SCHEMES, "load", lambda _, scheme=scheme: scheme)
        report = _report()
        shape = CallerShape.model_validate({scheme.name: {}, "rules": []}, context={"report": report})
        (caller,) = build_callers({"web": shape}, _APP, _AT[:2], {}, 1, BuildContext(report, _NO_SECRETS)).values()
        assert caller.keys == ()
        assert build_authenticator({"web": caller}, _APP, _AT, report).schemes == ()
        sentence = f"the auth scheme {scheme.name} of no package is broken inside: it raised {raised}"
        assert sentence in [problem.sentence for problem in report.problems]


class _SignedIn(_Session):
    name: ClassVar[str] = "signed_in"
    brings_claims: ClassVar[bool] = True
    needs_rules: ClassVar[bool] = False


def test_a_caller_with_claims_needs_rules_whatever_its_scheme_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rules, each signed-in user got tokens for every other user."""
    monkeypatch.setattr("tokend.config.callers.installed", lambda _: {"signed_in": ()})
    monkeypatch.setattr(AUTH_SCHEMES, "load", lambda _: _SignedIn)
    report = _report()
    shape = CallerShape.model_validate({"signed_in": {}}, context={"report": report})
    (caller,) = build_callers({"web": shape}, _APP, _AT[:2], {}, 1, BuildContext(report, _NO_SECRETS)).values()
    assert caller.rules == ()
    assert [problem.path for problem in report.problems] == [("apps", "demo", "callers", "web", "rules")]


class _NoSources(_Session):
    name: ClassVar[str] = "sources"
    reads = 7  # type: ignore[assignment]  # what the test is about


def test_sources_of_a_scheme_that_are_none_are_a_problem_of_its_app() -> None:
    report = _report()
    check_trusted_proxies({"demo": _callers(_NoSources)}, False, report)
    (problem,) = report.problems
    assert problem.sentence == "the auth scheme sources of no package is broken inside: it raised TypeError"


def test_the_order_of_the_built_in_schemes() -> None:
    callers = "\n".join(
        f"      {name}: {{{scheme}, rules: [{{user: '*'}}]}}"
        for name, scheme in {
            "guest": "anonymous: true",
            "web": "jwt: {preset: firebase, project: demo}",
            "link": 'url_key: "sha256:' + "1" * 64 + '"',
        }.items()
    )
    (route,) = configuration_of(f"{DEMO}{callers}\n").routes
    assert route.authenticator.schemes == ("api_key", "url_key", "jwt", "anonymous")
    found = route.authenticator
    assert (found.open_callers, found.path_key_callers, route.url_keys) == (("guest",), ("link",), True)
