"""What an operator is warned of at every start, in `tokend check` and after a reload: of the processes that really run."""

import socket
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientSession, UnixConnector

from tests.running import APP_ID, CERTIFICATE, tokend
from tests.running import serving as process
from tests.system.workers.serving import Running, serving, start
from tokend.config.loading import load
from tokend.issuing.configuration import Configuration

ENVIRONMENT: Final = {"CERTIFICATE": CERTIFICATE, "REDIS_URL": "redis://127.0.0.1:1/0"}
LIMITED: Final = "    limits: {user: 1/s}"
REDIS: Final = "redis: {url: {env: REDIS_URL}}"
OUT: Final = "what `limits` says. Name a `redis`, which counts for all, or run one worker"
OF_TWO: Final = f"each of the 2 workers counts rate limits by itself, so together they admit up to 2 times {OUT}"
OF_AUTO: Final = (
    f"each worker (auto: one a core) counts rate limits by itself, so together they admit up to that many times {OUT}"
)
NEXT_START: Final = "some of what changed below `server` takes effect at the next start"


def configuration_of(directory: Path, workers: int | str, limits: str = LIMITED, redis: str = "") -> Configuration:
    app = f'  demo:\n    app_id: "{APP_ID}"\n    certificate: {{env: CERTIFICATE}}\n{limits}\n'
    caller = f'    callers: {{studio: {{api_key: "sha256:{"0" * 64}"}}}}\n'
    text = f"server: {{workers: {workers}}}\n{redis}\napps:\n{app}{caller}"
    (directory / "config.yaml").write_text(text)
    return load(None, ENVIRONMENT, directory)


def told(server: Running) -> list[str]:
    """Reloads and warnings of its log, in their order, once it has ended: before, some lines may wait to be written."""
    lines = [one.get("result") or one["message"] for one in server.log if one["event"] in ("reload", "warning")]
    of_cors = [line for line in lines if "there is no `cors`" in line]
    assert len(of_cors) == sum("caller any is anonymous" in line for line in lines)  # At the start and at each reload
    return ["open" if "caller any is anonymous" in line else line for line in lines if line not in of_cors]


@pytest.mark.parametrize("limit", ["app", "caller", "user"])
def test_workers_that_each_count_alone_are_warned_of_with_both_ways_out(limit: str, tmp_path: Path) -> None:
    limits = f"    limits: {{{limit}: 1/s}}"
    assert configuration_of(tmp_path, 2, limits).warnings_at(0) == (OF_TWO,)
    assert configuration_of(tmp_path, "auto", limits).warnings_at(0) == (OF_AUTO,)


@pytest.mark.parametrize("workers", [2, "auto"])
def test_one_worker_a_redis_or_no_limits_are_no_reason_to_warn(workers: int | str, tmp_path: Path) -> None:
    assert configuration_of(tmp_path, 1).warnings_at(0) == ()
    assert configuration_of(tmp_path, workers, redis=REDIS).warnings_at(0) == ()
    assert configuration_of(tmp_path, workers, limits="").warnings_at(0) == ()


def test_check_and_the_start_warn_of_the_workers_that_there_are_in_the_end(tmp_path: Path) -> None:
    configuration_of(tmp_path, "auto")
    assert f"warning: {OF_AUTO}\n" in tokend(tmp_path, ENVIRONMENT, "check").stdout
    for workers, expected in (("2", True), ("1", False)):
        with process(tmp_path, ENVIRONMENT, "--workers", workers) as server:
            server.stop()
        assert (OF_TWO in server.log, "by itself" in server.log) == (expected, expected)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_reload_warns_of_what_the_new_configuration_is_warned_of(workers: int, tmp_path: Path) -> None:
    async with serving(tmp_path, workers) as server:
        server.write("demo-*", LIMITED)
        assert (await server.reload())[0] == 200
    assert told(server) == ["open", "done", "open", *([OF_TWO] if workers == 2 else [])]


async def test_a_reload_says_that_workers_come_with_the_next_start_and_warns_of_those_that_run(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        text = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(text.replace("workers: 2", "workers: 1") + LIMITED)
        assert (await server.reload())[0] == 200
    assert told(server) == ["open", "done", "open", OF_TWO, NEXT_START]


async def test_a_refused_reload_warns_of_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        server.write("demo-*", f"{LIMITED}\n    certficate: {{env: CANARY}}")
        assert (await server.reload())[0] == 409
    assert told(server) == ["open", "refused"]


@pytest.mark.parametrize(("host", "is_off"), [("0.0.0.0", False), ("127.0.0.1", True)])
async def test_limits_by_address_depend_on_the_socket_that_was_handed_over(
    host: str, is_off: bool, tmp_path: Path
) -> None:
    """The warning looked at `server.listen`, which such a server does not open."""
    listen = "127.0.0.1:8080" if host == "0.0.0.0" else "0.0.0.0:8080"
    with socket.create_server((host, 0)) as listener:
        server = Running(tmp_path, 1, f', listen: "{listen}"')
        server.write("demo-*", "    limits: {address: 100/s}")
        await start(server, descriptor=listener.fileno())
        await server.ready()
        assert await server.stop() == 0
    assert any("limits by address are off" in line for line in told(server)) is is_off


@pytest.mark.parametrize("workers", [1, 2])
async def test_limits_by_address_are_off_for_a_unix_socket_whatever_listen_says(workers: int, tmp_path: Path) -> None:
    """The log said so, but one limit counted all clients: `server.listen`, which is not opened, decided."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "public"))
        server = Running(tmp_path, workers, ', listen: "0.0.0.0:8080"')
        server.write("demo-*", "    limits: {address: 1/h}")
        await start(server, descriptor=listener.fileno())
        await server.ready()
        async with ClientSession(connector=UnixConnector(str(tmp_path / "public"))) as session:
            answers = [await session.get("http://localhost/demo/rtc/demo-1/publisher/uid/7") for _ in range(4)]
        assert await server.stop() == 0
    assert [answer.status for answer in answers] == [200] * 4
    assert any("limits by address are off" in line for line in told(server))
