"""`server.log` and `server.instance` hold for every process, and change on a reload."""

from pathlib import Path

from aiohttp import ClientSession

from tests.running import ADMIN
from tests.system.workers.serving import serving


async def test_every_process_writes_as_the_configuration_says(tmp_path: Path) -> None:
    async with serving(tmp_path, 2, ", instance: web-1, log: {requests: none}") as server, ClientSession() as session:
        for _ in range(8):
            async with session.get(f"{server.url}/ping", headers={"Connection": "close"}) as response:
                assert response.status == 200
        file = tmp_path / "config.yaml"
        file.write_text(file.read_text().replace("requests: none", "format: text, requests: all"))
        async with session.post(f"{server.admin}/-/reload", headers=ADMIN) as response:
            assert (await response.json())["result"] == "done"
        for _ in range(8):
            async with session.get(f"{server.url}/ping", headers={"Connection": "close"}) as response:
                assert response.status == 200
    lines = (tmp_path / "log").read_text().splitlines()
    as_json = [line for line in lines if line.startswith("{")]
    as_text = [line for line in lines if not line.startswith("{")]
    assert all('"instance":"web-1"' in line and '"event":"request"' not in line for line in as_json)
    assert sum("INFO    request " in line for line in as_text) == 8
    assert all(line.endswith(" instance=web-1") for line in as_text)
