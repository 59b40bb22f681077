"""TURN credentials: the proofs in small, and the running server: at a real coturn, and as the contracts document it."""

import base64
import json
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.running import serving
from tests.system.vendor import proof_turn, proof_turn_coturn
from tests.system.vendor.coturn import Coturn, need_coturn
from tokend.auth.key_digests import digest_of

SECRET: Final = "5d41402abc4b2a76b9719d91"
KEY: Final = "a-key-of-this-test"
_CONFIG: Final = """
apps:
  demo:
    ttl: {{default: 1h}}
    backends: {{turn: {{secret: {{env: TURN_SECRET}}, uris: ["turn:127.0.0.1:{port}?transport=udp"]{more}}}}}
    callers:
      page: {{url_key: "{digest}", rules: [{{user: "ann*"}}]}}
      matrix: {{anonymous: true, rules: [{{user: "@user:example.com", ttl: {{max: 1h}}}}]}}
    routes:
      - {{path: /turn, dialect: [turn-rest, ice-servers], callers: page}}
      - {{path: /, dialect: matrix-voip, callers: matrix}}
"""


def _answer(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def test_the_reference_is_held_against_a_published_password() -> None:
    """github.com/pion/turn, lt_cred_test.go: secret foobar, username 1599491771."""
    found = base64.b64encode(proof_turn.hmac_sha1("foobar", "1599491771"))
    assert found == b"Tpz/nKkyvX/vMSLKvL4sbtBt8Vs="


def test_random_credentials_are_those_of_the_specification() -> None:
    assert proof_turn.differences(2_000, 1) == []


def test_random_credentials_relay_at_coturn_and_broken_ones_do_not() -> None:
    need_coturn()
    assert proof_turn_coturn.differences(20, 1) == []


@pytest.mark.parametrize(("separator", "more"), [(None, ""), ("/", ", separator: /")])
def test_the_servers_answer_relays(separator: str | None, more: str, tmp_path: Path) -> None:
    need_coturn()
    with Coturn(tmp_path, SECRET, separator=separator) as coturn:
        written = _CONFIG.format(port=coturn.port, digest=digest_of(KEY), more=more)
        (tmp_path / "config.yaml").write_text(written)
        with serving(tmp_path, {"TURN_SECRET": SECRET}, lines=1) as tokend:
            answer = _answer(f"{tokend.url}/turn?service=turn&username=ann-1&key={KEY}")
            assert answer.keys() == {"username", "password", "ttl", "uris"}
            assert not coturn.relays(answer["username"], answer["password"].swapcase())
            (server,) = _answer(f"{tokend.url}/turn/k/{KEY}/ice-servers?user=ann-2&ttl=600")["iceServers"]
            assert server["urls"] == [f"turn:127.0.0.1:{coturn.port}?transport=udp"]
            matrix = _answer(f"{tokend.url}/_matrix/client/v3/voip/turnServer")
            good = (answer["password"], server["credential"], matrix["password"])
            usernames = (answer["username"], server["username"], matrix["username"])
            with ThreadPoolExecutor() as pool:  # each client waits more than it works
                assert all(pool.map(coturn.relays, usernames, good))


def test_where_the_separator_differs_a_user_can_choose_the_end(tmp_path: Path) -> None:
    """As docs/vendors/turn.md warns: other users do not notice it."""
    need_coturn()
    now = int(time.time())
    ended, lasts = now - 60, now + 60
    usernames = (f"{lasts}|ann", f"{ended}|ann", f"{ended}|ann:{lasts}", f"{lasts}|ann:7", f"{ended}:ann:{lasts}")
    with Coturn(tmp_path, SECRET) as coturn:
        passwords = [base64.b64encode(proof_turn.hmac_sha1(SECRET, username)).decode() for username in usernames]
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(coturn.relays, usernames, passwords))
    assert found == [True, False, True, False, False]


@pytest.mark.parametrize("user", ["a b", "o'ann", 'ann"', "corp\\ann", "union-select"])
def test_coturn_answers_400_to_the_users_that_the_kind_rejects(user: str, tmp_path: Path) -> None:
    need_coturn()
    username = f"1999999999:{user}"
    password = base64.b64encode(proof_turn.hmac_sha1(SECRET, username)).decode()
    with Coturn(tmp_path, SECRET) as coturn, pytest.raises(AssertionError, match=r"error 400 \(Bad Request\)"):
        coturn.relays(username, password)


_DOCUMENTED: Final = {
    "password": "JlKfBy1QwLrO20385QyAtEyIv0=",
    "ttl": 86400,
    "uris": [
        "turn:turn.example.com:3478?transport=udp",
        "turn:10.20.30.40:3478?transport=tcp",
        "turns:10.20.30.40:443?transport=tcp",
    ],
    "username": "1443779631:@user:example.com",
}
"""The example of the Matrix client-server API: spec.matrix.org, GET /_matrix/client/v3/voip/turnServer."""


@pytest.mark.parametrize("version", ["v3", "r0"])
def test_matrix_clients_get_the_documented_response(version: str, tmp_path: Path) -> None:
    uris = json.dumps(_DOCUMENTED["uris"])
    text = _CONFIG.format(port=1, digest=digest_of(KEY), more="").replace("max: 1h", "max: 24h")
    text = re.sub(r"uris: \[[^]]*\]", f"uris: {uris}", text).replace("default: 1h", "default: 24h")
    (tmp_path / "config.yaml").write_text(text)
    with serving(tmp_path, {"TURN_SECRET": SECRET}, lines=1) as tokend:
        answer = _answer(f"{tokend.url}/_matrix/client/{version}/voip/turnServer")
    assert answer.keys() == _DOCUMENTED.keys()
    assert (answer["ttl"], answer["uris"]) == (_DOCUMENTED["ttl"], _DOCUMENTED["uris"])
    assert re.fullmatch(r"[0-9]{10}:@user:example\.com", answer["username"])
    assert len(base64.b64decode(answer["password"])) == 20
