"""`agora-samples-chat`: the Chat requests of Agora's sample servers, web client and Java sample."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import FORM, Description, Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TOKEN, TTL, USER, answer_of, in_body, in_query, object_of
from tokend.dialects.rendering import render_error, render_error_as_text, token_as_text, tokens_as

_TTL_NAME: Final = "expireTimeInSeconds"


def _chat(user: str | None, ttl: int | None, user_name: str = "user", ttl_name: str = "ttl") -> Issue:
    """Return the request for a user's token, or for the app token if `user` is None."""
    fields: dict[str, object] = {"app": True} if user is None else {"user": user}
    return Issue((TokenRequest("chat", fields, ttl, {"user": user_name, "ttl": ttl_name}),))


def _generate_user(request: HttpRequest) -> Issue:
    body = reading.json_object(request, any_type=True)
    reading.reject_unknown(body, ("user_uuid", "expire"))
    user = reading.required(reading.text(body, "user_uuid"), "user_uuid")
    return _chat(user, reading.seconds(body, "expire"), "user_uuid", "expire")


def _generate_app(request: HttpRequest) -> Issue:
    body = reading.json_object(request, any_type=True)
    reading.reject_unknown(body, ("expire",))
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
    if request.content_type is not None and reading.media_type(request) != FORM:
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {FORM}")
    whole = replace(request, query=(*request.query, *reading.form(request)))
    ttl = reading.query_seconds(whole, "expireSeconds")
    match (reading.query_value(whole, "tokenType") or "user").lower():
        case "user":
            return _chat(reading.query_required(whole, "userId"), ttl, "userId", "expireSeconds")
        case "app":
            return _chat(None, ttl, ttl_name="expireSeconds")
    raise ApiError(Code.INVALID_FIELD, "must be user or app", "tokenType")


_ANSWER: Final = answer_of("token")
_ANSWER_IN_QUERY: Final = answer_of("token", status={"const": "success", "type": "string"})
_OF_USER: Final = "A Chat token for a user"
_OF_APP: Final = "A Chat token for the REST API: an administrator's, which needs a capability"
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
    answer=TOKEN,
)

DIALECT: Final = Dialect(
    "agora-samples-chat",
    (
        Endpoint(
            "POST",
            "generate-user-token",
            _generate_user,
            tokens_as("token"),
            description=in_body(_OF_USER, _ANSWER, "user_uuid", user_uuid=USER, expire=TTL),
        ),
        Endpoint(
            "POST",
            "generate-app-token",
            _generate_app,
            tokens_as("token"),
            description=in_body(_OF_APP, _ANSWER, expire=TTL),
        ),
        Endpoint(
            "GET",
            "api/token/generateUserToken",
            _query_user,
            tokens_as("token", status="success"),
            description=in_query(_OF_USER, _ANSWER_IN_QUERY, "account", account=USER, expireTimeInSeconds=TTL),
        ),
        Endpoint(
            "GET",
            "api/token/generateAppToken",
            _query_app,
            tokens_as("token", status="success"),
            description=in_query(_OF_APP, _ANSWER_IN_QUERY, expireTimeInSeconds=TTL),
        ),
        Endpoint(
            "GET",
            "chat/user/{username}/token",
            _web(app=False),
            token_as_text,
            render_error=render_error_as_text,
            description=Description(_OF_USER, {"username": USER}, answer=TOKEN),
        ),
        Endpoint(
            "GET",
            "chat/app/token",
            _web(app=True),
            token_as_text,
            render_error=render_error_as_text,
            description=Description(_OF_APP, answer=TOKEN),
        ),
        Endpoint(
            "POST",
            "token/generate",
            _java,
            token_as_text,
            media=FORM,
            render_error=render_error_as_text,
            description=_JAVA,
        ),
    ),
    render_error,
    error=ERROR,
)
