"""docs/authorizer.md: its backend runs and its YAML is served; its answers are answers, and its question is one."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.free_ports import free_port
from tests.running import DEMO, ROOT, Running, clean_environment, serving
from tokend.auth.key_digests import digest_of
from tokend.core.authorizer import Question, read_answer

PAGE = (ROOT / "docs/authorizer.md").read_text()
SECRET = "a secret of at least 32 characters"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@contextmanager
def backend(directory: Path, port: int, secret: str = SECRET) -> Iterator[None]:
    """The page's backend as a process, listening."""
    (source,) = blocks("python")
    assert len(source.splitlines()) <= 25
    (directory / "backend.py").write_text(source.replace("9000", str(port)))
    process = subprocess.Popen(
        [sys.executable, "backend.py"],
        cwd=directory,
        env=clean_environment({"AUTHORIZER_SECRET": secret}),
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the backend ended"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def token_request(server: Running, uid: int) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"kind": "rtc", "channel": "room-1", "uid": uid}).encode()
    request = Request(f"{server.url}/demo/v1/token", body, {"X-API-Key": "a-key", "Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=10) as reply:
            return reply.status, json.loads(reply.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_backend_of_the_page_is_asked_by_the_server_of_the_page(tmp_path: Path) -> None:
    port = free_port()
    (written,) = blocks("yaml")
    text, replaced = re.subn(r'"sha256:.*?"', f'"{digest_of("a-key")}"', written.replace("9000", str(port)))
    assert replaced == 1
    (tmp_path / "config.yaml").write_text(text)
    with serving(tmp_path, {**DEMO, "AUTHORIZER_SECRET": SECRET}) as server:
        assert token_request(server, 7)[0] == 503
        with backend(tmp_path, port):
            status, answer = token_request(server, 7)
            assert (status, answer["ttl"]) == (200, 300)
            status, answer = token_request(server, 8)
            assert (status, answer["code"], answer["detail"]) == (403, "not_permitted", "banned")
        with backend(tmp_path, port, secret="another secret, which nobody shares"):
            assert token_request(server, 7)[0] == 503
    reasons = [line.get("reason") for line in map(json.loads, server.log.splitlines()) if line["event"] == "request"]
    assert reasons == [
        "authorizer: it cannot be reached: no connection: Connection refused",
        None,
        "authorizer",
        "authorizer: the answer has status 401",
    ]
    assert SECRET not in server.log


def test_the_question_and_the_answers_are_what_they_are_said_to_be() -> None:
    question, answers = blocks("json")
    assert list(json.loads(question)) == [*Question.__struct_fields__, "request_id"]
    for line in answers.splitlines():
        answer = read_answer(line.encode())
        assert answer.restrict is None or all(
            getattr(answer.restrict, name) for name in type(answer.restrict).model_fields
        )
    assert len(answers.splitlines()) == 3
