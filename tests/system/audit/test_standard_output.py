"""An audit on standard output has it for itself: what is collected there can be verified."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.running import CREDENTIALS, clean_environment, tokend

CONFIGURATION = """
audit: {to: stdout}
apps:
  demo:
    app_id: {env: APP_ID}
    certificate: {env: APP_CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{}]}}
    routes: [{path: /, dialect: agora-token-service}]
"""


def test_the_collected_lines_are_a_whole_chain(tmp_path: Path) -> None:
    """They began with the server's greeting, which `tokend audit verify` reported as a broken line."""
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    out, err = tmp_path / "out.jsonl", tmp_path / "err"
    command = [sys.executable, "-m", "tokend", "serve", "--port", "0"]
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=clean_environment(CREDENTIALS), stdout=to_out, stderr=to_err
        )
    try:
        while process.poll() is None and b'"listening"' not in err.read_bytes():
            time.sleep(0.02)
        url = json.loads(err.read_text().splitlines()[0])["url"]
        with urllib.request.urlopen(f"{url}/rtc/room/publisher/uid/7/", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
    verified = tokend(tmp_path, {}, "audit", "verify", "out.jsonl")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert [json.loads(line).get("outcome") for line in out.read_text().splitlines()] == ["issued", "closed"]
