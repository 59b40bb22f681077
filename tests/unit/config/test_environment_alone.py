"""Environment-only mode, and where the server listens."""

from pathlib import Path

import pytest

from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, ENVIRONMENT, ONE_APP, write
from tokend.auth.authenticator import Authenticator, read_credentials
from tokend.auth.key_digests import digest_of
from tokend.config.loading import ConfigurationError, Files, Source, load, load_for_start, read_server
from tokend.core.declarations import APP_ADMIN, WILDCARD_CHANNEL, WILDCARD_PUBLISH, WILDCARD_USER
from tokend.core.errors import ApiError
from tokend.core.listening import Listen
from tokend.issuing.configuration import Configuration

ALONE = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
LIVEKIT = {
    "LIVEKIT_API_KEY": "APIabcdefghijklm",
    "LIVEKIT_API_SECRET": "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e",
    "LIVEKIT_URL": "wss://media.example.com",
}
OLD_URLS = {WILDCARD_USER, WILDCARD_CHANNEL, WILDCARD_PUBLISH}


def _configuration(directory: Path, **more: str) -> Configuration:
    return load(None, ALONE | more, directory)


async def _caller(authenticator: Authenticator, key: str | None) -> str | None:
    try:
        return (await authenticator.authenticate(read_credentials([], {"x-api-key": [key] if key else []}), 0)).name
    except ApiError:
        return None


async def test_open_to_anybody_with_the_capabilities_that_old_urls_need(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path)
    (route,) = configuration.routes
    (rule,) = configuration.apps["default"].rules["anybody"]
    assert configuration.source == "environment"
    assert route.prefix == "/"
    assert [dialect.name for dialect in route.dialects] == ["native", "agora-token-service"]
    assert list(configuration.apps["default"].backends) == ["rtc", "rtm", "chat"]
    assert rule.capabilities == OLD_URLS
    assert configuration.apps["default"].options.cors.origins.written == ()
    assert await _caller(route.authenticator, None) == "anybody"
    assert await _caller(route.authenticator, "some key") is None


def test_a_problem_names_its_variable_also_at_the_start_and_for_commands(tmp_path: Path) -> None:
    """`tokend serve`, `token`, `explain`, `key url` and `kick` named a key of a file that is nowhere."""
    source = Source(None, ALONE | {"APP_CERTIFICATE": "x"}, tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_for_start(source, Files())
    assert [problem.path for problem in caught.value.problems] == [("APP_CERTIFICATE",)]


def without_cors_warning(configuration: Configuration) -> tuple[str, ...]:
    """The warnings but the one that no CORS_ALLOW_ORIGIN is set."""
    others = tuple(warning for warning in configuration.warnings if "CORS_ALLOW_ORIGIN" not in warning)
    assert len(others) == len(configuration.warnings) - 1
    return others


def test_callers_of_web_pages_without_origins_are_warned_of(tmp_path: Path) -> None:
    no_origins = (
        "app default: there is no `cors`, so no web page of another origin can read the answers to caller {}. "
        "Set CORS_ALLOW_ORIGIN to the origins of such pages, if there are any"
    )
    assert no_origins.format("anybody") in _configuration(tmp_path).warnings
    assert no_origins.format("firebase") in _configuration(tmp_path, FIREBASE_PROJECT="demo-1").warnings
    assert not _configuration(tmp_path, API_KEY_SHA256=DIGEST).warnings
    with_origins = _configuration(tmp_path, CORS_ALLOW_ORIGIN="https://app.example.com").warnings
    assert not any("cors" in warning.lower() for warning in with_origins)


def test_the_variables_of_livekit_make_an_app_of_livekit(tmp_path: Path) -> None:
    configuration = load(None, LIVEKIT, tmp_path)
    (route,) = configuration.routes
    (rule,) = configuration.apps["default"].rules["anybody"]
    assert (route.prefix, [dialect.name for dialect in route.dialects]) == ("/", ["native", "livekit"])
    assert route.dialect_options["livekit"].model_dump()["generate"] == ["room", "identity"]
    assert list(configuration.apps["default"].backends) == ["livekit"]
    assert rule.capabilities == OLD_URLS | {"dispatch"}
    assert "Zk7qWv0r" not in repr(configuration)


def test_with_the_variables_of_both_vendors_the_app_has_the_kinds_of_both(tmp_path: Path) -> None:
    configuration = load(None, ALONE | LIVEKIT, tmp_path)
    assert sorted(configuration.apps["default"].backends) == ["chat", "livekit", "rtc", "rtm"]
    dialects = {route.prefix: [dialect.name for dialect in route.dialects] for route in configuration.routes}
    assert dialects == {"/": ["native", "agora-token-service"], "/livekit": ["native", "livekit"]}


def test_a_key_closes_an_app_of_livekit_too(tmp_path: Path) -> None:
    configuration = load(None, LIVEKIT | {"API_KEY_SHA256": DIGEST}, tmp_path)
    assert configuration.routes[0].callers == ("key",)
    assert configuration.warnings == ()


async def test_a_key_in_the_url_closes_it_too_and_beside_one_for_headers(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path, API_KEY_SHA256=DIGEST, URL_KEY_SHA256=digest_of("url-key"))
    assert configuration.routes[0].callers == ("key", "url")
    assert configuration.routes[0].url_keys
    assert without_cors_warning(configuration) == ()
    assert (
        configuration.apps["default"].rules["url"][0].capabilities
        == configuration.apps["default"].rules["key"][0].capabilities
    )


def test_open_access_is_warned_of_naming_what_closes_it(tmp_path: Path) -> None:
    (warning,) = without_cors_warning(_configuration(tmp_path))
    assert "anybody" in warning
    assert "Set API_KEY_SHA256, URL_KEY_SHA256 or FIREBASE_PROJECT to close it" in warning
    assert "tokend key new" in warning
    assert "in its place" not in warning


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "SHA256:{}", " {} "])
async def test_an_api_key_closes_it_with_the_same_rule(form: str, tmp_path: Path) -> None:
    digest = digest_of("the key").removeprefix("sha256:")
    for text in (digest, digest.upper()):
        configuration = _configuration(tmp_path, API_KEY_SHA256=form.format(text))
        (rule,) = configuration.apps["default"].rules["key"]
        assert rule.capabilities == OLD_URLS
        assert configuration.warnings == ()
        assert configuration.routes[0].authenticator.open_callers == ()
        assert await _caller(configuration.routes[0].authenticator, None) is None


