"""`tokend deny`: what it writes, what it leaves alone, and a sentence for each mistake."""

import io
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running import DEMO
from tests.unit.cli.test_commands import CONFIG
from tokend.adapters.deny_file_edit import edit_deny_file
from tokend.adapters.deny_lists import CannotUse, Change, EditedList, FileList
from tokend.adapters.deny_source import MAX_BYTES
from tokend.cli import main


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The deny file of a configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("APP_ID", "APP_CERTIFICATE", "TOKEND_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in DEMO.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "config.yaml").write_text(f"deny: {{file: deny.jsonl}}\n{CONFIG}")
    file = tmp_path / "deny.jsonl"
    file.write_bytes(b"")
    return file


def lines_of(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_add_list_and_remove(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deny", "add", "--user", "ann", "--app", "demo", "--until", "2h"]) == 0
    assert capsys.readouterr().out.startswith("added: app demo, user ann, until 20")
    assert main(["deny", "add", "--channel", "lobby", "--caller", "studio", "--url", "party-7"]) == 0
    ann, lobby = lines_of(file)
    assert 7_000 < int(str(ann.pop("until"))) - time.time() < 7_201
    assert ann == {"app": "demo", "user": "ann"}
    assert lobby == {"channel": "lobby", "caller": "studio", "url": "party-7"}
    capsys.readouterr()
    assert main(["deny", "add", "--user", "ann", "--app", "demo"]) == 0
    assert capsys.readouterr().out == "changed: app demo, user ann\n"
    assert main(["deny", "list"]) == 0
    assert capsys.readouterr().out == "channel lobby, caller studio, url party-7\napp demo, user ann\n"
    assert main(["deny", "list", "--user", "ann", "--json"]) == 0
    assert capsys.readouterr().out == '{"app":"demo","user":"ann"}\n'
    assert main(["deny", "remove", "--user", "ann"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "tokend: no entry has exactly these fields: user ann",
        "tokend: there is: app demo, user ann",
    ]
    assert main(["deny", "remove", "--user", "ann", "--app", "demo"]) == 0
    assert len(lines_of(file)) == 1
    assert main(["deny", "add", "--sub", "auth0|1"]) == 0
    assert capsys.readouterr().out.endswith("added: sub auth0|1\n")
    assert lines_of(file)[1] == {"sub": "auth0|1"}


def test_no_entry_steers_the_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(json.dumps({"user": "a\x1b[2J\nuser b", "channel": "\x9b\u202ec"}, ensure_ascii=False))
    assert main(["deny", "list"]) == 0
    assert capsys.readouterr().out == "user a\\u001b[2J\\u000auser b, channel \\u009b\\u202ec\n"
    assert main(["deny", "list", "--json"]) == 0
    written = capsys.readouterr().out
    assert written.rstrip("\n").isprintable()
    assert json.loads(written) == {"user": "a\x1b[2J\nuser b", "channel": "\x9b\u202ec"}


def test_entries_of_a_removed_app_or_caller_are_listed_and_removed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(b'{"app":"gone","user":"ann"}\n{"caller":"left"}\n')
    assert main(["deny", "list", "--app", "gone"]) == 0
    assert capsys.readouterr().out == "app gone, user ann\n"
    assert main(["deny", "remove", "--app", "gone", "--user", "bob"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "tokend: no entry has exactly these fields: app gone, user bob",
        "tokend: there is no app gone; known: demo",
    ]
    assert main(["deny", "remove", "--app", "gone", "--user", "ann"]) == 0
    assert main(["deny", "remove", "--caller", "left"]) == 0
    assert file.read_bytes() == b""


def test_lines_that_are_no_entries_stay_and_are_reported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b'{"usr": "x"}\n{"user": "bob"}')
    assert main(["deny", "add", "--user", "ann"]) == 0
    assert "1 other line that is no entry: line 1: must name one of" in capsys.readouterr().err
    assert file.read_bytes() == b'{"usr": "x"}\n{"user": "bob"}\n{"user":"ann"}\n'
    assert main(["deny", "list"]) == 1
    assert main(["check"]) == 78
    assert "deny.jsonl: line 1: " in capsys.readouterr().err


def test_the_file_keeps_its_mode_and_a_link_stays_one(file: Path) -> None:
    real = file.with_name("real.jsonl")
    file.rename(real)
    real.chmod(0o604)
    file.symlink_to(real)
    inode = real.stat().st_ino
    assert main(["deny", "add", "--user", "ann"]) == 0
    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o604
    assert real.stat().st_ino != inode
    assert sorted(os.listdir(file.parent)) == ["config.yaml", "deny.jsonl", "real.jsonl"]  # noqa: PTH208


def test_no_writer_overwrites_another(file: Path) -> None:
    def add(number: int) -> None:
        edit_deny_file(file, lambda lines: [*lines, b'{"user":"%d"}' % number])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(64)))
    assert {int(str(line["user"])) for line in lines_of(file)} == set(range(64))


def test_an_invalid_app_keeps_nobody_from_a_block(file: Path) -> None:
    config = file.with_name("config.yaml")
    config.write_text(config.read_text() + "  broken: {app_id: 7}\n")
    assert main(["deny", "add", "--user", "ann", "--app", "broken"]) == 0


def test_a_pattern_that_is_none_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was added without a word, and blocked nobody."""
    assert main(["deny", "add", "--user", "ann", "--channel", "lesson-*"]) == 0
    assert capsys.readouterr().err == "warning: channel is compared exactly: * in an entry is no pattern\n"
    assert lines_of(file) == [{"user": "ann", "channel": "lesson-*"}]


def test_a_shell_without_the_secrets_of_all_apps_keeps_nobody_from_a_block(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMO_APP_CERTIFICATE")
    assert main(["deny", "add", "--user", "ann", "--app", "demo"]) == 0
    assert lines_of(file) == [{"app": "demo", "user": "ann"}]


def test_what_cannot_be_checked_of_an_invalid_app_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secrets it is an error: this caller's keys have no issue times, so the entry blocks nobody."""
    add = ["deny", "add", "--app", "demo", "--caller", "studio", "--issued-before", "now"]
    with pytest.raises(SystemExit):
        main(add)
    capsys.readouterr()
    monkeypatch.delenv("DEMO_APP_CERTIFICATE")
    assert main(add) == 0
    assert capsys.readouterr().err == (
        "warning: not checked whether the entry can block anybody: demo is invalid here\n"
    )
    assert len(lines_of(file)) == 1


def test_a_file_can_be_named_without_a_configuration(file: Path, tmp_path: Path) -> None:
    file.with_name("config.yaml").unlink()
    file.with_name("other.jsonl").touch()
    assert main(["deny", "add", "--file", "other.jsonl", "--issued-before", "now", "--caller", "web"]) == 0
    (line,) = lines_of(tmp_path / "other.jsonl")
    assert set(line) == {"caller", "issued_before"}


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add"], "name what to deny: --user, --sub, --channel, --caller, --url or --issued-before"),
        (["add", "--app", "demo"], "name what to deny"),
        (["remove", "--app", "demo"], "name the entry"),
        (["add", "--app", "dmo", "--user", "a"], "there is no app dmo, did you mean 'demo'?"),
        (["add", "--caller", "studo"], "no app has a caller studo, did you mean 'studio'?"),
        (["add", "--caller", "web", "--app", "demo"], "app demo has no caller web; known: studio"),
        (["list", "--app", "dmo"], "there is no app dmo, did you mean 'demo'?"),
        (["add", "--user", ""], "must be a text that is not empty"),
        (["add", "--user", "7\r"], "must be a text that is not empty, without control characters"),
        (["add", "--user", "\udcff"], "must be a text that is not empty, without control characters"),
        (["add", "--user", "7", "--user", "8"], "argument --user: is given twice"),
        (["remove", "--user", "7", "--channel", "a", "--user", "7"], "argument --user: is given twice"),
        (["add", "--user", "a", "--until", "2"], "must be a duration such as 90s, 30m, 2h or 1d, or a time such as"),
        (["add", "--user", "a", "--until", "0s"], "must be in the future"),
        (["add", "--user", "a", "--until", "2020-01-01T00:00:00Z"], "must be in the future"),
        (["add", "--user", "a", "--until", "2030-01-01T00:00:00"], "must say its time zone"),
        (["add", "--user", "a", "--issued-before", "2h"], "must be now, or a time such as"),
    ],
)
def test_each_mistake_has_its_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["deny", *arguments])
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_cannot_be_changed_is_exit_code_1(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.unlink()
    assert main(["deny", "remove", "--user", "a"]) == 1
    assert main(["deny", "list"]) == 1
    file.mkdir()
    assert main(["deny", "add", "--user", "a"]) == 1
    assert "the deny file cannot be changed" in capsys.readouterr().err
    file.with_name("config.yaml").write_text(CONFIG)
    with pytest.raises(SystemExit):
        main(["deny", "list"])
    assert "the configuration has no deny list" in capsys.readouterr().err


def test_a_change_that_no_server_would_read_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was "added", while servers kept the list that they had, and no command could read the new one."""
    full = b'{"user":"%s"}\n' % (b"a" * (MAX_BYTES - 12))
    file.write_bytes(full)
    assert main(["deny", "add", "--user", "ann"]) == 1
    assert "it would be over 32 MiB: first remove entries" in capsys.readouterr().err
    assert file.read_bytes() == full


def test_a_missing_file_is_not_created_since_servers_still_have_its_entries(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One new entry would have been the whole list: it unblocked everybody else."""
    file.unlink()
    assert main(["deny", "add", "--user", "ann"]) == 1
    assert "deny.jsonl does not exist: put a copy of it back, or create an empty file" in capsys.readouterr().err
    assert not file.exists()


def test_a_saved_list_is_restored_beside_what_was_added_since(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = file.with_name("saved.jsonl")
    saved.write_text('{"user":"ada"}\n{"channel":"room-1","until":4000000000}\n{"user":"bob"}\n')
    file.write_text('{"user":"cid"}\n{"user":"bob"}\n')
    assert main(["deny", "restore", "saved.jsonl"]) == 0
    assert capsys.readouterr().out == "added 2 of 3 entries; the list had the others\n"
    added = [{"user": "ada"}, {"channel": "room-1", "until": 4000000000}]
    assert lines_of(file) == [{"user": "cid"}, {"user": "bob"}, *added]
    assert main(["deny", "restore", "saved.jsonl"]) == 0
    assert capsys.readouterr().out == "added 0 of 3 entries; the list had the others\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"user":"dan"}\n')))
    assert main(["deny", "restore", "-"]) == 0
    assert capsys.readouterr().out == "added 1 of 1 entries; the list had the others\n"


def test_a_saved_list_is_restored_into_a_file_that_is_lost_and_keeps_its_order(file: Path) -> None:
    lines = [{"user": f"user-{number}"} for number in range(20)]
    file.with_name("saved.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    file.unlink()
    assert main(["deny", "restore", "saved.jsonl"]) == 0
    assert lines_of(file) == lines


@pytest.mark.parametrize("name", ["ali\u200creza", "\U0001f469\u200d\U0001f680", "a\u00a0b", "\u202eadmin"])
def test_a_person_whose_name_has_characters_that_do_not_show_is_blocked_and_unblocked(
    file: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """They were refused as empty, also where the list had the entry."""
    assert main(["deny", "add", "--sub", name]) == 0
    assert lines_of(file) == [{"sub": name}]
    assert main(["deny", "remove", "--sub", name]) == 0
    assert lines_of(file) == []
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def test_a_saved_list_from_standard_input_that_is_not_utf_8_adds_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It blocked another name, in which U+FFFD stood for what could not be read."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO('{"user":"René"}\n'.encode("latin-1"))))
    with pytest.raises(SystemExit) as ended:
        main(["deny", "restore", "-"])
    assert ended.value.code == 2
    assert "-: line 1: " in capsys.readouterr().err
    assert file.read_bytes() == b""


def test_a_saved_list_from_standard_input_is_utf_8_in_any_locale(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = io.TextIOWrapper(io.BytesIO('{"user":"René"}\n'.encode()), encoding="ascii")
    monkeypatch.setattr(sys, "stdin", saved)
    assert main(["deny", "restore", "-"]) == 0
    assert lines_of(file) == [{"user": "René"}]


def test_a_saved_list_from_standard_input_has_a_bound(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n" * (MAX_BYTES + 1))))
    with pytest.raises(SystemExit):
        main(["deny", "restore", "-"])
    assert "it is over 32 MiB" in capsys.readouterr().err
    assert file.read_bytes() == b""


def test_a_saved_list_with_a_line_that_is_no_entry_adds_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.with_name("saved.jsonl").write_text('{"user":"ada"}\nnonsense\n')
    with pytest.raises(SystemExit) as ended:
        main(["deny", "restore", "saved.jsonl"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "tokend: saved.jsonl: line 2: is no JSON object\n"
    with pytest.raises(SystemExit):
        main(["deny", "restore", "missing.jsonl"])
    assert "missing.jsonl" in capsys.readouterr().err
    assert file.read_bytes() == b""


def test_an_entry_of_one_list_is_removed_beside_a_file_that_cannot_be_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Elsewhere(EditedList):
        name = source = "elsewhere"

        def __init__(self) -> None:
            self.lines = [b'{"user":"ada"}']

        def read(self) -> bytes:
            return b"\n".join(self.lines)

        def edit(self, change: Change) -> None:
            self.lines = change(self.lines) or []

    class Unwritable(FileList):
        def edit(self, change: Change) -> None:
            raise CannotUse("the deny file cannot be changed: Read-only file system")

    elsewhere = Elsewhere()
    file.write_text('{"user":"bob"}\n')
    monkeypatch.setattr("tokend.cli.deny.edited_lists", lambda options: [elsewhere, Unwritable(file)])
    assert main(["deny", "remove", "--user", "ada"]) == 0
    assert elsewhere.lines == []
    assert main(["deny", "remove", "--user", "bob"]) == 1
    assert "Read-only" in capsys.readouterr().err


def test_a_secret_in_place_of_the_path_is_not_repeated(tmp_path: Path) -> None:
    secret = "3f9a1c7e5b2d8064a1b9c3d7e5f20861"
    edited = FileList(tmp_path / secret)
    with pytest.raises(CannotUse, match="looks like a secret") as caught:
        edited.edit(lambda lines: lines)
    assert secret[:8] not in f"{caught.value} {edited.name}"
