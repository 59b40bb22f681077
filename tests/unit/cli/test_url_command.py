"""`tokend key url`: what it prints names each route of the caller; what could not work is refused."""

import asyncio
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from tests.running import APP_ID, CERTIFICATE
from tests.unit.commands import Command
from tokend import create_app
from tokend.auth.key_digests import digest_of

ENVIRONMENT = {"CERTIFICATE": CERTIFICATE, "SIGNING": "0123456789-signing-key-of-32-bytes"}
CONFIG = f"""
audit: {{to: {{file: audit.jsonl}}}}
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    url_signing_key: {{env: SIGNING}}
    callers:
      uikit: {{url_key: signed, rules: [{{kinds: [rtc, rtm], channel: "lobby-*", user: "*", capabilities: wildcard_user}}]}}
      kiosk: {{url_key: "{digest_of("static")}", rules: [{{}}]}}
      watcher: {{url_key: signed, rules: [{{roles: subscriber}}]}}
      studio: {{api_key: "{digest_of("studio")}"}}
    routes:
      - {{path: /demo, callers: [uikit, studio]}}
      - {{path: /, host: demo.example.com, callers: [uikit, kiosk, watcher]}}
      - {{path: "/watch/{{channel}}", kind: rtc, set: {{role: subscriber, uid: 0}}, callers: uikit}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def printed(command: Command, home: Path, *arguments: str) -> list[tuple[str, str]]:
    """Its lines as names with values; the command must succeed."""
    done = command(home, ENVIRONMENT, "key", "url", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in done.stdout.splitlines())]


def test_each_route_that_takes_the_caller_has_its_url(command: Command, home: Path) -> None:
    lines = printed(command, home, "--caller", "uikit", "--ttl", "31d", "--url", "https://tokens.example.com/")
    key = dict(lines)["key"]
    assert [value for name, value in lines if name == "url"] == [
        f"https://tokens.example.com/demo/k/{key}",
        f"https://demo.example.com/k/{key}",
        f"https://tokens.example.com/watch/k/{key}/{{channel}}",
    ]
    assert re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", dict(lines)["ends"])
    (kiosk,) = [value for name, value in printed(command, home, "--caller", "kiosk", "--ttl", "1m") if name == "url"]
    assert kiosk.startswith("http://demo.example.com:8080/k/ey")


def test_a_url_that_another_route_of_its_host_would_get_is_not_printed(command: Command, home: Path) -> None:
    """`https://demo.example.com/demo/k/…` was printed, and got 404: the host's route at `/` comes first."""
    lines = printed(command, home, "--caller", "uikit", "--ttl", "1h", "--url", "https://demo.example.com")
    key = dict(lines)["key"]
    assert [value for name, value in lines if name == "url"] == [f"https://demo.example.com/k/{key}"]


