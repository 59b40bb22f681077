"""What the wire tests share: vectors, fields <-> services, tokens <-> bytes, and random contents for hypothesis."""

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from msgspec.structs import replace

from tokend.backends.agora import v006, v007
from tokend.backends.agora.packing import MAX_U32

VECTORS: Final[Mapping[str, Any]] = json.loads((Path(__file__).parents[3] / "vectors/agora.json").read_text("utf-8"))
APP_ID: Final[str] = VECTORS["app_id"]
CERTIFICATE: Final[str] = VECTORS["app_certificate"]
OTHER_CERTIFICATE: Final = "0123456789abcdef0123456789abcdef"
# One, two, three and four bytes of UTF-8, with the first and the last letter of each length.
LETTERS: Final = "\x00aZ07 *~\x7f\x80é\u07ff\u0800語\uffff\U00010000😀\U0010ffff"

# The names under which vectors and the vendor's oracle hold the values of a service, in wire order.
FIELDS: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("channel", "uid"),
    2: ("user_id",),
    3: ("channel", "account"),
    4: (),
    5: ("user_id",),
    6: ("channel", "account"),
    7: ("room_uuid", "user_uuid", "role"),
    8: ("user_id", "permissions"),
    9: (),
    10: (),
}


def service_of(fields: Mapping[str, Any]) -> v007.Service:
    """A service from named fields, whose maps have text keys as JSON does."""
    values = (_permissions(fields[name]) if name == "permissions" else fields[name] for name in FIELDS[fields["type"]])
    return v007.Service(fields["type"], {int(k): v for k, v in fields["privileges"].items()}, tuple(values))


def fields_of(service: v007.Service) -> dict[str, object]:
    """The named fields of a service."""
    named = dict(zip(FIELDS[service.type], service.values, strict=True))
    return {"type": service.type, "privileges": service.privileges, **named}


def inflated(token: str) -> bytes:
    """The bytes of a 007 token: signature and what it signs."""
    return zlib.decompress(base64.b64decode(token.removeprefix("007")))


def token_of(raw: bytes) -> str:
    """A 007 token of these bytes, be they signed or not."""
    return "007" + base64.b64encode(zlib.compress(raw, 9)).decode()


def in_wire_order(content: v007.Content) -> v007.Content:
    """Services by type, those of one type in the order given."""
    return replace(content, services=tuple(sorted(content.services, key=lambda service: service.type)))


def _permissions(fields: Mapping[str, Mapping[str, list[str]]]) -> dict[int, dict[int, tuple[str, ...]]]:
    return {
        int(resource_type): {int(permission): tuple(resources) for permission, resources in by_permission.items()}
        for resource_type, by_permission in fields.items()
    }


def texts(alphabet: str = LETTERS) -> st.SearchStrategy[str]:
    """Short texts of these letters."""
    return st.text(alphabet, max_size=6)


def services(text: st.SearchStrategy[str]) -> st.SearchStrategy[v007.Service]:
    """A service of any of the ten types."""
    number = st.integers(0, 3) | st.integers(0, 0xFFFF)
    by_form: dict[str, st.SearchStrategy[v007.Value]] = {
        "string": text,
        "i16": st.integers(-0x8000, 0x7FFF),
        "permissions": st.dictionaries(
            number, st.dictionaries(number, st.lists(text, max_size=2).map(tuple), max_size=2), max_size=2
        ),
    }
    privileges = st.dictionaries(number, seconds(), max_size=4)
    return st.sampled_from(sorted(v007.LAYOUTS)).flatmap(
        lambda kind: st.builds(
            v007.Service, st.just(kind), privileges, st.tuples(*(by_form[form] for form in v007.LAYOUTS[kind]))
        )
    )


def seconds() -> st.SearchStrategy[int]:
    """Any unsigned 32-bit number, the small ones often."""
    return st.integers(0, 2) | st.integers(0, MAX_U32)


def contents(text: st.SearchStrategy[str]) -> st.SearchStrategy[v007.Content]:
    """A 007 content, up to four services of any types."""
    several = st.lists(services(text), max_size=4).map(tuple)
    return st.builds(v007.Content, text, seconds(), seconds(), seconds(), several)


def contents006(text: st.SearchStrategy[str]) -> st.SearchStrategy[v006.Content]:
    """A 006 content."""
    issued = st.integers(0, 2) | st.integers(0, MAX_U32 - v006.DAY)
    privileges = st.dictionaries(st.integers(0, 0xFFFF), seconds(), max_size=4)
    app_id = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)
    return st.builds(v006.Content, app_id, text, text, issued, seconds(), privileges)
