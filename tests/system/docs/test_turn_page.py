"""docs/vendors/turn.md: its files load, and its custom endpoint answers a token and TURN credentials together."""

import re
from pathlib import Path
from typing import Final

from tests.running import CERTIFICATE, ROOT
from tests.unit.http.running import NOW, Serving
from tokend.config.loading import load

PAGE: Final = (ROOT / "docs/vendors/turn.md").read_text()
BLOCKS: Final = re.findall(r"^```yaml config\n(.*?)^```$", PAGE, re.M | re.S)
ENVIRONMENT: Final = {"TURN_SECRET": "a-secret-of-coturn", "CALLS_CERTIFICATE": CERTIFICATE}


def test_the_files_load(tmp_path: Path) -> None:
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"{number}.yaml").write_text(block)
        assert load(f"{number}.yaml", ENVIRONMENT, tmp_path).routes


async def test_one_answer_has_a_token_of_another_kind_and_turn_credentials(serving: Serving, tmp_path: Path) -> None:
    anybody = re.sub(r"callers: .*", 'callers: {a: {anonymous: true, rules: [{user: "*"}]}}', BLOCKS[1])
    (tmp_path / "config.yaml").write_text(anybody)
    async with serving(load(None, ENVIRONMENT, tmp_path)) as server:
        reply = await server.token_request("GET", "/join/stage?user=7")
        assert reply.status == 200, reply.body
        assert reply.json["token"].startswith("007")
        assert reply.json["turn"]["username"] == f"{NOW + 3600}:7"
        assert reply.json["turn"]["urls"] == ["turn:turn.example.com"]
        assert len(reply.json["turn"]["credential"]) == 28
