"""P20: a hostile document of keys harms only the app that trusts it. It has up to 256 KiB; strangers' tokens have it fetched.

Another app on the same server is measured alone and beside each document, in turns, and the medians of both are compared.
"""

import asyncio
import json
import statistics
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, web

from tests.long.disturbance import GOOD, failures, milliseconds
from tests.long.report import Report
from tests.long.servers import APP, Server
from tests.system.workers.load import Load
from tests.unit.auth.jwt.making import b64
from tokend.adapters.jwks import MAX_BYTES
from tokend.auth.jwk import MAX_KEYS

ROUNDS: Final = 3
COPIES: Final = 4
"""Apps that trust a document, in each round. Each fetches it for itself, since a source is asked twice a minute at most."""
SECONDS: Final = 2.0
EVERY: Final = 0.1
"""Seconds between two tokens of strangers."""
CLIENTS: Final = 4
MOST: Final = 2.0
"""How many times the p99 of the other app alone."""


def _number(size: int, first: int = 0xFF) -> str:
    """A number of so many bytes, as keys hold it."""
    return b64(bytes([first]) + b"\xff" * (size - 1))


def _rsa(size: int, **more: object) -> dict[str, object]:
    return {"kty": "RSA", "n": _number(size), "e": "AQAB", **more}


def _ec(curve: str, size: int, **more: object) -> dict[str, object]:
    """A key whose point is not on the curve."""
    return {"kty": "EC", "crv": curve, "x": _number(size, 1), "y": _number(size), **more}


def _full_of(key: Mapping[str, object], most: int = MAX_KEYS) -> bytes:
    """A document of this key, as often as fits."""
    text = json.dumps(key, separators=(",", ":"))
    return f'{{"keys":[{",".join([text] * min(most, (MAX_BYTES - 12) // (len(text) + 1)))}]}}'.encode()


def _repeated(before: str, part: str, after: str) -> bytes:
    """A document whose middle is repeated until it is full."""
    return f"{before}{part * ((MAX_BYTES - len(before) - len(after)) // len(part))}{after}".encode()


_LONGEST_E: Final = _number(4)
FORMS: Final[Mapping[str, bytes]] = {
    "RSA with an overlong d": _full_of(_rsa(256, d=_number(190_000))),
    "RSA with an overlong n": _full_of(_rsa(190_000)),
    "RSA with an overlong e": _full_of(_rsa(256, e=_number(190_000))),
    "RSA with other primes": _full_of(_rsa(256, oth=[{"r": _number(300), "d": _number(300), "t": _number(300)}])),
    "the longest RSA without kid": _full_of(_rsa(512, e=_LONGEST_E)),
    "the longest RSA, one kid": _full_of(_rsa(512, e=_LONGEST_E, kid="a")),
    "RSA with certificates": _full_of(_rsa(256, x5c=["A" * 2000])),
    "EC points off the curve": _full_of(_ec("P-256", 32)),
    "EC points off P-521": _full_of(_ec("P-521", 66)),
    "thousands of empty keys": _full_of({"kty": "EC"}, MAX_BYTES),
    "thousands of RSA keys": _full_of(_rsa(8), MAX_BYTES),
    "deeply nested": b'{"keys":' + b"[" * (MAX_BYTES // 2 - 8) + b"]" * (MAX_BYTES // 2 - 8) + b"}",
    "a long list of lists": _repeated('{"keys":[', "[],", "[]]}"),
    "a long list of numbers": _repeated('{"keys":[', "1,", "1]}"),
    "an overlong integer": _repeated('{"keys":[],"a":', "9", "}"),
    "an overlong fraction": _repeated('{"keys":[],"a":0.', "9", "}"),
    "thousands of members": ("{" + ",".join(f'"{number}":1' for number in range(25_000)) + "}").encode()[:MAX_BYTES],
    "a long escaped text": _repeated('{"keys":"', "\\u0041", '"}'),
}


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(report, Path(directory)))


@asynccontextmanager
async def _provider() -> AsyncIterator[tuple[str, set[str]]]:
    """Its URL, below which each form lies at its number; and the paths that were fetched."""
    documents, fetched = list(FORMS.values()), set[str]()

    async def answer(request: web.BaseRequest) -> web.Response:
        fetched.add(request.path)
        return web.Response(body=documents[int(request.path.split("/")[1])], content_type="application/json")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", fetched
    finally:
        await runner.cleanup()


