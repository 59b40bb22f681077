"""`agora-samples-chat`: the Chat requests of Agora's sample servers, web client and Java sample."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import reading
from tokend.dialects.agora_fields import of_kinds
from tokend.dialects.contract import FORM, Description, Dialect, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL, USER, in_body, in_query, object_of
from tokend.dialects.rendering import render_error
from tokend.dialects.token_endpoints import text_endpoint, token_endpoint

_TTL_NAME: Final = "expireTimeInSeconds"


def _chat(user: str | None, ttl: int | None, user_name: str = "user", ttl_name: str = "ttl") -> Issue:
    """Return the request for a user's token, or for the app token if `user` is None."""
    fields: dict[str, object] = {"app": True} if user is None else {"user": user}
    return Issue((TokenRequest("chat", fields, ttl, {"user": user_name, "ttl": ttl_name}),))


def _generate_user(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _GENERATE_USER, any_type=True)
    user = reading.required(reading.text(body, "user_uuid"), "user_uuid")
    return _chat(user, reading.seconds(body, "expire"), "user_uuid", "expire")


def _generate_app(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _GENERATE_APP, any_type=True)
    return _chat(None, reading.seconds(body, "expire"), ttl_name="expire")


def _query_user(request: HttpRequest) -> Issue:
    user = reading.query_required(request, "account")
    return _chat(user, _query_ttl(request), "account", _TTL_NAME)


def _query_app(request: HttpRequest) -> Issue:
    return _chat(None, _query_ttl(request), ttl_name=_TTL_NAME)


def _query_ttl(request: HttpRequest) -> int | None:
    """Return the lifetime in the query. An empty one is none, as at the Node sample."""
    return reading.query_seconds(reading.without_empty(request, _TTL_NAME), _TTL_NAME)


def _web(app: bool) -> Callable[[HttpRequest], Issue]:
    return lambda request: _chat(None if app else request.params["username"], None, "username")


def _java(request: HttpRequest) -> Issue:
    """Parse a form or a query with `userId`, `expireSeconds`, and `tokenType`: user, the default, or app, in any case."""
    whole = replace(request, query=(*request.query, *reading.form(request)))
    ttl = reading.query_seconds(whole, "expireSeconds")
    match (reading.query_value(whole, "tokenType") or "user").lower():
        case "user":
            return _chat(reading.query_required(whole, "userId"), ttl, "userId", "expireSeconds")
        case "app":
            return _chat(None, ttl, ttl_name="expireSeconds")
    raise ApiError(Code.INVALID_FIELD, "must be user or app", "tokenType")


_OF_USER: Final = "A Chat token for a user"
_OF_APP: Final = "A Chat token for the REST API: an administrator's, which needs a capability"
_GENERATE_USER: Final = in_body(_OF_USER, "user_uuid", user_uuid=USER, expire=TTL)
_GENERATE_APP: Final = in_body(_OF_APP, expire=TTL)
_TYPE: Final = {
    "type": "string",
    "enum": ["user", "app"],
    "description": "user, the default, needs userId; app is an administrator's",
}
_JAVA: Final = Description(
    "A Chat token as text, as the Java sample answers",
    body=object_of(
        {"tokenType": _TYPE, "userId": USER, "expireSeconds": TTL},
        closed=False,  # other fields of the form are not looked at
    ),
)

DIALECT: Final = Dialect(
    "agora-samples-chat",
    (
        token_endpoint("POST", "generate-user-token", _generate_user, _GENERATE_USER, "token"),
        token_endpoint("POST", "generate-app-token", _generate_app, _GENERATE_APP, "token"),
        token_endpoint(
            "GET",
            "api/token/generateUserToken",
            _query_user,
            in_query(_OF_USER, "account", account=USER, expireTimeInSeconds=TTL),
            "token",
            status="success",
        ),
        token_endpoint(
            "GET",
            "api/token/generateAppToken",
            _query_app,
            in_query(_OF_APP, expireTimeInSeconds=TTL),
            "token",
            status="success",
        ),
        text_endpoint("GET", "chat/user/{username}/token", _web(app=False), Description(_OF_USER, {"username": USER})),
        text_endpoint("GET", "chat/app/token", _web(app=True), Description(_OF_APP)),
        text_endpoint("POST", "token/generate", _java, _JAVA, media=FORM),
    ),
    render_error,
    kinds=of_kinds("chat"),
    error=ERROR,
)
