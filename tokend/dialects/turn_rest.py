"""`turn-rest`: the API of draft-uberti-behave-turn-rest-00, as coturn's documentation names it.

`GET {path}?service=turn&username=ann&key=KEY` answers `{"username": …, "password": …, "ttl": …, "uris": […]}`. The same
parameters may be POSTed, in the URL or as a form. The key stays in the URL: it authenticates before the body is read. A form
may repeat parameters of the URL, also the key: Janus (src/turnrest.c) sends all of them in both.
"""

from typing import Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.dialects import reading
from tokend.dialects.contract import FORM, Description, Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.describing import ERROR, USER, in_query, object_of
from tokend.dialects.rendering import render_error
from tokend.dialects.turn_answers import TURN_SERVER, credentials_for, turn_kind, turn_server_as_json

KEY: Final = "key"
_SUMMARY: Final = "TURN credentials"
_SERVICE: Final = {"type": "string", "enum": ["turn"], "description": "Always turn"}


def _get(request: HttpRequest) -> Issue:
    if reading.query_required(request, "service") != "turn":
        raise ApiError(Code.INVALID_FIELD, "must be turn", "service")
    return credentials_for(reading.query_value(request, "username"), user_name="username")


def _post(request: HttpRequest) -> Issue:
    form = tuple(pair for pair in reading.form(request) if pair not in request.query)  # Janus sends both
    if any(name == KEY for name, _ in form):
        raise ApiError(Code.INVALID_FIELD, "belongs in the URL, not in the body", KEY)
    return _get(replace(request, query=(*request.query, *form)))


DIALECT: Final = Dialect(
    "turn-rest",
    (
        Endpoint(
            "GET",
            "",
            _get,
            turn_server_as_json,
            description=in_query(_SUMMARY, "service", answer=TURN_SERVER, service=_SERVICE, username=USER),
            key_parameter=KEY,
        ),
        Endpoint(
            "POST",
            "",
            _post,
            turn_server_as_json,
            media=FORM,
            description=Description(
                _SUMMARY,
                body=object_of({"service": _SERVICE, "username": USER}, "service"),
                answer=TURN_SERVER,
            ),
            key_parameter=KEY,
        ),
    ),
    render_error,
    kinds=turn_kind,
    error=ERROR,
)
