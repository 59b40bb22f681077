"""Where the configuration comes from: files, includes, secrets in files, and `.env`."""

import errno
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, ENVIRONMENT, NOTHING, ONE_APP, loaded, write
from tokend.config.files import Files
from tokend.config.loading import ConfigurationError, Source, load, load_for_start, read_server
from tokend.config.reading import MAX_FILE, with_dotenv

OWN = f'app_id: "{APP_ID}"\ncertificate: {{env: CERTIFICATE}}\ncallers: {{studio: {{api_key: "{DIGEST}"}}}}\n'


def _problems(directory: Path, text: str, more: Mapping[str, str] = NOTHING) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, text, more)
    return list(map(str, caught.value.problems))


def test_the_named_file_goes_before_the_variable_and_the_variable_before_the_directory(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP, "named.yaml": ONE_APP, "other.yaml": ONE_APP})
    variable = ENVIRONMENT | {"TOKEND_CONFIG": "other.yaml"}
    single_process = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
    assert load("named.yaml", variable, tmp_path).source == "named.yaml"
    assert load(None, variable, tmp_path).source == "other.yaml"
    assert load(None, ENVIRONMENT | single_process, tmp_path).source == "config.yaml"
    (tmp_path / "config.yaml").unlink()
    assert load(None, single_process, tmp_path).source == "environment"
    assert load(None, {**single_process, "TOKEND_CONFIG": ""}, tmp_path).source == "environment"


def test_an_empty_name_is_an_error_whatever_else_there_is(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    with pytest.raises(ConfigurationError, match="the name of its file is empty"):
        load("", ENVIRONMENT, tmp_path)
    with pytest.raises(ConfigurationError, match="the name of its file is empty"):
        load("", {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}, tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="the name of its file is empty"):
        read_server("", ENVIRONMENT, tmp_path)


def test_a_file_by_its_absolute_path(tmp_path: Path) -> None:
    config = ONE_APP.replace("{env: CERTIFICATE}", "{file: ./certificate}")
    write(tmp_path, {"here/config.yaml": config, "here/certificate": CERTIFICATE})
    path = str(tmp_path / "here/config.yaml")
    assert load(path, {}, tmp_path / "elsewhere").source == path


def test_a_named_file_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(ConfigurationError, match=r"^config\.yaml: cannot be read: Is a directory$"):
        load("config.yaml", {}, tmp_path)


def test_a_file_of_the_kernel_without_content_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counted as a bug: reading a file such as /proc/kmsg gave None."""

    def read(descriptor: int, most: int) -> bytes:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    write(tmp_path, {"config.yaml": ONE_APP})
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        with pytest.raises(
            ConfigurationError, match=r"^config\.yaml: cannot be read: Resource temporarily unavailable$"
        ):
            load("config.yaml", {}, tmp_path)


def test_a_certificate_from_a_pipe_that_nobody_writes_to_is_a_problem_and_no_wait_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    said = _problems(tmp_path, ONE_APP.replace("{env: CERTIFICATE}", "{file: pipe}"))
    assert len(said) == 1
    assert said[0].endswith("the file pipe cannot be read: nobody writes to this pipe")


def test_a_certificate_from_a_pipe_that_is_written_to_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(CERTIFICATE,), daemon=True)
    writer.start()
    configuration = loaded(tmp_path, ONE_APP.replace("{env: CERTIFICATE}", "{file: pipe}"))
    writer.join()
    assert list(configuration.apps) == ["demo"]


def test_a_configuration_from_a_pipe_whose_writer_has_finished_already(tmp_path: Path) -> None:
    """As a shell's <(…) gives it."""
    reader, writer = os.pipe()
    os.write(writer, ONE_APP.encode())
    os.close(writer)
    try:
        assert list(load(f"/dev/fd/{reader}", ENVIRONMENT, tmp_path).apps) == ["demo"]
    finally:
        os.close(reader)


def test_a_file_of_16_mib_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    text = ONE_APP.encode()
    path = tmp_path / "config.yaml"
    path.write_bytes(text + b" " * (MAX_FILE - len(text) + 1))
    with pytest.raises(ConfigurationError, match=r"^config\.yaml: is over 16 MiB$"):
        load(None, ENVIRONMENT, tmp_path)


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xef\xbb\xbf" + ONE_APP.replace("\n", "\r\n").encode())
    assert list(load(None, ENVIRONMENT, tmp_path).apps) == ["demo"]


def test_included_files_are_one_app_each_named_like_the_file(tmp_path: Path) -> None:
    files = {"apps.d/acme.yaml": OWN, "apps.d/b.c.yaml": OWN, "apps.d/readme.txt": "not one", "one.yml": OWN}
    configuration = loaded(tmp_path, f"include: [apps.d/*.yaml, one.yml]\n{ONE_APP}", files)
    assert list(configuration.apps) == ["demo", "acme", "b.c", "one"]
    assert configuration.routes[1].prefix == "/acme"


def test_includes_are_merged_with_defaults_and_need_no_apps_key(tmp_path: Path) -> None:
    text = 'defaults: {callers: {studio: {api_key: "DIGEST"}}, certificate: {env: CERTIFICATE}}\ninclude: apps.d/*\n'
    configuration = loaded(tmp_path, text, {"apps.d/acme.yaml": 'app_id: "APP_ID"\n'})
    assert list(configuration.apps) == ["acme"]
    configuration = loaded(tmp_path, text + "apps:\n", {"apps.d/acme.yaml": 'app_id: "APP_ID"\n'})
    assert list(configuration.apps) == ["acme"]


def test_a_pattern_that_no_file_fits_is_fine(tmp_path: Path) -> None:
    assert list(loaded(tmp_path, f"include: apps.d/*.yaml\n{ONE_APP}").apps) == ["demo"]


def test_an_include_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, f"include: [apps.d/*.yaml, more/*]\n{ONE_APP}", {"more/acme.yaml": OWN})
    (warning,) = [warning for warning in configuration.warnings if "include" in warning]
    assert warning.startswith("config.yaml:1:1: include: no file matches apps.d/*.yaml in ")


