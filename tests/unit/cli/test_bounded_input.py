"""What commands read has a bound: its size, and how deep its JSON is nested. Each ends with a sentence."""

from pathlib import Path

import pytest

from tests.running import DEMO
from tests.unit.cli.test_commands import CONFIG
from tests.unit.commands import Command
from tokend.auth.key_digests import digest_of
from tokend.cli.context import MAX_CREDENTIAL

ENDLESS = Path("/dev/zero")
DEEP = "[" * 100_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a configuration."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("verb", ["token", "explain"])
@pytest.mark.parametrize("text", [DEEP, f"{DEEP}{DEEP.replace('[', ']')}", '{"a":' * 101 + "1" + "}" * 101])
def test_claims_that_are_nested_too_deep_are_one_sentence(home: Path, command: Command, verb: str, text: str) -> None:
    (home / "deep.json").write_text(text)
    done = command(home, DEMO, verb, "--as", "studio", "--claims", "deep.json", "rtc", "channel=room-1")
    assert done == (2, "", "tokend: the claims cannot be read: nested too deep\n")


@pytest.mark.parametrize("words", [["token"], ["explain", "--as", "studio"]])
def test_a_field_that_is_nested_too_deep_is_one_sentence(home: Path, command: Command, words: list[str]) -> None:
    done = command(home, DEMO, *words, "rtc", "channel=room-1", f"uid={DEEP}")
    assert done == (2, "", "tokend: the field uid cannot be read: nested too deep\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "a": 2}', "the claims cannot be read: a key is given twice in one object"),
        ("[]", "the claims must be a JSON object"),
        ("{", "the claims cannot be read: "),
        (None, "the claims cannot be read: No such file or directory: claims.json"),
    ],
)
def test_claims_that_are_no_object_have_their_sentence(
    home: Path, command: Command, text: str | None, sentence: str
) -> None:
    if text is not None:
        (home / "claims.json").write_text(text)
    done = command(home, DEMO, "explain", "--as", "studio", "--claims", "claims.json", "rtc", "channel=room-1")
    assert done.returncode == 2
    assert done.stderr.startswith(f"tokend: {sentence}")


def test_claims_without_an_end_are_one_sentence(home: Path, command: Command) -> None:
    done = command(home, DEMO, "token", "--as", "studio", "--claims", str(ENDLESS), "rtc", "channel=room-1")
    assert done == (2, "", "tokend: the claims cannot be read: it is over 16 MiB\n")


def test_a_bearer_without_an_end_is_one_sentence(home: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with ENDLESS.open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        for source in (f"@{ENDLESS}", "@-"):
            done = command(home, DEMO, "explain", "--bearer", source, "rtc", "channel=room-1")
            assert done == (2, "", "tokend: the token cannot be read: it is over 64 KiB\n")


def test_a_key_without_an_end_is_one_sentence(home: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with ENDLESS.open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert command(home, DEMO, "key", "hash") == (1, "", "tokend: the key is over 64 KiB\n")
    (home / "key").write_text("k" * MAX_CREDENTIAL + "\n")
    with (home / "key").open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert command(home, DEMO, "key", "hash").stdout == f"{digest_of('k' * MAX_CREDENTIAL)}\n"


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        ("list", "the deny file is wrong: /dev/zero: it is not a regular file"),
        ("add", "the deny file cannot be changed: /dev/zero: it is not a regular file"),
        ("remove", "the deny file is wrong: /dev/zero: it is not a regular file"),
    ],
)
def test_a_deny_file_without_an_end_is_one_sentence(home: Path, command: Command, verb: str, sentence: str) -> None:
    done = command(home, DEMO, "deny", verb, "--file", str(ENDLESS), "--user", "ann")
    assert done == (1, "", f"tokend: {sentence}\n")


@pytest.mark.parametrize("words", [["token"], ["explain", "--as", "studio"]])
def test_a_field_that_is_given_twice_is_an_error(home: Path, command: Command, words: list[str]) -> None:
    done = command(home, DEMO, *words, "rtc", "channel=room-1", "uid=7", "uid=8")
    assert done == (2, "", "tokend: the field uid is given twice\n")
