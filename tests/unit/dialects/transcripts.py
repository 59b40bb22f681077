"""Reads `cases/<dialect>/*.txt`: requests, a line of dashes, answers; several exchanges apart by lines of `=`.

configuration: open                                     (the file's first line: a name of CONFIGURATIONS; or `every capability` or
  - {path: /, dialect: native}                        `no capability`, an app of all kinds for anybody, on these routes)
# what this shows                                  (comments stand before the request line)
GET /rtm/ada/?expiry=600
X-API-Key: $KEY                                    ($KEY is the key of the configurations that have one; a token in
                                                    the body is minted as it is written, at the server's time)

----
200
Content-Type: application/json; charset=utf-8      (every header named here must be so; "(none)": must be absent)

{"rtmToken": <007 600 s: rtm "ada" login>}         (JSON, compared by value; a token; or text of the body)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Final, NamedTuple

from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, KINDS, OPEN, configuration_of
from tokend.config.loading import load
from tokend.issuing.configuration import Configuration

CASES: Final = Path(__file__).parent / "cases"
_NO_CONFIGURATION: Final = Path(__file__).parent / "cases"
_CALLERS: Final = DEMO.partition("    callers:")[2]
_TURN: Final = (
    'turn: {secret: {env: CERTIFICATE}, uris: ["stun:turn.example.com", "turn:turn.example.com:3478?transport=udp"]}'
)
"""The kind of TURN credentials; the certificate is its secret."""

_LIVEKIT: Final = "livekit: {api_key: APIabcdefghijklm, secret: {env: CERTIFICATE}, url: 'wss://media.example.com'}"
"""The kind of LiveKit's tokens; the certificate is its secret. They are always the same, so transcripts have them as they are."""


class Exchange(NamedTuple):
    """One request and the answer that it must get. `place` says where it stands."""

    place: str
    dialect: str
    configuration: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: str


def _anybody(rule: str, options_of_rtc: str = "") -> str:
    return f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{origins: ["https://app.example.com"]}}
    backends: {{{", ".join(f"{kind}: {{{options_of_rtc if kind == 'rtc' else ''}}}" for kind in KINDS)}, {_LIVEKIT}, {_TURN}}}
    callers:
      anybody: {{anonymous: true, rules: [{rule}]}}
"""


_EVERY: Final = "{capabilities: [wildcard_user, wildcard_channel, wildcard_publish, dispatch, app_admin]}"
ANYBODY: Final[Mapping[str, str]] = {
    "every capability": _anybody(_EVERY),
    "no capability": _anybody("{}"),
    "one user": _anybody("{user: ada, ttl: {max: 30m}}"),
    "every capability, strict_006": _anybody(_EVERY, "strict_006: true"),
    "no capability, strict_006": _anybody("{}", "strict_006: true"),
}

_PUSHER: Final = """
apps:
  demo:
    cors: {origins: ["https://app.example.com"]}
    backends: {pusher: {keys: [{key: app-key, secret: {env: CERTIFICATE}}], client_events: false}}
    callers:
      anybody: {anonymous: true, rules: [{channel: "*-room-*", user: ada, fields: {name: Ada, user_info: false}}]}
    routes: [{path: /demo, dialect: pusher}]
"""


def _environment(**more: str) -> Configuration:
    variables = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE, **more}
    return load(None, variables, _NO_CONFIGURATION)


def _routed(*options: str) -> Configuration:
    return configuration_of(f"{DEMO}    routes: [{{path: /demo, {', '.join(options)}}}]\n")


CONFIGURATIONS: Final[Mapping[str, Callable[[], Configuration]]] = {
    "demo": lambda: configuration_of(DEMO),
    "open": lambda: configuration_of(OPEN),
    "environment": _environment,
    "environment, ALLOW_APP_ADMIN=1": lambda: _environment(ALLOW_APP_ADMIN="1"),
    "environment, API_KEY_SHA256": lambda: _environment(API_KEY_SHA256=_CALLERS.partition("sha256:")[2][:64]),
    "version 006": lambda: _routed(
        'dialect: {native: {token_version: "006"}, agora-token-service: {token_version: "006"}}'
    ),
    "signed uid": lambda: _routed("dialect: {agora-token-service: {signed_uid: true}}"),
    "clamp": lambda: _routed("on_excess: clamp", "ttl: {max: 30m}"),
    "pusher": lambda: configuration_of(_PUSHER),
    "rules": lambda: configuration_of(
        DEMO.replace('"}', '", rules: [{channel: "stage-*", user: ada, roles: [publisher], ttl: {max: 10m}}]}')
    ),
}


def configuration_named(name: str) -> Configuration:
    """The Configuration of a name in CONFIGURATIONS, or of a capability and routes."""
    base, _, routes = name.partition("\n")
    return (
        CONFIGURATIONS[name]()
        if not routes
        else configuration_of(f"{ANYBODY[base]}    routes:\n{indent(routes, '    ')}\n")
    )


def all_exchanges() -> list[Exchange]:
    """Every exchange of every file, in the order of the names."""
    return [one for path in sorted(CASES.glob("*/*.txt")) for one in _read(path)]


def _read(path: Path) -> list[Exchange]:
    lines = path.read_text("utf-8").split("\n")
    assert lines[0].startswith("configuration: "), f"{path} must begin with its configuration"
    end = next(number for number, line in enumerate(lines) if number and not line.startswith("  "))
    configuration = "\n".join(lines[:end]).removeprefix("configuration: ")
    found = []
    at = end + 1
    for block in _split("\n".join(lines[end:]), "===="):
        found.append(_exchange(block, path, at, configuration))
        at += block.count("\n") + 2
    return found


def _exchange(block: str, path: Path, at: int, configuration: str) -> Exchange:
    asked, answered = _split(block, "----")
    request_line, headers, body = _message(asked)
    status, answer_headers, answer_body = _message(answered)
    method, _, target = request_line.partition(" ")
    place = f"{path.parent.name}/{path.name}:{at} {request_line[:60]}"
    return Exchange(
        place, path.parent.name, configuration, method, target, headers, body, int(status), answer_headers, answer_body
    )


def _split(text: str, line: str) -> list[str]:
    """The parts between lines that begin with `line`."""
    parts: list[list[str]] = [[]]
    for one in text.splitlines():
        if one.startswith(line):
            parts.append([])
        else:
            parts[-1].append(one)
    return ["\n".join(one) for one in parts]


def _message(text: str) -> tuple[str, tuple[tuple[str, str], ...], str]:
    lines = [*text.splitlines(), ""]
    while not lines[0].strip() or lines[0].startswith("#"):
        lines.pop(0)
    end = lines.index("")
    headers = []
    for line in lines[1:end]:
        name, _, value = line.partition(":")
        headers.append((name, value.strip().replace("$KEY", KEY)))
    return lines[0], tuple(headers), "\n".join(lines[end:]).strip()
