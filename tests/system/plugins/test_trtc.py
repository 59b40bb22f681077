"""The kind `trtc` in a running application: its page, mistakes, and the vendor's package as the reader of an answer."""

import importlib
import json
import zlib
from pathlib import Path
from typing import Any, Final

import pytest
from TLSSigAPIv2 import base64_decode_url  # type: ignore[import-untyped]

from tests.system.plugins.vendor_apps import (
    Mistake,
    check_configurations,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    inspected,
    issued,
    page,
    server_of,
    short,
)
from tests.unit.http.running import Serving

proof: Any = importlib.import_module("plugins.tokend-trtc.proof_trtc")

PAGE: Final = page("trtc")
SECRETS: Final = {"TRTC_KEY": proof.KEY}
APP: Final = """
apps:
  demo:
    backends:
      trtc: {sdk_app_id: 1400000000, secret_key: {env: TRTC_KEY}, advanced_permission_control: true}
      open: {backend: trtc, sdk_app_id: 1400000001, secret_key: {env: TRTC_KEY}}
    callers:
      web: {anonymous: true, rules: [{channel: "class-*", user: "pupil-*"}, {user: "admin*"}]}
    routes: [{path: /}]
"""
PUPIL: Final = {"kind": "trtc", "user": "pupil-3", "room": "class-7"}
MISTAKES: Final[list[Mistake]] = [
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "pupil-*"}, 400, "user", "must be 1 to 32 of"),
    ({"user": "p" * 33}, 400, "user", "must be 1 to 32 of"),
    ({"room": ""}, 400, "room", "must be 1 to 64 of"),
    ({"room": "class-*"}, 400, "room", "must be 1 to 64 of"),
    ({"room_type": "number"}, 400, "room", "as room_type is number"),
    ({"room": "4294967295", "room_type": "number"}, 400, "room", "must be 1 to 4294967294"),
    ({"room": None, "permissions": ["join"]}, 400, "room", "is missing"),
    ({"permissions": ["send_audio"]}, 400, "permissions", "must have join"),
    ({"permissions": ["join", "fly"]}, 400, "permissions.1", "must be 'create_room'"),
    ({"kind": "open"}, 400, "room", "needs advanced_permission_control"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"sdk_app_id": 7}, 400, "sdk_app_id", "is not a field of"),
    ({"kind": "open", "room": None}, 403, None, "no rule of this caller permits this"),
    ({"kind": "open", "user": "admin-1", "room": None}, 403, None, "create_room, wildcard_channel, wildcard_publish"),
    ({"user": "administrator", "room": None}, 403, None, "app_admin"),
    ({"permissions": ["join", "create_room"]}, 403, None, "create_room"),
    ({"room": "retro"}, 403, None, "no rule of this caller permits this"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), PUPIL, mistake, piece=b"eJ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sdk_app_id: 1400000000, ", "", "sdk_app_id"),
        ("sdk_app_id: 1400000000", 'sdk_app_id: "1400000000"', "sdk_app_id"),
        ("{env: TRTC_KEY}", "{env: PEM}", "must be the SecretKey of the application"),
        ("{env: TRTC_KEY}", "{env: SHORT}", "must be the SecretKey of the application"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    secrets = {**SECRETS, "PEM": "-----BEGIN PUBLIC KEY----- q7x2k9v4m1", "SHORT": "kq3v9x7p2m"}
    check_wrong_option(APP, secrets, old, new, words)


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS, cut={"token": "eJw…", "user_sig": "eJw…"})


def test_a_server_answers_tokens_that_the_vendor_inflates(tmp_path: Path) -> None:
    with server_of(tmp_path, APP, SECRETS) as url:
        answer = issued(url, PUPIL)
        for token, service in ((answer["token"], "trtc"), (answer["user_sig"], "trtc_login")):
            said = json.loads(zlib.decompress(base64_decode_url(token.encode())))
            assert (said["TLS.identifier"], said["TLS.time"] + said["TLS.expire"]) == ("pupil-3", answer["expires_at"])
            read = inspected(url, token)
            assert service in {found["name"] for found in read["services"]}
