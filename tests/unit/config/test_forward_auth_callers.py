"""What a `forward_auth` caller reads: presets, headers of any case, callers of one route, and the schema of it."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

from tests.unit.config.writing import APP_ID, CERTIFICATE, loaded
from tokend.auth.forward_auth import ForwardAuth
from tokend.auth.forward_auth_options import ForwardAuthOptions
from tokend.auth.presets import ForwardPreset
from tokend.config.loading import ConfigurationError
from tokend.config.schema import json_schema
from tokend.issuing.configuration import Configuration


def _file(**callers: str) -> str:
    written = "".join(
        f"          {name}: {{forward_auth: {options}, rules: [{{user: '*'}}]}}\n" for name, options in callers.items()
    )
    return f"""
    server: {{trusted_proxies: [10.0.0.0/8, unix]}}
    apps:
      demo:
        app_id: "APP_ID"
        certificate: {{env: CERTIFICATE}}
        callers:
{written}"""


def _forwardings(configuration: Configuration) -> tuple[ForwardAuthOptions, ...]:
    (route,) = configuration.routes
    (scheme,) = route.authenticator
    assert isinstance(scheme, ForwardAuth)
    return tuple(scheme.callers.values())


def test_a_preset_gives_the_headers(tmp_path: Path) -> None:
    configuration = loaded(
        tmp_path, _file(nginx="{preset: oauth2-proxy}", lia="{preset: authelia, require: {claims.groups: a}}")
    )
    nginx, lia = _forwardings(configuration)
    assert nginx.proxy == ForwardPreset(
        "x-auth-request-user",
        {"email": "x-auth-request-email", "preferred_username": "x-auth-request-preferred-username"},
        {"groups": "x-auth-request-groups"},
    )
    assert lia.proxy == ForwardPreset(
        "remote-user",
        {"email": "remote-email", "name": "remote-name"},
        {"groups": "remote-groups"},
    )
    assert [str(condition) for condition in lia.require] == ['claims.groups is not "a"']
    assert configuration.routes[0].authenticator.proxy_headers == nginx.headers | lia.headers
    assert configuration.options.server.trusted_proxies.written == ("10.0.0.0/8", "unix")


def test_written_out_with_a_secret_that_is_never_shown(tmp_path: Path) -> None:
    caller = "{user: X-User, secret_header: {name: X-Proxy, secret: {env: CERTIFICATE}}}"
    (found,) = _forwardings(loaded(tmp_path, _file(staff=caller)))
    assert found.secret_header is not None
    assert (found.proxy, found.secret_header.name) == (ForwardPreset("x-user", {}, {}), "x-proxy")
    assert found.secret_header.secret.reveal() == CERTIFICATE
    assert CERTIFICATE not in repr(found)


@pytest.mark.parametrize(
    ("one", "two", "tied"),
    [
        ("{user: X-User}", "{user: x-user}", True),
        ("{user: X-User}", "{user: Y-User}", False),
        ("{user: X-User, require: {claims.sub: a}}", "{user: X-User}", True),
        ("{user: X-User, require: {claims.sub: a}}", "{user: X-User, require: {claims.sub: a}}", True),
        ("{user: X-User, require: {claims.sub: a}}", "{user: X-User, require: {claims.sub: b}}", False),
        ("{preset: authelia}", "{user: Remote-User}", True),
    ],
)
def test_two_callers_of_one_route_are_told_apart(one: str, two: str, tied: bool, tmp_path: Path) -> None:
    try:
        assert len(_forwardings(loaded(tmp_path, _file(one=one, two=two)))) == 2
        assert not tied
    except ConfigurationError as error:
        (problem,) = error.problems
        assert "takes in two forward_auth callers, one and two" in problem.sentence
        assert tied


def test_a_scheme_in_defaults_is_replaced_whole(tmp_path: Path) -> None:
    base = "\n    defaults: {callers: {staff: {forward_auth: {preset: authelia}, rules: [{user: '*'}]}}}"
    (found,) = _forwardings(loaded(tmp_path, _file(staff="{user: X-User}") + base))
    assert found.proxy == ForwardPreset("x-user", {}, {})


def _fits(tree: dict[str, Any]) -> bool:
    return not list(Draft202012Validator(json_schema()).iter_errors(tree))


def test_the_schema() -> None:
    def of(forward_auth: object, proxies: object = "10.0.0.0/8") -> dict[str, Any]:
        caller = {"forward_auth": forward_auth, "rules": [{"user": "*"}]}
        return {
            "server": {"trusted_proxies": proxies},
            "apps": {"demo": {"app_id": APP_ID, "callers": {"staff": caller}}},
        }

    secret = {"name": "X-Proxy", "secret": {"env": "X"}}
    assert _fits(of({"preset": "authelia", "secret_header": secret, "require": {"claims.groups": ["a"]}}))
    assert _fits(
        of({"user": "X-User", "claims": {"email": "X-Email"}, "lists": {"groups": "X-Groups"}}, ["::1", "unix"])
    )
    for wrong in (of("authelia"), of({"users": "X"}), of({"user": 7}), of({"claims": ["X"]}), of({}, []), of({}, 7)):
        assert not _fits(wrong)
    assert not _fits(of({"secret_header": {**secret, "secret": "text"}}))
