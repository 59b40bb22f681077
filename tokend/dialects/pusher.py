"""`pusher`: the requests with which pusher-js and Laravel Echo authorize channels and sign users in.

pusher-js (8.6.0) posts a form to /pusher/auth and /pusher/user-auth, Laravel Echo to /broadcasting/auth; JSON is taken too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace
from pydantic import Field

from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import reading
from tokend.dialects.contract import FORM, JSON, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import ERROR, STRING, TEXT, USER, in_body, object_of
from tokend.dialects.rendering import Render, as_json, only_issued, render_error

_NAMES: Final = {"channel": "channel_name", "user": "user_id"}
_USER: Final = ("user_id", "name", "user_info")


class PusherDialectOptions(StrictModel):
    """Options of the dialect."""

    kind: str = Field(
        default="pusher",
        description="the kind of its tokens, if the app gives it another name",
        examples=["chat_channels"],
    )


def _channel(request: HttpRequest) -> Issue:
    sent = _sent(request, ("socket_id", "channel_name", *_USER))
    channel = reading.required(reading.text(sent, "channel_name"), "channel_name")
    if channel.startswith("private-"):  # pusher-js sends the same params for every channel; a private one has no user
        sent = {name: value for name, value in sent.items() if name not in _USER}
    return _issue(request, {**_fields(sent), "channel": channel})


def _sign_in(request: HttpRequest) -> Issue:
    sent = _sent(request, ("socket_id", *_USER, "watchlist"))
    return _issue(request, {**_fields(sent), "sign_in": True})


def _sent(request: HttpRequest, known: Sequence[str]) -> Mapping[str, Any]:
    """The fields of a form or a JSON object. In a form, lists and mappings are JSON in a text."""
    if reading.media_type(request) == FORM:
        sent: dict[str, Any] = reading.without_repetition(reading.form(request))
        for name in ("user_info", "watchlist"):
            if name in sent:
                sent[name] = _json(sent[name], name)
    else:
        sent = reading.json_object(request)
    reading.reject_unknown(sent, known)
    return sent


def _json(text: str, name: str) -> object:
    try:
        return strict_json.loads(text.encode())
    except ValueError as error:
        raise ApiError(Code.INVALID_FIELD, "must be JSON", name) from error


def _fields(sent: Mapping[str, Any]) -> dict[str, object]:
    socket_id = reading.required(reading.text(sent, "socket_id"), "socket_id")
    renamed = {"user" if name == "user_id" else name: sent[name] for name in (*_USER, "watchlist") if name in sent}
    return {"socket_id": socket_id, **renamed}


def _issue(request: HttpRequest, fields: Mapping[str, object]) -> Issue:
    return Issue((TokenRequest(request.options.kind, fields, None, _NAMES),))


def _render(*names: str) -> Render:
    """Return a function that renders these of the token's extras, as far as it has them."""

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        extra = only_issued(outcomes).extra
        return as_json({name: extra[name] for name in names if name in extra})

    return render


_SOCKET_ID: Final = {**TEXT, "description": "Id that Pusher gave the connection", "examples": ["1234.5678"]}
_USER_FIELDS: Final = {
    "user_id": {**TEXT, "description": "Id of the user; a rule may supply it"},
    "name": {**TEXT, "description": "Name of the user, which others see"},
    "user_info": {"type": ["object", "string"], "description": "What others see of the user; in a form, JSON as text"},
}
_AUTH_TEXT: Final = {**STRING, "description": "Key and signature", "examples": ["app-key:4c8a…"]}
_AUTH: Final = object_of({"auth": _AUTH_TEXT, "channel_data": STRING, "shared_secret": STRING}, "auth")
_CHANNEL: Final = replace(
    in_body(
        "The authorization of a private or presence channel",
        *("socket_id", "channel_name"),
        answer=_AUTH,
        socket_id=_SOCKET_ID,
        channel_name={**TEXT, "description": "Begins with private- or presence-", "examples": ["presence-room-1"]},
        **_USER_FIELDS,
    ),
    examples={
        "A presence channel": {"socket_id": "1234.5678", "channel_name": "presence-room-1", "user_id": "ann"},
        "A private channel": {"socket_id": "1234.5678", "channel_name": "private-room-1"},
    },
)
_SIGN_IN: Final = in_body(
    "The sign-in of a connection as a user",
    "socket_id",
    answer=object_of(
        {"auth": _AUTH_TEXT, "user_data": {**STRING, "description": "JSON as text", "examples": ['{"id":"ann"}']}},
        *("auth", "user_data"),
    ),
    socket_id=_SOCKET_ID,
    **{**_USER_FIELDS, "user_id": USER},
    watchlist={
        "type": ["array", "string"],
        "items": STRING,
        "description": "Users of whom the connection learns when they are online; in a form, JSON as text",
    },
)

DIALECT: Final = Dialect(
    "pusher",
    tuple(
        endpoint
        for media in (FORM, JSON)
        for prefix in ("pusher", "broadcasting")
        for endpoint in (
            Endpoint(
                "POST",
                f"{prefix}/auth",
                _channel,
                _render("auth", "channel_data", "shared_secret"),
                media=media,
                description=_CHANNEL,
            ),
            Endpoint(
                "POST", f"{prefix}/user-auth", _sign_in, _render("auth", "user_data"), media=media, description=_SIGN_IN
            ),
        )
    ),
    render_error,
    Options=PusherDialectOptions,
    kinds=lambda options: {options.kind: ("auth",)},
    error=ERROR,
)
