"""`matrix-voip`: the request by which Matrix clients get TURN credentials for calls, and errors as they read them.

Matrix client-server API, version 1.11, "13.5 Voice over IP": `GET /_matrix/client/v3/voip/turnServer`; before 1.1 it was r0.
The request names no user: a rule supplies it from the caller's claims. Errors: "2.2 Standard error response".
An unknown or expired access token is a soft logout: tokend ends no session, and the client keeps its encryption keys.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final

from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import Description, Dialect, Endpoint, HttpRequest, HttpResponse, Issue
from tokend.dialects.describing import REASON, STRING, errors_of
from tokend.dialects.rendering import error_as_json
from tokend.dialects.turn_answers import TURN_SERVER, credentials_for, turn_kind, turn_server_as_json

_VERSIONS: Final = ("v3", "r0")
_CODES: Final[Mapping[Code, str]] = {
    Code.UNAUTHENTICATED: "M_MISSING_TOKEN",
    Code.CREDENTIAL_INVALID: "M_UNKNOWN_TOKEN",
    Code.NOT_PERMITTED: "M_FORBIDDEN",
    Code.CAPABILITY_REQUIRED: "M_FORBIDDEN",
    Code.NOT_FOUND: "M_UNRECOGNIZED",
    Code.METHOD_NOT_ALLOWED: "M_UNRECOGNIZED",
    Code.RATE_LIMITED: "M_LIMIT_EXCEEDED",
    Code.INVALID_FIELD: "M_INVALID_PARAM",
    Code.TTL_OUT_OF_RANGE: "M_INVALID_PARAM",
}


def _parse(request: HttpRequest) -> Issue:
    return credentials_for(None)


def _render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    body: dict[str, object] = {
        "errcode": _CODES.get(api_error.code, "M_UNKNOWN"),
        "error": api_error.detail,
        **({"soft_logout": True} if api_error.code == Code.CREDENTIAL_INVALID else {}),
        "code": api_error.code,
    }
    if api_error.retry_after is not None:
        body["retry_after_ms"] = ceil(api_error.retry_after * 1000)
    return error_as_json(body, api_error, request_id)


DIALECT: Final = Dialect(
    "matrix-voip",
    tuple(
        Endpoint(
            "GET",
            f"_matrix/client/{version}/voip/turnServer",
            _parse,
            turn_server_as_json,
            description=Description(
                "TURN credentials for a call of a Matrix client",
                answer=TURN_SERVER,
                remarks="The request names no user: a rule supplies it from the claims of the caller. `errcode` is Matrix's.",
            ),
        )
        for version in _VERSIONS
    ),
    _render_error,
    kinds=turn_kind,
    error=errors_of(
        {
            "errcode": STRING,
            "error": STRING,
            "code": REASON,
            "soft_logout": {"type": "boolean"},
            "retry_after_ms": {"type": "integer"},
        },
        *("errcode", "error", "code"),
    ),
)
