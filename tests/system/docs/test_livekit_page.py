"""docs/vendors/livekit.md: its configurations load, its request gets its answer, and its table has every field and capability."""

import json
import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any, Final

from tests.running import ROOT
from tests.unit.http.running import Serving
from tokend.backends.livekit.backend import MAX_CLAIMS, LiveKit
from tokend.backends.livekit.fields import LiveKitFields, LiveKitOptions
from tokend.config.loading import load
from tokend.plugins import Declarations

PAGE: Final = (ROOT / "docs/vendors/livekit.md").read_text()
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SECRET: Final = {"LIVEKIT_API_SECRET": "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e"}


def _column(heading: str, number: int) -> set[str]:
    """What stands in code in a column of the tables of a section."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[number] for line in section.splitlines() if line.startswith("|")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_configuration_loads(tmp_path: Path) -> None:
    assert len(EXAMPLES) == 3
    for example in EXAMPLES:
        (tmp_path / "config.yaml").write_text(example)
        assert load(None, SECRET, tmp_path).apps["demo"].backends.keys() == {"livekit"}


async def test_the_request_gets_the_answer(serving: Serving, tmp_path: Path) -> None:
    anybody = EXAMPLES[1].replace("livekit: {generate", "native: {}, livekit: {generate").replace("guest-*", "*")
    (tmp_path / "config.yaml").write_text(anybody)
    (request, answer) = (_json(language) for language in ("json request", "json answer"))
    async with serving(load(None, SECRET, tmp_path)) as server:
        reply = await server.token_request("POST", "/demo/v1/token", request)
        assert reply.status == 200, reply.body
        assert {**reply.json, "token": "eyJ…"} == answer


async def test_a_bare_token_for_clients_of_the_token_server_and_of_use_token(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(EXAMPLES[2])
    async with serving(load(None, SECRET, tmp_path)) as server:
        named = b'{"roomName": "room-1", "participantName": "guest-1"}'
        for body, room in ((named, "room-1"), (b'{"participantName": "guest-1"}', "room-demo")):
            reply = await server.token_request("POST", "/createToken", body, ("Content-Type", "application/json"))
            assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            said = _payload(reply.body.decode())
            assert (said["sub"], said["video"]["room"]) == ("guest-1", room)
            assert said["video"]["canPublish"] is said["video"]["canUpdateOwnMetadata"] is True
        reply = await server.token_request("GET", "/token?roomName=room-1&identity=guest-1&name=Ann&metadata=m")
        assert reply.json.keys() == {"identity", "accessToken"}
        assert _payload(reply.json["accessToken"])["name"] == "Ann"


def _payload(token: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return whole


def _json(language: str) -> dict[str, Any]:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    whole: dict[str, Any] = json.loads(found[1])
    return whole


def test_the_tables_have_every_option_field_and_capability() -> None:
    assert _column("Configuration", 1) == set(LiveKitOptions.model_fields)
    assert _column("Request and answer", 1) == set(LiveKitFields.model_fields)
    declared = Declarations(LiveKit.services, LiveKit.privileges, LiveKit.details)
    assert declared.capabilities | {"app_admin"} == _column("Request and answer", 3) - {
        "publisher",
        "subscriber",
        "fields",
    }
    assert f"{MAX_CLAIMS:,} bytes" in PAGE