@pytest.mark.parametrize(
    "pattern",
    ["apps.d/*.yaml", "apps.d/**/*.yaml", "apps.d/a*", "apps.d/?.yaml", "apps.d/[a-z].yaml", "apps.d/?/*.yaml"],
)
def test_a_folder_of_included_files_that_cannot_be_read_is_an_error(tmp_path: Path, pattern: str) -> None:
    """It counted as empty: a reload removed all apps in it."""
    write(tmp_path, {"config.yaml": f"include: {pattern}\n{ONE_APP}"})
    (tmp_path / "apps.d").symlink_to("apps.d")
    with pytest.raises(ConfigurationError, match=r"include: the folder of apps\.d/.* cannot be read: Too many levels"):
        load(None, ENVIRONMENT, tmp_path)


def test_without_any_app_the_error_names_the_include(tmp_path: Path) -> None:
    assert _problems(tmp_path, "include: apps.d/*.yaml\n", {}) == [
        "config.yaml:1:1: apps: is missing: name at least one app; no file matches `include`"
    ]


@pytest.mark.parametrize("text", ["", "\n", "# later\n", "---\n"])
def test_an_included_file_without_content_is_an_error(tmp_path: Path, text: str) -> None:
    found = _problems(tmp_path, f"include: apps.d/*.yaml\n{ONE_APP}", {"apps.d/bolt.yaml": text})
    assert found == [
        "apps.d/bolt.yaml: holds no app: write the app's keys, {} if it has none of its own, or delete the file"
    ]


def test_an_absolute_include(tmp_path: Path) -> None:
    write(tmp_path, {"else/acme.yaml": OWN})
    (tmp_path / "house").mkdir()
    configuration = loaded(tmp_path / "house", f"include: {tmp_path}/else/*.yaml\n")
    assert list(configuration.apps) == ["acme"]


def test_a_problem_of_an_included_file_names_that_file_and_its_line(tmp_path: Path) -> None:
    found = _problems(
        tmp_path,
        f"include: apps.d/*.yaml\n{ONE_APP}",
        {"apps.d/acme.yaml": OWN + "ttl:\n  max: 25h\n", "apps.d/bolt.yaml": "{}", "apps.d/coda.yaml": OWN + "- x\n"},
    )
    assert found == [
        "apps.d/acme.yaml:5:3: apps.acme.ttl.max: is over the maximum of every kind: rtc 86400 s, rtm 86400 s, chat 86400 s",
        "apps.d/bolt.yaml:1:1: apps.bolt.certificate: is missing: backend rtc needs it, as "
        "{env: NAME}, {file: PATH} or {credential: NAME}",
        "apps.d/bolt.yaml:1:1: apps.bolt.app_id: is missing: backend rtc needs the project's App ID",
        "apps.d/bolt.yaml:1:1: apps.bolt.callers: is required: define at least one caller, because nobody else gets a token",
        "apps.d/coda.yaml:4:1: this is not valid YAML: an item of a list stands among the keys of the mapping of line 1",
    ]


