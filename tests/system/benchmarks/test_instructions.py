"""The instructions of a request: written down for a build of Python, and a tenth more of them fails."""

from collections import Counter

import pytest

from benchmarks import instructions, steps
from benchmarks.about import python_build
from tests.needs import skip_or_fail

BEFORE = {
    "zero": {
        "instructions": 1000,
        "bytecodes": {"tokend/issuing/issuer.py": 100.0, "tokend/core/rules.py": 50.0},
        "functions": {"deflate_fast": 300, "_PyEval_EvalFrameDefault": 600},
    }
}


def now(total: int, issuer: float = 100.0, deflate: int = 300) -> dict[str, instructions.Figures]:
    return {
        "zero": {
            "instructions": total,
            "bytecodes": {"tokend/issuing/issuer.py": issuer, "tokend/core/rules.py": 50.0},
            "functions": {"deflate_fast": deflate, "_PyEval_EvalFrameDefault": 600},
        }
    }


@pytest.mark.serial
def test_a_request_takes_no_more_instructions_than_are_written_down() -> None:
    skip_or_fail(instructions.missing())
    before = instructions.written()
    if before is None:
        pytest.skip(f"benchmarks/instructions.json has no figures for {python_build()}: make instructions writes them")
    assert not instructions.growth(before, instructions.measured())


@pytest.mark.parametrize("total", [500, 1000, 1100])
def test_less_and_a_tenth_more_are_fine(total: int) -> None:
    assert not instructions.growth(BEFORE, now(total, issuer=500.0))


def test_more_names_the_modules_that_grew() -> None:
    (said,) = instructions.growth(BEFORE, now(1101, issuer=180.0, deflate=320))
    assert "zero: 1,000 instructions a request are now 1,101 (+10%)" in said
    assert "bytecodes grew in tokend/issuing/issuer.py by 80;" in said
    assert "instructions grew in deflate_fast by 20." in said
    assert "make instructions" in said


def test_instructions_are_summed_by_function() -> None:
    text = "desc: I1\nevents: Ir\nfl=???\nfn=deflate_fast\n0 12\n7 3\nfn=main\n0 5\nfl=zlib.c\nfn=deflate_fast\n0 1\n"
    assert instructions.read(text) == Counter({"deflate_fast": 16, "main": 5})


def test_steps_are_those_of_the_requests_alone() -> None:
    first, second = steps.count("zero"), steps.count("zero")
    assert first.bytecodes == pytest.approx(second.bytecodes, abs=1)  # aiohttp writes the date anew each second
    assert round(first.calls) == round(second.calls)
    assert first.bytecodes["tokend/issuing/issuer.py"] > 0
    assert "benchmarks" not in {module.partition("/")[0] for module in first.bytecodes}
    with_key = steps.count("key")
    assert with_key.calls > first.calls
    assert with_key.bytecodes["tokend/core/rate_limits.py"] > 0


def test_a_library_is_one_module() -> None:
    assert steps.module_of("/usr/lib/python3/site-packages/aiohttp/web_request.py") == "aiohttp"
    assert steps.module_of("/usr/lib/python3.11/hmac.py") == "hmac.py"
    assert steps.module_of(f"{instructions.FILE.parents[1]}/tokend/core/rules.py") == "tokend/core/rules.py"
