"""`tokend kick` against a stand-in for the vendor's REST API: what it sends, what it makes of each answer, and no secret."""

import base64
import errno
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.running import APP_ID, CERTIFICATE
from tokend.auth.key_digests import digest_of
from tokend.backends.agora.credentials import RestApi
from tokend.cli import main
from tokend.cli.context import CommandFailed
from tokend.cli.kick import create_rule
from tokend.core.secrets import Secret

CUSTOMER_SECRET = "operators-secret-of-the-tests"
GOOD = {"status": "success", "id": 1953}
KICK = ("kick", "--app", "demo", "--for", "10m")
ANN = ("--channel", "room-1", "--user", "7")


class StandIn(ThreadingHTTPServer):
    """Answers every request with `status`, `headers` and `body`, and remembers them; `silent`: it never answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.seen: list[tuple[str, str, Mapping[str, str], Any]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = json.dumps(GOOD).encode()
        self.silent = False
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.seen.append((self.command, self.path, dict(self.headers), json.loads(self.rfile.read(length))))
        if self.server.silent:
            self.server.over.wait()
            return
        self.send_response(self.server.status)
        for name, value in {**self.server.headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Nothing: the test's own output is read."""


@contextmanager
def _running() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # seconds until it sees its end
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def vendors_api() -> Iterator[StandIn]:
    with _running() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendors_api: StandIn) -> Path:
    """A directory with a configuration whose one app has its REST API at the stand-in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOKEND_CONFIG", raising=False)
    monkeypatch.setenv("CERTIFICATE", CERTIFICATE)
    monkeypatch.setenv("CUSTOMER_SECRET", CUSTOMER_SECRET)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the secret goes through no proxy
    (tmp_path / "config.yaml").write_text(f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    backends:
      rtc:
        rest: {{customer_id: operator, customer_secret: {{env: CUSTOMER_SECRET}}, url: "{vendors_api.url}/"}}
    callers: {{studio: {{api_key: "{digest_of("a-key")}"}}}}
""")
    return tmp_path