async def _run(report: Report, directory: Path) -> None:
    alone: list[float] = []
    beside: dict[str, list[float]] = {name: [] for name in FORMS}
    loads: list[Load] = []
    sent = 0
    async with _provider() as (provider, fetched):
        config = directory / "config.yaml"
        config.write_text(APP + "".join(_app(form, copy, provider) for form, copy in _apps()))
        server = await Server.start(config)
        url = f"http://127.0.0.1:{server.port}"
        try:
            for round_number in range(ROUNDS):
                for form, name in enumerate(FORMS):
                    async with Load(url + GOOD, CLIENTS, pause=0.01) as base:
                        await asyncio.sleep(SECONDS)
                    async with Load(url + GOOD, CLIENTS, pause=0.01) as load:
                        copies = range(round_number * COPIES, (round_number + 1) * COPIES)
                        sent += await _strangers(url, provider, form, copies)
                    alone.append(base.percentile(0.99))
                    beside[name].append(load.percentile(0.99))
                    loads += [base, load]
        finally:
            await server.stop()
    failures(report, "failed requests of the other app", *loads)
    report.bar("documents fetched", len(fetched), f"all {len(_apps())}", len(fetched) == len(_apps()))
    base_p99 = statistics.median(alone)
    report.figure("p99 of the other app alone", f"{milliseconds(base_p99)}, median of {len(alone)}")
    report.figure("strangers' tokens", f"{sent:,} for {len(FORMS)} documents")
    found = {name: statistics.median(times) / base_p99 for name, times in beside.items()}
    for name, ratio in found.items():
        report.detail(f"p99 beside {name}", f"{ratio:.2f} x ({', '.join(map(milliseconds, beside[name]))})")
    worst = max(found, key=lambda name: found[name])
    report.bar(f"p99 beside the worst, {worst}", f"{found[worst]:.2f} x", f"at most {MOST:g} x", found[worst] <= MOST)


def _apps() -> list[tuple[int, int]]:
    """The number of a form, and of a copy."""
    return [(form, copy) for form in range(len(FORMS)) for copy in range(ROUNDS * COPIES)]


def _app(form: int, copy: int, provider: str) -> str:
    return f"""
  form-{form}-{copy}:
    app_id: "{form:016x}{copy:016x}"
    certificate: {{env: CERTIFICATE}}
    callers:
      web:
        jwt: {{issuer: "{provider}/{form}/{copy}", audience: tokend, jwks: "{provider}/{form}/{copy}"}}
        rules: [{{user: "*"}}]
"""


async def _strangers(url: str, provider: str, form: int, copies: range) -> int:
    """Send tokens that nobody signed to the apps that trust this form, for SECONDS; how many."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    sending: list[asyncio.Task[None]] = []
    async with ClientSession(url) as session:
        while loop.time() < begun + SECONDS:
            number = len(sending)
            app, issuer = f"{form}-{(copy := copies[number % len(copies)])}", f"{provider}/{form}/{copy}"
            token = _token(issuer, "ES256" if number // len(copies) % 3 == 1 else "RS256", with_kid=number % 2 == 0)
            sending.append(asyncio.create_task(_send(session, f"/form-{app}/v1/token", token)))
            await asyncio.sleep(EVERY)
        await asyncio.gather(*sending)
    return len(sending)


def _token(issuer: str, algorithm: str, *, with_kid: bool) -> str:
    """Its signature is as long as that of the longest key, so that each key is tried."""
    header = {"alg": algorithm} | ({"kid": "a"} if with_kid else {})
    claims = {"iss": issuer, "aud": "tokend", "exp": 4_000_000_000}
    signature = b"\x01" * (64 if algorithm == "ES256" else 512)
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


async def _send(session: ClientSession, path: str, token: str) -> None:
    token_request = {"kind": "rtc", "channel": "room", "uid": 7}
    async with session.post(path, json=token_request, headers={"Authorization": f"Bearer {token}"}) as answer:
        if answer.status not in (401, 503):
            raise SystemExit(f"a token that nobody signed got {answer.status}")
