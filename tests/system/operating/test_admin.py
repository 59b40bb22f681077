"""The operator's listener: who may do what on it, and that no secret leaves through it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientConnectorError, ClientSession, UnixConnector, web
from prometheus_client.parser import text_string_to_metric_families

from tests.free_ports import free_port
from tests.running import ADMIN, ADMIN_KEY, APP_ID, CERTIFICATE, tokend
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving, start
from tests.unit.http.wire import request_bytes
from tokend.auth.key_digests import digest_of

_GOOD: Final = "/demo/rtc/demo-room/publisher/uid/7/"


@asynccontextmanager
async def _asking(headers: Mapping[str, str] = {}) -> AsyncIterator[ClientSession]:
    async with ClientSession(headers=dict(headers)) as session:
        yield session


async def _statuses(url: str, headers: Mapping[str, str] = {}) -> dict[str, int]:
    found = {}
    async with _asking(headers) as session:
        for method, path in (("GET", "/metrics"), ("GET", "/readyz"), ("GET", "/-/config"), ("POST", "/-/reload")):
            async with session.request(method, url + path) as answer:
                found[path] = answer.status
    return found


async def test_everything_but_metrics_and_health_needs_the_key_on_loopback_too(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        for headers, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), (ADMIN, 200)):
            found = await _statuses(server.admin, headers)
            assert found == {"/metrics": 200, "/readyz": 200, "/-/config": status, "/-/reload": status}


@pytest.mark.parametrize(
    "foreign",
    [{"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=lambda foreign: " ".join(*foreign.items()),
)
async def test_a_page_of_another_origin_gets_nothing_even_with_the_key(
    foreign: Mapping[str, str], tmp_path: Path
) -> None:
    async with serving(tmp_path, 1) as server:
        found = await _statuses(server.admin, {**ADMIN, **foreign})
        assert found == {"/metrics": 403, "/readyz": 200, "/-/config": 403, "/-/reload": 403}
        own = {"Origin": server.admin, "Sec-Fetch-Site": "same-origin"}
        assert set((await _statuses(server.admin, {**ADMIN, **own})).values()) == {200}


async def test_a_name_that_a_page_had_lead_to_loopback_reads_nothing(tmp_path: Path) -> None:
    """DNS rebinding: to the browser it is the page's own host, so there is no Origin with a GET."""
    async with serving(tmp_path, 1) as server:
        port = server.admin.rpartition(":")[2]
        for host, status in ((f"evil.example.com:{port}", 403), (f"localhost:{port}", 200), (f"[::1]:{port}", 200)):
            assert (await _statuses(server.admin, {**ADMIN, "Host": host}))["/-/config"] == status


async def test_metrics_are_not_read_through_a_name_that_leads_to_loopback(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        port = server.admin.rpartition(":")[2]
        for host in ("evil.example.com", f"evil.example.com:{port}", "localhost.evil.example.com", "127.0.0.1.nip.io"):
            assert await _statuses(server.admin, {**ADMIN, "Host": host, "X-Forwarded-For": "192.0.2.7"}) == {
                "/metrics": 403,
                "/readyz": 200,  # probes may come by any name
                "/-/config": 403,
                "/-/reload": 403,
            }
            async with _asking({"Host": host}) as session:
                async with session.get(f"{server.admin}/metrics") as answer:
                    assert "the Host header must be localhost, an address, or" in (await answer.json())["error"]
                async with session.get(f"{server.admin}/healthz") as answer:
                    assert answer.status == 200
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST", "10.0.0.7"):
            assert (await _statuses(server.admin, {"Host": host}))["/metrics"] == 200


async def test_tokend_reload_has_the_key_from_its_variable(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        await server.ready()
        done = await asyncio.to_thread(tokend, tmp_path, {"TOKEND_ADMIN_KEY": ADMIN_KEY}, "reload")
        assert (done.returncode, done.stdout[:15]) == (0, "nothing changed")
        done = await asyncio.to_thread(tokend, tmp_path, {"TOKEND_ADMIN_KEY": "wrong"}, "reload")
        assert (done.returncode, "the key of server.admin is needed" in done.stderr) == (1, True)
        done = await asyncio.to_thread(tokend, tmp_path, {}, "reload")
        assert done.returncode == 2


@pytest.mark.parametrize("command", ["reload", "diff"])
@pytest.mark.parametrize("added", ["\r", "\n", "…", "\x7f"])
def test_a_key_that_no_header_can_hold_is_not_shown(command: str, added: str, tmp_path: Path) -> None:
    """It was: http.client names the header's value in its error."""
    digest = "sha256:" + "0" * 64
    (tmp_path / "config.yaml").write_text(
        f'server: {{admin: {{listen: "127.0.0.1:1", key: "{digest}"}}}}\napps: {{demo: {{}}}}\n'
    )
    done = tokend(tmp_path, {"TOKEND_ADMIN_KEY": ADMIN_KEY + added}, command)
    sentence = "tokend: TOKEND_ADMIN_KEY has a character that no key has, such as a line break\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


@pytest.mark.parametrize("command", ["reload", "diff"])
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"reloaded": True, "problems": []}, "the server that runs is of another version of tokend: restart it"),
        ({"error": "this application was not made from a file"}, "the server rejects the request: this application"),
        ([], "the server does not answer: "),
        (5, "the server does not answer: "),
    ],
)
async def test_the_answer_of_another_version_or_program_is_no_traceback(
    command: str, answer: object, sentence: str, tmp_path: Path
) -> None:
    port, app = free_port(), web.Application()

    async def answered(request: web.Request) -> web.Response:
        return web.json_response(answer, status=409 if "error" in str(answer) else 200)

    app.router.add_route("*", "/-/{name}", answered)
    (tmp_path / "config.yaml").write_text(f"server: {{admin: 127.0.0.1:{port}}}\n")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    done = await asyncio.to_thread(tokend, tmp_path, {}, command)
    await runner.cleanup()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"tokend: {sentence}")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # a listener for all addresses is the case
