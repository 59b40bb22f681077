"""The kind `hms` in a running application: its page, mistakes, and PyJWT as the reader of an answer."""

import importlib
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.system.plugins.vendor_apps import (
    YOUR_KEY,
    Mistake,
    blocks,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    example,
    inspected,
    issued,
    page,
    server_of,
    short,
    with_your_key,
)
from tests.unit.http.running import Serving

proof: Any = importlib.import_module("plugins.tokend-hms.proof_hms")

PAGE: Final = page("hms")
SECRETS: Final = {"HMS_SECRET": proof.SECRET}
APP: Final = blocks(PAGE, "yaml")[0]
PUPIL: Final = example(PAGE)[0]
MISTAKES: Final[list[Mistake]] = [
    ({"room": None}, 400, "room", "must be text"),
    ({"room": ""}, 400, "room", "must be the id of a room"),
    ({"room": "*"}, 400, "room", "must be the id of a room"),
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "pupil-*"}, 400, "user", "without *"),
    ({"role": "a b"}, 400, "role", "must be 1 to 64 of"),
    ({"type": "management"}, 400, "type", "is not a field of"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"role": "owner"}, 403, "role", "is 'owner', which the option `roles` of the kind hms does not list"),
    ({"role": "guest"}, 403, None, "the rule of this caller does not permit this"),
    ({"role": "host"}, 403, None, "the rule of this caller does not permit this"),
    ({"user": "ann"}, 403, None, "the rule of this caller does not permit this"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), PUPIL, mistake, path="/demo/v1/token")


async def test_only_the_caller_with_the_key_gets_moderators(serving: Serving) -> None:
    teacher = {**PUPIL, "role": "host", "user": "teacher-1"}
    async with serving(configuration(with_your_key(APP), SECRETS)) as server:
        assert (await server.token_request("POST", "/demo/v1/token", teacher)).status == 403
        key = ("X-API-Key", YOUR_KEY)
        assert (await server.token_request("POST", "/demo/v1/token", teacher, key)).status == 200


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("access_key: 64b5a1f0c3d2e1f4a5b6c7d8", 'access_key: ""', "access_key"),
        ("host: moderator", "host: owner", "roles.host"),
        ("capabilities: [moderator]", "capabilities: [moderate]", "moderator"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(APP, SECRETS, old, new, words)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_pyjwt_reads(tmp_path: Path) -> None:
    with server_of(tmp_path, APP, SECRETS) as url:
        answer = issued(f"{url}/demo", PUPIL)
        read = inspected(f"{url}/demo", answer["token"])
    claims = jwt.decode(answer["token"], proof.SECRET, ["HS256"])
    assert (claims["room_id"], claims["role"], claims["type"]) == (PUPIL["room"], "viewer-realtime", "app")
    assert read["services"][0]["name"] == "hms"
