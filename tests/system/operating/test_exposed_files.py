"""A running server says when others may write its secrets: the modes of the files are read at each reload."""

import asyncio
from pathlib import Path

import pytest

from tests.running import CERTIFICATE
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving

_SCHOOL = """
  school:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {file: school}
    callers: {any: {anonymous: true, rules: [{kinds: rtm}]}}
"""


async def _reload(server: Running, comment: str) -> list[str]:
    """What the log says of the modes of files, once it has the line of this reload and its warnings."""
    file = server.directory / "config.yaml"
    file.write_text(f"{file.read_text()}# {comment}\n")
    reloads = len(server.events("reload"))
    assert (await server.reload())[1]["result"] == "done"
    for pause in waits():
        log = server.log
        at = [number for number, line in enumerate(log) if line["event"] == "reload"]
        said = [line["message"] for line in log[at[reloads] :] if "message" in line] if len(at) > reloads else []
        if any("caller any is anonymous" in message for message in said):
            return [message for message in said if "by others than its owner" in message]
        await asyncio.sleep(pause)
    raise AssertionError("the log has no line of the reload")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_reload_warns_of_a_secret_file_that_others_may_write(workers: int, tmp_path: Path) -> None:
    secret = tmp_path / "school"
    secret.write_text(CERTIFICATE)
    secret.chmod(0o600)
    async with serving(tmp_path, workers) as server:
        file = tmp_path / "config.yaml"
        file.write_text(file.read_text().replace("\napps:\n", f"\napps:{_SCHOOL}", 1))
        assert await _reload(server, "the app school") == []
        secret.chmod(0o622)
        warning = f"{secret} (mode 0622) can be changed by others than its owner: chmod go-w {secret}"
        assert await _reload(server, "the mode") == [warning]
