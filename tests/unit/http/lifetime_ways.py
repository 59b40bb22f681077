"""Every endpoint of every dialect that issues tokens, and custom routes: one request to each, and where its lifetime goes.

What is here is what there is: test_lifetimes.py holds the list against the dialects themselves.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tests.built_in_dialects import DIALECTS
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import APP_ID, NOW, Running
from tests.unit.http.wire import Reply
from tokend.dialects.contract import FORM


class Way(NamedTuple):
    """A request. `field` takes the lifetime; None: the contract has no such field. `absolute`: as a point in time.

    `empty_is_none`: whether an empty lifetime counts as not sent, as at the original.

    `target` is below the dialect's route. `body` goes as JSON, with the lifetime in it or in `holder`, its first item.
    """

    endpoint: str
    target: str
    field: str | None
    body: Mapping[str, Any] | None = None
    holder: str | None = None
    form: str | None = None
    absolute: bool = False
    empty_is_none: bool = False

    @property
    def in_text(self) -> bool:
        """Whether the lifetime is sent as text."""
        return self.body is None


_GENERATE: Final = {"appId": APP_ID, "channelName": "stage", "uid": "7"}
_GET_TOKEN: Final = {"tokenType": "rtc", "channel": "stage", "uid": "7"}
_ROOM: Final = {"room_name": "stage", "participant_identity": "ada"}
_DOCKER: Final = {"channelName": "stage", "uid": "7", "serviceRtc": {"enable": True}}
_RTC: Final = "GET rtc/{channel}/{role}/{tokenType}/{rtcuid}"
_RTE: Final = "GET rte/{channel}/{role}/{tokenType}/{rtcuid}"
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{key: {"channel": "stage", "uid": 7} for key in ("rtc", "streaming", "fcdn", "rtc_rtm", "convoai", "stt")},
    **{key: {"user": "ada"} for key in ("rtm", "rtm2", "chat", "turn")},
    "fpa": {},
    "livekit": {"room": "stage", "identity": "ada"},
    "apaas": {"room": "room", "user": "ada"},
    "combined": {"services": [{"kind": "rtm", "user": "ada"}]},
}


def _paths(field: str, empty_is_none: bool = False) -> tuple[Way, ...]:
    return (
        Way(_RTC, "rtc/stage/host/uid/7", field, empty_is_none=empty_is_none),
        Way("GET rtm/{rtmuid}", "rtm/ada/", field, empty_is_none=empty_is_none),
        Way(_RTE, "rte/stage/host/uid/7", field, empty_is_none=empty_is_none),
    )


OF_DIALECTS: Final[Mapping[str, tuple[Way, ...]]] = {
    "native": (
        *(
            Way("POST v1/token", "v1/token", "ttl", {"kind": kind, **token_request})
            for kind, token_request in _KINDS.items()
        ),
        Way("POST v1/tokens", "v1/tokens", "ttl", {"requests": [{"kind": "rtm", "user": "ada"}]}, "requests"),
        Way("POST v1/explain", "v1/explain", "ttl", {"kind": "rtm", "user": "ada"}),
    ),
    "agora-token-service": (
        *_paths("expiry"),
        Way(_RTE + "/{rtmuid}", "rte/stage/host/uid/7/ada/", "expiry"),
        Way("GET chat/app", "chat/app/", "expiry"),
        Way("GET chat/account/{chatid}", "chat/account/ada/", "expiry"),
        Way("POST getToken", "getToken", "expire", _GET_TOKEN),
        Way("POST getToken", "getToken", "expire", {"tokenType": "rtm", "uid": "ada"}),
        Way("POST getToken", "getToken", "expire", {"tokenType": "chat"}),
    ),
    "agora-token-guide": (*_paths("expiry"), *_paths("expireTime")),
    "agora-node-server": _paths("expiry", empty_is_none=True),
    "agora-npm-demo": (
        Way("GET rtcToken", "rtcToken?channelName=stage&uid=7", None),
        Way("GET rtmToken", "rtmToken?account=ada", None),
    ),
    "agora-docker": (Way("POST token/generate", "token/generate", "tokenExpireTs", _DOCKER),),
    "agora-docs-sample": (
        Way("POST fetch_rtc_token", "fetch_rtc_token", None, {"uid": 7, "ChannelName": "stage"}),
        Way("POST fetch_rtm_token", "fetch_rtm_token", None, {"uid": "ada"}),
    ),
    "agora-samples": (
        Way("POST fetchToken", "fetchToken", "expire", _GET_TOKEN),
        Way("POST token/getNew", "token/getNew", "expire", {"tokenType": "rtm", "uid": "ada"}),
        Way("POST v1/token/generate", "v1/token/generate", "expire", {**_GENERATE, "type": 1}),
        Way("POST v1/token/generate", "v1/token/generate", "expire", {**_GENERATE, "type": 2}),
        Way("POST v2/token/generate", "v2/token/generate", "expire", {**_GENERATE, "types": [1, 2]}),
        Way("GET access_token", "access_token?channel=stage&uid=7", "expiredTs", absolute=True, empty_is_none=True),
        Way("GET v1/token", "v1/token?channel_name=stage", None),
        Way("POST api/token", "api/token", None, {"channel": "stage", "uid": 7}),
    ),
    "agora-samples-chat": (
        Way("POST generate-user-token", "generate-user-token", "expire", {"user_uuid": "ada"}),
        Way("POST generate-app-token", "generate-app-token", "expire", {}),
        Way(
            "GET api/token/generateUserToken",
            "api/token/generateUserToken?account=ada",
            "expireTimeInSeconds",
            empty_is_none=True,
        ),
        Way("GET api/token/generateAppToken", "api/token/generateAppToken", "expireTimeInSeconds", empty_is_none=True),
        Way("GET chat/user/{username}/token", "chat/user/ada/token", None),
        Way("GET chat/app/token", "chat/app/token", None),
        Way("POST token/generate", "token/generate?tokenType=app", "expireSeconds", form=""),
        Way("POST token/generate", "token/generate", "expireSeconds", form="tokenType=user&userId=ada"),
    ),
    "livekit": (
        Way("POST createToken", "createToken", None, _ROOM),
        Way("GET api/connection-details", "api/connection-details?roomName=stage&participantName=Ada", None),
        Way("POST api/connection-details", "api/connection-details", None, _ROOM),
    ),
    "turn-rest": (
        Way("GET ", "?service=turn&username=ada", None),
        Way("POST ", "?service=turn&username=ada", None, form=""),
    ),
    "matrix-voip": (
        Way("GET _matrix/client/v3/voip/turnServer", "_matrix/client/v3/voip/turnServer", None),
        Way("GET _matrix/client/r0/voip/turnServer", "_matrix/client/r0/voip/turnServer", None),
    ),
    "ice-servers": (
        Way("GET ice-servers", "ice-servers?user=ada", "ttl"),
        Way("POST ice-servers", "ice-servers", "ttl", {"user": "ada"}),
    ),
}
_CUSTOM: Final = """
      - {path: /text, kind: rtm, response: "{token}"OPTIONS}
      - {path: /both, kinds: [rtc, rtm], response: {a: "{rtc.token}", b: ["{rtm.token}"]}OPTIONS}
      - {path: /wide, kind: rtm, set: {user: ada}, response: {token: "{token}"}OPTIONS}
