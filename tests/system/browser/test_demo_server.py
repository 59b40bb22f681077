"""The demo server inside npm agora-token, started beside a tokend with its dialect: same requests, same answers.

Lifetimes of a 006 token are absolute, and so compared by their distance from the `ts` beside them.
"""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests import oracle
from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.oracle import Vendor
from tests.running import APP_ID, CERTIFICATE, DEMO, serving
from tests.system.browser import parts
from tokend.backends.agora import v006

pytestmark = pytest.mark.xdist_group("browser")

ORIGIN: Final = "https://app.example.com"
CONFIG: Final = """
apps:
  demo:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    cors: {origins: ["*"]}
    callers:
      anybody: {anonymous: true, rules: [{kinds: [rtc, rtm], capabilities: [wildcard_user, wildcard_publish]}]}
    routes: [{path: /, dialect: agora-npm-demo}]
"""
PUBLISHER: Final = {1, 2, 3, 4}
RTM_LOGIN: Final = {1000}


class Both(NamedTuple):
    """Where the two servers listen."""

    theirs: str
    ours: str


class HttpResponse(NamedTuple):
    """`kind`: the content type; `readable`: whether a page of ORIGIN could read it."""

    status: int
    kind: str
    readable: bool
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def get(url: str) -> HttpResponse:
    request = urllib.request.Request(url, headers={"Origin": ORIGIN})
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        readable = answer.headers.get("Access-Control-Allow-Origin") in ("*", ORIGIN)
        return HttpResponse(answer.status, answer.headers.get_content_type(), readable, answer.read())


