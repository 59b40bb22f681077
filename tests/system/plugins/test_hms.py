"""The kind `hms` in a running application: its page, mistakes, and PyJWT as the reader of an answer."""

import importlib
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests import running
from tests.system.plugins.vendor_apps import blocks, configuration, example, page, posted
from tests.unit.http.running import Serving
from tokend.config.problems import ConfigurationError

proof: Any = importlib.import_module("plugins.tokend-hms.proof_hms")

PAGE: Final = page("hms")
SECRETS: Final = {"HMS_SECRET": proof.SECRET}
APP: Final = blocks(PAGE, "yaml")[0]
PUPIL: Final = example(PAGE)[0]
MISTAKES: Final[list[tuple[dict[str, object], int, str | None, str]]] = [
    ({"room": None}, 400, "room", "must be text"),
    ({"room": ""}, 400, "room", "must be the id of a room"),
    ({"room": "*"}, 400, "room", "must be the id of a room"),
    ({"user": None}, 400, "user", "must be 1 to 128 characters"),
    ({"user": "pupil-*"}, 400, "user", "without *"),
    ({"role": "a b"}, 400, "role", "must be 1 to 64 of"),
    ({"type": "management"}, 400, "type", "is not a field of"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"role": "owner"}, 403, None, "does not declare a privilege"),
    ({"role": "guest"}, 403, None, "no rule of this caller permits this"),
    ({"role": "host"}, 403, None, "no rule of this caller permits this"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize(("change", "status", "field", "words"), MISTAKES, ids=lambda value: str(value)[:40])
async def test_a_mistake_is_named_and_nothing_is_minted(
    serving: Serving, change: dict[str, object], status: int, field: str | None, words: str
) -> None:
    async with serving(configuration(APP, SECRETS)) as server:
        reply = await server.token_request("POST", "/demo/v1/token", {**PUPIL, **change})
        assert (reply.status, reply.json.get("field")) == (status, field), reply.body
        assert words in reply.json["detail"]
        assert b"eyJ" not in reply.body
        host = {**PUPIL, "role": "host", "user": "teacher-1"}
        assert (await server.token_request("POST", "/demo/v1/token", host)).status == 200


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("access_key: 64b5a1f0c3d2e1f4a5b6c7d8", 'access_key: ""', "access_key"),
        ("host: moderator", "host: owner", "roles.host"),
        ("capabilities: [moderator]", "capabilities: [moderate]", "moderator"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    assert old in APP
    with pytest.raises(ConfigurationError) as caught:
        configuration(APP.replace(old, new, 1), SECRETS)
    assert words in str(caught.value)
    assert proof.SECRET not in str(caught.value)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    body, shown = example(PAGE)
    async with serving(configuration(APP, SECRETS)) as server:
        reply = await server.token_request("POST", "/demo/v1/token", body)
        assert (reply.status, reply.json | {"token": "eyJ…"}) == (200, shown)


def test_a_server_answers_tokens_that_pyjwt_reads(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(APP, "utf-8")
    with running.serving(tmp_path, SECRETS, "--config", "config.yaml", lines=1) as server:
        answer = posted(f"{server.url}/demo/v1/token", PUPIL)
        read = posted(f"{server.url}/demo/v1/inspect", {"token": answer["token"]})
    claims = jwt.decode(answer["token"], proof.SECRET, ["HS256"])
    assert (claims["room_id"], claims["role"], claims["type"]) == (PUPIL["room"], "viewer-realtime", "app")
    assert (read["services"][0]["name"], read["signature"], read["problems"]) == ("hms", "valid", [])
