"""What must not cost more as it grows: apps, rules, deny entries, users, connections. Each curve is a row of scenarios."""

import json
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from benchmarks.load import CONNECTIONS, too_many
from benchmarks.scenarios import (
    DIGEST,
    USERS,
    VARIANTS,
    Scenario,
    apps_yaml,
    asked,
    jwt_scenario,
    open_yaml,
    rtc,
    serve,
    variants,
    with_key,
)
from benchmarks.tokens import APP_ID

MANY_CONNECTIONS: Final = 5_000
MANY_DENIED: Final = 100_000
MANY_RULES: Final = 1_000
MANY_APPS: Final = 10_000
_FEW: Final = 8
"""Connections where a request may take tens of milliseconds: more would wait for one another for seconds."""
_BETWEEN: Final = 1
"""Rounds of what stands between the ends of a curve: it is drawn, and no goal looks at it."""
_KEYED: Final = """
{deny}apps:
  demo:
    app_id: "{app_id}"
    certificate: {{env: APP_CERTIFICATE}}
    callers:
      studio:
        api_key: "sha256:{digest}"
        rules:
{rules}
    routes: [{{path: /}}]
"""
_OPEN_RULE: Final = """\
          - kinds: rtc
            channel: "room-*"
            user: "*"
            roles: [publisher, subscriber]
            capabilities: [wildcard_user]"""


class Curve(NamedTuple):
    """`sizes`: those measured, the least first. A scenario's name is that of the curve, a hyphen and its size."""

    name: str
    what: str
    sizes: tuple[int, ...]

    def entry(self, size: int) -> str:
        return f"{self.name}-{size}"


CURVES: Final = (
    Curve("apps", "apps", (1, 100, MANY_APPS)),
    Curve("rules", "rules, the last fits", (1, 10, 100, MANY_RULES)),
    Curve("deny", "deny entries", (0, 1_000, MANY_DENIED)),
    Curve("jwt", "users with JWTs", (VARIANTS, 1_000, USERS)),
    Curve("connections", "connections in use", (CONNECTIONS, 1_000, MANY_CONNECTIONS)),
)


def all_growth() -> tuple[list[Scenario], dict[str, str]]:
    """The scenarios of the curves that can be measured here, and for each of the others why not.

    The curve of users has its ends in benchmarks/scenarios.py.
    """
    found, unmet = [], {}
    for curve in CURVES:
        for size in curve.sizes:
            rounds = None if size in (curve.sizes[0], curve.sizes[-1]) else _BETWEEN
            if curve.name == "connections" and (reason := too_many(size)) is not None:
                unmet[curve.entry(size)] = reason
            elif curve.name != "jwt" or rounds is not None:
                found.append(MAKERS[curve.name](size, rounds))
    return found, unmet


def _apps(count: int, rounds: int | None) -> Scenario:
    requests = variants(partial(with_key, at="/app0"))
    return Scenario(f"apps-{count}", f"{count:,} apps", serve(apps_yaml(count)), requests, asked(), rounds=rounds)


def _rules(count: int, rounds: int | None) -> Scenario:
    other = [f'          - {{kinds: rtc, channel: "hall-{number}-*", user: "*"}}' for number in range(count - 1)]
    yaml = _keyed_yaml("", "\n".join([*other, _OPEN_RULE]))
    what = f"API key, {count:,} rules"
    return Scenario(f"rules-{count}", what, serve(yaml), variants(with_key), asked(), connections=_FEW, rounds=rounds)


def _deny(count: int, rounds: int | None) -> Scenario:
    entries = (
        {"app": "demo", "user": str(2_000_000 + number), "channel": f"hall-{number % 1000}", "until": 4_000_000_000}
        for number in range(count)
    )
    files = {"deny.jsonl": "".join(json.dumps(entry) + "\n" for entry in entries).encode()} if count else {}
    yaml = _keyed_yaml("deny: {file: deny.jsonl}\n" if count else "", _OPEN_RULE)
    what = f"API key, {count:,} deny entries"
    return Scenario(
        f"deny-{count}", what, serve(yaml, files), variants(with_key), asked(), connections=_FEW, rounds=rounds
    )


def _connections(count: int, rounds: int | None) -> Scenario:
    caps = MANY_CONNECTIONS + 1_000
    yaml = open_yaml(f"connections: {{max: {caps}, per_address: {caps}}}")
    return Scenario(
        f"connections-{count}",
        f"zero configuration, {count:,} connections",
        serve(yaml),
        variants(rtc),
        asked(),
        connections=count,
        rounds=rounds,
        without_connecting=True,
    )


MAKERS: Final[dict[str, Callable[[int, int | None], Scenario]]] = {
    "apps": _apps,
    "rules": _rules,
    "deny": _deny,
    "jwt": jwt_scenario,
    "connections": _connections,
}


def _keyed_yaml(deny: str, rules: str) -> str:
    return _KEYED.format(deny=deny, app_id=APP_ID, digest=DIGEST, rules=rules)
