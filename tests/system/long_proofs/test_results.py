"""What the scripts found gets into data and page whole, newest last, and no missed bar looks like one that was held."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.long import __main__ as command
from tests.long import results
from tests.long.report import Bar, Figure, Report
from tests.long.results import Result
from tests.long.sizes import amount

HELD = Result(
    promise="P1: nothing is lost",
    measured="2026-01-02 03:04 UTC",
    command="SOAK_ASKS=7 python -m tests.long audit_before_release",
    seconds=12,
    load=0.25,
    cores=2,
    failed="",
    bars=[Bar("tokens lost", "0", "none", held=True)],
    figures=[Figure("lines", "7")],
)
MISSED = HELD._replace(
    promise="P10: nobody waits",
    command="python -m tests.long hostile_requests",
    bars=[Bar("a | b", "2 s", "at most 1 s", held=False)],
)
ENDED = HELD._replace(promise="P2: it ends", failed="OSError: no <disk>", bars=[])


@pytest.fixture
def page(tmp_path: Path) -> Path:
    written = tmp_path / "page.md"
    written.write_text(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n")
    return written


def test_what_is_written_is_read_again_and_shown_between_the_marks(tmp_path: Path, page: Path) -> None:
    data = tmp_path / "results.json"
    assert results.read(data) == {}
    results.write({"audit_before_release": HELD}, data, page)
    assert results.read(data) == {"audit_before_release": HELD}
    assert page.read_text() == (
        f"before\n{results.BEGIN}\n\n"
        "| promise | held | what has to hold | also found | run |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| P1: nothing is lost | yes | tokens lost: 0 (none: held) | lines: 7 | "
        "`SOAK_ASKS=7 python -m tests.long audit_before_release`<br>2026-01-02 03:04 UTC, 12 s, load 0.2 on 2 cores |"
        f"\n\n{results.END}\nafter\n"
    )


def test_the_newest_run_of_a_script_replaces_its_own_alone(tmp_path: Path, page: Path) -> None:
    data = tmp_path / "results.json"
    results.write({"hostile_requests": MISSED, "audit_write_faults": ENDED}, data, page)
    results.write({"hostile_requests": HELD}, data, page)
    results.write({"audit_before_release": HELD}, data, page)
    assert list(results.read(data)) == ["audit_before_release", "audit_write_faults", "hostile_requests"]
    assert results.read(data)["hostile_requests"] == HELD
    assert "nobody waits" not in page.read_text()


def test_a_missed_bar_is_shown_as_missed() -> None:
    shown = results.text({"hostile_requests": MISSED})
    assert "| **no** | a \\| b: 2 s (**at most 1 s: MISSED**) |" in shown


def test_a_run_that_did_not_end_is_shown_so() -> None:
    shown = results.text({"audit_write_faults": ENDED})
    assert "| **no** | **did not come to its end**: OSError: no &lt;disk> |" in shown


def test_the_page_shows_the_data() -> None:
    """`docs/figures.md` and `tests/long/results.json` say the same: `make soak` writes both."""
    found = results.read(command.DATA)
    assert results.text(found) in command.PAGE.read_text()
    assert set(found) <= set(command.scripts())


def script(name: str, monkeypatch: pytest.MonkeyPatch, failure: BaseException | None) -> None:
    """Stands in for one of the scripts."""

    def run(report: Report) -> None:
        report.bar("requests", amount("SOAK_ASKS", 5), "5", held=True)
        if failure is not None:
            raise failure

    module = ModuleType(name)
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"tests.long.{name}", module)


@pytest.mark.parametrize("failure", [AssertionError("two lines\nof it"), SystemExit("wrk is needed")])
def test_a_script_that_fails_takes_no_other_along(
    failure: BaseException,
    tmp_path: Path,
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "DATA", tmp_path / "results.json")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setenv("SOAK_ASKS", "3")
    script("provider_down", monkeypatch, None)
    script("key_rotation", monkeypatch, failure)
    script("unknown_key_ids", monkeypatch, None)
    assert command.main(["p15", "p16", "p17", "--write"]) == 1
    found = results.read(tmp_path / "results.json")
    assert [one.held for one in found.values()] == [True, False, True]
    failed = found["key_rotation"]
    assert failed.failed == f"{type(failure).__name__}: {failure}"
    assert failed.bars == [Bar("requests", "3", "5", held=True)]  # found before it failed
    assert failed.command == "SOAK_ASKS=3 python -m tests.long key_rotation"
    assert failed.promise.startswith("P16: a new key of a real identity provider")
    assert f"FAILED key_rotation: {failed.failed}" in capsys.readouterr().err
    assert results.text(found) in page.read_text()


def test_without_write_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "DATA", tmp_path / "results.json")
    script("provider_down", monkeypatch, None)
    assert command.main(["p15"]) == 0
    assert list(tmp_path.iterdir()) == []
