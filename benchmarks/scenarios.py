"""What tokend is measured at: each scenario a configuration and requests. 64 different requests go out in turn, so that no
answer can come from a cache of one path.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.load import CONNECTIONS
from benchmarks.servers import Command, Prepare
from benchmarks.tokens import APP_ID, CERTIFICATE, Asked

VARIANTS: Final = 64
CREDENTIALS: Final[Mapping[str, str]] = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
CONFIGS: Final = Path(__file__).parent / "configs"
API_KEY: Final = "tk_benchmark_0123456789abcdef01234567"
DIGEST: Final = hashlib.sha256(API_KEY.encode()).hexdigest()
BATCH: Final = 100
MANY: Final = 10_000


class Scenario(NamedTuple):
    """`tokens`: how many an answer holds; 0 for those that only say hello. `least`: requests that a run must reach.

    `once`: in the first round alone. `all_cores`: the server may use the load's core too. `one_salt`: it draws a salt when
    it starts, so that two tokens of one request and second are equal.
    """

    name: str
    what: str
    prepare: Prepare
    requests: tuple[bytes, ...]
    asked: Asked
    tokens: int = 1
    least: int = 0
    connections: int = CONNECTIONS
    once: bool = False
    all_cores: bool = False
    one_salt: bool = False


def request(method: str, target: str, body: object = None, **headers: str) -> bytes:
    """The bytes of a request; `headers` with `_` for `-`."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def asked(channel: str = "room-{}", user: str = "") -> Asked:
    """What the variants name; without a user, each its own."""
    return frozenset((channel.format(one), user or str(1000 + one)) for one in range(VARIANTS))


def variants(make: Callable[[int], bytes]) -> tuple[bytes, ...]:
    return tuple(make(one) for one in range(VARIANTS))


def rtc(one: int, channel: str = "room-{}", user: str = "", at: str = "", **headers: str) -> bytes:
    """The Go service's GET for a publisher."""
    target = f"{at}/rtc/{channel.format(one)}/publisher/uid/{user or 1000 + one}/"
    return request("GET", target, None, **headers)


def serve(yaml: str | None = None, files: Mapping[str, bytes] = {}) -> Prepare:
    """tokend, as its users start it."""

    def prepare(directory: Path, port: int) -> Command:
        for name, content in files.items():
            (directory / name).write_bytes(content)
        arguments = [sys.executable, "-m", "tokend", "serve", "--port", str(port)]
        if yaml is not None:
            (directory / "benchmarks.yaml").write_text(yaml)
            arguments += ["--config", "benchmarks.yaml"]
        return Command(arguments, CREDENTIALS)

    return prepare


def all_scenarios() -> list[Scenario]:
    zero, key, open_for = serve(), API_KEY, asked()
    own = variants(lambda one: rtc(one, at="/app0", X_API_Key=key))
    return [
        Scenario("zero", "zero configuration, GET rtc", zero, variants(rtc), open_for),
        Scenario(
            "key", "API key, rules, audit", serve(keyed_yaml()), variants(lambda one: rtc(one, X_API_Key=key)), open_for
        ),
        _jwt(),
        Scenario("post", "zero configuration, POST /getToken", zero, variants(_get_token), open_for),
        Scenario(
            "batch", f"zero configuration, batch of {BATCH}", zero, variants(_batch), open_for, BATCH, connections=8
        ),
        Scenario("app", "one app of a file, API key", serve(_apps(1)), own, open_for),
        Scenario("apps", f"one of {MANY:,} apps, API key", serve(_apps(MANY)), own, open_for),
        Scenario(
            "million",
            "zero configuration, 1,000,000 requests",
            zero,
            variants(rtc),
            open_for,
            least=1_000_000,
            once=True,
        ),
        *(
            Scenario(name, what, serve(_workers(count)), variants(rtc), open_for, all_cores=True)
            for name, what, count in (("one-worker", "one worker", 1), ("two-workers", "two workers", 2))
        ),
    ]


def keyed_yaml() -> str:
    """The configuration of the scenario `key`."""
    return (CONFIGS / "key.yaml").read_text().replace("{digest}", DIGEST)


def _jwt() -> Scenario:
    """Users of a provider whose key is made here; the tokens last a day."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())
    claims = {"iss": "https://id.example.com", "aud": "tokend", "sub": "1234", "org": "acme", "roles": ["host"]}
    tokens = [
        jwt.encode(
            {"alg": "ES256"}, {**claims, "iat": now, "exp": now + 86_400, "jti": str(one)}, ECKey.import_key(private)
        )
        for one in range(VARIANTS)
    ]
    return Scenario(
        "jwt",
        "JWT caller (ES256), claims in rules, audit",
        serve((CONFIGS / "jwt.yaml").read_text(), {"public.pem": public}),
        variants(lambda one: rtc(one, "room-acme-{}", "1234", Authorization=f"Bearer {tokens[one]}")),
        asked("room-acme-{}", "1234"),
    )


def _workers(count: int) -> str:
    """What zero configuration amounts to, with so many workers."""
    return f"""
server: {{workers: {count}}}
apps:
  default:
    app_id: "{APP_ID}"
    certificate: {{env: APP_CERTIFICATE}}
    callers: {{anybody: {{anonymous: true, rules: [{{capabilities: [wildcard_user, wildcard_channel, wildcard_publish]}}]}}}}
    routes: [{{path: /}}]
"""


def _get_token(one: int) -> bytes:
    body = {"tokenType": "rtc", "channel": f"room-{one}", "role": "publisher", "uid": str(1000 + one)}
    return request("POST", "/getToken", body)


def _batch(one: int) -> bytes:
    token_request = {"kind": "rtc", "channel": f"room-{one}", "uid": 1000 + one, "role": "publisher"}
    return request("POST", "/v1/tokens", {"requests": [token_request] * BATCH})


def _apps(count: int) -> str:
    """So many apps with a key of their own each; the first one's is ours."""
    lines = ["defaults:", "  certificate: {env: APP_CERTIFICATE}", f'  app_id: "{APP_ID}"', "apps:"]
    keys = (DIGEST if one == 0 else f"{one:064x}" for one in range(count))
    lines += [f'  app{one}: {{callers: {{studio: {{api_key: "sha256:{key}"}}}}}}' for one, key in enumerate(keys)]
    return "\n".join(lines) + "\n"
