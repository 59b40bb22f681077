"""The auth scheme and the dialect of the docs: installed, served, shown word for word, and tested by their own tests."""

import hmac
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.installing import installed
from tests.running import ROOT, clean_environment
from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, NOW, configuration_of, serving
from tokend.cli import main
from tokend.config.problems import ConfigurationError
from tokend.config.schema import json_schema

_EXAMPLES: Final = {
    "example-auth": ("tokend_signed_user", "test_signed_user", "auth-schemes.md"),
    "example-dialect": ("tokend_joinlink", "test_joinlink", "writing-a-dialect.md"),
}
_SIGNED: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers:
      web: {{signed_user: {{secret: {{env: CERTIFICATE}}}}, rules: [{{user: "{{claims.sub}}"}}]}}
"""


@pytest.fixture(params=_EXAMPLES)
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name: str = request.param
    with installed(name, tmp_path, monkeypatch):
        yield name


@pytest.fixture
def signed_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed("example-auth", tmp_path, monkeypatch):
        yield


def _header(user: str, time: int = NOW) -> tuple[str, str]:
    text = f"{user}.{time}"
    return "X-Signed-User", f"{text}.{hmac.digest(CERTIFICATE.encode(), text.encode(), 'sha256').hex()}"


def test_the_page_shows_the_example_word_for_word(example: str) -> None:
    module, test, page = _EXAMPLES[example]
    text = (ROOT / "docs" / page).read_text("utf-8")
    for name in (module, test):
        assert f"```python\n{(ROOT / 'docs' / example / f'{name}.py').read_text('utf-8')}```\n" in text
    project = (ROOT / "docs" / example / "pyproject.toml").read_text("utf-8")
    assert text.partition("```toml\n")[2].partition("```")[0] in project


def test_tokend_plugins_lists_it(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    line = {
        "example-auth": "auth scheme\tsigned_user\ttokend-signed-user 0.1.0\n",
        "example-dialect": "dialect\tjoinlink\ttokend-joinlink 0.1.0\n",
    }[example]
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("name", _EXAMPLES)
def test_the_example_passes_its_own_tests(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, test, _ = _EXAMPLES[name]
    with installed(name, tmp_path / "site", monkeypatch):
        pass  # its metadata stays there
    for file in (module, test):
        (tmp_path / f"{file}.py").write_text((ROOT / "docs" / name / f"{file}.py").read_text("utf-8"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", f"{test}.py"],
        cwd=tmp_path,
        env=clean_environment({"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")])}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("signed_user")
async def test_a_user_whom_the_backend_signed_gets_a_token_of_its_own() -> None:
    async with serving(_SIGNED) as server:
        body = {"kind": "rtm"}
        reply = await server.token_request("POST", "/demo/v1/token", body, _header("ann"))
        assert (reply.status, reply.json["user"]) == (200, "ann")
        other = await server.token_request("POST", "/demo/v1/token", {**body, "user": "bob"}, _header("ann"))
        assert (other.status, other.json["code"]) == (403, "not_permitted")
        old = await server.token_request("POST", "/demo/v1/token", body, _header("ann", NOW - 61))
        assert (old.status, old.json["code"]) == (401, "credential_invalid")
        forged = await server.token_request("POST", "/demo/v1/token", body, ("X-Signed-User", "ann.1.0"))
        assert (forged.status, forged.json["code"]) == (401, "credential_invalid")


@pytest.mark.usefixtures("signed_user")
async def test_its_header_is_a_credential_like_any_other() -> None:
    async with serving(_SIGNED) as server:
        for headers in ([_header("ann")] * 2, [_header("ann"), ("X-API-Key", KEY)]):
            reply = await server.token_request("POST", "/demo/v1/token", {"kind": "rtm"}, *headers)
            assert (reply.status, reply.json["code"]) == (400, "credential_ambiguous")


@pytest.mark.usefixtures("signed_user")
def test_its_options_are_in_the_schema_and_its_problems_in_the_report() -> None:
    assert "max_age" in json_schema()["$defs"]["CallerShape"]["properties"]["signed_user"]["properties"]
    short = _SIGNED.replace("{env: CERTIFICATE}}, rules", "{env: CERTIFICATE}, max_age: 0}, rules")
    with pytest.raises(ConfigurationError, match=r"callers\.web\.signed_user\.max_age"):
        configuration_of(short)
    twice = _SIGNED + '      app: {signed_user: {secret: {env: CERTIFICATE}}, rules: [{user: "*"}]}\n'
    with pytest.raises(ConfigurationError, match=r"callers\.app\.signed_user\.secret: is the secret of caller web too"):
        configuration_of(twice)
    missing = _SIGNED.replace("{secret: {env: CERTIFICATE}}", "{}")
    with pytest.raises(ConfigurationError, match="is missing: a random text that your backend and tokend alone know"):
        configuration_of(missing)


def test_without_the_package_the_key_is_unknown() -> None:
    with pytest.raises(
        ConfigurationError, match=r"signed_user: unknown key\. Installed auth schemes: anonymous, api_key"
    ):
        configuration_of(_SIGNED)


async def test_a_token_comes_by_the_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed("example-dialect", tmp_path, monkeypatch):
        async with serving(DEMO + "    routes: [{path: /demo, dialect: [native, joinlink]}]\n") as server:
            key = ("X-API-Key", KEY)
            reply = await server.token_request("GET", "/demo/join/lobby?user=7", None, key)
            assert (reply.status, reply.json["until"]) == (200, NOW + 3600)
            read = await server.token_request("POST", "/demo/v1/inspect", {"token": reply.json["access"]}, key)
            assert read.json["services"][0]["channel"] == "lobby"
            wrong = await server.token_request("GET", "/demo/join/lobby?user=ann", None, key)
            assert (wrong.status, wrong.json) == (
                400,
                {"why": "user must be a whole number of at most 10 digits, once", "request": "request-1"},
            )


async def test_a_dialect_of_a_package_has_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed("example-dialect", tmp_path, monkeypatch):
        routes = DEMO + "    routes: [{path: /demo, dialect: [native, {joinlink: {publish: true}}]}]\n"
        async with serving(routes) as server:
            key = ("X-API-Key", KEY)
            reply = await server.token_request("GET", "/demo/join/lobby?user=7", None, key)
            read = await server.token_request("POST", "/demo/v1/inspect", {"token": reply.json["access"]}, key)
            assert "publish_audio" in read.json["services"][0]["privileges"]
        with pytest.raises(ConfigurationError, match=r"dialect\[1\]\.joinlink\.publish: must be true or false"):
            configuration_of(routes.replace("true}", "7}"))
        with pytest.raises(ConfigurationError, match=r"dialect\[1\]\.joinlink\.publsh: .*did you mean 'publish'"):
            configuration_of(routes.replace("publish", "publsh"))
        choices = json_schema()["$defs"]["RouteOptions"]["properties"]["dialect"]["anyOf"]
        assert "publish" in choices[1]["properties"]["joinlink"]["properties"]