def test_chat_administrators_only_where_it_is_said(tmp_path: Path) -> None:
    for value, expected in (("", OLD_URLS), ("0", OLD_URLS), ("1", OLD_URLS | {APP_ADMIN})):
        (rule,) = _configuration(tmp_path, ALLOW_APP_ADMIN=value).apps["default"].rules["anybody"]
        assert rule.capabilities == expected
        (rule,) = _configuration(tmp_path, ALLOW_APP_ADMIN=value, API_KEY_SHA256=DIGEST).apps["default"].rules["key"]
        assert rule.capabilities == expected


def test_an_open_server_that_gives_administrators_is_warned_of_twice(tmp_path: Path) -> None:
    warnings = without_cors_warning(_configuration(tmp_path, ALLOW_APP_ADMIN="1"))
    assert len(warnings) == 2
    assert all("API_KEY_SHA256" in warning for warning in warnings)


def test_a_firebase_project_closes_it_with_the_same_rule_alone_and_beside_a_key(tmp_path: Path) -> None:
    single_process = _configuration(tmp_path, FIREBASE_PROJECT="demo-1")
    both = _configuration(tmp_path, FIREBASE_PROJECT="demo-1", API_KEY_SHA256=DIGEST)
    assert (single_process.routes[0].callers, both.routes[0].callers) == (("firebase",), ("key", "firebase"))
    assert without_cors_warning(single_process) == without_cors_warning(both) == ()
    (rule,), (of_key,) = both.apps["default"].rules["firebase"], both.apps["default"].rules["key"]
    assert (rule.name, of_key.name) == ("default.firebase.rules[0]", "default.key.rules[0]")
    assert rule.model_dump() == of_key.model_dump()
    assert rule.capabilities == OLD_URLS


def test_administrators_tokens_for_every_user_of_a_firebase_project_are_warned_of(tmp_path: Path) -> None:
    (warning,) = without_cors_warning(_configuration(tmp_path, FIREBASE_PROJECT="demo-1", ALLOW_APP_ADMIN="1"))
    assert "jwt caller firebase has the capability app_admin in a rule without `when`" in warning


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
    assert _configuration(tmp_path, CORS_ALLOW_ORIGIN=written).apps["default"].options.cors.origins.written == origins


def test_the_variables_of_this_mode_mean_nothing_beside_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    more = {"URL_KEY_SHA256": "x", "CORS_ALLOW_ORIGIN": "*", "API_KEY_SHA256": "x"}
    configuration = load(None, ENVIRONMENT | ALONE | more, tmp_path)
    assert list(configuration.apps) == ["demo"]
    assert configuration.apps["demo"].options.cors.origins.written == ()


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
        with pytest.raises(ConfigurationError, match=r"^environment: PORT: must be a port, 0 to 65535$"):
            read(None, ALONE | {"PORT": port}, tmp_path)


def test_a_port_of_the_platform_makes_two_addresses_of_one(tmp_path: Path) -> None:
    """The error that they are one looked at the file alone, and stopped a server that had served."""
    listen = "127.0.0.1:8080"
    app = 'demo: {app_id: "APP_ID", certificate: {env: CERTIFICATE}, callers: {web: {anonymous: true, rules: [{}]}}}'
    write(tmp_path, {"config.yaml": f"server: {{listen: {listen}, admin: {listen}}}\napps: {{{app}}}"})
    for variables in ({"PORT": "9000"}, {"TOKEND_HOST": "127.0.0.2"}):
        source = Source(None, {**ENVIRONMENT, **variables}, tmp_path, dotenv=False)
        assert source.load(Files()).apps
        assert source.load_isolated(Files()).configuration.apps
    source = Source(None, ENVIRONMENT, tmp_path, dotenv=False)
    for read in (source.load, source.load_isolated):
        with pytest.raises(ConfigurationError) as caught:
            read(Files())
        assert "listen and admin are the same address" in caught.value.problems[0].sentence


def test_a_directory_in_place_of_the_file_is_not_passed_over(tmp_path: Path) -> None:
    """A container's runtime makes one where the file that it should mount is missing. The server was open to anybody."""
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        _configuration(tmp_path)