@contextmanager
def demo_server(directory: Path) -> Iterator[str]:
    """The vendor's file, copied and edited as its README says, with node on a free port; gives its URL."""
    packages = oracle.HERE / "node_modules"
    port = free_port()
    source = (packages / "agora-token" / "server" / "DemoServer.js").read_text()
    for blank, filled in {"8080": str(port), "<YOUR APP ID>": APP_ID, "<YOUR APP CERTIFICATE>": CERTIFICATE}.items():
        assert source.count(blank) == 1
        source = source.replace(blank, filled)
    (directory / "DemoServer.js").write_text(source)
    process = subprocess.Popen(
        [shutil.which("node") or "node", "--no-deprecation", "DemoServer.js"],
        cwd=directory,
        env={**os.environ, "NODE_PATH": str(packages)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=parts.SECONDS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """The two servers, side by side. Without the packages the test is skipped, saying why; where CI=true it fails."""
    skip_or_fail(parts.missing_packages(oracle.HERE, (*oracle.PACKAGES, "express")))
    ours = tmp_path_factory.mktemp("tokend")
    (ours / "config.yaml").write_text(CONFIG)
    with demo_server(tmp_path_factory.mktemp("theirs")) as theirs, serving(ours, DEMO, lines=1) as running:
        yield Both(theirs, running.url)


def lifetimes(token: v006.Decoded) -> dict[int, int]:
    """Privileges, each until when counted from the issue time."""
    return {privilege: until - token.issue_ts for privilege, until in token.privileges.items()}


def same_but_for_time_and_salt(theirs: v006.Decoded, ours: v006.Decoded) -> None:
    assert (ours.app_id, ours.channel_crc, ours.uid_crc) == (theirs.app_id, theirs.channel_crc, theirs.uid_crc)
    assert lifetimes(ours) == dict.fromkeys(ours.privileges, 3600)
    assert ours.privileges.keys() == theirs.privileges.keys()
    # theirs looks at the clock twice, between which a second may begin
    assert set(lifetimes(theirs).values()) <= {3599, 3600}
    assert abs(ours.issue_ts - theirs.issue_ts) <= 10
    assert (len(ours.signature), len(ours.message)) == (len(theirs.signature), len(theirs.message))


@pytest.mark.parametrize(
    ("request_line", "channel", "uid", "privileges"),
    [
        ("/rtcToken?channelName=room", "room", "", PUBLISHER),
        ("/rtcToken?channelName=room&uid=", "room", "", PUBLISHER),
        ("/rtcToken?channelName=room&uid=1234", "room", "1234", PUBLISHER),
        ("/rtcToken?uid=4294967295&channelName=room", "room", "4294967295", PUBLISHER),
        ("/rtcToken/?channelName=room&uid=1", "room", "1", PUBLISHER),
        ("/rtcToken?channelName=a+b%20c%26d%2Be%7C&uid=1&more=1", "a b c&d+e|", "1", PUBLISHER),
        ("/rtmToken?account=alice", "alice", "", RTM_LOGIN),
        ("/rtmToken?account=0123", "0123", "", RTM_LOGIN),
        ("/rtmToken?account=a%20b%40c&more=1", "a b@c", "", RTM_LOGIN),
    ],
)
def test_the_same_token(
    both: Both, vendor: Vendor, request_line: str, channel: str, uid: str, privileges: set[int]
) -> None:
    theirs, ours = get(both.theirs + request_line), get(both.ours + request_line)
    assert (theirs.status, theirs.kind, theirs.readable) == (ours.status, ours.kind, ours.readable)
    assert (ours.status, ours.kind, ours.readable) == (200, "application/json", True)
    assert theirs.json.keys() == ours.json.keys() == {"key"}
    same_but_for_time_and_salt(v006.decode(theirs.json["key"]), v006.decode(ours.json["key"]))
    for answer in (theirs, ours):
        token = answer.json["key"]
        assert v006.decode(token).privileges.keys() == privileges
        assert v006.verifies(v006.decode(token), CERTIFICATE, channel, uid)
        found = vendor.token_request("verify006", token=token, certificate=CERTIFICATE, channel=channel, uid=uid)
        assert (found["read"], found["ok"]) == (True, True)


@pytest.mark.parametrize(
    ("request_line", "field"),
    [
        ("/rtcToken", "channelName"),
        ("/rtcToken?channelName=", "channelName"),
        ("/rtcToken?uid=1", "channelName"),
        ("/rtmToken", "account"),
        ("/rtmToken?account=", "account"),
        ("/rtmToken?channelName=room", "account"),
    ],
)
def test_the_same_refusal(both: Both, request_line: str, field: str) -> None:
    theirs, ours = get(both.theirs + request_line), get(both.ours + request_line)
    assert (theirs.status, theirs.kind) == (ours.status, ours.kind) == (400, "application/json")
    assert isinstance(theirs.json["error"], str)
    assert isinstance(ours.json["error"], str)
    assert ours.json["field"] == field
    assert "key" not in ours.json


def test_paths_that_neither_has(both: Both) -> None:
    for path in ("/", "/rtc", "/rtcToken/room"):
        statuses = (get(both.theirs + path).status, get(both.ours + path).status)
        assert statuses == ((404, 200) if path == "/" else (404, 404)), path


def test_a_uid_of_0_is_any_user_here(both: Both) -> None:
    """As everywhere in a URL here. The demo reads it as text, and its token is for the account `0`."""
    line = "/rtcToken?channelName=room&uid=0"
    theirs, ours = v006.decode(get(both.theirs + line).json["key"]), v006.decode(get(both.ours + line).json["key"])
    assert v006.verifies(theirs, CERTIFICATE, "room", "0")
    assert v006.verifies(ours, CERTIFICATE, "room", "")


@pytest.mark.parametrize(
    ("request_line", "theirs"),
    [
        ("/rtcToken?channelName=room&uid=alice", 200),  # a token for the account, from a builder of numbers
        ("/rtcToken?channelName=room&uid=4294967296", 200),  # which no client can join with
        (f"/rtcToken?channelName={'x' * 65}", 200),
        ("/rtcToken?channelName=a&channelName=b", 500),
    ],
)
def test_stricter_here(both: Both, request_line: str, theirs: int) -> None:
    """What docs/moving/agora-npm-demo.md says, and requests that bring the demo down."""
    assert (get(both.theirs + request_line).status, get(both.ours + request_line).status) == (theirs, 400)
