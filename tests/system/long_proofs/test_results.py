"""What the scripts found gets whole into the data and the page, and no missed bar looks like one that was held."""

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
    command="PROOF_ASKS=7 python -m tests.long audit_before_release",
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
ENDED = HELD._replace(
    promise="P2: it ends", command="python -m tests.long audit_write_faults", failed="OSError: no <disk>", bars=[]
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    written = tmp_path / "page.md"
    written.write_text(f"before\n{results.BEGIN}\n\n{results.HEAD}\n{results.END}\nafter\n")
    return written


def test_what_is_kept_is_read_again_and_the_newest_run_replaces_its_own_alone(tmp_path: Path) -> None:
    data = tmp_path / "build" / "results.json"
    assert results.read(data) == {}
    results.keep("hostile_requests", MISSED, data)
    results.keep("audit_write_faults", ENDED, data)
    results.keep("hostile_requests", HELD, data)
    results.keep("audit_before_release", HELD, data)
    assert results.read(data) == {"audit_before_release": HELD, "audit_write_faults": ENDED, "hostile_requests": HELD}
    assert list(results.read(data)) == ["audit_before_release", "audit_write_faults", "hostile_requests"]


def test_a_run_is_a_row_between_the_marks(page: Path) -> None:
    results.publish("audit_before_release", HELD, page)
    assert page.read_text() == (
        f"before\n{results.BEGIN}\n\n"
        "| promise | held | what has to hold | also found | run |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| P1: nothing is lost | yes | tokens lost: 0 (none: held) | lines: 7 | "
        "`PROOF_ASKS=7 python -m tests.long audit_before_release`<br>2026-01-02 03:04 UTC, 12 s, load 0.2 on 2 cores |"
        f"\n\n{results.END}\nafter\n"
    )


def test_a_row_replaces_its_own_alone_and_stands_in_the_order_of_the_promises(page: Path) -> None:
    results.publish("hostile_requests", MISSED, page)
    results.publish("audit_write_faults", ENDED, page)
    other = results.published(page)["audit_write_faults"]
    results.publish("hostile_requests", MISSED._replace(bars=HELD.bars), page)
    results.publish("audit_before_release", HELD, page)
    rows = results.published(page)
    assert list(rows) == ["audit_before_release", "audit_write_faults", "hostile_requests"]
    assert rows["audit_write_faults"] == other
    assert "MISSED" not in page.read_text()


def test_a_row_of_no_script_is_an_error(page: Path) -> None:
    results.publish("hostile_requests", MISSED, page)
    page.write_text(page.read_text().replace("python -m tests.long hostile_requests", "python -m tests.long gone"))
    with pytest.raises(KeyError, match="this row names no script"):
        results.published(page)


def test_a_missed_bar_is_shown_as_missed() -> None:
    assert "| **no** | a \\| b: 2 s (**at most 1 s: MISSED**) |" in results.row(MISSED)


def test_a_run_that_did_not_end_is_shown_so() -> None:
    assert "| **no** | **did not come to its end**: OSError: no &lt;disk> |" in results.row(ENDED)


def test_each_row_of_the_page_names_a_script_that_is_there() -> None:
    assert set(results.published(command.PAGE)) <= set(command.scripts())


def script(name: str, monkeypatch: pytest.MonkeyPatch, failure: BaseException | None) -> None:
    """Stands in for one of the scripts."""

    def run(report: Report) -> None:
        report.bar("requests", amount("PROOF_ASKS", 5), "5", held=True)
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
    monkeypatch.setenv("PROOF_ASKS", "3")
    script("provider_down", monkeypatch, None)
    script("key_rotation", monkeypatch, failure)
    script("unknown_key_ids", monkeypatch, None)
    assert command.main(["p15", "p16", "p17", "--write"]) == 1
    found = results.read(tmp_path / "results.json")
    assert [result.held for result in found.values()] == [True, False, True]
    failed = found["key_rotation"]
    assert failed.failed == f"{type(failure).__name__}: {failure}"
    assert failed.bars == [Bar("requests", "3", "5", held=True)]  # found before it failed
    assert failed.command == "PROOF_ASKS=3 python -m tests.long key_rotation"
    assert failed.promise.startswith("P16: a new key of a real identity provider")
    assert f"FAILED key_rotation: {failed.failed}" in capsys.readouterr().err
    assert list(results.published(page).values()) == [results.row(result) for result in found.values()]


def test_without_write_the_page_stays_as_it_is(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = page.read_text()
    monkeypatch.setattr(command, "DATA", tmp_path / "results.json")
    monkeypatch.setattr(command, "PAGE", page)
    script("provider_down", monkeypatch, None)
    assert command.main(["p15"]) == 0
    assert list(results.read(tmp_path / "results.json")) == ["provider_down"]
    assert page.read_text() == before