"""
_BOTH: Final = {"channel": "stage", "uid": 7, "user": "ada"}
OF_CUSTOM: Final = (
    Way("GET /text", "/text?user=ada", "ttl"),
    Way("POST /text", "/text", "ttl", {"user": "ada"}),
    Way("GET /both", "/both?channel=stage&uid=7&user=ada", "ttl"),
    Way("POST /both", "/both", "ttl", _BOTH),
    Way("GET /wide", "/wide", "ttl"),
    Way("POST /wide", "/wide", "ttl", {}),
)
WAYS: Final[Mapping[str, Way]] = {
    f"{where} {index}": way._replace(target=f"/{dialect}/{way.target}" if dialect else way.target)
    for dialect, ways in (*OF_DIALECTS.items(), ("", OF_CUSTOM))
    for index, way in enumerate(ways)
    for where in [dialect or "custom"]
}
"""By a name of the test's."""


def everything(app: str = "", route: str = "", rule: str = "") -> str:
    """Every dialect at its own name, the custom routes, for anybody; `app`, `route` and `rule`: further YAML of each.

    A rule of its own supplies the user of TURN credentials, for the requests that name none.
    """
    written = {name: "{livekit: {generate: [identity]}}" if name == "livekit" else name for name in DIALECTS}
    routes = "".join(f"      - {{path: /{name}, dialect: {choice}{route}}}\n" for name, choice in written.items())
    text = ANYBODY["every capability"].replace("app_admin]}", f"app_admin]{rule}}}")
    text = text.replace("rules: [", f"rules: [{{kinds: turn, user: ada{rule}}}, ")
    return f"{text}{app}    routes:\n{routes}{_CUSTOM.replace('OPTIONS', route)}"


class Sent(NamedTuple):
    """A request's own parts."""

    method: str
    target: str
    body: bytes | None
    headers: tuple[tuple[str, str], ...] = ()


def request_of(way: Way, lifetime: object = None, sent: bool = False) -> Sent:
    """The request with this lifetime (as text, where the way is one in text); without one where not `sent`."""
    if way.absolute and isinstance(lifetime, int):
        lifetime += NOW
    if way.body is None:
        field = f"{way.field}={lifetime}" if sent else ""
        if way.form is not None:
            body = "&".join(one for one in (way.form, field) if one).encode("utf-8", "surrogateescape")
            return Sent("POST", way.target, body, (("Content-Type", FORM),))
        location = "&" if "?" in way.target else "?"
        return Sent("GET", f"{way.target}{location}{field}", None)
    content: dict[str, Any] = json.loads(json.dumps(way.body))
    holder = content if way.holder is None else content[way.holder][0]
    if sent:
        holder[way.field or "ttl"] = lifetime
    return Sent("POST", way.target, json.dumps(content).encode())


async def send(server: Running, way: Way, lifetime: object, sent: bool = True) -> Reply:
    """Send it to a server."""
    request = request_of(way, lifetime, sent)
    return await server.token_request(request.method, request.target, request.body, *request.headers)