async def test_without_a_key_nothing_can_be_changed_or_read(address: str, tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, 1) as server:
        await _restart(server, f"{address}:{port}")
        server.admin = f"http://127.0.0.1:{port}"
        await server.ready()
        assert await _statuses(server.admin, ADMIN) == {
            "/metrics": 200,
            "/readyz": 200,
            "/-/config": 403,
            "/-/reload": 403,
        }
        async with _asking() as session, session.get(f"{server.admin}/console") as answer:
            assert answer.status == 404
        done = await asyncio.to_thread(tokend, server.directory, {}, "reload")
        assert done.returncode == 1
        assert "server.admin has no key: add key: to it" in done.stderr


async def _restart(server: Running, listen: str) -> None:
    """Start it again with an admin listener that has no key."""
    text = (server.directory / "config.yaml").read_text()
    begin, end = text.index("admin: {"), text.index("}", text.index("admin: {")) + 1
    (server.directory / "config.yaml").write_text(f'{text[:begin]}admin: "{listen}"{text[end:]}')
    await server.stop()
    await start(server)


async def _listens(unix: ClientSession) -> None:
    """Wait until the unix socket answers the operator."""
    for pause in waits():
        try:
            async with unix.get("http://localhost/-/config") as answer:
                assert answer.status == 200
                return
        except ClientConnectorError:
            await asyncio.sleep(pause)


