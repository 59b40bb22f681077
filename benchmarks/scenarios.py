"""What tokend is measured at: each scenario a configuration and requests. 64 different requests go out in turn, so that no
answer can come from a cache of one path.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import jwt_users
from benchmarks.load import CONNECTIONS
from benchmarks.servers import Command, Prepare
from benchmarks.tokens import APP_ID, CERTIFICATE, LIVEKIT_KEY, LIVEKIT_SECRET, Asked

VARIANTS: Final = 64
CREDENTIALS: Final[Mapping[str, str]] = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
LIVEKIT: Final[Mapping[str, str]] = {
    "LIVEKIT_API_KEY": LIVEKIT_KEY,
    "LIVEKIT_API_SECRET": LIVEKIT_SECRET,
    "LIVEKIT_URL": "wss://media.example.com",
}
CONFIGS: Final = Path(__file__).parent / "configs"
YAML: Final = "benchmarks.yaml"
"""The file of the configuration, in the directory where the server was started."""
API_KEY: Final = "tk_benchmark_0123456789abcdef01234567"
DIGEST: Final = hashlib.sha256(API_KEY.encode()).hexdigest()
BATCH: Final = 100
USERS: Final = 10_000


class Scenario(NamedTuple):
    """`tokens`: how many an answer holds; 0 for those that only say hello. `least`: requests that a run must reach.

    `rounds`: at most so many. `all_cores`: the server may use the load's core too. `no_salt`: its tokens
    have no salt, or the same one, so that two of one request and second are equal. `without_connecting`: its
    processor time is that of the time in which all connections are open; only for tokend, whose log has a line a request.
    """

    name: str
    what: str
    prepare: Prepare
    requests: tuple[bytes, ...]
    asked: Asked
    tokens: int = 1
    least: int = 0
    connections: int = CONNECTIONS
    rounds: int | None = None
    all_cores: bool = False
    no_salt: bool = False
    without_connecting: bool = False


def request(method: str, target: str, body: object = None, **headers: str) -> bytes:
    """The bytes of a request; `headers` with `_` for `-`."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def asked(channel: str = "room-{}", count: int = VARIANTS) -> Asked:
    """What so many variants name, each its own channel and user."""
    return frozenset((channel.format(number), str(1000 + number)) for number in range(count))


def variants(make: Callable[[int], bytes], count: int = VARIANTS) -> tuple[bytes, ...]:
    return tuple(make(number) for number in range(count))


def rtc(number: int, channel: str = "room-{}", at: str = "", **headers: str) -> bytes:
    """The Go service's GET for a publisher."""
    return request("GET", f"{at}/rtc/{channel.format(number)}/publisher/uid/{1000 + number}/", None, **headers)


def with_key(number: int, at: str = "") -> bytes:
    return rtc(number, at=at, X_API_Key=API_KEY)


def get_token(number: int) -> bytes:
    """The Go service's POST for a publisher."""
    body = {"tokenType": "rtc", "channel": f"room-{number}", "role": "publisher", "uid": str(1000 + number)}
    return request("POST", "/getToken", body)


def connection_details(number: int) -> bytes:
    """A POST of LiveKit's starter apps."""
    body = {"room_name": f"room-{number}", "participant_identity": str(1000 + number)}
    return request("POST", "/api/connection-details", body)


def serve(
    yaml: str | None = None, files: Mapping[str, bytes] = {}, environment: Mapping[str, str] = CREDENTIALS
) -> Prepare:
    """tokend, as its users start it."""

    def prepare(directory: Path, port: int) -> Command:
        for name, content in files.items():
            (directory / name).write_bytes(content)
        arguments = [sys.executable, "-m", "tokend", "serve", "--port", str(port)]
        if yaml is not None:
            (directory / YAML).write_text(yaml)
            arguments += ["--config", YAML]
        return Command(arguments, environment)

    return prepare


def all_scenarios() -> list[Scenario]:
    """Those of the table of goals, beside what grows: see benchmarks/growth.py."""
    zero, get = serve(), variants(rtc)
    livekit, details = serve(environment=LIVEKIT), variants(connection_details)
    return [
        Scenario("zero", "zero configuration, GET rtc", zero, get, asked()),
        Scenario("key", "API key, rules, audit", serve(keyed_yaml()), variants(with_key), asked()),
        jwt_scenario(VARIANTS),
        jwt_scenario(USERS),
        Scenario("post", "zero configuration, POST /getToken", zero, variants(get_token), asked()),
        Scenario(
            "batch", f"zero configuration, batch of {BATCH}", zero, variants(_batch), asked(), BATCH, connections=8
        ),
        Scenario("livekit", "zero configuration, LiveKit token", livekit, details, asked()),
        Scenario("million", "zero configuration, 1,000,000 requests", zero, get, asked(), least=1_000_000, rounds=1),
        Scenario("one-worker", "one worker", serve(open_yaml("workers: 1")), get, asked(), all_cores=True),
        Scenario("two-workers", "two workers", serve(open_yaml("workers: 2")), get, asked(), all_cores=True),
    ]


def keyed_yaml() -> str:
    """The configuration of the scenario `key`."""
    return (CONFIGS / "key.yaml").read_text().replace("{digest}", DIGEST)


def open_yaml(server: str) -> str:
    """What zero configuration amounts to, with these keys of `server`."""
    return f"""
server: {{{server}}}
apps:
  default:
    app_id: "{APP_ID}"
    certificate: {{env: APP_CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{capabilities: [wildcard_user, wildcard_channel, wildcard_publish]}}]}}}}
    routes: [{{path: /}}]
"""


def apps_yaml(count: int, server: str = "") -> str:
    """So many apps with a key of their own each, at /app0 and so on; the first one's is API_KEY."""
    lines = [f"server: {{{server}}}", "defaults:", "  certificate: {env: APP_CERTIFICATE}", f'  app_id: "{APP_ID}"']
    keys = (DIGEST if number == 0 else f"{number:064x}" for number in range(count))
    apps = [f'  app{number}: {{callers: {{studio: {{api_key: "sha256:{key}"}}}}}}' for number, key in enumerate(keys)]
    return "\n".join([*lines, "apps:", *apps]) + "\n"


def jwt_scenario(users: int, rounds: int | None = None) -> Scenario:
    """So many users of a provider in turn, with rules on their claims, limits and an audit."""
    tokens = jwt_users.tokens(users)

    def get(number: int) -> bytes:
        return rtc(number, "room-acme-{}", Authorization=f"Bearer {tokens[number]}")

    return Scenario(
        f"jwt-{users}",
        f"JWT caller (ES256), claims in rules, audit: {users:,} users",
        serve((CONFIGS / "jwt.yaml").read_text(), {"public.pem": jwt_users.PUBLIC_KEY}),
        variants(get, users),
        asked("room-acme-{}", users),
        rounds=rounds,
    )


def _batch(number: int) -> bytes:
    token_request = {"kind": "rtc", "channel": f"room-{number}", "uid": 1000 + number, "role": "publisher"}
    return request("POST", "/v1/tokens", {"requests": [token_request] * BATCH})
