"""`kick`: disconnect and ban a user for a while, by a kicking rule of Agora's REST API.

The user's tokens stay valid, and tokend still issues new ones: the deny list prevents that. The request is
`POST /dev/v1/kicking-rule` of Agora's Channel Management REST API.
"""

import argparse
import base64
import http.client
import ipaddress
import json
import re
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

from tokend.backends.agora.credentials import AgoraOptions, RestApi
from tokend.cli.context import (
    CommandFailed,
    Context,
    add_app,
    add_config,
    chosen_app,
    duration_argument,
    fail,
    text_argument,
)
from tokend.cli.times import date
from tokend.core import strict_json
from tokend.core.validation import redact_secrets
from tokend.issuing.configuration import App

PRIVILEGES: Final = ("join_channel", "publish_audio", "publish_video")
SHORTEST: Final = 10
LONGEST: Final = 86_430
"""The shortest and the longest rule in seconds. Agora silently changes other values to these."""
TIMEOUT: Final = 20.0
"""Seconds, as Agora advises: with a shorter timeout, the id of a rule that was created may be lost."""
_MAX_BYTES: Final = 64 * 1024
_UID: Final = re.compile(r"[1-9][0-9]{0,9}")


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `kick`."""
    kick = commands.add_parser(
        "kick",
        help="disconnect and ban a user through Agora's REST API",
        description="Create a kicking rule through Agora's REST API, with the REST credentials of the app "
        "(`backends.KIND.rest`). A user is matched only if all given options match.",
    )
    add_config(kick)
    add_app(kick)
    kick.add_argument("--channel", type=text_argument, help="the channel (default: all channels of the app)")
    kick.add_argument(
        "--user", type=_uid, metavar="UID", help="uid to kick (default: everybody in the channel; requires --yes)"
    )
    kick.add_argument("--ip", type=_ip, help="IP address; affects everyone who shares it")
    kick.add_argument(
        "--for",
        dest="seconds",
        type=_seconds,
        required=True,
        help="how long the rule lasts: 10s to 86430s, such as 10m or 1d (required)",
    )
    kick.add_argument(
        "--privileges",
        type=_privileges,
        default=PRIVILEGES[:1],
        help=f"what is forbidden, separated by commas: {', '.join(PRIVILEGES)} (default: join_channel)",
    )
    kick.add_argument(
        "--yes", action="store_true", help="confirm that everybody in the channel, or at the address, is kicked"
    )
    kick.set_defaults(run=_kick)


def _kick(options: argparse.Namespace, context: Context) -> int:
    from tokend.telemetry.log import standard_error

    _, app = chosen_app(options, context)
    targets = {"cname": options.channel, "uid": options.user, "ip": options.ip}
    chosen = {key: value for key, value in targets.items() if value}
    if not chosen:
        fail("name whom to kick: --user, --channel or --ip")
    if options.user is None and not options.yes:
        fail("without --user this kicks everybody: add --yes to confirm")
    rest_api = _rest_api(app)
    if rest_api is None:
        raise CommandFailed(f"no kind of app {app.name} has `rest`: add customer_id and customer_secret")
    privileges = list(options.privileges)
    body = {"appid": app.app_id, **chosen, "time_in_seconds": options.seconds, "privileges": privileges}
    rule = create_rule(rest_api, body)
    standard_error(time.time).event("kick", app=app.name, rule=rule, privileges=privileges, seconds=options.seconds)
    ends = date(int(time.time()) + options.seconds)
    whom = ", ".join(f"{key} {value}" for key, value in chosen.items())
    print(f"rule {rule} holds until {ends}: no {', '.join(privileges)} for {whom}")
    return 0


def _rest_api(app: App) -> RestApi | None:
    """The credentials of the first of the app's kinds that has them."""
    found = (backend.options.rest for backend in app.backends.values() if isinstance(backend.options, AgoraOptions))
    return next((rest_api for rest_api in found if rest_api is not None), None)


def create_rule(api: RestApi, body: Mapping[str, object], timeout: float = TIMEOUT) -> int:
    """Create a kicking rule and return its id; `CommandFailed` if that fails. `timeout`: seconds. No redirects, no proxies."""
    secret = api.customer_secret.reveal()
    basic = base64.b64encode(f"{api.customer_id}:{secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "tokend",
    }
    try:
        with closing(_connection(api.url, timeout)) as connection:
            connection.request("POST", f"{urlsplit(api.url).path}/dev/v1/kicking-rule", json.dumps(body), headers)
            response = connection.getresponse()
            answer = _answer_of(response)
    except TimeoutError:
        raise CommandFailed(f"the vendor did not answer within {timeout:g} s: the rule may have been created") from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: the URL cannot be written in ASCII
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise CommandFailed(f"the vendor cannot be reached at {api.url}: {why}") from None
    if 200 <= response.status < 300:
        return _rule_of(answer)
    message = answer.get("message")
    if not isinstance(message, str) or secret in message or basic in message:
        message = ""
    raise CommandFailed(_error_sentence(response.status, message[:200]))


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.netloc, timeout=timeout)  # with the brackets of an IPv6 address, from which it tells the port


def _answer_of(response: http.client.HTTPResponse) -> dict[str, Any]:
    """The JSON object of a response; an empty one if it has none. What was asked for may have happened even so."""
    try:
        answer = strict_json.loads(response.read(_MAX_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _rule_of(answer: Mapping[str, Any]) -> int:
    rule = answer.get("id") if answer.get("status") == "success" else None
    if isinstance(rule, bool) or not isinstance(rule, int):
        raise CommandFailed("the vendor's answer names no rule: check its list of rules")
    return rule


def _error_sentence(status: int, message: str) -> str:
    if status in (401, 403):
        return f"the vendor rejects the app's customer_id and customer_secret for this App ID ({status})"
    if status == 429:
        return "the vendor has received too many requests: wait a moment (429)"
    reason = f"{status} ({redact_secrets(message)})" if message else str(status)
    if status >= 500:
        return f"the vendor answered with {reason}: the rule may have been created"
    return f"the vendor answered with {reason}: no rule was created"


def _seconds(text: str) -> int:
    try:
        seconds = duration_argument(text)
    except argparse.ArgumentTypeError:
        seconds = 0
    if not SHORTEST <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"must be {SHORTEST}s to {LONGEST}s, with its unit: 90s, 10m, 1h or 1d")
    return seconds


def _uid(text: str) -> int:
    if _UID.fullmatch(text) is None or int(text) > 0xFFFF_FFFF:
        raise argparse.ArgumentTypeError("must be a uid, 1 to 4294967295: the vendor's rules do not accept accounts")
    return int(text)


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError("must be an IP address") from None


def _privileges(text: str) -> tuple[str, ...]:
    privileges = tuple(dict.fromkeys(text.split(",")))
    if not set(privileges) <= set(PRIVILEGES):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(PRIVILEGES)}, separated by commas")
    return privileges
