"""Paths that several servers share: rtc/{channel}/{role}/{tokenType}/{rtcuid}, rtm/{rtmuid}, rte/…"""

from collections.abc import Callable, Mapping
from typing import Final

from tokend.core.errors import ApiError, Code
from tokend.core.model import NOTHING, TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import Description, Endpoint, HttpRequest, Issue, Page, Schema
from tokend.dialects.describing import CHANNEL, ROLE, USER
from tokend.dialects.rendering import tokens_as
from tokend.dialects.token_endpoints import Parse, token_endpoint

_USER_PATH: Final = "{channel}/{role}/{tokenType}/{rtcuid}"

_PATH: Final = {
    "channel": CHANNEL,
    "role": ROLE,
    "tokenType": {"type": "string", "enum": ["uid", "userAccount"], "description": "What rtcuid is"},
    "rtcuid": {"type": "string", "description": "A uid or an account, as tokenType says", "examples": ["7"]},
    "rtmuid": USER,
}
"""The schemas of the parameters in such paths."""


PING: Final = Endpoint("GET", "ping", lambda _: Page("ping"), tokens_as(), description=None, issues=False)
"""For clients that look whether a server is there. At the root, `/ping` is the server's own."""


def rtc_endpoint(parse: Parse, query: Schema) -> Endpoint:
    """The endpoint of an RTC token."""
    return _endpoint(f"rtc/{_USER_PATH}", parse, "An RTC token for a channel", query, "rtcToken")


def rtm_endpoint(parse: Parse, query: Schema) -> Endpoint:
    """The endpoint of an RTM token."""
    return _endpoint("rtm/{rtmuid}", parse, "A Signaling token for a user", query, "rtmToken")


def rte_endpoint(parse: Parse, query: Schema, below: str = "", remarks: str | None = None) -> Endpoint:
    """The endpoint of both. `below`: what follows the RTC user in the path."""
    path = f"rte/{_USER_PATH}{below}"
    return _endpoint(path, parse, "An RTC and a Signaling token", query, "rtcToken", "rtmToken", remarks=remarks)


def _endpoint(
    path: str, parse: Parse, summary: str, query: Schema, *tokens: str, remarks: str | None = None
) -> Endpoint:
    return token_endpoint("GET", path, parse, Description(summary, _PATH, query, remarks=remarks), *tokens)


def rtc_request(
    request: HttpRequest, ttl_name: str = "expiry", empty_uid: str | None = None, original: str = agora_fields.V007
) -> TokenRequest:
    """Parse the RTC path. `ttl_name` is the query parameter of the ttl; `empty_uid` replaces an empty uid, if not None.

    `original`: the format of tokens of the original server.
    """
    params = request.params
    text = params["rtcuid"]
    if not text:
        if empty_uid is None:
            raise ApiError(Code.INVALID_FIELD, "must not be empty", "rtcuid")
        text = empty_uid
    fields: dict[str, object] = {"channel": params["channel"], "role": agora_fields.role(params["role"])}
    match params["tokenType"]:
        case "uid":
            fields["uid"] = agora_fields.uid(text, "rtcuid", request.options.signed_uid)
        case "userAccount":
            fields["account"] = text
        case _:
            raise ApiError(Code.INVALID_FIELD, "must be uid or userAccount", "tokenType")
    fields["version"] = agora_fields.token_version(request, original)
    names = {"ttl": ttl_name, "uid": "rtcuid", "account": "rtcuid"}
    return TokenRequest("rtc", fields, reading.query_seconds(request, ttl_name), names)


def rtm_request(
    request: HttpRequest,
    user: str,
    ttl_name: str = "expiry",
    user_name: str = "rtmuid",
    more: Mapping[str, object] = NOTHING,
    original: str = agora_fields.V007,
) -> TokenRequest:
    """Return the RTM request for a user, whom the path has as `user_name`. `more`: further fields; others as above."""
    names = {"ttl": ttl_name, "user": user_name}
    fields = {"user": user, "version": agora_fields.token_version(request, original), **more}
    return TokenRequest("rtm", fields, reading.query_seconds(request, ttl_name), names)


def endpoints_006(prepare: Callable[[HttpRequest], tuple[HttpRequest, str]], query: Schema) -> tuple[Endpoint, ...]:
    """The three endpoints of a server whose tokens are 006. `prepare` gives the request and its name of the lifetime."""

    def rtc(request: HttpRequest) -> Issue:
        return Issue((rtc_request(*prepare(request), original=agora_fields.V006),))

    def rtm(request: HttpRequest) -> Issue:
        request, ttl_name = prepare(request)
        return Issue((rtm_request(request, request.params["rtmuid"], ttl_name, original=agora_fields.V006),))

    def rte(request: HttpRequest) -> Issue:
        """The RTM token is for the user of the RTC token, and joins no stream channel."""
        request, ttl_name = prepare(request)
        for_rtm = rtm_request(request, request.params["rtcuid"], ttl_name, "rtcuid", original=agora_fields.V006)
        return Issue((rtc_request(request, ttl_name, original=agora_fields.V006), for_rtm))

    return rtc_endpoint(rtc, query), rtm_endpoint(rtm, query), rte_endpoint(rte, query)
