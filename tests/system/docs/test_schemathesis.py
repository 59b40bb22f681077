"""Schemathesis with all its checks finds no status, content type, header or answer that the documents do not have."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.running import clean_environment, serving
from tests.unit.http.running import CERTIFICATE, KEY
from tests.unit.http.test_documents import EVERY_DIALECT
from tokend.auth.key_digests import digest_of

_OF_A_KEY: Final = f'studio: {{api_key: "{digest_of(KEY)}", rules: [{{capabilities: [wildcard_publish, app_admin]}}]}}'
_CUSTOM: Final = """\
      - path: "/seats/{tenant}/{room_name}"
        kinds: [rtc, rtm]
        fields: {room_name: channel, seat: uid, name: user, lasts: ttl}
        ignore: [tenant, client]
        set: {role: publisher, version: "007"}
        status: 201
        response: {rtc: "{rtc.token}", rtm: "{rtm.token}"}
      - {path: /login, kind: rtm, default: {user: ada}, response: "{token}"}
"""
CONFIG: Final = re.sub(r"anybody: .*", lambda _: _OF_A_KEY, EVERY_DIALECT) + _CUSTOM
"""Every dialect, every kind and three custom routes, for one API key without wildcards of users and channels."""
CHECKS: Final = """
# A document holds types and bounds. It cannot hold all that a vendor asks of names, which fields exclude each other, and
# what the clock allows: such requests are 400, which is documented. What fits the document is no other error.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403]

# An overlong request is no valid data either.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413, 414, 415, 431]

# An item of a batch fails by itself, and explain answers why there would be no token: both inside an answer of 200.
[[operations]]
include-path = ["/v1/tokens", "/v1/explain"]
checks.negative_data_rejection.expected-statuses = [200, 400, 413, 415]
"""
EXAMPLES: Final = 5
"""Of each operation, beside those that cover the bounds of each parameter."""
SEED: Final = 18


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("schemathesis")
    (directory / "config.yaml").write_text(CONFIG)
    with serving(directory, {"CERTIFICATE": CERTIFICATE}) as server:
        yield server.url


@pytest.mark.parametrize(
    ("prefix", "more"),
    [
        ("/all", ()),
        ("/guide", ("--exclude-tag", "native", "--exclude-tag", "custom")),
        ("/node", ("--exclude-tag", "native", "--exclude-tag", "custom")),
    ],
)
def test_schemathesis_finds_nothing_undocumented(url: str, prefix: str, more: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CHECKS)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}{prefix}/openapi.json"),
        *("--checks", "all", "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--continue-on-failure"),
        *("--header", f"X-API-Key: {KEY}", "--generation-with-security-parameters", "false"),  # two at once are 400
        *("--generation-database", "none", "--no-shrink", "--no-color", *more),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, "\n".join(line[:300] for line in done.stdout.splitlines() if line.strip())[-6_000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None and int(tested[1]) > 0, done.stdout[-2_000:]
