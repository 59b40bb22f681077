"""How a request finds its endpoint: the path is split strictly, the longest prefix wins, hosts go first."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.http.running import APP_ID, configuration_of
from tokend.config.loading import ConfigurationError
from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import FORM, JSON
from tokend.issuing.routing import Match, NoMatch, RouteTable, clash, split_path

_APP = f"""
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{}}]}}}}
"""


def _table(**routes: str) -> RouteTable:
    return RouteTable(
        configuration_of("apps:" + "".join(f"\n  {app}:{_APP}    routes: [{at}]" for app, at in routes.items())).routes
    )


def _app(found: Match | NoMatch) -> str | None:
    return None if found.route is None else found.route.app.name


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", ()),
        ("/a", ("a",)),
        ("/a/", ("a",)),
        ("//", ("",)),
        ("/a//", ("a", "")),
        ("/a//b", ("a", "", "b")),
        ("/a/?x=/y/#z", ("a",)),
        ("/a%20b%3Fc", ("a b?c",)),
        ("/%25%32%66", ("%2f",)),
        ("/a+b", ("a+b",)),
        ("/caf%C3%A9", ("café",)),
        ("/...", ("...",)),
        ("/é", ("é",)),
    ],
)
def test_a_path_is_split_first_and_decoded_once(target: str, parts: tuple[str, ...]) -> None:
    assert split_path(target) == parts


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/a%2fb",
            "/a%2Fb",
            "/a%00",
            "/a%0a",
            "/a%0D",
            "/a%7f",
            "/a%c2%9b",
            "/a%1F",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%%41",
            "/a%u0041",
        ),
        *("/a#b", "/#", "/a\x00", "/a\n", "/a%ff", "/a%C3", "/a%ED%A0%80", "/\udcff", "/\ud800"),
        *("", "*", "a", "?", "http://example.com/a", "example.com:443"),
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(ApiError) as refused:
        split_path(target)
    assert refused.value.code == Code.MALFORMED


@pytest.mark.parametrize("target", ["/a/../b", "/..", "/./a", "/a/%2e%2E", "/a/.%2e/b", "/a/%2E?x", "/a/.."])
def test_a_segment_that_a_proxy_resolves_is_refused(target: str) -> None:
    with pytest.raises(ApiError, match=r"\. or \.\."):
        split_path(target)


@given(st.text() | st.text("/%2fF0a#?.\x00é\udcff", max_size=12).map("/".__add__))
@example("/%F4%90%80%80")
def test_splitting_raises_refusals_only(target: str) -> None:
    try:
        parts = split_path(target)
    except ApiError:
        return
    assert all("/" not in one and "\x00" not in one for one in parts)


def test_an_empty_part_is_a_value_and_the_final_slash_is_optional() -> None:
    table = _table(demo="{path: /}")
    found = table.match("GET", None, split_path("/rtc/stage/publisher/uid//"))
    assert isinstance(found, Match)
    assert found.params == {"channel": "stage", "role": "publisher", "tokenType": "uid", "rtcuid": ""}
    assert isinstance(table.match("GET", None, split_path("/rtc/stage/publisher/uid/")), NoMatch)
    for target in ("/rtm/ada", "/rtm/ada/"):
        assert isinstance(table.match("GET", None, split_path(target)), Match)
    assert isinstance(table.match("GET", None, split_path("/rtm/ada//")), NoMatch)


def test_the_longest_prefix_wins_and_keeps_the_request() -> None:
    table = _table(root="{path: /}", a="{path: /a}", deep="{path: /a/b}")
    for target, app in (("/rtm/x", "root"), ("/a/rtm/x", "a"), ("/a/b/rtm/x", "deep"), ("/ab/rtm/x", "root")):
        assert _app(table.match("GET", None, split_path(target))) == app
    missed = table.match("GET", None, split_path("/a/b/nothing"))
    assert (_app(missed), isinstance(missed, NoMatch)) == ("deep", True)


def test_routes_of_the_host_go_first() -> None:
    table = _table(anywhere="{path: /}", here="{host: a.example.com, path: /}", deep="{path: /x}")
    for host, target, app in (
        ("a.example.com", "/rtm/x", "here"),
        ("b.example.com", "/rtm/x", "anywhere"),
        (None, "/rtm/x", "anywhere"),
        ("b.example.com", "/x/rtm/x", "deep"),
        ("a.example.com", "/x/rtm/x", "here"),
    ):
        assert _app(table.match("GET", host, split_path(target))) == app


def test_another_method_is_told_which_would_fit() -> None:
    table = _table(demo="{path: /}")
    missed = table.match("DELETE", None, split_path("/v1/token"))
    assert isinstance(missed, NoMatch)
    assert (missed.allowed, missed.template) == (("POST",), "/v1/token")
    assert _table(demo="{path: /d}").match("GET", None, ("e",)) == NoMatch(None)


def test_a_template_holds_no_value_of_the_clients() -> None:
    found = _table(demo="{path: /demo}").match("GET", None, split_path("/demo/rtc/canary/host/uid/7"))
    assert found.template == "/demo/rtc/{channel}/{role}/{tokenType}/{rtcuid}"


def test_routes_that_could_match_one_request_clash() -> None:
    with pytest.raises(ConfigurationError, match="could match the same requests"):
        _table(one="{path: /x}", two="{path: /x}")
    configuration = configuration_of(
        f"apps:\n  one:{_APP}    routes: [{{path: /x, dialect: native}}, {{path: /y}}]\n"
        f"  two:{_APP}    routes: [{{path: /x, dialect: agora-token-service}}, {{host: a.example.com, path: /y}}]"
    )
    assert [
        clash(one, other) for one in configuration.routes for other in configuration.routes if one is not other
    ] == [None] * 12


@pytest.mark.parametrize(
    ("dialects", "media", "named"),
    [
        ("agora-docker, agora-samples-chat", JSON, "agora-docker"),
        ("agora-docker, agora-samples-chat", FORM, "agora-samples-chat"),
        ("agora-samples-chat, agora-docker", JSON, "agora-docker"),
        ("agora-docker", FORM, "agora-docker"),
        ("agora-samples-chat", JSON, "agora-samples-chat"),
    ],
)
def test_the_content_type_decides_between_two_and_one_alone_says_what_it_wants(
    dialects: str, media: str, named: str
) -> None:
    table = _table(demo=f"{{path: /, dialect: [{dialects}]}}")
    found = table.match("POST", None, ("token", "generate"), media)
    assert isinstance(found, Match)
    assert found.dialect.name == named
    missed = table.match("GET", None, ("token", "generate"), media)
    assert isinstance(missed, NoMatch)
    assert missed.allowed == ("POST",)


_CUSTOM = "kind: rtc, response: {token: '{token}'}"


@pytest.mark.parametrize(
    "path",
    [
        "{path: /acme/v1}",
        "{path: /acme/v1/token}",
        f"{{path: /acme/v1/token, {_CUSTOM}}}",
        f'{{path: "/acme/v1/{{channel}}", {_CUSTOM}}}',
        "{path: /acme/rtc/room}",  # acme answers /acme/rtc/{channel}/…
        "{path: /acme/docs}",
    ],
)
@pytest.mark.parametrize("acme_is_first", [True, False])
def test_a_longer_path_takes_no_requests_of_another_app(path: str, acme_is_first: bool) -> None:
    """It took over what another tenant served, and check, diff and reload accepted it."""
    apps = {"acme": "{path: /acme}", "bolt": path}
    with pytest.raises(ConfigurationError, match="could match the same requests") as raised:
        _table(**(apps if acme_is_first else dict(reversed(apps.items()))))
    assert {problem.path[1] for problem in raised.value.problems} == apps.keys()


def test_a_key_in_the_url_is_part_of_a_path_that_another_app_may_not_take() -> None:
    acme = _APP.replace("anybody: {anonymous: true", f'anybody: {{url_key: "sha256:{"0" * 64}"')
    for below in ("k", "k/abc", "k/abc/v1"):
        with pytest.raises(ConfigurationError, match="could match the same requests"):
            configuration_of(
                f"apps:\n  acme:{acme}    routes: [{{path: /acme}}]\n  bolt:{_APP}    routes: [{{path: /acme/{below}}}]"
            )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{path: /}", "{path: /acme}"),
        ("{path: /acme}", "{path: /acme/eu}"),
        ("{path: /acme}", "{path: /acme/v1/token/more}"),
        ("{path: /acme, host: a.example.com}", "{path: /acme/v1, host: b.example.com}"),
        ("{path: /acme, dialect: livekit}", "{path: /acme/v1}"),
    ],
)
def test_a_longer_path_of_another_app_may_have_what_nobody_answers(one: str, other: str) -> None:
    assert len(_table(one=one, other=other)._prefixes) == 2


def test_a_longer_path_of_the_same_app_wins() -> None:
    table = RouteTable(
        configuration_of(f"apps:\n  demo:{_APP}    routes: [{{path: /d}}, {{path: /d/v1/token, {_CUSTOM}}}]").routes
    )
    found = table.match("GET", None, split_path("/d/v1/token"))
    assert isinstance(found, Match | NoMatch)
    assert found.template == "/d/v1/token"
