"""The API behind the console of the admin listener: who gets it, and that what it says is what the server did."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from tests.running import ADMIN, tokend
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving

_REQUEST: Final = {"kind": "rtc", "channel": "demo-room", "uid": 7, "role": "subscriber"}
_DENIED: Final = {"kind": "rtc", "channel": "secret-room", "uid": 7, "role": "subscriber"}
_KEYED: Final = (
    ("GET", "/-/apps"),
    ("GET", "/-/config"),
    ("GET", "/-/deny"),
    ("GET", "/-/diff"),
    ("GET", "/-/failures"),
    ("GET", "/-/history"),
    ("GET", "/-/warnings"),
    ("POST", "/-/deny"),
    ("DELETE", "/-/deny"),
    ("POST", "/-/public/demo/v1/token"),
    ("GET", "/-/public/demo/openapi.json"),
)


@asynccontextmanager
async def _operator(server: Running) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.admin, headers=ADMIN) as session:
        yield session


def _more(directory: Path) -> str:
    return f"deny: {{file: {directory / 'deny.jsonl'}}}\naudit: {{to: {{file: {directory / 'audit.jsonl'}}}}}\n"


@asynccontextmanager
async def _serving(directory: Path, workers: int = 1) -> AsyncIterator[Running]:
    """A server with a deny list and an audit."""
    (directory / "deny.jsonl").touch()
    async with serving(directory, workers) as server:
        server.write("demo-*", _more(directory))
        assert (await server.reload())[0] == 200
        yield server


async def test_the_page_needs_no_key_and_all_that_it_requests_does(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, ClientSession(server.admin) as session:
        async with session.get("/console") as answer:
            assert answer.status == 200
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert 'data-mode="admin"' in await answer.text()
        async with session.get("/console/main.js") as answer:
            assert (answer.status, answer.content_type) == (200, "text/javascript")
        async with session.get("/console/index.html") as answer:
            assert answer.status == 404
        for method, path in _KEYED:
            async with session.request(method, path) as answer:
                assert (method, path, answer.status) == (method, path, 401)
            foreign = {**ADMIN, "Origin": "https://evil.example.com"}
            async with session.request(method, path, headers=foreign) as answer:
                assert (method, path, answer.status) == (method, path, 403)


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_public_api_of_an_app_is_the_public_listeners(workers: int, tmp_path: Path) -> None:
    async with _serving(tmp_path, workers) as server, _operator(server) as operator:
        async with operator.get("/-/apps") as answer:
            (app,) = (await answer.json())["apps"]
        assert (app["name"], app["path"], app["host"], app["url"]) == ("demo", "/demo", None, f"{server.url}/demo")
        assert (app["native"], app["console"]) == (True, False)
        async with operator.post("/-/public/demo/v1/token", json=_REQUEST) as answer:
            assert (answer.status, (await answer.json())["kind"]) == (200, "rtc")
        async with operator.post("/-/public/demo/v1/token", json=_DENIED) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "not_permitted")
        async with operator.post("/-/public/demo/v1/explain", json=_DENIED) as answer:
            assert (await answer.json())["issued"] is False
        async with operator.post(
            "/-/public/demo/v1/token", json=_REQUEST, headers={"X-Caller-Authorization": "Bearer nobody"}
        ) as answer:
            assert answer.status == 401
        for path in ("demo/docs", "demo/v1/nothing", "nobody/v1/token", "demo/../../healthz"):
            async with operator.post(f"/-/public/{path}", json=_REQUEST) as answer:
                assert (path, answer.status) == (path, 404)
        for method, path in (("POST", "/-/public/demo/v1/inspect"), ("POST", "/-/deny"), ("DELETE", "/-/deny")):
            async with operator.request(method, path, json={"token": "a" * 70_000}) as answer:
                assert (answer.status, await answer.json()) == (413, {"error": "the body is over 65536 bytes"})
        async with operator.get("/-/public/demo/v1/token") as answer:
            assert answer.status == 405
    audit = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in audit if "app" in line] == ["issued", "refused", "refused"]


@pytest.mark.parametrize("workers", [1, 2])
async def test_failures_are_listed_without_ids(workers: int, tmp_path: Path) -> None:
    async with _serving(tmp_path, workers) as server, _operator(server) as operator:
        async with ClientSession(server.url) as client, client.post("/demo/v1/token", json=_DENIED) as answer:
            request_id = answer.headers["X-Request-ID"]
        for pause in waits():
            async with operator.get("/-/failures") as answer:
                text = await answer.text()
                found: Any = json.loads(text)
            if found["failures"]:
                break
            await asyncio.sleep(pause)
        (failure,) = found["failures"]
        assert failure.pop("time") > 1_700_000_000
        assert failure == {
            "app": "demo",
            "route": "/demo/v1/token",
            "kind": "rtc",
            "code": "not_permitted",
            "status": 403,
            "request_id": request_id,
            "caller": "any",
            "detail": None,
        }
        assert found["details"] is False
        assert "secret-room" not in text


async def test_details_are_kept_where_they_are_switched_on(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server:
        file = tmp_path / "config.yaml"
        file.write_text(file.read_text().replace("admin: {", "admin: {details: true, ", 1))
        await server.reload()  # it does not switch them on, and the console does not say so
        async with _operator(server) as operator, operator.get("/-/failures") as answer:
            assert (await answer.json())["details"] is False
        await server.stop()
        from tests.system.workers.serving import start

        await start(server)
        await server.ready()
        async with ClientSession(server.url) as client, client.post("/demo/v1/token", json=_DENIED) as answer:
            sentence = (await answer.json())["detail"]
        async with _operator(server) as operator, operator.get("/-/failures") as answer:
            found = await answer.json()
        assert (found["details"], found["failures"][0]["detail"]) == (True, sentence)


async def test_the_deny_list_is_changed_audited_and_in_force(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator:
        entry = {"app": "demo", "user": "7"}
        body = {"source": "file", "entry": entry, "for": 600, "reason": "spam"}
        async with operator.post("/-/deny", json=body) as answer:
            assert (answer.status, await answer.json()) == (200, {"changed": True})
        async with operator.get("/-/deny") as answer:
            (source,) = (await answer.json())["sources"]
        (shown,) = source["entries"]
        assert (source["name"], source["writable"], source["problems"]) == ("file", True, [])
        assert shown["entry"] == entry
        assert shown["ends"] > 1_700_000_000
        assert await _status_until(server, 403) == 403
        async with operator.delete("/-/deny", json={"source": "file", "entry": entry}) as answer:
            assert answer.status == 200
        async with operator.delete("/-/deny", json={"source": "file", "entry": entry}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "no entry has exactly these fields")
        assert await _status_until(server, 200) == 200
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    changes = [line for line in lines if line["outcome"] in ("denied", "allowed")]
    assert [(line["outcome"], line["caller"], line["entry"]["user"]) for line in changes] == [
        ("denied", "(operator)", "7"),
        ("allowed", "(operator)", "7"),
    ]
    assert changes[0]["reason"] == "spam"
    done = await asyncio.to_thread(tokend, tmp_path, {}, "audit", "verify", "audit.jsonl")
    assert done.returncode == 0, done.stderr


async def _status_until(server: Running, status: int) -> int:
    """The status of a token request, once it is this one or time is up."""
    found = 0
    async with ClientSession(server.url) as client:
        for pause in waits():
            async with client.post("/demo/v1/token", json=_REQUEST) as answer:
                found = answer.status
            if found == status:
                break
            await asyncio.sleep(pause)
    return found


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({"source": "file"}, "entry", "entry is missing"),
        ({"source": "file", "entry": {}}, "entry", "must name one of caller, channel, issued_before, sub, url, user"),
        ({"source": "file", "entry": {"user": "7", "usr": "8"}}, "usr", "unknown key, did you mean 'user'?"),
        ({"source": "file", "entry": {"user": ""}}, "user", "entry user"),
        ({"source": "file", "entry": {"user": "7", "issued_before": -1}}, "issued_before", "entry issued_before"),
        ({"source": "file", "entry": {"user": "7"}, "for": 0}, "for", "for must be greater than or equal to 1"),
        ({"source": "file", "entry": {"user": "7"}, "for": "1h"}, "for", "for must be a whole number"),
        ({"source": "file", "entry": {"user": "7"}, "reason": "a" * 201}, "reason", "reason"),
        ({"source": "redis", "entry": {"user": "7"}}, "source", "source must be one of file"),
        ({"source": "file", "entry": {"user": "7", "app": "dema"}}, "app", "no app dema, did you mean 'demo'?"),
        ({"source": "file", "entry": {"caller": "studio"}}, "caller", "no app has a caller studio; known: any"),
        ({"source": "file", "entry": {"app": "demo", "caller": "an"}}, "caller", "app demo has no caller an, did you"),
        ([], None, "must be a mapping"),
        (None, None, "must be a mapping"),
    ],
)
async def test_what_is_no_entry_changes_nothing_and_names_the_field(
    body: object, field: str | None, sentence: str, tmp_path: Path
) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator:
        async with operator.post("/-/deny", data=json.dumps(body)) as answer:
            found = await answer.json()
        assert (answer.status, found["field"]) == (400, field)
        assert sentence in found["error"]
        assert (tmp_path / "deny.jsonl").read_bytes() == b""
        assert "denied" not in (tmp_path / "audit.jsonl").read_text()


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"source": "file", "source": "redis"}', b"[" * 5000, b"\xff"])
async def test_a_change_that_is_no_json_is_rejected(body: bytes, tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator:
        async with operator.post("/-/deny", data=body) as answer:
            assert (answer.status, "no JSON object" in (await answer.json())["error"]) == (400, True)
        assert (tmp_path / "deny.jsonl").read_bytes() == b""


async def test_a_change_that_cannot_be_audited_is_not_made(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator:
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / "audit.jsonl").mkdir()
        async with operator.post("/-/deny", json={"source": "file", "entry": {"user": "7"}}) as answer:
            assert answer.status == 503
            assert "the audit" in (await answer.json())["error"]
        assert (tmp_path / "deny.jsonl").read_bytes() == b""


@pytest.mark.parametrize("workers", [1, 2])
async def test_history_has_the_sums_that_the_metrics_have(workers: int, tmp_path: Path) -> None:
    async with _serving(tmp_path, workers) as server, _operator(server) as operator:
        async with operator.get("/-/history") as answer:
            found = await answer.json()
        assert found["every"] == 10
        assert found["samples"]
        values = found["samples"][-1]["values"]
        assert values["workers"] == workers
        assert values["memory"] > 10_000_000
        assert [name for name in values if "demo" in name] == []


async def test_warnings_name_what_ends(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator, operator.get("/-/warnings") as answer:
        found = await answer.json()
        assert found["keys"] == []
        assert any("anonymous" in warning for warning in found["warnings"])


async def test_explain_knows_the_deny_list(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server, _operator(server) as operator:
        async with operator.post("/-/public/demo/v1/explain", json=_REQUEST) as answer:
            assert (await answer.json())["issued"] is True
        async with operator.post("/-/deny", json={"source": "file", "entry": {"user": "7"}}) as answer:
            assert answer.status == 200
        assert await _status_until(server, 403) == 403
        async with operator.post("/-/public/demo/v1/explain", json=_REQUEST) as answer:
            found = await answer.json()
        assert (found["issued"], found["error"]["code"]) == (False, "not_permitted")
        assert "on the deny list" in found["error"]["detail"]
        assert found["rule_results"][-1]["unmet"] == []