def test_a_host_where_no_url_would_work_is_refused(command: Command, home: Path) -> None:
    (home / "config.yaml").write_text(CONFIG.replace("callers: [uikit, kiosk, watcher]", "callers: [kiosk, watcher]"))
    done = command(
        home, ENVIRONMENT, "key", "url", "--caller", "uikit", "--ttl", "1h", "--url", "https://demo.example.com"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--url: routes with this host get all requests to it, but not for caller uikit" in done.stderr


async def test_a_prefix_stands_in_the_urls_of_all_hosts(
    command: Command, home: Path, aiohttp_client: AiohttpClient
) -> None:
    """As where tokend is mounted below it: the URL of a route with a host was a 404."""
    arguments = ("--caller", "uikit", "--ttl", "1h", "--url", "https://x.example.com/tokens/")
    urls = [value for name, value in await asyncio.to_thread(printed, command, home, *arguments) if name == "url"]
    application = web.Application()
    application.add_subapp("/tokens", create_app(home / "config.yaml", environ=ENVIRONMENT, log=BytesIO()))
    client = await aiohttp_client(application)
    for url in urls[:2]:
        parts = urlsplit(url)
        token_request = {"kind": "rtc", "channel": "lobby-1", "uid": 7}
        headers = {"Host": parts.netloc}
        response = await client.post(f"{parts.path}/v1/token", json=token_request, headers=headers)
        assert (response.status, parts.netloc) == (200, "x.example.com" if "/demo/" in url else "demo.example.com")


def test_an_id_is_made_where_none_is_given(command: Command, home: Path) -> None:
    first, second = (dict(printed(command, home, "--caller", "uikit", "--ttl", "1h"))["id"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert first != second


@pytest.mark.parametrize(
    ("arguments", "is_warned"),
    [
        (["--channel", "lobby-1", "--user", "*"], True),
        (["--channel", "lobby-1", "--user", "*", "--kinds", "rtm"], True),
        (["--channel", "lobby-1", "--user", "*", "--kinds", "rtc"], False),
        (["--channel", "lobby-1", "--user", "ada"], False),
        (["--channel", "lobby-1"], False),
        (["--channel", "*", "--user", "*"], False),
    ],
)
def test_a_url_for_a_channel_that_is_a_login_as_any_user_is_warned_of(
    arguments: list[str], is_warned: bool, command: Command, home: Path
) -> None:
    done = command(home, ENVIRONMENT, "key", "url", "--caller", "uikit", "--ttl", "1h", *arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("key:   ")
    if is_warned:
        (line,) = done.stderr.splitlines()
        assert line.startswith(
            'warning: the URL limits the channel, but its user "*" permits a login as any user to rtm'
        )
    else:
        assert done.stderr == ""


def test_a_rule_for_channels_that_permits_no_login_is_not_warned_of(command: Command, home: Path) -> None:
    (home / "config.yaml").write_text(CONFIG.replace('channel: "lobby-*", user: "*",', 'channel: "lobby-*",'))
    arguments = ("--caller", "uikit", "--ttl", "1h", "--channel", "lobby-1", "--user", "*")
    done = command(home, ENVIRONMENT, "key", "url", *arguments)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--caller", "nobody", "--ttl", "1h"], "app demo has no caller nobody; it has kiosk, studio, uikit, watcher"),
        (
            ["--caller", "studio", "--ttl", "1h"],
            "no route of app demo takes caller studio by a URL: it needs a url_key",
        ),
        (["--caller", "uikit", "--ttl", "32d"], "--ttl must be 1s to 31d"),
        (["--caller", "uikit", "--ttl", "0s"], "--ttl must be 1s to 31d"),
        (["--caller", "uikit", "--ttl", "3600x"], "argument --ttl: must be a number with its unit: 90s, 30m, 1h or 1d"),
        (["--caller", "uikit"], "the following arguments are required: --ttl"),
        (["--ttl", "1h"], "the following arguments are required: --caller"),
        (["--caller", "uikit", "--ttl", "1h", "--app", "other"], "there is no app other"),
        (["--caller", "uikit", "--ttl", "1h", "--kinds", "rtc,rtx"], "--kinds: rtx is none of chat, rtc, rtm"),
        (["--caller", "uikit", "--ttl", "1h", "--roles", "host"], "--roles: host is none of publisher, subscriber"),
        (
            ["--caller", "uikit", "--ttl", "1h", "--channel", "room-1"],
            "no rule of caller uikit allows what the options",
        ),
        (["--caller", "uikit", "--ttl", "1h", "--kinds", "chat"], "no rule of caller uikit allows what the options"),
        (
            ["--caller", "uikit", "--ttl", "1h", "--kinds", "rtm", "--channel", "lobby-1"],  # a login needs a user, too
            "no rule of caller uikit allows what the options",
        ),
        (["--caller", "watcher", "--ttl", "1h", "--roles", "publisher"], "no rule of caller watcher allows"),
        (["--caller", "uikit", "--ttl", "1h", "--max-ttl", "59s"], "--max-ttl must be 60 to 86400 seconds"),
        (["--caller", "uikit", "--ttl", "1h", "--max-ttl", "25h"], "--max-ttl must be 60 to 86400 seconds"),
        (["--caller", "uikit", "--ttl", "1h", "--channel", ""], "argument --channel: must be a text that is not empty"),
        (["--caller", "uikit", "--ttl", "1h", "--id", "a b"], "argument --id: must be 1 to 64 of a-z A-Z 0-9 . _ -"),
        (
            ["--caller", "uikit", "--ttl", "1h", "--url", "tokens.example.com"],
            "must be like https://tokens.example.com",
        ),
        (["--caller", "uikit", "--ttl", "1h", "--url", "https://[x"], "must be like https://tokens.example.com"),
        (["--caller", "uikit", "--ttl", "1h", "--url", "https://x/a b"], "must be like https://tokens.example.com"),
        (["--caller", "uikit", "--ttl", "1h", "--url", "https://x/\n"], "must be like https://tokens.example.com"),
        (["--caller", "uikit", "--ttl", "1h", "--user", "7", "--user", "8"], "argument --user: is given twice"),
    ],
)
def test_what_could_not_work_is_exit_code_2(arguments: list[str], sentence: str, command: Command, home: Path) -> None:
    done = command(home, ENVIRONMENT, "key", "url", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_url_that_gets_only_a_login_is_signed(command: Command, home: Path) -> None:
    """A login has no channel, so that of the rule does not matter to it where both name a user."""
    assert "key" in dict(
        printed(command, home, "--caller", "uikit", "--ttl", "1h", "--channel", "room-1", "--user", "ann")
    )
    done = command(
        home,
        ENVIRONMENT,
        *("key", "url", "--caller", "uikit", "--ttl", "1h", "--kinds", "rtc"),
        *("--channel", "room-1", "--user", "ann"),
    )
    assert "no rule of caller uikit allows" in done.stderr


def test_an_app_without_a_signing_key_is_told_what_is_missing(command: Command, home: Path) -> None:
    without = CONFIG.replace("url_signing_key:", "#")
    for name in ("uikit", "watcher"):
        without = without.replace(f"{name}: {{url_key: signed", f'{name}: {{url_key: "{digest_of(name)}"')
    (home / "config.yaml").write_text(without)
    done = command(home, ENVIRONMENT, "key", "url", "--caller", "kiosk", "--ttl", "1h")
    assert done.returncode == 2
    assert "app demo has no url_signing_key" in done.stderr


def test_a_url_for_a_kind_without_the_kinds_that_its_tokens_contain_is_refused(command: Command, home: Path) -> None:
    """It was signed, and the server permitted no token by it."""
    text = CONFIG.replace(
        "    url_signing_key", "    backends: {rtc: {}, rtm: {}, rtc_rtm: {}, combined: {}}\n    url_signing_key"
    )
    (home / "config.yaml").write_text(text)
    of_watcher = ("key", "url", "--caller", "watcher", "--ttl", "1h", "--kinds")
    for kinds in ("rtc_rtm", "combined"):
        done = command(home, ENVIRONMENT, *of_watcher, kinds)
        assert (done.returncode, done.stdout) == (2, "")
        assert "no rule of caller watcher allows" in done.stderr
    for kinds in ("rtc_rtm,rtc,rtm", "combined,rtc"):
        assert command(home, ENVIRONMENT, *of_watcher, kinds).returncode == 0


def test_a_login_for_a_channel_and_a_user_by_a_rule_without_both_is_signed(command: Command, home: Path) -> None:
    """It was refused, and the server gives a token by it: only what limits the channel has to limit the user."""
    arguments = ("--caller", "watcher", "--ttl", "1h", "--kinds", "rtm", "--channel", "room-1", "--user", "ann")
    assert "key" in dict(printed(command, home, *arguments))


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        ('kinds: [rtc, rtm], channel: "lobby-*"', ["--kinds", "rtm"]),  # a rule for channels alone permits no login
        ('kinds: [rtc, rtm], channel: "lobby-1"', ["--channel", "room-*"]),
        ("kinds: rtc, user: ann", ["--user", "b*"]),
    ],
)
def test_a_url_by_which_no_text_fits_the_rule_is_refused(
    rule: str, arguments: list[str], command: Command, home: Path
) -> None:
    """It was signed, and the server permitted no token by it."""
    text = re.sub(r"uikit: \{url_key.*", f"uikit: {{url_key: signed, rules: [{{{rule}}}]}}", CONFIG)
    (home / "config.yaml").write_text(text)
    done = command(home, ENVIRONMENT, "key", "url", "--caller", "uikit", "--ttl", "1h", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no rule of caller uikit allows" in done.stderr
