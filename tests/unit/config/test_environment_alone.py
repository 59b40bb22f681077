"""Environment-only mode, and where the server listens."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, ENVIRONMENT, ONE_APP, write
from tokend.auth.authenticator import Gate, digest_of, present
from tokend.config.loading import ConfigError, load, read_server
from tokend.core.errors import Refusal
from tokend.core.reach import Power
from tokend.issuing.configuration import Listen, Setup

ALONE = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
OLD_URLS = {Power.WILDCARD_USER, Power.WILDCARD_CHANNEL, Power.WILDCARD_PUBLISH}


def _setup(directory: Path, **more: str) -> Setup:
    return load(None, ALONE | more, directory)


async def _caller(gate: Gate, key: str | None) -> str | None:
    try:
        return (await gate.identify(present([], [key] if key else []), 0)).name
    except Refusal:
        return None


async def test_open_to_anybody_with_the_powers_that_old_urls_need(tmp_path: Path) -> None:
    setup = _setup(tmp_path)
    (route,) = setup.routes
    (rule,) = setup.apps["default"].rules["anybody"]
    assert setup.source == "environment"
    assert route.prefix == "/"
    assert [one.name for one in route.dialects] == ["native", "agora-token-service"]
    assert list(setup.apps["default"].backends) == ["rtc", "rtm", "chat"]
    assert rule.powers == OLD_URLS
    assert setup.apps["default"].origins.written == ()
    assert await _caller(route.gate, None) == "anybody"
    assert await _caller(route.gate, "some key") is None


async def test_a_key_in_the_url_closes_it_too_and_beside_one_for_headers(tmp_path: Path) -> None:
    setup = _setup(tmp_path, API_KEY_SHA256=DIGEST, URL_KEY_SHA256=digest_of("url-key"))
    assert setup.routes[0].callers == ("key", "url")
    assert setup.routes[0].url_keys
    assert setup.warnings == ()
    assert setup.apps["default"].rules["url"][0].powers == setup.apps["default"].rules["key"][0].powers


def test_open_access_is_warned_of_naming_what_closes_it(tmp_path: Path) -> None:
    (warning,) = _setup(tmp_path).warnings
    assert "anybody" in warning
    assert "set API_KEY_SHA256, URL_KEY_SHA256 or FIREBASE_PROJECT to close it" in warning
    assert "tokend key new" in warning
    assert "in its place" not in warning


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "SHA256:{}", " {} "])
async def test_an_api_key_closes_it_with_the_same_rule(form: str, tmp_path: Path) -> None:
    digest = digest_of("the key").removeprefix("sha256:")
    for text in (digest, digest.upper()):
        setup = _setup(tmp_path, API_KEY_SHA256=form.format(text))
        (rule,) = setup.apps["default"].rules["key"]
        assert rule.powers == OLD_URLS
        assert setup.warnings == ()
        assert setup.routes[0].open_callers == ()
        assert await _caller(setup.routes[0].gate, None) is None


def test_chat_administrators_only_where_it_is_said(tmp_path: Path) -> None:
    for value, expected in (("", OLD_URLS), ("0", OLD_URLS), ("1", OLD_URLS | {Power.APP_ADMIN})):
        (rule,) = _setup(tmp_path, ALLOW_APP_ADMIN=value).apps["default"].rules["anybody"]
        assert rule.powers == expected
        (rule,) = _setup(tmp_path, ALLOW_APP_ADMIN=value, API_KEY_SHA256=DIGEST).apps["default"].rules["key"]
        assert rule.powers == expected


def test_an_open_server_that_gives_administrators_is_warned_of_twice(tmp_path: Path) -> None:
    warnings = _setup(tmp_path, ALLOW_APP_ADMIN="1").warnings
    assert len(warnings) == 2
    assert all("API_KEY_SHA256" in one for one in warnings)


def test_a_firebase_project_closes_it_with_the_same_rule_alone_and_beside_a_key(tmp_path: Path) -> None:
    alone = _setup(tmp_path, FIREBASE_PROJECT="demo-1")
    both = _setup(tmp_path, FIREBASE_PROJECT="demo-1", API_KEY_SHA256=DIGEST)
    assert (alone.routes[0].callers, both.routes[0].callers) == (("firebase",), ("key", "firebase"))
    assert alone.warnings == both.warnings == ()
    (rule,), (of_key,) = both.apps["default"].rules["firebase"], both.apps["default"].rules["key"]
    assert rule == replace(of_key, path="default.firebase.may[0]")
    assert rule.powers == OLD_URLS


def test_administrators_tokens_for_every_user_of_a_firebase_project_are_warned_of(tmp_path: Path) -> None:
    (warning,) = _setup(tmp_path, FIREBASE_PROJECT="demo-1", ALLOW_APP_ADMIN="1").warnings
    assert "jwt caller firebase has the power app_admin in a rule without `when`" in warning


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        ("https://a.example.com", ("https://a.example.com",)),
        (" https://a.example.com , http://localhost:3000,", ("https://a.example.com", "http://localhost:3000")),
        ("https://*.example.com", ("https://*.example.com",)),
    ],
)
def test_origins_are_trimmed_and_none_is_none(written: str, origins: tuple[str, ...], tmp_path: Path) -> None:
    assert _setup(tmp_path, CORS_ALLOW_ORIGIN=written).apps["default"].origins.written == origins


def test_the_variables_of_this_mode_mean_nothing_beside_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    more = {"URL_KEY_SHA256": "x", "CORS_ALLOW_ORIGIN": "*", "API_KEY_SHA256": "x"}
    setup = load(None, ENVIRONMENT | ALONE | more, tmp_path)
    assert list(setup.apps) == ["demo"]
    assert setup.apps["demo"].origins.written == ()


@pytest.mark.parametrize(
    ("environment", "written", "listen"),
    [
        ({}, None, ("127.0.0.1", 8080)),
        ({}, "0.0.0.0:9000", ("0.0.0.0", 9000)),
        ({}, "'[::1]:9000'", ("::1", 9000)),
        ({}, "localhost:0", ("localhost", 0)),
        ({"TOKEND_HOST": "::"}, "0.0.0.0:9000", ("::", 9000)),
        ({"PORT": "81"}, "0.0.0.0:9000", ("0.0.0.0", 81)),
        ({"PORT": "81", "SERVER_PORT": "82"}, "0.0.0.0:9000", ("0.0.0.0", 82)),
        ({"PORT": "junk", "SERVER_PORT": "82"}, None, ("127.0.0.1", 82)),
        ({"PORT": "81", "SERVER_PORT": "", "TOKEND_HOST": ""}, None, ("127.0.0.1", 81)),
        ({"PORT": "0"}, None, ("127.0.0.1", 0)),
    ],
)
def test_where_it_listens(
    environment: dict[str, str], written: str | None, listen: tuple[str, int], tmp_path: Path
) -> None:
    server = f"server: {{listen: {written}}}\n" if written else ""
    write(tmp_path, {"config.yaml": server + ONE_APP})
    assert load(None, ENVIRONMENT | environment, tmp_path).listen == Listen(*listen)
    assert read_server(None, environment, tmp_path) == (Listen(*listen), None)
    if written is None:
        assert load(None, ALONE | environment, tmp_path / "empty").listen == Listen(*listen)


@pytest.mark.parametrize("port", ["-1", "65536", "8_0", "+80", " 80", "0x50", "８０", "80 ", "1e3", "9" * 5000])
def test_a_port_is_a_plain_number(port: str, tmp_path: Path) -> None:
    for read in (load, read_server):
        with pytest.raises(ConfigError, match=r"^environment: PORT: must be a port, 0 to 65535$"):
            read(None, ALONE | {"PORT": port}, tmp_path)
