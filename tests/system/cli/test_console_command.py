"""`tokend console`: what is no URL of an app is said, without repeating what may be a secret."""

from pathlib import Path

import pytest

from tests.running import tokend


@pytest.mark.parametrize(
    "url",
    [
        "tokens.example.com/demo",
        "https://user:secret-word@tokens.example.com",
        "https://tokens.example.com/demo?key=secret-word",
        "https://tokens.example.com:port/demo",
    ],
)
def test_a_url_that_is_none_is_said(url: str, tmp_path: Path) -> None:
    done = tokend(tmp_path, {}, "console", url)
    sentence = "argument URL: must be like https://tokens.example.com\n"
    assert (done.returncode, done.stderr.endswith(sentence), "secret-word" in done.stderr) == (2, True, False)
