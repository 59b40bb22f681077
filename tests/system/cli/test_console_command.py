"""`tokend console`: what is no URL of an app is said, without repeating what may be a secret."""

from pathlib import Path

import pytest

from tests.running import tokend


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("tokens.example.com/demo", "URL must begin with http:// or https://"),
        ("https://user:secret-word@tokens.example.com", "URL must have no user, query or fragment"),
        ("https://tokens.example.com/demo?key=secret-word", "URL must have no user, query or fragment"),
        ("https://tokens.example.com:port/demo", "URL is no URL"),
    ],
)
def test_a_url_that_is_none_is_said(url: str, sentence: str, tmp_path: Path) -> None:
    done = tokend(tmp_path, {}, "console", url)
    assert (done.returncode, sentence in done.stderr, "secret-word" in done.stderr) == (2, True, False)
