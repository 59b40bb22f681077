"""Reads `cases/<dialect>/*.txt`: requests, a line of dashes, answers; several exchanges apart by lines of `=`.

setup: open                                        (the file's first line: a name of SETUPS; or `every power` or
  - {at: /, dialect: native}                        `no power`, an app of all kinds for anybody, on these routes)
# what this shows                                  (comments stand before the request line)
GET /rtm/ada/?expiry=600
X-API-Key: $KEY                                    ($KEY is the key of the setups that have one; a token in
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

from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, KINDS, OPEN, setup_of
from tokend.config.loading import load
from tokend.issuing.configuration import Setup

CASES: Final = Path(__file__).parent / "cases"
_NO_CONFIGURATION: Final = Path(__file__).parent / "cases"
_CALLERS: Final = DEMO.partition("    callers:")[2]


class Exchange(NamedTuple):
    """One request and the answer that it must get. `place` says where it stands."""

    place: str
    dialect: str
    setup: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: str


def _anybody(rule: str) -> str:
    return f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{origins: ["https://app.example.com"]}}
    backends: [{", ".join(KINDS)}]
    callers:
      anybody: {{anonymous: true, may: [{rule}]}}
"""


ANYBODY: Final[Mapping[str, str]] = {
    "every power": _anybody("{powers: [wildcard_user, wildcard_channel, wildcard_publish, app_admin]}"),
    "no power": _anybody("{}"),
}


def _environment(**more: str) -> Setup:
    variables = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE, **more}
    return load(None, variables, _NO_CONFIGURATION)


def _routed(*options: str) -> Setup:
    return setup_of(f"{DEMO}    routes: [{{at: /demo, {', '.join(options)}}}]\n")


SETUPS: Final[Mapping[str, Callable[[], Setup]]] = {
    "demo": lambda: setup_of(DEMO),
    "open": lambda: setup_of(OPEN),
    "environment": _environment,
    "environment, ALLOW_APP_ADMIN=1": lambda: _environment(ALLOW_APP_ADMIN="1"),
    "environment, API_KEY_SHA256": lambda: _environment(API_KEY_SHA256=_CALLERS.partition("sha256:")[2][:64]),
    "version 006": lambda: _routed('token_version: "006"'),
    "signed uid": lambda: _routed("signed_uid: true"),
    "clamp": lambda: _routed("on_excess: clamp", "ttl: {max: 30m}"),
    "rules": lambda: setup_of(
        DEMO.replace('"}', '", may: [{channel: "stage-*", user: ada, roles: [publisher], ttl: {max: 10m}}]}')
    ),
}


def setup_named(name: str) -> Setup:
    """The Setup of a name in SETUPS, or of a power and routes."""
    base, _, routes = name.partition("\n")
    return SETUPS[name]() if not routes else setup_of(f"{ANYBODY[base]}    routes:\n{indent(routes, '    ')}\n")


def all_exchanges() -> list[Exchange]:
    """Every exchange of every file, in the order of the names."""
    return [one for path in sorted(CASES.glob("*/*.txt")) for one in _read(path)]


def _read(path: Path) -> list[Exchange]:
    lines = path.read_text("utf-8").split("\n")
    assert lines[0].startswith("setup: "), f"{path} must begin with its setup"
    end = next(number for number, line in enumerate(lines) if number and not line.startswith("  "))
    setup = "\n".join(lines[:end]).removeprefix("setup: ")
    found = []
    at = end + 1
    for block in _split("\n".join(lines[end:]), "===="):
        found.append(_exchange(block, path, at, setup))
        at += block.count("\n") + 2
    return found


def _exchange(block: str, path: Path, at: int, setup: str) -> Exchange:
    asked, answered = _split(block, "----")
    request_line, headers, body = _message(asked)
    status, answer_headers, answer_body = _message(answered)
    method, _, target = request_line.partition(" ")
    place = f"{path.parent.name}/{path.name}:{at} {request_line[:60]}"
    return Exchange(
        place, path.parent.name, setup, method, target, headers, body, int(status), answer_headers, answer_body
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
