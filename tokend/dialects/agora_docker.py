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

_APAAS, _EDUCATION = "serviceApaas", "serviceEducation"
_OF_USER: Final = object_of({"enableUser": BOOLEAN, "enableApp": BOOLEAN, "userUuid": STRING})
_ROLE: Final = {**ROLE_NUMBER, "description": "1 is publisher, 2 is subscriber (the default)"}
_SERVICES: Final[Mapping[str, Mapping[str, Any]]] = {
    "serviceRtc": object_of({"enable": BOOLEAN, "role": _ROLE}),
    "serviceRtm": object_of({"enable": BOOLEAN}),
    "serviceFpa": object_of({"enable": BOOLEAN}),
    "serviceChat": _OF_USER,
    _APAAS: _OF_USER,
    _EDUCATION: {**_OF_USER, "description": "serviceApaas, as the image of 2023 calls it; send one of them"},
}
"""The services and their schemas. serviceEducation is the name of serviceApaas in the image of 2023."""
_PRIVILEGES: Final = ("join", "audio", "video", "data")
_PARAMETERS, _BUILDING = -1, -2
_NO_ROLE: Final = 2
"""The role of a request without one: the image lets only role 1 publish."""


def _generate(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _DESCRIPTION, any_type=True)
    channel, uid = (reading.text(body, name) for name in ("channelName", "uid"))
    ttl, privilege_seconds = (reading.seconds(body, name) for name in ("tokenExpireTs", "privilegeExpireTs"))
    if _APAAS in body and _EDUCATION in body:
        raise ApiError(Code.INVALID_FIELD, f"cannot be combined with {_APAAS}: it is the same service", _EDUCATION)
    rtc, rtm, fpa, chat, apaas, education = (_service(body, name) for name in _SERVICES)
    role = agora_fields.role_number(rtc, _NO_ROLE)
    parts: list[dict[str, object]] = []
    if reading.boolean(rtc, "enable"):
        # with equal lifetimes the role alone gives the privileges, and the issuer may shorten them with the token
        parts.append(_rtc_part(channel, uid, role, None if privilege_seconds == ttl else privilege_seconds))
    if reading.boolean(rtm, "enable"):
        parts.append({"kind": "rtm", "user": reading.required(uid, "uid")})
    if reading.boolean(fpa, "enable"):
        parts.append({"kind": "fpa"})
    parts += [*_parts_of_user("chat", chat), *_parts_of_user("apaas", apaas), *_parts_of_user("apaas", education)]
    if not parts:
        names = ", ".join(name for name in _SERVICES if name != _EDUCATION)
        raise ApiError(Code.INVALID_FIELD, f"must be switched on in one of {names}", "enable")
    return Issue((TokenRequest("combined", {"services": parts}, ttl, _names(parts)),))


def _service(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the fields of a service. One that is left out has none."""
    service = body.get(name, {})
    if not isinstance(service, dict):
        raise ApiError(Code.INVALID_FIELD, "must be an object", name)
    reading.reject_unknown(service, _SERVICES[name]["properties"])
    return service


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


def _rtc_part(channel: str | None, uid: str | None, role: str, seconds: int | None) -> dict[str, object]:
    """Return the RTC part. `seconds`: those of its privileges, if not None.

    In this API `uid` is an account: `0` is the account "0", and empty is any user.
    """
    part: dict[str, object] = {"kind": "rtc", "channel": reading.required(channel, "channelName"), "account": uid or ""}
    if seconds is None:
        return {**part, "role": role}
    return {**part, "privileges": dict.fromkeys(_PRIVILEGES if role == "publisher" else _PRIVILEGES[:1], seconds)}


def _parts_of_user(kind: str, service: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the parts of a service for a user and for an administrator, as far as it enables them."""
    parts: list[dict[str, object]] = []
    user = reading.text(service, "userUuid")
    if reading.boolean(service, "enableUser"):
        parts.append({"kind": kind, "user": reading.required(user, "userUuid")})
    if reading.boolean(service, "enableApp"):
        parts.append({"kind": kind, "app": True})
    return parts


def _render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    data = {"token": tokens(outcomes)[0], **clamped_ttl(outcomes)}
    return as_json({"code": 0, "message": "Success", "data": data})


def _render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    code = _PARAMETERS if api_error.status in (400, 413, 415) else _BUILDING
    body = {"code": code, "message": api_error.detail, "data": "", "reason": api_error.code}
    return error_as_json(body, api_error, request_id)


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
    **_SERVICES,
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