def test_two_included_files_of_one_name(tmp_path: Path) -> None:
    files = {"a/acme.yaml": OWN, "b/acme.yml": OWN}
    found = _problems(tmp_path, "include: ['?/acme.*']\n", files)
    assert found == ["b/acme.yml: apps.acme: stands in a/acme.yaml:1:1 already"]


def test_secret_files_are_relative_to_the_configuration_and_lose_one_final_newline(tmp_path: Path) -> None:
    for number, text in enumerate((CERTIFICATE, CERTIFICATE + "\n", CERTIFICATE + "\r\n")):
        folder = tmp_path / str(number)
        write(folder, {"conf/config.yaml": ONE_APP.replace("{env: CERTIFICATE}", "{file: ../run/secret}")})
        write(folder, {"run/secret": ""})
        (folder / "run/secret").write_bytes(text.encode())
        app = load("conf/config.yaml", {}, folder).apps["demo"]
        assert app.backends["rtc"].app_credentials.certificates["primary"].reveal() == CERTIFICATE


def test_more_than_one_final_newline_or_blanks_are_an_error(tmp_path: Path) -> None:
    for text in (CERTIFICATE + "\n\n", " " + CERTIFICATE, CERTIFICATE + " \n"):
        write(tmp_path, {"secret": ""})
        (tmp_path / "secret").write_text(text)
        (problem,) = _problems(tmp_path, ONE_APP.replace("{env: CERTIFICATE}", "{file: secret}"))
        assert "the file secret begins or ends with a blank, a line break or an invisible character" in problem


def test_dotenv_fills_what_the_environment_lacks(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB='in ${A}'\n# C=no\nD\nE=\n")
    assert with_dotenv({"A": "process", "F": ""}, tmp_path) == {"A": "process", "B": "in ${A}", "E": "", "F": ""}
    assert with_dotenv({"A": "1"}, tmp_path / "none") == {"A": "1"}


def test_each_line_of_dotenv_that_is_no_variable_is_a_problem(tmp_path: Path) -> None:
    """It was left out, with all lines up to the next quote. The log had no number, and a check said "no problems"."""
    (tmp_path / ".env").write_text('A=1\nno variable\n# a comment\nexport B="two\nlines"\nC="open\nD=4\n')
    with pytest.raises(ConfigurationError) as caught:
        with_dotenv({}, tmp_path)
    sentence = "is not NAME=VALUE, or a quote in it does not end"
    assert [str(problem) for problem in caught.value.problems] == [f".env:2:1: {sentence}", f".env:6:1: {sentence}"]


def test_a_dotenv_that_cannot_be_read_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigurationError, match=r"^\.env: is not UTF-8 text$"):
        with_dotenv({}, tmp_path)


def test_include_with_two_stars_beside_text_is_a_pattern_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("include: apps**.yaml\n")
    with pytest.raises(ConfigurationError, match="name at least one app"):
        load(None, {}, tmp_path)


def test_two_stars_in_an_include_stand_for_any_number_of_folders(tmp_path: Path) -> None:
    """They stood for exactly one, so files directly in `apps.d` and those further down were no apps."""
    files = {f"apps.d/{path}.yaml": OWN for path in ("acme", "a/bolt", "a/b/core")}
    for pattern in ("apps.d/**/*.yaml", "apps.d/**"):
        found = loaded(tmp_path, f"include: {pattern}\n{ONE_APP}", files)
        assert sorted(found.apps) == ["acme", "bolt", "core", "demo"]


def test_two_stars_follow_no_links_and_read_nothing_hidden(tmp_path: Path) -> None:
    """Two links to the folder that holds them would lead through more paths than can be listed."""
    (tmp_path / "apps.d/a").mkdir(parents=True)
    (tmp_path / "apps.d/.git").mkdir()
    for path in ("acme.yaml", "a/bolt.yaml", ".git/core.yaml"):
        (tmp_path / "apps.d" / path).write_text("")
    for name in ("one", "two"):
        (tmp_path / "apps.d" / name).symlink_to(".")
    names = ["apps.d/a/bolt.yaml", "apps.d/acme.yaml"]
    for pattern in ("apps.d/**/*.yaml", "**/apps.d/**/*.yaml", "**"):
        assert Files().listing(pattern, tmp_path) == names
    assert Files().listing(f"{tmp_path}/**/*.yaml", tmp_path) == [f"{tmp_path}/{name}" for name in names]


