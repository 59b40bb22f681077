"""Only a field that says so in its JSON Schema is taken as a uid, a role or the format of a token."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import pytest
from pydantic import Field

from tokend.backends.agora.fcdn import Fcdn
from tokend.backends.agora.rtc import RtcFields
from tokend.backends.agora.rtm import Rtm
from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import custom, native
from tokend.dialects.contract import FORM, JSON, Dialect, FieldType, HttpRequest, Issue
from tokend.issuing.field_types import field_types


class SeatFields(StrictModel):
    """Fields of another vendor's kind that have the names of Agora's, and other meanings."""

    uid: str
    role: str = "guest"
    version: str = "1"
    count: int | None = None
    row: int | str | None = None


class GainFields(StrictModel):
    """Fields that take numbers with a fraction."""

    gain: float
    either: int | float | None = None
    named: float | str | None = None


class MarkedFields(StrictModel):
    """Fields of another kind that are converted, under names of their own."""

    seat: Annotated[int, Field(json_schema_extra={"format": "uid"})]
    part: Annotated[Literal["publisher", "subscriber"], Field(json_schema_extra={"format": "role"})] | None = None


SEAT: Final = custom.Custom({"seat": field_types(SeatFields)}, {}, {}, {"token": "{token}"})
MARKED: Final = custom.Custom({"marked": field_types(MarkedFields)}, {}, {}, {"token": "{token}"})


def _parsed(
    dialect: Dialect, method: str, options: Any, *, query: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> Mapping[str, object]:
    endpoint = next(endpoint for endpoint in dialect.endpoints if endpoint.method == method)
    media = JSON if body.startswith(b"{") else FORM
    issue = endpoint.parse(HttpRequest({}, query, body, media, options, 0))
    assert isinstance(issue, Issue)
    (token_request,) = issue.token_requests
    assert isinstance(token_request, TokenRequest)
    return token_request.fields


def test_agoras_fields_say_what_they_are() -> None:
    types = field_types(RtcFields)
    assert types["uid"] == FieldType(numeric=True, format="uid")
    assert types["role"] == FieldType(format="role")
    assert types["version"] == FieldType(format="token-version")
    assert types["channel"] == FieldType()
    assert types["privileges"] == FieldType(structured=True)
    assert field_types(Fcdn.Fields)["uid"].format == "uid"
    assert field_types(Rtm.Fields)["role"].format == "role"


@pytest.mark.parametrize("form", [False, True])
def test_fields_of_the_same_names_stay_as_they_are(form: bool) -> None:
    text = (("uid", "ann"), ("role", "host"), ("version", "006"), ("count", "3"), ("row", "B"))
    body = b"uid=ann&role=host&version=006&count=3&row=B" if form else b""
    method = "POST" if form else "GET"
    fields = _parsed(custom.dialect(SEAT), method, custom.CustomOptions(), query=() if form else text, body=body)
    assert fields == {"uid": "ann", "role": "host", "version": "006", "count": 3, "row": "B"}
    as_json = _parsed(custom.dialect(SEAT), "POST", custom.CustomOptions(), body=b'{"uid": "07", "role": "2"}')
    assert as_json == {"uid": "07", "role": "2"}


def test_another_kind_may_say_that_its_fields_are_a_uid_and_a_role() -> None:
    options = custom.CustomOptions()
    fields = _parsed(custom.dialect(MARKED), "GET", options, query=(("seat", "7"), ("part", "host")))
    assert fields == {"seat": 7, "part": "publisher"}
    for query in ((("seat", "07"),), (("seat", "-1"),), (("seat", "7"), ("part", "guest"))):
        with pytest.raises(ApiError) as caught:
            _parsed(custom.dialect(MARKED), "GET", options, query=query)
        assert caught.value.code is Code.INVALID_FIELD
    signed = custom.CustomOptions(signed_uid=True)
    assert _parsed(custom.dialect(MARKED), "GET", signed, query=(("seat", "-1"),)) == {"seat": 2**32 - 1}


@pytest.mark.parametrize("form", [False, True])
def test_a_number_with_a_fraction_is_taken_from_text(form: bool) -> None:
    gain = custom.dialect(custom.Custom({"gain": field_types(GainFields)}, {}, {}, "{token}"))
    for text, number in (("1.5", 1.5), ("-0.25", -0.25), ("3", 3), ("0", 0)):
        sent = (("gain", text), ("either", text), ("named", text))
        body = "&".join(f"{name}={value}" for name, value in sent).encode()
        method = "POST" if form else "GET"
        query = () if form else sent
        fields = _parsed(gain, method, custom.CustomOptions(), query=query, body=body if form else b"")
        assert fields == {"gain": number, "either": number, "named": text}
        assert type(fields["either"]) is type(number)
        GainFields.model_validate(dict(fields))
    for text in ("", "x", "01", "1.", ".5", "1e3", "+1", "nan", "inf", "1,5", "٣", "9" * 30, "1." + "1" * 30):
        with pytest.raises(ApiError, match="must be a number, such as 7 or ") as caught:
            _parsed(gain, "GET", custom.CustomOptions(), query=(("gain", text),))
        assert caught.value.code is Code.INVALID_FIELD


def _native(body: bytes, token_version: Literal["006", "007"] = "007") -> Mapping[str, object]:
    kinds = {"rtc": field_types(RtcFields), "seat": field_types(SeatFields)}
    options = native.NativeOptions(token_version=token_version)
    request = HttpRequest({}, (), body, JSON, options, 0, lambda kind: kinds.get(kind, {}))
    issue = native.DIALECT.endpoints[0].parse(request)
    assert isinstance(issue, Issue)
    (token_request,) = issue.token_requests
    assert isinstance(token_request, TokenRequest)
    return token_request.fields


def test_native_checks_the_version_of_agoras_kinds_alone() -> None:
    assert _native(b'{"kind": "seat", "uid": "006", "version": "006"}') == {"uid": "006", "version": "006"}
    assert _native(b'{"kind": "rtc", "channel": "006"}') == {"channel": "006"}
    assert _native(b'{"kind": "rtc", "version": "006"}', "006") == {"version": "006"}
    with pytest.raises(ApiError, match="may not be 006") as caught:
        _native(b'{"kind": "rtc", "version": "006"}')
    assert caught.value.field == "version"


def test_only_a_route_that_sets_the_format_of_a_token_is_warned_of() -> None:
    rtc = {"rtc": field_types(RtcFields)}
    for kinds, fixed, is_warned in (
        (rtc, {"version": "006"}, True),
        (rtc, {"version": "007"}, False),
        (rtc, {"channel": "006"}, False),
        ({"seat": field_types(SeatFields)}, {"version": "006"}, False),
    ):
        for of_set, of_default in ((fixed, {}), ({}, fixed)):
            dialect = custom.dialect(custom.Custom(kinds, of_set, of_default, "{token}"))
            assert bool(dialect.warnings(custom.CustomOptions())) is is_warned
