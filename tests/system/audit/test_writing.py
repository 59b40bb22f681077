"""The audit of a real server: who got what, no token in it, and killed in the middle of the load."""

import asyncio
import hashlib
import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.running import CERTIFICATE, Running, serving
from tests.unit.adapters.test_audit_writing import CONFIG, ENVIRONMENT, entries
from tokend.core.audit_records import verify


def fetched(url: str, path: str) -> str:
    with urllib.request.urlopen(f"{url}/demo/rtc/{path}", timeout=5) as answer:
        return str(json.load(answer)["rtcToken"])


def test_a_line_says_who_got_what_and_never_the_token(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    with serving(tmp_path, ENVIRONMENT) as server:
        token = fetched(server.url, "demo-1/publisher/uid/7")
        with pytest.raises(urllib.error.HTTPError) as answer:
            fetched(server.url, "other/publisher/uid/7")
        answer.value.close()
        issued, refused = entries(tmp_path / "audit.jsonl")
        assert issued["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
        assert (issued["outcome"], issued["app"], issued["caller"], issued["rule"]) == (
            "issued",
            "demo",
            "anybody",
            "demo.anybody.rules[0]",
        )
        assert issued["services"][0]["channel"] == "demo-1"
        assert (refused["outcome"], refused["code"]) == ("refused", "not_permitted")
        assert token not in (tmp_path / "audit.jsonl").read_text()
        assert CERTIFICATE not in (tmp_path / "audit.jsonl").read_text()


def test_no_client_holds_a_token_that_the_audit_does_not_hold(tmp_path: Path) -> None:
    """P1, small: killed in the middle of the load, several times over."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    held: set[str] = set()
    for _ in range(2):
        with serving(tmp_path, ENVIRONMENT) as server:
            asyncio.run(_load_until_killed(server, held))
    file = (tmp_path / "audit.jsonl").read_bytes()
    assert len(held) > 20
    assert list(verify(file.splitlines())) == []
    assert held - {json.loads(line).get("token_sha256") for line in file.splitlines() if line.strip()} == set()


async def _load_until_killed(server: Running, held: set[str]) -> None:
    host, port = server.url.removeprefix("http://").split(":")

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for count in range(2_000):
                writer.write(
                    f"GET /demo/rtc/demo-{number}/publisher/uid/{count + 1} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                token = json.loads(await reader.readexactly(length))["rtcToken"]
                held.add(hashlib.sha256(token.encode()).hexdigest())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def kill() -> None:
        await asyncio.sleep(0.15)
        server.process.send_signal(signal.SIGKILL)

    await asyncio.gather(kill(), *(client(number) for number in range(8)))