def _told(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    told = capsys.readouterr()
    for secret in (CUSTOMER_SECRET, base64.b64encode(f"operator:{CUSTOMER_SECRET}".encode()).decode()):
        assert secret not in told.out + told.err
    return told.out, told.err


@pytest.mark.usefixtures("home")
def test_it_sends_what_the_vendor_documents(vendors_api: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*KICK, *ANN, "--privileges", "publish_audio,publish_video"]) == 0
    ((method, path, headers, body),) = vendors_api.seen
    assert (method, path) == ("POST", "/dev/v1/kicking-rule")
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"operator:{CUSTOMER_SECRET}".encode()).decode()
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "appid": APP_ID,
        "cname": "room-1",
        "uid": 7,
        "time_in_seconds": 600,
        "privileges": ["publish_audio", "publish_video"],
    }
    out, err = _told(capfd)
    assert re.fullmatch(
        r"rule 1953 holds until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: "
        r"no publish_audio, publish_video for cname room-1, uid 7\n",
        out,
    )
    (line,) = err.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["app"], logged["rule"], logged["seconds"]) == ("kick", "demo", 1953, 600)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--user", "4294967295"], {"uid": 4_294_967_295}),
        (["--channel", "room-1", "--yes"], {"cname": "room-1"}),
        (["--ip", "2001:DB8::1", "--yes"], {"ip": "2001:db8::1"}),
        (["--ip", "192.0.2.1", *ANN], {"cname": "room-1", "uid": 7, "ip": "192.0.2.1"}),
    ],
)
def test_only_what_is_named_is_sent(arguments: list[str], named: dict[str, object], vendors_api: StandIn) -> None:
    assert main([*KICK, *arguments]) == 0
    assert vendors_api.seen[0][3] == {
        "appid": APP_ID,
        **named,
        "time_in_seconds": 600,
        "privileges": ["join_channel"],
    }


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("written", "seconds"), [("10s", 10), ("86430s", 86_430), ("1d", 86_400), ("600", 600)])
def test_the_bounds_of_its_time_are_allowed(written: str, seconds: int, vendors_api: StandIn) -> None:
    assert main(["kick", *ANN, "--for", written]) == 0
    assert vendors_api.seen[0][3]["time_in_seconds"] == seconds


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--for", "0s", *ANN], "must be 10s to 86430s, with its unit"),
        (["--for", "9s", *ANN], "must be 10s to 86430s"),
        (["--for", "86431s", *ANN], "must be 10s to 86430s"),
        (["--for", "-1s", *ANN], "argument --for: "),  # argparse's sentence, or from Python 3.14 on ours
        (ANN, "required: --for"),
        (["--for", "1h"], "name whom to kick: --user, --channel or --ip"),
        (["--for", "1h", "--channel", "room-1"], "without --user this kicks everybody: add --yes"),
        (["--for", "1h", "--ip", "192.0.2.1"], "add --yes"),
        (["--for", "1h", "--channel", "", "--yes"], "argument --channel: must be a text that is not empty"),
        (["--for", "1h", "--channel", "", "--user", "7"], "argument --channel: must be a text that is not empty"),
        (["--for", "1h", "--user", "7", "--user", "8"], "argument --user: is given twice"),
        (["--for", "1h", "--user", "0"], "must be a uid, 1 to 4294967295: the vendor's rules do not accept accounts"),
        (["--for", "1h", "--user", "4294967296"], "must be a uid"),
        (["--for", "1h", "--user", "ann"], "must be a uid"),
        (["--for", "1h", "--user", "٧"], "must be a uid"),
        (["--for", "1h", "--ip", "192.0.2"], "must be an IP address"),
        (["--for", "1h", *ANN, "--privileges", "join"], "must be of join_channel, publish_audio, publish_video"),
        (["--for", "1h", *ANN, "--privileges", ""], "must be of join_channel"),
        (["--for", "1h", *ANN, "--app", "other"], "there is no app other"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_asks_nothing_of_the_vendor(
    arguments: list[str], sentence: str, vendors_api: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["kick", *arguments])
    assert left.value.code == 2
    assert sentence in _told(capsys)[1]
    assert vendors_api.seen == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, b"{}", "the vendor rejects the app's customer_id and customer_secret for this App ID (401)"),
        (403, b"{}", "customer_id and customer_secret for this App ID (403)"),
        (429, b"{}", "too many requests: wait a moment (429)"),
        (400, b'{"message": "invalid appid"}', "the vendor answered with 400 (invalid appid): no rule was created"),
        (400, b'{"message": "a\\nb"}', r"400 (a\nb): no rule was created"),
        (400, f'{{"message": "{CUSTOMER_SECRET}"}}'.encode(), "the vendor answered with 400: no rule was created"),
        (404, b'{"message": 7}', "the vendor answered with 404: no rule was created"),
        (504, b"", "the vendor answered with 504: the rule may have been created"),
        (200, b"", "the vendor's answer names no rule"),
        (200, b"{", "names no rule"),
        (200, b"[]", "names no rule"),
        (200, b'{"status": "failed", "id": 1}', "names no rule"),
        (200, b'{"status": "success"}', "names no rule"),
        (200, b'{"status": "success", "id": true}', "names no rule"),
        (200, b'{"status": "success", "id": "1"}', "names no rule"),
        (200, b'{"status": "success", "id": 1, "pad": "' + b"x" * 70_000 + b'"}', "names no rule"),
    ],
)
def test_every_other_answer_is_one_sentence_and_exit_code_1(
    status: int, body: bytes, sentence: str, vendors_api: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    vendors_api.status, vendors_api.body = status, body
    assert main([*KICK, *ANN]) == 1
    out, err = _told(capsys)
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("tokend: ")
    assert sentence in err


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int, vendors_api: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    with _running() as elsewhere:
        vendors_api.status, vendors_api.headers = status, {"Location": f"{elsewhere.url}/dev/v1/kicking-rule"}
        assert main([*KICK, *ANN]) == 1
        assert elsewhere.seen == []
    assert f"the vendor answered with {status}: no rule was created" in _told(capsys)[1]


def test_a_vendor_that_never_answers_may_have_made_the_rule(vendors_api: StandIn) -> None:
    vendors_api.silent = True
    api = RestApi(url=vendors_api.url, customer_id="operator", customer_secret=Secret(CUSTOMER_SECRET))
    with pytest.raises(CommandFailed, match=r"did not answer within 0\.2 s: the rule may have been created"):
        create_rule(api, {}, timeout=0.2)


def test_a_vendor_that_cannot_be_reached() -> None:
    api = RestApi(url="http://127.0.0.1:9", customer_id="operator", customer_secret=Secret(CUSTOMER_SECRET))
    with pytest.raises(
        CommandFailed, match=r"cannot be reached at http://127\.0\.0\.1:9: Connection refused"
    ) as caught:
        create_rule(api, {})
    assert CUSTOMER_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "port"), [("http://[::1]", 80), ("http://[::1]:8080", 8080), ("https://[2001:db8::1]", 443)]
)
def test_an_ipv6_address_needs_no_port(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last group of the address was taken for one."""
    addresses = []

    def refuse(address: tuple[str, int], *_: object) -> None:
        addresses.append(address)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(CommandFailed, match="Connection refused"):
        create_rule(RestApi(url=url, customer_id="operator", customer_secret=Secret(CUSTOMER_SECRET)), {})
    assert addresses == [(url.partition("[")[2].partition("]")[0], port)]


@pytest.mark.parametrize("url", ["https://127.0.0.1:9/\u00e9", f"https://{'a' * 64}.invalid"])
def test_a_url_that_cannot_be_written_in_ascii_is_a_sentence(url: str) -> None:
    with pytest.raises(CommandFailed, match="cannot be reached at https://"):
        create_rule(RestApi(url=url, customer_id="operator", customer_secret=Secret(CUSTOMER_SECRET)), {})


def test_the_credentials_may_stand_under_a_kind_of_another_name(home: Path, vendors_api: StandIn) -> None:
    text = (home / "config.yaml").read_text()
    text = text.replace("      rtc:\n", "      rtm:\n      video:\n        backend: rtc\n")
    (home / "config.yaml").write_text(text)
    assert main([*KICK, *ANN]) == 0
    assert len(vendors_api.seen) == 1


def test_an_app_without_rest_credentials(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (home / "config.yaml").read_text()
    (home / "config.yaml").write_text(re.sub(r"^      rtc:\n        rest: .*\n", "      rtc:\n", text, flags=re.M))
    assert main([*KICK, *ANN]) == 1
    told = "tokend: no kind of app demo has `rest`: add customer_id and customer_secret\n"
    assert _told(capsys) == ("", told)
