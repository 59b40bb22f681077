"""The metrics of a real server: what is counted, that it is there from the beginning, and that its labels are bounded."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from tests.running import APP_ID
from tests.system.providers.speaking import body, provider, saying
from tests.system.workers.serving import Running, serving
from tests.unit.auth.jwt.making import ISSUER, good, jwk
from tests.unit.http import hostile_words as words
from tests.unit.http.wire import request_bytes
from tokend.config.entry_points import DIALECTS
from tokend.core.errors import Code
from tokend.dialects.contract import Endpoint
from tokend.telemetry.metrics import FAMILIES

_GOOD: Final = "/demo/rtc/demo-room/publisher/uid/7/"
_OTHER: Final = f'  other: {{app_id: "{APP_ID}", certificate: {{file: certificate}}, callers: {{web: %s}}}}'
_ANYBODY: Final = "{anonymous: true, rules: [{}]}"
_LIMITED: Final = "    limits: {app: 3/h}\naudit: {to: {file: %s}}\n"


async def _statuses(server: Running, times: int) -> list[int]:
    async with ClientSession() as session:
        found = []
        for _ in range(times):
            async with session.get(server.url + _GOOD) as answer:
                found.append(answer.status)
        return found


async def test_the_audit_and_the_limiter_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        server.write("demo-*", _LIMITED % "audit.jsonl")
        assert (await server.reload())[0] == 200
        assert await _statuses(server, 5) == [200, 200, 200, 429, 429]
        metrics = await server.metrics()
        assert metrics['tokend_limiter_calls_total{result="admitted"}'] == 3
        assert metrics['tokend_limiter_calls_total{result="limited"}'] == 2
        assert metrics['tokend_audit_records_total{result="ok"}'] == len(
            (tmp_path / "audit.jsonl").read_text().splitlines()
        )
        assert metrics['tokend_audit_records_total{result="failed"}'] == 0
        assert (metrics["tokend_audit_healthy"], metrics["tokend_ready"]) == (1, 1)
        assert "tokend_limiter_healthy" not in metrics  # there is no Redis


async def test_an_audit_that_cannot_be_written_is_counted_and_not_ready(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        server.write("demo-*", "audit: {to: {file: /dev/full}}")
        assert (await server.reload())[0] == 200
        assert await _statuses(server, 2) == [503, 503]
        metrics = await server.metrics()
        assert metrics['tokend_audit_records_total{result="failed"}'] == 2
        assert (metrics["tokend_audit_healthy"], metrics["tokend_ready"]) == (0, 0)


async def test_a_redis_that_is_away_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, 1, extra={"REDIS": "redis://127.0.0.1:1"}) as server:
        server.write("demo-*", "    limits: {app: 3/h}\nredis: {url: {env: REDIS}, on_failure: closed}\n")
        assert (await server.reload())[0] == 200
        assert (await server.metrics())["tokend_limiter_healthy"] == 1
        assert await _statuses(server, 2) == [503, 503]
        metrics = await server.metrics()
        assert metrics['tokend_limiter_calls_total{result="unavailable"}'] == 2
        assert metrics["tokend_limiter_healthy"] == 0


async def test_reloads_and_what_serves(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        before = await server.metrics()
        assert (before["tokend_apps"], before["tokend_config_last_reload_successful"]) == (1, 1)
        server.write("demo-*", _OTHER % _ANYBODY)
        await server.reload()
        await server.reload()
        good = (tmp_path / "config.yaml").read_text()
        server.write("demo-*", "zzz: 1")
        await server.reload()
        bad = await server.metrics()
        (tmp_path / "config.yaml").write_text(good)
        await server.reload()
        after = await server.metrics()
        assert {one: after[f'tokend_reloads_total{{result="{one}"}}'] for one in ("done", "unchanged", "refused")} == {
            "done": 1,
            "unchanged": 2,
            "refused": 1,
        }
        assert (bad["tokend_config_last_reload_successful"], after["tokend_config_last_reload_successful"]) == (0, 1)
        assert after["tokend_apps"] == 2
        name = "tokend_config_last_load_timestamp_seconds"
        assert before[name] < bad[name] == after[name]


async def test_the_age_of_an_identity_providers_keys(tmp_path: Path) -> None:
    async with (
        provider(saying(body(msgspec.json.encode({"keys": [jwk("ec")]})))) as (url, _),
        serving(tmp_path, 1) as server,
    ):
        jwt = f'{{issuer: "{ISSUER}", audience: tokend, jwks: "{url}/jwks"}}'
        server.write("demo-*", _OTHER % f'{{jwt: {jwt}, rules: [{{user: "{{claims.sub}}"}}]}}')
        assert (await server.reload())[0] == 200
        async with (
            ClientSession(headers={"Authorization": f"Bearer {good()}"}) as session,
            session.get(server.url + _GOOD.replace("demo/", "other/")) as answer,
        ):
            assert answer.status == 401
        assert 0 <= (await server.metrics())[f'tokend_jwks_age_seconds{{source="{url}/jwks"}}'] < 60


async def test_every_counter_of_a_closed_list_is_there_before_it_counts(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        metrics = await server.metrics()
    for name, family in FAMILIES.items():
        for value in family.values:
            assert metrics[f'{name}_total{{{family.labels[0]}="{value}"}}'] == 0
    assert metrics["tokend_bodies_displaced_total"] == 0


def _endpoints() -> list[Endpoint]:
    names = ("native", "agora-token-service")
    return [endpoint for name in names for endpoint in DIALECTS.load(name).endpoints]


async def test_hostile_requests_add_no_label_values(tmp_path: Path) -> None:
    allowed = {
        "app": {"", "demo"},
        "status_class": {f"{digit}xx" for digit in range(2, 6)},
        "route": {"", "/ping", "/healthz", "/readyz", "/", *(f"/{endpoint.path}" for endpoint in _endpoints())},
        "status": {str(code.status) for code in Code} | {"200", "204"},
        "kind": {"", "rtc", "rtm", "chat"},
        "outcome": {"issued", "refused"},
        "code": {"ok", *Code},
        **{family.labels[0]: set(family.values) for family in FAMILIES.values() if family.values},
        "result": {one for family in FAMILIES.values() if family.labels == ("result",) for one in family.values},
        "reason": {one for family in FAMILIES.values() if family.labels == ("reason",) for one in family.values},
    }
    async with serving(tmp_path, 1) as server:
        for raw in _hostile():
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(raw)
            await asyncio.wait_for(reader.read(), 20)
            writer.close()
        async with ClientSession() as session, session.get(f"{server.admin}/metrics") as answer:
            text = await answer.text()
    seen = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for name, value in sample.labels.items():
                if name not in ("le", "version", "fingerprint"):
                    assert value in allowed[name], (family.name, name)
                    seen += 1
    assert seen > 20


def _hostile() -> Iterator[bytes]:
    """Every word as an app, a dialect, a kind, a role and a method's path, with every header and some bodies."""
    close = ("Connection", "close")
    for number, word in enumerate(words.WORDS):
        method = words.METHODS[number % len(words.METHODS)]
        for path in (f"/{word}", f"/demo/{word}/room/publisher/uid/7/", f"/demo/rtc/room/{word}/uid/7/?{word}={word}"):
            yield request_bytes(method, path, b"" if method == "POST" else None, close)
    for number, value in enumerate(words.VALUES):
        body = f'{{"kind": {value}, "{words.NAMES[number % len(words.NAMES)]}": {value}}}'.encode()
        yield request_bytes("POST", "/demo/v1/token", body, close)
        yield request_bytes("POST", "/demo/v1/tokens", b'{"requests": [' + body + b"]}", close)
    for header in words.HEADERS:
        if header[0].lower() not in ("content-length", "transfer-encoding", "connection", "expect"):
            yield request_bytes("GET", "/demo/rtm/ada", None, header, close)