@pytest.mark.parametrize("added", ["acme.yaml", "a/acme.yaml", "a/b/acme.yaml", "new/acme.yaml"])
def test_a_file_that_is_added_to_a_folder_of_two_stars_counts_as_changed(added: str, tmp_path: Path) -> None:
    (tmp_path / "apps.d/a/b").mkdir(parents=True)
    files = Files()
    assert files.listing("apps.d/**/*.yaml", tmp_path) == []
    assert not files.changed()
    (tmp_path / "apps.d" / added).parent.mkdir(exist_ok=True)
    (tmp_path / "apps.d" / added).write_text("")
    assert files.changed()


def test_a_file_that_changes_while_it_is_read_counts_as_changed(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("old")
    files = Files()

    def write(_: os.stat_result) -> None:
        key.write_text("newer")

    files.read(key, 100, write)
    assert files.changed()


def test_a_file_that_is_replaced_after_it_was_read_counts_as_changed(tmp_path: Path) -> None:
    key, fresh = tmp_path / "key", tmp_path / "fresh"
    key.write_text("one")
    files = Files()
    files.read(key, 100)
    assert not files.changed()
    fresh.write_text("two")
    fresh.rename(key)
    assert files.changed()


@pytest.mark.parametrize("pattern", ["apps.d/*.yaml", "*/app.yaml", "apps.d/*/app.yaml", "*.yaml"])
def test_a_file_that_a_pattern_would_list_now_counts_as_changed(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "apps.d").mkdir()
    files = Files()
    assert files.listing(pattern, tmp_path) == []
    assert not files.changed()
    added = tmp_path / pattern.replace("*", "acme")
    added.parent.mkdir(exist_ok=True)
    added.write_text("")
    assert files.changed()


def test_a_file_that_was_not_there_counts_as_changed_once_it_is(tmp_path: Path) -> None:
    files = Files()
    assert not files.is_file(tmp_path / ".env")
    (tmp_path / ".env").write_text("A=1")
    assert files.changed()


def test_a_pipe_that_was_read_does_not_count_as_changed(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("secret",))
    writer.start()
    files = Files()
    assert files.read(pipe, 100) == b"secret"
    writer.join()
    assert not files.changed()


def test_a_mode_that_changed_is_a_change(tmp_path: Path) -> None:
    """An app whose secret others could read is served once `chmod 600` was done, also with `server.watch`."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o644)
    files = Files()
    files.read(tmp_path / "secret", 10)
    assert not files.changed()
    (tmp_path / "secret").chmod(0o600)
    assert files.changed()


def test_a_file_whose_name_is_not_utf_8_is_an_invalid_app_of_a_printable_name(tmp_path: Path) -> None:
    """The server did not start: a traceback of the fingerprint."""
    folder = tmp_path / "apps.d"
    folder.mkdir()
    (tmp_path / "config.yaml").write_text("include: apps.d/*.yaml\n" + ONE_APP)
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text("callers: {}\n")
    source = Source(None, ENVIRONMENT, tmp_path)
    problem = "apps.d/caf\\xe9.yaml: cannot be read: its path is not UTF-8 text: rename it"
    isolated = load_for_start(source, Files())
    assert {name: list(map(str, app.problems)) for name, app in isolated.invalid_apps.items()} == {
        "caf\\xe9": [problem]
    }
    with pytest.raises(ConfigurationError, match=f"^{re.escape(problem)}$"):
        source.load(Files())


@pytest.mark.parametrize("name", [b"caf\xe9.yaml", b"caf\xe9/config.yaml"])
def test_a_configuration_whose_path_is_not_utf_8_is_named_printably(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(ONE_APP)
    with pytest.raises(ConfigurationError) as caught:
        Source(os.fsdecode(name), ENVIRONMENT, tmp_path).load(Files())
    shown = name.decode(errors="backslashreplace")
    assert str(caught.value) == f"{shown}: cannot be read: its path is not UTF-8 text: rename it"
