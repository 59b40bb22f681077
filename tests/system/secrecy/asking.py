"""Requests to every endpoint: with good credentials, with secrets in wrong places, broken ones, and those that crash it."""

import json
import time
from collections.abc import Iterator
from typing import Final

import jwt

from tests.system.secrecy.canaries import CERTIFICATES, KEYS, OTHERS, SECRETS
from tests.unit.http.lifetime_ways import WAYS, Sent, request_of
from tests.unit.http.wire import request_bytes

API_KEY, URL_KEY, ADMIN_KEY = KEYS["api key"], KEYS["url key"], KEYS["admin key"]
_CLOSE: Final = ("Connection", "close")
Headers = tuple[tuple[str, str], ...]


def _raw(sent: Sent, *more: tuple[str, str]) -> bytes:
    return request_bytes(sent.method, sent.target, sent.body, *sent.headers, *more, _CLOSE)


def _get(target: str, *headers: tuple[str, str]) -> bytes:
    return _raw(Sent("GET", target, None), *headers)


def _post(target: str, content: object, *headers: tuple[str, str]) -> bytes:
    return _raw(Sent("POST", target, json.dumps(content).encode()), *headers)


def app_credentials() -> dict[str, Headers]:
    """Good ones, and every secret in the place of one."""
    claims = {"iss": "machine", "aud": "tokend", "sub": "ada", "exp": int(time.time()) + 600}
    good = jwt.encode(claims, OTHERS["HS256 secret"], "HS256")
    forged = jwt.encode({**claims, "org": CERTIFICATES["primary"]}, CERTIFICATES["primary"], "HS256")
    found: dict[str, Headers] = {
        "nothing": (),
        "API key": (("X-API-Key", API_KEY),),
        "bearer": (("Authorization", f"Bearer {API_KEY}"),),
        "JWT": (("Authorization", f"Bearer {good}"),),
        "forged JWT": (("Authorization", f"Bearer {forged}"),),
        "proxy": (("X-User", "ada"), ("X-Proxy", OTHERS["proxy's secret"])),
        "proxy that is none": (("X-User", "ada"), ("X-Proxy", CERTIFICATES["primary"])),
        "two at once": (("Authorization", f"Bearer {API_KEY}"), ("X-API-Key", API_KEY)),
        "key twice": (("X-API-Key", API_KEY), ("X-API-Key", URL_KEY)),
        "basic": (("Authorization", f"Basic {API_KEY}"),),
        "bearer of an issuer": (("Authorization", f"Bearer {API_KEY}.{URL_KEY}.{ADMIN_KEY}"),),
    }
    return found | {f"{name} for a key": (("X-API-Key", secret),) for name, secret in SECRETS.items()}


def to_every_endpoint(signed: str) -> Iterator[tuple[str, bytes]]:
    """`signed`: the key of a signed URL. With each credential, with a key in the URL, and with a lifetime that is none."""
    every = app_credentials()
    few = {name: every[name] for name in ("nothing", "API key", "JWT", "forged JWT", "primary for a key")}
    for name, way in WAYS.items():
        sent = request_of(way)
        for credential, headers in (every if name.endswith(" 0") else few).items():
            yield f"{name} with {credential}", _raw(sent, *headers)
        first, _, rest = sent.target[1:].partition("/" if "/" in sent.target[1:] else "?")
        rest = rest if "/" in sent.target[1:] else f"?{rest}"
        for key in (URL_KEY, signed, signed[:-2], API_KEY, CERTIFICATES["primary"]):
            yield f"{name} with a URL key", _raw(sent._replace(target=f"/{first}/k/{key}/{rest}"))
        if way.field:
            yield f"{name} with no lifetime", _raw(request_of(way, "no lifetime", sent=True))