async def test_a_unix_socket_and_tokend_reload(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    async with serving(tmp_path, 1) as server:
        await _restart(server, f"unix:{path}")
        async with ClientSession(connector=UnixConnector(str(path))) as unix:
            await _listens(unix)
        assert path.stat().st_mode & 0o777 == 0o600
        (tmp_path / "config.yaml").write_text((tmp_path / "config.yaml").read_text().replace("demo-*", "demo2-*"))
        done = await asyncio.to_thread(tokend, tmp_path, {}, "reload")
        assert (done.returncode, done.stdout.startswith("reloaded, fingerprint ")) == (0, True)
        good = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(good + "zzz: 1\n")
        done = await asyncio.to_thread(tokend, tmp_path, {}, "reload")
        assert done.returncode == 1
        assert "zzz: unknown key" in done.stderr
        assert "1 problem; the server keeps its old configuration" in done.stderr
        (tmp_path / "config.yaml").write_text(good)


async def test_a_name_that_a_page_had_lead_to_a_forwarded_unix_socket_reads_nothing(tmp_path: Path) -> None:
    """`ssh -L 8081:/run/tokend/admin.sock` lets a browser reach a socket, which needs no key."""
    path = tmp_path / "admin.sock"
    async with serving(tmp_path, 1) as server:
        await _restart(server, f"unix:{path}")
        async with ClientSession(connector=UnixConnector(str(path))) as unix:
            await _listens(unix)
            for host, status in (("evil.example.com:8081", 403), ("localhost:8081", 200), ("127.0.0.1:8081", 200)):
                async with unix.get("http://localhost/-/config", headers={"Host": host}) as answer:
                    assert answer.status == status, host
                async with unix.post("http://localhost/-/reload", headers={"Host": host}) as answer:
                    assert answer.status == status, host


async def test_a_unix_socket_that_everybody_may_open_needs_a_key(tmp_path: Path) -> None:
    """systemd gives a socket mode 0666 unless its unit says otherwise."""
    path = tmp_path / "admin.sock"
    async with serving(tmp_path, 1) as server:
        await _restart(server, f"unix:{path}")
        async with ClientSession(connector=UnixConnector(str(path))) as unix:
            await _listens(unix)
            for mode, status in ((0o660, 200), (0o666, 403), (0o600, 200)):
                path.chmod(mode)
                async with unix.get("http://localhost/-/config") as answer:
                    assert answer.status == status
                async with unix.get("http://localhost/metrics") as answer:
                    assert answer.status == 200


async def test_the_configuration_is_shown_without_secrets_and_digests(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        digest, other = digest_of(ADMIN_KEY), digest_of("another")
        server.write(
            "demo-*",
            f'  other: {{app_id: "{APP_ID}", certificate: {{file: certificate}}, '
            f'callers: {{web: {{api_key: "{digest}"}}, '
            f'app: {{api_key: {{sha256: "{other[7:]}", not_after: "2030-01-01T00:00:00Z"}}}}}}}}',
        )
        await server.reload()
        async with _asking(ADMIN) as session, session.get(f"{server.admin}/-/config") as answer:
            text = await answer.text()
            found: Any = await answer.json()
        assert found["apps"]["other"]["callers"]["web"] == {"api_key": "sha256:…"}
        assert found["apps"]["other"]["certificate"] == {"file": "certificate"}
        assert CERTIFICATE not in text
        assert found["apps"]["other"]["callers"]["app"]["api_key"]["sha256"] == "sha256:…"
        assert digest[10:30] not in text
        assert other[10:30] not in text
        assert len(found["fingerprint"]) == 16


async def test_the_metrics_are_what_prometheus_reads_and_hold_no_words_of_a_client(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        async with _asking({"X-API-Key": "canary"}) as session:
            for path in (_GOOD, "/demo/rtc/canary/canary/uid/7/", "/canary", "/demo/v1/token?canary=1"):
                await (await session.get(server.url + path)).read()
        async with _asking() as session:
            for _ in range(10):
                await (await session.get(server.url + _GOOD)).read()
            await (await session.get(server.url + "/demo/rtc/forbidden/publisher/uid/7/")).read()
            async with session.get(f"{server.admin}/metrics") as answer:
                text = await answer.text()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        decisions = {
            (one.labels["outcome"], one.labels["code"]): one.value for one in families["tokend_decisions"].samples
        }
        assert decisions[("issued", "ok")] == 10
        assert decisions[("refused", "not_permitted")] == 1
        assert decisions[("refused", "credential_invalid")] >= 1
        assert families["tokend_workers"].samples[0].value == 2
        assert "canary" not in text
        assert "forbidden" not in text


async def test_a_key_that_is_not_utf_8_is_401_as_any_wrong_key_is(tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        with socket.create_connection(("127.0.0.1", int(server.admin.rpartition(":")[2])), 5) as client:
            headers = (("Host", "localhost"), ("Authorization", "Bearer \udcff"))
            client.sendall(request_bytes("GET", "/-/config", None, *headers))
            assert b" 401 " in await asyncio.to_thread(client.recv, 4096)
        await server.stop()
        assert not any(line["level"] == "error" for line in server.log)


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", request_bytes("POST", "/-/reload", b"x" * 9)]
)
async def test_nothing_that_is_sent_there_is_a_traceback(raw: bytes, tmp_path: Path) -> None:
    async with serving(tmp_path, 1) as server:
        with socket.create_connection(("127.0.0.1", int(server.admin.rpartition(":")[2])), 5) as client:
            client.sendall(raw)
            assert b" 500 " not in await asyncio.to_thread(client.recv, 4096)
        await server.stop()
        assert "Traceback" not in (tmp_path / "log").read_text()
        assert not any(line["event"] == "library" for line in server.log)


async def test_a_body_that_is_broken_is_400_and_one_that_is_broken_off_is_no_error(tmp_path: Path) -> None:
    headers = (("Host", "localhost"), *ADMIN.items(), ("Transfer-Encoding", "chunked"))
    head = request_bytes("POST", "/-/public/demo/v1/token", None, *headers)
    async with serving(tmp_path, 1) as server:
        for rest in (b"no chunk\r\n", b""):
            with socket.create_connection(("127.0.0.1", int(server.admin.rpartition(":")[2])), 5) as client:
                client.sendall(head)
                await asyncio.sleep(0.1)
                if rest:
                    client.sendall(rest)
                    assert b" 400 " in await asyncio.to_thread(client.recv, 4096)
        await server.stop()
        assert not any(line["level"] == "error" for line in server.log)


@pytest.mark.parametrize("version", ["abc", "1.0.\u00a00"])
async def test_any_accept_header_gets_the_metrics(version: str, tmp_path: Path) -> None:
    accept = f"application/openmetrics-text; version={version}"
    async with serving(tmp_path, 1) as server, _asking({"Accept": accept}) as session:
        async with session.get(f"{server.admin}/metrics") as answer:
            assert (answer.status, answer.content_type) == (200, "text/plain")
        accept = "application/openmetrics-text; version=1.0.0; escaping=underscores"
        async with session.get(f"{server.admin}/metrics", headers={"Accept": accept}) as answer:
            assert answer.headers["Content-Type"] == f"{accept}; charset=utf-8"
