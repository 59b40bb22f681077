"""The dialect `ably`: what Ably's SDKs call at their `authUrl`, by GET or as a form.

Parameters and answers: section RSA8c of https://github.com/ably/specification, and src/common/lib/client/auth.ts of
npm ably 2.28.0.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from tokend.plugins import (
    FORM,
    JSON,
    TEXT,
    ApiError,
    Code,
    Description,
    Dialect,
    Endpoint,
    HttpRequest,
    HttpResponse,
    Issue,
    Issued,
    Outcome,
    StrictModel,
    TokenRequest,
    form,
)

NAMES = {"user": "clientId"}
PARAMETERS = {
    "clientId": {"type": "string", "description": "id of the client", "examples": ["ann"]},
    "capability": {
        "type": "string",
        "description": "operations by channel, as JSON",
        "examples": ['{"lobby":["subscribe"]}'],
    },
    "ttl": {"type": "string", "description": "milliseconds"},
}


class Options(StrictModel):
    """What a route may write at `dialect: {ably: {…}}`."""

    kind: str = Field(
        default="ably", description="the kind, if the configuration gives it another name", examples=["live"]
    )
    format: Literal["token_request", "jwt"] = Field(default="token_request", description="what clients get")
    capability: dict[str, list[str]] | None = Field(
        default=None,
        description="for clients that request none, as SDKs usually do. Default: none",
        examples=[{"lobby": ["subscribe"]}],
    )


def from_query(request: HttpRequest) -> Issue:
    """Parse the parameters of a GET."""
    return parsed(request, request.query)


def from_form(request: HttpRequest) -> Issue:
    """Parse the form of a POST. Parameters of the URL are Ably's to ignore, so they are not read."""
    return parsed(request, form(request))


def parsed(request: HttpRequest, pairs: Iterable[tuple[str, str]]) -> Issue:
    """The token request of these parameters. Others, such as `timestamp` and the app's own `authParams`, are ignored."""
    values: dict[str, str] = {}
    for name, text in pairs:
        if name in PARAMETERS and name in values:
            raise ApiError(Code.INVALID_FIELD, "must stand once", name)
        values[name] = text
    options = request.options
    fields: dict[str, object] = {"format": options.format}
    if "clientId" in values:
        fields["user"] = values["clientId"]
    if "capability" in values:
        try:
            fields["capability"] = json.loads(values["capability"])
        except (ValueError, RecursionError) as error:
            raise ApiError(Code.INVALID_FIELD, "must be a JSON object", "capability") from error
    elif options.capability is not None:
        fields["capability"] = options.capability
    return Issue((TokenRequest(options.kind, fields, milliseconds(values.get("ttl")), NAMES),))


def milliseconds(text: str | None) -> int | None:
    """A lifetime in seconds from one in milliseconds."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15) or int(text) % 1000:
        raise ApiError(Code.INVALID_FIELD, "must be milliseconds, in whole seconds", "ttl")
    return int(text) // 1000


def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    """A TokenRequest as a JSON object, a JWT as text: SDKs tell them apart by the content type."""
    (issued,) = (outcome for outcome in outcomes if isinstance(outcome, Issued))
    return HttpResponse(200, issued.token.encode(), JSON if issued.token.startswith("{") else TEXT)


def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    """An error as Ably writes it. 40170: the authUrl failed (https://help.ably.io/error/40170)."""
    error = {"message": f"{api_error.detail} (request {request_id})", "code": 40170, "statusCode": api_error.status}
    return HttpResponse(api_error.status, json.dumps({"error": error}).encode())


ANSWER = {
    "type": "object",
    "required": ["keyName", "ttl", "capability", "timestamp", "nonce", "mac"],
    "examples": [
        {
            "keyName": "xVLyHw.I2jW-w",
            "ttl": 3_600_000,
            "capability": '{"lobby":["subscribe"]}',
            "clientId": "ann",
            "timestamp": 1_800_000_000_000,
            "nonce": "c0ffee50a1b2c3d4",
            "mac": "kVx2…=",
        }
    ],
}
SUMMARY = "A TokenRequest for Ably's SDKs"
REMARKS = (
    "As an SDK requests it at its `authUrl`. With the option `format: jwt` of the dialect, the answer is a JWT as text."
)
DIALECT = Dialect(
    "ably",
    (
        Endpoint(
            "GET",
            "auth",
            from_query,
            render,
            description=Description(SUMMARY, query=PARAMETERS, answer=ANSWER, remarks=REMARKS),
        ),
        Endpoint(
            "POST",
            "auth",
            from_form,
            render,
            media=FORM,
            description=Description(
                SUMMARY, body={"type": "object", "properties": PARAMETERS}, answer=ANSWER, remarks=REMARKS
            ),
        ),
    ),
    render_error,
    api_version=1,
    Options=Options,
    kinds=lambda options: {options.kind: ()},
    error={
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": {"type": "string"},
                    "code": {"type": "integer"},
                    "statusCode": {"type": "integer"},
                },
                "required": ["message", "code", "statusCode"],
            }
        },
        "required": ["error"],
    },
)
