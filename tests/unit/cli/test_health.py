"""`tokend health`: where it looks for the server."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tokend.cli.health import main, own_url
from tokend.config.loading import read_server


@pytest.mark.parametrize(
    ("config", "variables", "expected"),
    [
        (None, {}, "http://127.0.0.1:8080"),
        (None, {"PORT": "9000"}, "http://127.0.0.1:9000"),
        (None, {"PORT": "9000", "SERVER_PORT": "9001", "TOKEND_HOST": "0.0.0.0"}, "http://127.0.0.1:9001"),
        ('server: {listen: "[::]:9002"}', {}, "http://[::1]:9002"),
        ('server: {listen: "10.0.0.7:9002"}', {"PORT": "9000"}, "http://10.0.0.7:9000"),
        ('server: {listen: "10.0.0.7:9002"}', {"TOKEND_HOST": "::1"}, "http://[::1]:9002"),
        ("server: {workers: 2}", {}, "http://127.0.0.1:8080"),
        ("server: 7", {}, "http://127.0.0.1:8080"),
        ("server: {listen: 8080}", {}, "http://127.0.0.1:8080"),
        ("server: {listen: '127.0.0.1:9000', admin: {listen: '127.0.0.1:9000'}}", {}, "http://127.0.0.1:9000"),
        ("server: {listen: '127.0.0.1:9000', admin: 7}", {}, "http://127.0.0.1:9000"),
    ],
)
def test_health_looks_where_the_server_listens(
    config: str | None, variables: Mapping[str, str], expected: str, tmp_path: Path
) -> None:
    """The same address as `serve` reads from its configuration."""
    if config is not None:
        (tmp_path / "other.yaml").write_text(config)
        variables = {**variables, "TOKEND_CONFIG": "other.yaml"}
    assert own_url(None, variables, tmp_path) == expected
    assert read_server(None, variables, tmp_path)[0].url == expected


@pytest.mark.parametrize("config", ["a: [", "\0", "- a", ""])
def test_health_of_a_file_that_cannot_be_read_looks_at_the_default(config: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(config)
    assert own_url(None, {}, tmp_path) == "http://127.0.0.1:8080"
    assert own_url(None, {"PORT": "many"}, tmp_path) == "http://127.0.0.1:8080"


def test_health_reads_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    assert own_url(None, {}, tmp_path) == "http://127.0.0.1:9000"
    assert own_url(None, {"PORT": "9001"}, tmp_path) == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:hunter2",
        "http://[hunter2]/",
        "http://u:hunter2@h\u2100x/",
        "http://127.0.0.1:9/hunter2 x",
        "http://127.0.0.1:9/hunter2\n",
        "hunter2",
    ],
)
def test_health_repeats_nothing_of_a_wrong_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The errors of Python quoted the URL's parts. What keeps the results of health checks kept a password in it."""
    assert main(["--url", url]) == 1
    printed = "".join(capsys.readouterr())
    assert printed.startswith("tokend: no healthy answer: the URL ")
    assert "hunter2" not in printed
