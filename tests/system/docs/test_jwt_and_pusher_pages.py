"""docs/vendors/jwt.md and pusher.md: each configuration loads, and each table has every option and field."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.running import ROOT
from tokend.backends.jwt.options import FieldOptions, JwtOptions
from tokend.backends.pusher import KeyPair, Pusher, PusherFields, PusherOptions
from tokend.config.loading import load
from tokend.plugins import AppCredentials, Issuance, Secret

PAGES: Final = {name: (ROOT / f"docs/vendors/{name}.md").read_text("utf-8") for name in ("jwt", "pusher")}
MASTER_KEY: Final = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="


def _blocks() -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        yield from ((page, block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S))


@pytest.mark.parametrize(("page", "block"), list(_blocks()))
def test_each_configuration_loads_without_a_warning(page: str, block: str, tmp_path: Path) -> None:
    secrets = {name: f"the secret {name} of a test" for name in re.findall(r"env: (\w+)", block)}
    secrets |= {name: MASTER_KEY for name in secrets if name.endswith("MASTER_KEY")}
    (tmp_path / "config.yaml").write_text(block, "utf-8")
    assert load(None, secrets, tmp_path).warnings == ()


def _rows(page: str, heading: str) -> set[str]:
    """The names in the first column of the tables below a heading."""
    section = PAGES[page].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    first = re.findall(r"^\| (.*?) \|", section, re.M)
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


def test_the_tables_have_every_option_and_field() -> None:
    assert _rows("jwt", "The template") >= JwtOptions.model_fields.keys()
    aliases = {field.alias or name for name, field in FieldOptions.model_fields.items()}
    assert _rows("jwt", "Fields") == aliases
    assert _rows("pusher", "Configuration") == PusherOptions.model_fields.keys()
    assert _rows("pusher", "Request and answer") >= PusherFields.model_fields.keys()


def test_the_answer_of_the_example_is_real() -> None:
    pair = KeyPair(key="278d425bdf160c739803", secret=Secret("7ad3773142a6692b25b8"))
    backend = Pusher(PusherOptions(keys=[pair], client_events=False), AppCredentials(None, {}))
    (answer,) = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGES["pusher"], re.M | re.S))
    fields = PusherFields.model_validate({name: answer[name] for name in ("socket_id", "channel", "user", "name")})
    minted = backend.mint(backend.grant(fields, 3600), Issuance(answer["issued_at"], 1))
    assert {name: answer[name] for name in minted.extra} == minted.extra
