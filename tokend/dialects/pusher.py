"""`pusher`: the requests with which pusher-js and Laravel Echo authorize channels and sign users in.

pusher-js (8.6.0) posts a form to /pusher/auth and /pusher/user-auth, Laravel Echo to /broadcasting/auth; JSON is taken too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec.json
from pydantic import Field

from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.model import Issued, TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import fields as reading
from tokend.dialects.contract import FORM, JSON, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import ERROR, STRING, TEXT, in_body, object_of
from tokend.dialects.rendering import render_error

NAME: Final = "pusher"
_NAMES: Final = {"channel": "channel_name", "user": "user_id"}
_USER: Final = ("user_id", "name", "user_info")


class PusherDialectOptions(StrictModel):
    """Options of the dialect."""

    kind: str = Field(default="pusher", description="the kind that answers, where the app gave it another name")


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


def _render(*names: str) -> Callable[[HttpRequest, Sequence[Outcome]], HttpResponse]:
    """Return a function that renders these of the token's extras, as far as it has them."""

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        (issued,) = (outcome for outcome in outcomes if isinstance(outcome, Issued))
        return HttpResponse(
            200, msgspec.json.encode({name: issued.extra[name] for name in names if name in issued.extra})
        )

    return render


_USER_FIELDS: Final = {"user_id": TEXT, "name": TEXT, "user_info": {"type": ["object", "string"]}}
_AUTH: Final = object_of({"auth": STRING, "channel_data": STRING, "shared_secret": STRING}, "auth")
_CHANNEL: Final = in_body(_AUTH, "socket_id", "channel_name", socket_id=TEXT, channel_name=TEXT, **_USER_FIELDS)
_SIGN_IN: Final = in_body(
    object_of({"auth": STRING, "user_data": STRING}, "auth", "user_data"),
    "socket_id",
    socket_id=TEXT,
    **_USER_FIELDS,
    watchlist={"type": ["array", "string"], "items": STRING},
)

DIALECT: Final = Dialect(
    NAME,
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
    error=ERROR,
)
