"""`agora-docker`: the API of the Docker image agoracn/token. A token has every service that the request enables."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import JSON, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import (
    BOOLEAN,
    CHANNEL,
    REASON,
    ROLE_NUMBER,
    STRING,
    TTL,
    answer_of,
    errors_of,
    in_body,
    object_of,
)
from tokend.dialects.rendering import as_json, clamped_ttl, error_as_json, tokens

_CHAT, _APAAS, _EDUCATION = "serviceChat", "serviceApaas", "serviceEducation"
_SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "serviceRtc": ("enable", "role"),
    "serviceRtm": ("enable",),
    "serviceFpa": ("enable",),
    _CHAT: ("enableUser", "enableApp", "userUuid"),
    _APAAS: ("enableUser", "enableApp", "userUuid"),
    _EDUCATION: ("enableUser", "enableApp", "userUuid"),
}
"""The services and their fields. serviceEducation is the name of serviceApaas in the image of 2023."""

_FIELDS: Final = ("channelName", "uid", "tokenExpireTs", "privilegeExpireTs", *_SERVICES)
_PRIVILEGES: Final = ("join", "audio", "video", "data")
_PARAMETERS, _BUILDING = -1, -2
_NO_ROLE: Final = 2
"""The role of a request without one: the image lets only role 1 publish."""


def _generate(request: HttpRequest) -> Issue:
    body = reading.json_object(request, any_type=True)
    reading.reject_unknown(body, _FIELDS)
    for name in ("channelName", "uid"):
        reading.text(body, name)
    reading.seconds(body, "privilegeExpireTs")
    if _APAAS in body and _EDUCATION in body:
        raise ApiError(Code.INVALID_FIELD, f"cannot be combined with {_APAAS}: it is the same service", _EDUCATION)
    parts: list[dict[str, object]] = []
    for name, known in _SERVICES.items():
        service = body.get(name, {})
        if not isinstance(service, dict):
            raise ApiError(Code.INVALID_FIELD, "must be an object", name)
        reading.reject_unknown(service, known)
        parts += _parts(name, service, body)
    if not parts:
        names = ", ".join(name for name in _SERVICES if name != _EDUCATION)
        raise ApiError(Code.INVALID_FIELD, f"must be switched on in one of {names}", "enable")
    ttl = reading.seconds(body, "tokenExpireTs")
    return Issue((TokenRequest("combined", {"services": parts}, ttl, _names(parts)),))


def _names(parts: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Return the client's name of each field."""
    names = {"ttl": "tokenExpireTs"}
    for index, part in enumerate(parts):
        of_part = {"channel": "channelName", "account": "uid", "user": "uid" if part["kind"] == "rtm" else "userUuid"}
        of_part |= dict.fromkeys(
            ("privileges", *(f"privileges.{privilege}" for privilege in _PRIVILEGES)), "privilegeExpireTs"
        )
        names |= {f"services.{index}.{name}": client_name for name, client_name in of_part.items()}
    return names


def _parts(name: str, service: Mapping[str, Any], body: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the parts of a token of kind `combined` that a service of the request enables."""
    if name in (_CHAT, _APAAS, _EDUCATION):
        kind = "chat" if name == _CHAT else "apaas"
        parts: list[dict[str, object]] = []
        user = reading.text(service, "userUuid")
        if reading.boolean(service, "enableUser"):
            parts.append({"kind": kind, "user": reading.required(user, "userUuid")})
        if reading.boolean(service, "enableApp"):
            parts.append({"kind": kind, "app": True})
        return parts
    if name == "serviceRtc":
        agora_fields.role_number(service, _NO_ROLE)
    if not reading.boolean(service, "enable"):
        return []
    match name:
        case "serviceRtc":
            return [_rtc_part(service, body)]
        case "serviceRtm":
            return [{"kind": "rtm", "user": reading.required(reading.text(body, "uid"), "uid")}]
        case _:
            return [{"kind": "fpa"}]


def _rtc_part(service: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, object]:
    """Return the RTC part. In this API `uid` is an account: `0` is the account "0", and empty is any user."""
    role = agora_fields.role_number(service, _NO_ROLE)
    account = reading.text(body, "uid")
    channel = reading.required(reading.text(body, "channelName"), "channelName")
    part: dict[str, object] = {"kind": "rtc", "channel": channel, "account": account or "", "role": role}
    seconds = reading.seconds(body, "privilegeExpireTs")
    if seconds is not None and seconds != body.get("tokenExpireTs"):  # if they are equal, the issuer may shorten both
        names = _PRIVILEGES if role == "publisher" else _PRIVILEGES[:1]
        del part["role"]
        part["privileges"] = dict.fromkeys(names, seconds)
    return part


def _render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    data = {"token": tokens(outcomes)[0], **clamped_ttl(outcomes)}
    return as_json({"code": 0, "message": "Success", "data": data})


def _render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    code = _PARAMETERS if api_error.status in (400, 413, 415) else _BUILDING
    body = {"code": code, "message": api_error.detail, "data": "", "reason": api_error.code}
    return error_as_json(body, api_error, request_id)


_ROLE: Final = {**ROLE_NUMBER, "description": "1 is publisher, 2 is subscriber (the default)"}
_OF_USER: Final = object_of({"enableUser": BOOLEAN, "enableApp": BOOLEAN, "userUuid": STRING})
_DESCRIPTION: Final = in_body(
    "One token with every service that the request enables",
    answer=object_of(
        {"code": {"const": 0}, "message": STRING, "data": answer_of("token")}, "code", "data", closed=False
    ),
    channelName=CHANNEL,
    uid={
        **STRING,
        "description": "Account of the user in RTC and Signaling; empty is any user of the channel, a capability",
    },
    tokenExpireTs=TTL,
    privilegeExpireTs={"type": "integer", "description": "Seconds. Default: those of the token"},
    serviceRtc=object_of({"enable": BOOLEAN, "role": _ROLE}),
    serviceRtm=object_of({"enable": BOOLEAN}),
    serviceFpa=object_of({"enable": BOOLEAN}),
    serviceChat=_OF_USER,
    serviceApaas=_OF_USER,
    serviceEducation={**_OF_USER, "description": "serviceApaas, as the image of 2023 calls it; send one of them"},
)
_REMARKS: Final = (
    "As the Docker image agoracn/token answers. At least one service must be enabled. `tokenExpireTs` and "
    "`privilegeExpireTs` are in seconds from now. In an answer, `code` is 0; in an error, it is -1 for an invalid request "
    "and -2 for any other reason, which `reason` names."
)
_EXAMPLES: Final = {
    "RTC and Signaling": {
        "channelName": "demo-room",
        "uid": "ann",
        "serviceRtc": {"enable": True, "role": 1},
        "serviceRtm": {"enable": True},
    },
    "A user of Chat": {"serviceChat": {"enableUser": True, "userUuid": "ann"}},
}

DIALECT: Final = Dialect(
    "agora-docker",
    (
        Endpoint(
            "POST",
            "token/generate",
            _generate,
            _render,
            media=JSON,
            description=replace(_DESCRIPTION, remarks=_REMARKS, examples=_EXAMPLES),
        ),
    ),
    _render_error,
    kinds=agora_fields.of_kinds("combined"),
    error=errors_of(
        {"code": {"type": "integer"}, "message": STRING, "data": {"const": ""}, "reason": REASON},
        *("code", "message", "data", "reason"),
    ),
)