def documents() -> Iterator[tuple[str, bytes]]:
    """The pages, explain, inspect, and tokens of the kind that another package brings; and a crash inside it."""
    key = ("X-API-Key", API_KEY)
    for target in (
        "/",
        "/ping",
        "/healthz",
        "/readyz",
        "/native/openapi.json",
        "/native/docs",
        "/none",
        "/native/none",
    ):
        yield target, _get(target)
        yield f"{target} with a key", _get(target, key)
        yield f"OPTIONS {target}", _raw(Sent("OPTIONS", target, None))
    token_request = {"kind": "canary", "channel": "room", "uid": 7}
    for one in (token_request, {**token_request, "crash": True}):
        for path in ("v1/token", "v1/tokens", "v1/explain"):
            yield (
                f"{path} {one}",
                _post(f"/native/{path}", {"requests": [one, one]} if path == "v1/tokens" else one, key),
            )
    yield "authorizer", _post("/asked/v1/token", {"kind": "rtc", "channel": "room", "uid": 7})
    yield "inspect", _post("/native/v1/inspect", {"token": "007eJx"}, key)


def secrets_in_wrong_places() -> Iterator[tuple[str, bytes]]:
    """A client's mistakes: a secret as a path, query, field name, cookie, method, or in a line that is no HTTP."""
    for name, secret in SECRETS.items():
        yield f"{name} as a path", _get(f"/{secret}/{secret}")
        yield f"{name} below a route", _get(f"/native/{secret}")
        yield f"{name} in a query", _get(f"/agora-token-service/rtc/stage/host/uid/7/?key={secret}&expiry={secret}")
        yield f"{name} as a method", _raw(Sent(secret.replace("_", "-")[:30], "/native/v1/token", b""))
        for header in ("Cookie", "User-Agent", "Referer", "Origin", "Accept", "X-Request-ID", "Content-Type", "Expect"):
            yield f"{name} as {header}", _post("/native/v1/token", {"kind": "rtc"}, (header, secret))
        yield f"{name} as Host", _get("/native/docs", ("Host", secret))
        yield f"{name} in a header that is none", _raw(Sent("GET", "/", None), (f"X-API-Key {secret} ", secret))
        yield f"{name} before the colon", f"GET / HTTP/1.1\r\nHost: x\r\nX-API-Key : {secret}\r\n\r\n".encode()
        yield f"{name} as a request", f"{secret}\r\n\r\n".encode()
        yield f"{name} as a version", f"GET / {secret}\r\n\r\n".encode()
        yield f"{name} as a body", _raw(Sent("POST", "/native/v1/token", secret.encode()))
        for content in (
            {"kind": secret},
            {"kind": "rtc", secret: 1},
            {"kind": "rtc", "channel": [secret]},
            {"kind": "rtc", "channel": "room", "uid": secret},
            {"kind": "rtc", "channel": f"\n{secret}", "uid": 7},
            {"kind": "rtc", "channel": "room", "uid": 7, "role": secret},
            {"kind": "combined", "services": [{"kind": secret}]},
            {"token": f"007{secret}", "channel": "room"},
        ):
            yield f"{name} in {json.dumps(content).replace(secret, '…')}", _post("/native/v1/token", content)
        sample = {"appId": secret, "appCertificate": secret, "channelName": "room", "type": 1, "uid": "7"}
        yield f"{name} as appId", _post("/agora-samples/v1/token/generate", sample)
        yield (
            f"{name} as inspected token",
            _post("/native/v1/inspect", {"token": f"007{secret}"}, ("X-API-Key", API_KEY)),
        )


def of_the_operator() -> Iterator[tuple[str, bytes]]:
    """All paths of the operator's listener, with its key, without, and with other secrets in its place."""
    for key in (ADMIN_KEY, "", *SECRETS.values()):
        bearer = ("Authorization", f"Bearer {key}")
        for target in ("/", "/metrics", "/healthz", "/readyz", "/-/config", "/none", f"/{key}"):
            yield target if len(target) < 20 else "a secret as a path", _get(target, bearer)
        yield "reload", _raw(Sent("POST", "/-/reload", b""), bearer)
    yield "no HTTP", f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {ADMIN_KEY}\r\n\r\n".encode()
