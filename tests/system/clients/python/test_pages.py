"""docs/clients and the Python client's README: examples run, pages are complete, and say how each snippet was checked."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.running import DEMO, ROOT, clean_environment, serving
from tokend import client

FOLDER: Final = ROOT / "docs/clients"
PAGES: Final = ("kotlin.md", "flutter.md", "python.md", "react-native.md", "react.md", "swift.md")
"""The pages of this test; javascript.md has its own."""
README: Final = ROOT / "clients/python/README.md"
MARK: Final = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.M | re.S)


def blocks(page: Path, info: str) -> list[str]:
    return [text for language, rest, text in MARK.findall(page.read_text()) if language + rest == info]


def test_the_index_names_every_page() -> None:
    index = (FOLDER / "README.md").read_text()
    assert set(PAGES) <= {page.name for page in FOLDER.iterdir()}
    for page in FOLDER.iterdir():
        assert page.name == "README.md" or f"]({page.name})" in index


@pytest.mark.parametrize(
    "page", [README, FOLDER / "README.md", *(FOLDER / name for name in PAGES)], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https:)([^)#]+)", page.read_text()):
        # that page comes with clients/js
        assert target == "javascript.md" or (page.parent / target).exists(), target


@pytest.mark.parametrize("name", PAGES)
def test_each_snippet_says_how_it_was_checked(name: str) -> None:
    for section in re.split(r"^## ", (FOLDER / name).read_text(), flags=re.M):
        assert bool(re.search(r"^```(?!sh)\w", section, re.M)) == ("\nChecked: " in section), section.partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kotlin.md", ("onTokenPrivilegeWillExpire", "onRequestToken", "TokenSource.fromEndpoint")),
        ("swift.md", ("tokenPrivilegeWillExpire", "rtcEngineRequestToken", "EndpointTokenSource")),
        ("flutter.md", ("onTokenPrivilegeWillExpire", "onRequestToken", "EndpointTokenSource")),
        ("react-native.md", ("onTokenPrivilegeWillExpire", "onRequestToken", "signal: ended.signal", "ended.abort()")),
        ("react.md", ("renewAgoraRtc(client, source",)),
        ("python.md", ("on_token_privilege_will_expire",)),
    ],
)
def test_the_callback_of_the_sdk_is_on_the_page(name: str, words: tuple[str, ...]) -> None:
    text = (FOLDER / name).read_text()
    assert all(word in text for word in words)


@pytest.mark.parametrize("name", ["kotlin.md", "swift.md", "flutter.md"])
def test_a_class_to_copy_keeps_to_the_rules_of_the_index(name: str) -> None:
    text = (FOLDER / name).read_text()
    for word in ("v1/token", "renew_at", "issued_at", "429", "500", "etry-", "code", "detail", "30"):
        assert word in text, word


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("kotlin.md", "seconds.coerceIn(0, 3600)"),
        ("swift.md", "min(max(seconds, 0), 3600)"),
        ("flutter.md", "seconds.clamp(0, 3600)"),
    ],
)
def test_a_class_to_copy_bounds_an_odd_retry_after(name: str, bounds: str) -> None:
    assert bounds in (FOLDER / name).read_text()


def test_a_time_limit_ends_the_wait_for_the_shared_request_in_swift() -> None:
    """`Task.value` waits on when its caller is cancelled: a task group with a time limit waited for the server, for ever."""
    (text,) = blocks(FOLDER / "swift.md", "swift TokenSource.swift")
    handled = "withTaskCancellationHandler { try await task.value } onCancel: { task.cancel() }"
    assert (text.count("task.value"), text.count(handled), text.count("inFlight.value")) == (1, 1, 0)


@pytest.mark.parametrize(("page", "count"), [(FOLDER / "python.md", 3), (README, 1)], ids=["python.md", "README.md"])
def test_the_python_examples_run(page: Path, count: int, tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    examples = blocks(page, "python")
    assert len(examples) == count
    with serving(tmp_path, DEMO) as server:
        said = [printed(text.replace("http://127.0.0.1:8080", server.url), tmp_path) for text in examples]
    expected = {
        "python.md": [
            "a token of the kind rtc, to be renewed 570 seconds after its issue",
            "use Token(",
            "not_permitted 403",
        ],
        "README.md": ["Token(kind='rtc'"],
    }
    for line, beginning in zip(said, expected[page.name], strict=True):
        assert line.startswith(beginning)
        assert "007" not in line, "a token was printed"


def printed(source: str, directory: Path) -> str:
    """The first line that a program prints. Some go on for ever."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", source],
        cwd=directory,
        env=clean_environment({"PYTHONPATH": str(ROOT / "clients/python")}),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        line = process.stdout.readline()
        process.terminate()
    return line


def test_the_fragments_are_python_and_use_what_there_is() -> None:
    fragments = blocks(FOLDER / "python.md", "python fragment")
    assert len(fragments) == 2
    names = {node.id for text in fragments for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert {"Bearer", "TokenSource"} <= names & set(client.__all__)


def test_the_page_names_every_argument_and_every_part() -> None:
    text = (FOLDER / "python.md").read_text()
    code = client.TokenSource.__init__.__code__
    for name in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]:
        assert f"`{name}`" in text, name
    for name in (*client.__all__, *client.Token.__dataclass_fields__):
        assert name in text, name
