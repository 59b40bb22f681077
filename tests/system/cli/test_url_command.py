"""`tokend key url`: what it prints works on a real server, for its channel alone."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.running import serving, tokend
from tests.unit.cli.test_url_command import CONFIG, ENVIRONMENT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def printed(home: Path, *arguments: str) -> list[tuple[str, str]]:
    """Its lines as names with values; the command must succeed."""
    done = tokend(home, ENVIRONMENT, "key", "url", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in done.stdout.splitlines())]


def fetched(url: str) -> Any:
    """The answer's JSON, or the status of an error."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_url_of_the_command_gets_a_token_for_its_channel_and_no_other(home: Path) -> None:
    with serving(home, ENVIRONMENT) as server:
        bound_restrictions = ["--channel", "lobby-1", "--roles", "subscriber", "--max-ttl", "10m", "--id", "party-7"]
        lines = dict(
            reversed(printed(home, "--caller", "uikit", "--ttl", "2h", *bound_restrictions, "--url", server.url))
        )
        assert lines["url"] == f"{server.url}/demo/k/{lines['key']}"
        assert fetched(f"{lines['url']}/rtc/lobby-1/audience/uid/7/?expiry=600")["rtcToken"].startswith("007")
        assert fetched(f"{lines['url']}/rtc/lobby-2/audience/uid/7/") == 403
        assert fetched(f"{lines['url']}/rtc/lobby-1/publisher/uid/7/") == 403
        assert fetched(f"{lines['url']}/rtc/lobby-1/audience/uid/7/?expiry=601") == 403
        assert fetched(f"{lines['url'][:-1]}/rtc/lobby-1/audience/uid/7/") == 401
        watch = f"{server.url}/watch/k/{lines['key']}/lobby-1"
        assert fetched(watch)["token"].startswith("007")
        server.stop()
    written = [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]
    audit = [line for line in written if "caller" in line]  # the others end a chain
    assert {one.get("url") for one in audit if one["caller"] is not None} == {"party-7"}
    assert [one["code"] for one in audit if one["caller"] is None] == ["credential_invalid"]
    for text in (server.log, (home / "audit.jsonl").read_text()):
        assert not any(part in text for part in lines["key"].split("."))
