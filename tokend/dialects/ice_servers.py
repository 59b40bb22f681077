"""`ice-servers`: TURN credentials as the configuration of a browser's `RTCPeerConnection` has them.

`{"iceServers": [{"urls": […]}, {"urls": […], "username": …, "credential": …}], "ttl": …}`: the object of the W3C's WebRTC
recommendation, section 4.2.1, which Cloudflare answers too. STUN servers, which take no credentials, come first.
`ttl` is in seconds; `RTCPeerConnection` takes no notice of it.
"""

from collections.abc import Sequence
from typing import Final

from tokend.dialects import reading
from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import ERROR, STRING, TTL, USER, in_body, in_query, object_of
from tokend.dialects.rendering import as_json, render_error
from tokend.dialects.turn_answers import TURN_SERVER, credentials_for, turn_kind, turn_server

_PATH: Final = "ice-servers"
_SERVER: Final = object_of(
    {
        "urls": {"type": "array", "items": STRING, "examples": [TURN_SERVER["properties"]["uris"]["examples"][0]]},
        "username": TURN_SERVER["properties"]["username"],
        "credential": TURN_SERVER["properties"]["password"],
    },
    "urls",
    closed=False,
)
_ANSWER: Final = object_of(
    {
        "iceServers": {"type": "array", "items": _SERVER},
        "ttl": TURN_SERVER["properties"]["ttl"],
    },
    *("iceServers", "ttl"),
    closed=False,
)
_SUMMARY: Final = "ICE servers with TURN credentials, as RTCPeerConnection takes them"
_GET: Final = in_query(_SUMMARY, answer=_ANSWER, user=USER, ttl=TTL)
_POST: Final = in_body(_SUMMARY, answer=_ANSWER, user=USER, ttl=TTL)


def _get(request: HttpRequest) -> Issue:
    return credentials_for(reading.query_value(request, "user"), reading.query_seconds(request, "ttl"))


def _post(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _POST)
    return credentials_for(reading.text(body, "user"), reading.seconds(body, "ttl"))


def _render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    server = turn_server(outcomes)
    stun = [uri for uri in server["uris"] if uri.startswith("stun:")]
    relay = {
        "urls": [uri for uri in server["uris"] if not uri.startswith("stun:")],
        "username": server["username"],
        "credential": server["password"],
    }
    ice_servers = [{"urls": stun}, relay] if stun else [relay]
    return as_json({"iceServers": ice_servers, "ttl": server["ttl"]})


DIALECT: Final = Dialect(
    "ice-servers",
    (
        Endpoint("GET", _PATH, _get, _render, description=_GET),
        Endpoint("POST", _PATH, _post, _render, description=_POST),
    ),
    render_error,
    kinds=turn_kind,
    error=ERROR,
)
