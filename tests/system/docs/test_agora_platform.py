"""docs/reference/agora-platform.md: its numbers are those of the code."""

import re

import pytest
from pydantic_core import PydanticCustomError

from tests.running import ROOT
from tokend.backends.agora import base, fields, names, packing, reading_006, v006, v007
from tokend.backends.agora.base import MAX_TTL
from tokend.cli import kick

PAGE = (ROOT / "docs/reference/agora-platform.md").read_text()


def test_lifetimes() -> None:
    assert MAX_TTL == v006.DAY == 86_400
    assert f"{MAX_TTL:,} seconds (24 hours)" in PAGE
    assert f"asked to renew | {base.RENEW_BEFORE} seconds before" in PAGE
    assert reading_006.FIRST_POINT_IN_TIME == 1_000_000_000
    assert "_SHORTEST_TTL: Final = 60" in (ROOT / "tokend/backends/agora/diagnosis_times.py").read_text()
    assert f"for {kick.SHORTEST} to {kick.LONGEST:,} seconds" in PAGE
    assert "over 1,000,000,000 is a Unix time" in PAGE
    assert "shortest useful lifetime | 60 seconds" in PAGE


def test_characters_of_a_channel() -> None:
    (characters,) = re.findall(r"^The 89 characters are `a-z A-Z 0-9`, space, and `` (.*) ``\.$", PAGE, re.M)
    allowed = {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ", *characters.split()}
    assert len(allowed) == 89
    for code in range(256):
        if chr(code) == "*":
            continue
        if chr(code) in allowed:
            fields.check_channel(chr(code))
            fields.check_account(chr(code))
        else:
            with pytest.raises(PydanticCustomError):
                fields.check_channel(chr(code))


@pytest.mark.parametrize(
    ("check", "longest", "sentence"),
    [
        (fields.check_channel, 63, "RTC channel | 1 to 63 bytes"),
        (fields.check_stream_channel, 63, "Agora allows 64 ASCII characters, tokend 63"),
        (fields.check_account, 255, "text account | 1 to 255 bytes"),
        (fields.check_rtm_user, 64, "RTM user id | 1 to 64 ASCII characters"),
        (fields.check_chat_user, 64, "Chat user id | 1 to 64 of"),
    ],
)
def test_lengths(check: fields.Check, longest: int, sentence: str) -> None:
    assert sentence in PAGE
    assert check("a" * longest)
    with pytest.raises(PydanticCustomError):
        check("a" * (longest + 1))


def test_numbers_of_the_formats() -> None:
    assert f"numeric uid | 1 to {packing.MAX_U32};" in PAGE
    assert f"texts over {packing.MAX_U16:,} bytes" in PAGE
    assert f"{names.RTM_LOGIN_006} for the RTM login" in PAGE
    assert f"The role of `apaas` is {names.NO_ROLE}" in PAGE
    for index, name in (*enumerate(names.RESOURCE_TYPES), *enumerate(names.PERMISSIONS)):
        assert f"`{name}` {index}" in PAGE


def test_services_and_privileges() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*?) ?\| (.*?) ?\|$", PAGE, re.M)
    assert {kind: int(number) for kind, number, _, _ in rows} == names.SERVICE_TYPES
    for kind, number, values, privileges in rows:
        assert {name: int(index) for name, index in re.findall(r"`(\w+)` (\d+)", privileges)} == names.PRIVILEGES[kind]
        assert len([value for value in values.split(", ") if value]) == len(v007.LAYOUTS[int(number)])


def test_layouts_are_those_of_the_modules() -> None:
    for module, first in ((v006, "token     = "), (v007, "token        = ")):
        assert first + (module.__doc__ or "").partition(first)[2].partition("\n")[0] in PAGE


def test_every_error_number_of_the_diagnosis_is_explained() -> None:
    explained = set(re.findall(r"^\| (-?\d+) \| ", PAGE, re.M))
    folder = ROOT / "tokend/backends/agora"
    source = "".join(file.read_text() for file in (*folder.glob("diagnosis*.py"), folder / "client_errors.py"))
    assert set(re.findall(r"-100\d\d|\b1[0-3]\d\b", source)) <= explained
