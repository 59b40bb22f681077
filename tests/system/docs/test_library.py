"""`tokend.agora` does what docs/library.md says, and docs/vendors/agora.md has every field of every kind."""

import re
import subprocess
import sys
from typing import Any

import pytest

from tests.oracle import Vendor
from tests.running import APP_ID, CERTIFICATE, ROOT
from tokend import agora

AGORA_PAGE = (ROOT / "docs/vendors/agora.md").read_text()
ASKS: dict[str, dict[str, Any]] = {
    "rtc": {"channel": "room", "uid": 7, "role": "publisher"},
    "rtm": {"user": "alice", "channel": "stage"},
    "chat": {"user": "alice"},
    "streaming": {"channel": "room", "uid": 7},
    "fpa": {},
    "fcdn": {"channel": "room", "account": "alice"},
    "apaas": {"room": "class", "user": "alice", "role": 2},
    "rtm2": {"user": "alice", "permissions": {"message_channels": {"read": ["a"]}}},
    "rtc_rtm": {"channel": "room", "account": "alice"},
    "convoai": {"channel": "room", "account": "alice"},
    "stt": {"channel": "room", "account": "alice"},
    "combined": {"services": [{"kind": "rtc", "channel": "room", "uid": 7}, {"kind": "fpa"}]},
}


def test_examples_of_the_page_run() -> None:
    page = (ROOT / "docs/library.md").read_text()
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S))
    assert code.count("assert") > 5
    exec(compile(code, "docs/library.md", "exec"), {})


def test_the_library_imports_no_web_framework() -> None:
    program = "import sys; import tokend.agora; print(sorted({'aiohttp', 'yaml'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_kind_is_asked_for_here() -> None:
    assert ASKS.keys() == agora.KINDS.keys()


@pytest.mark.parametrize("kind", ASKS)
def test_what_is_built_is_verified_by_us_and_by_the_vendor(kind: str, vendor: Vendor) -> None:
    token = agora.build(kind, app_id=APP_ID, certificate=CERTIFICATE, ttl=600, **ASKS[kind])
    assert agora.verify(token, app_id=APP_ID, certificate=CERTIFICATE)
    assert not agora.verify(token, app_id=APP_ID, certificate="0" * 32)
    assert not agora.verify(token, app_id="0" * 32, certificate=CERTIFICATE)
    assert vendor.token_request("verify007", token=token, certificate=CERTIFICATE)["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "rtx"}, "there is no kind 'rtx'; there are"),
        ({"ttl": 1_800_000_000}, "ttl must be 1 to 86400 seconds from now, not a point in time"),
        ({"ttl": 0}, "ttl must be 1 to 86400"),
        ({"ttl": 600.5}, "ttl must be a whole number"),
        ({"issued_at": 1_800_000_000.25}, "issued_at must be a whole number"),
        ({"issued_at": -1}, "issued_at must be 0 to 4294794495 in Unix seconds"),
        ({"issued_at": 4_294_794_496, "version": "006"}, "issued_at must be 0 to 4294794495 in Unix seconds"),
        ({"salt": 1.5}, "salt must be a whole number"),
        ({"salt": 0}, "salt must be 1 to 99999999"),
        ({"salt": 100_000_000}, "salt must be 1 to 99999999"),
        ({"certificate": CERTIFICATE[:-1]}, "certificate must be exactly 32 hexadecimal digits"),
        ({"app_id": "x"}, "app_id must be exactly 32 hexadecimal digits"),
        ({"app_id": None}, "app_id must be text"),
        ({"certificate": None}, "certificate must be text"),
        ({"app_id": [APP_ID]}, "app_id must be text"),
        ({"kind": ["rtc"]}, "kind must be text"),
        ({"kind": CERTIFICATE}, "there is no kind '(hidden: it looks like a secret)'; there are"),
        ({CERTIFICATE: "certificate"}, "(hidden: it looks like a secret) is no field of rtc"),
        ({"chanel": "room"}, "chanel is no field of rtc, did you mean 'channel'?"),
        ({"uid": "7"}, "uid must be a whole number"),
    ],
)
def test_mistakes_are_told_without_the_certificate(arguments: dict[str, object], sentence: str) -> None:
    whole = {"kind": "rtc", "app_id": APP_ID, "certificate": CERTIFICATE, "channel": "room", "uid": 7, **arguments}
    with pytest.raises(agora.TokenError) as error:
        agora.build(**whole)  # type: ignore[arg-type]  # wrong on purpose
    assert str(error.value).startswith(sentence)
    assert CERTIFICATE[:8] not in str(error.value)
    with pytest.raises(agora.TokenError, match="not an Agora token"):
        agora.read("hello")


@pytest.mark.parametrize("kind", agora.KINDS)
def test_the_page_of_kinds_has_every_field_and_no_other(kind: str) -> None:
    section = AGORA_PAGE.split(f"\n## {kind}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(agora.KINDS[kind].Fields.model_fields)
