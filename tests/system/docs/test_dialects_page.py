"""docs/dialects.md has every contract's row, names each endpoint of its dialect, and leads to transcripts."""

import re

import pytest

from tests.built_in_dialects import DIALECTS
from tests.running import ROOT

PAGE = (ROOT / "docs/dialects.md").read_text()
SERVERS = ("S-go:", "S-go-old:", "S-guide:", "S-node:", "S-npm:", "S-docker:", "S-docs:", "S-builder:")
CLIENTS = (
    "npm agora-react-uikit 1.2.0",
    "npm agora-rn-uikit 5.0.2",
    "pub agora_uikit 1.3.10 (Flutter)",
    "VideoUIKit-iOS, VideoUIKit-Android",
    "vendor docs, Web",
    "vendor docs, Android/Unity/C++/C#",
    "vendor docs, iOS/macOS",
    "vendor docs, all platforms",
    "vendor API-Examples, Android/iOS",
    "vendor API-Examples-Web",
    "older Node server",
    "vendor's Flask server",
    "Chat samples",
    "Chat web client",
    "Chat Java sample",
    "Conversational AI guide",
    "npm pusher-js 8.6.0, Laravel Echo",
    "LiveKit TokenSource clients",
)
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("contract", SERVERS + CLIENTS)
def test_the_contract_has_its_row(contract: str) -> None:
    assert [row for row in ROWS if row[0].startswith(contract)], contract


@pytest.mark.parametrize("name", DIALECTS)
def test_rows_of_a_dialect_name_each_of_its_endpoints(name: str) -> None:
    of_dialect = " ".join(" ".join(row) for row in ROWS if f"`{name}`" in row[1])
    for endpoint in DIALECTS[name].endpoints:
        assert f"`{endpoint.method} {endpoint.path}" in of_dialect, endpoint.path
    assert "006" in of_dialect or not DIALECTS[name].warnings(DIALECTS[name].Options())


def test_rows_name_known_dialects_and_endpoints_only() -> None:
    known = {f"{endpoint.method} {endpoint.path}" for one in DIALECTS.values() for endpoint in one.endpoints}
    for row in ROWS:
        if len(row) > 1 and row[1].startswith("`"):
            assert set(re.findall(r"`([^`]+)`", row[1])) <= DIALECTS.keys()
        if row[0].startswith("S-"):
            assert set(re.findall(r"`((?:GET|POST) [^`]+)`", row[2])) <= known


def test_each_dialect_has_transcripts() -> None:
    for name in DIALECTS:
        assert list((ROOT / "tests/unit/dialects/cases" / name).glob("*.txt")), name


def test_each_client_has_a_transcript_of_its_own() -> None:
    """In the directory of the first dialect that its row names."""
    places = [path.parent.name for path in (ROOT / "tests/unit/dialects/cases").glob("*/client-*.txt")]
    rows = [row for row in ROWS if row[0] in CLIENTS and row[1].startswith("`")]
    assert sorted(places) == sorted(re.findall(r"`([^`]+)`", row[1])[0] for row in rows)
    assert len(rows) == len(CLIENTS)
