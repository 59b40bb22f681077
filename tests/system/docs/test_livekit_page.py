"""docs/vendors/livekit.md: its configurations load, its request gets its answer, and its table has every field and capability."""

import json
import re
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
    assert len(EXAMPLES) == 2
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
