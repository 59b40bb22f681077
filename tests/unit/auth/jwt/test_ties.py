"""Apps that share an issuer: which could take the same token, and how many comparisons find that."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tokend.auth import jwt_ties
from tokend.auth.jwt_options import JwtOptions
from tokend.core.conditions import exclude_each_other

APPS = 500


def _options(audience: str | list[str] = "tokend", **more: Any) -> JwtOptions:
    return JwtOptions.model_validate({"issuer": "https://id.example.com", "audience": audience, **more})


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """An entry for each comparison of two `require`."""
    found: list[object] = []

    def counting(some: Any, others: Any) -> bool:
        found.append(some)
        return exclude_each_other(some, others)

    monkeypatch.setattr(jwt_ties, "exclude_each_other", counting)
    return found


def _tied(*options: JwtOptions) -> list[str]:
    callers = {(f"app{number}", "web"): of_app for number, of_app in enumerate(options)}
    return [str(app) for (app, *_), _ in jwt_ties.ties_between_apps(callers)]


def test_apps_that_are_told_apart_by_a_claim_are_not_compared_with_each_other(compared: list[object]) -> None:
    """Each was compared with all others: 3,000 apps of an issuer took half a minute to load."""
    own = [_options(require={"claims.tenant": f"app{number}"}) for number in range(APPS)]
    assert _tied(*own) == []
    assert len(compared) < APPS


def test_a_claim_with_one_value_in_all_apps_does_not_make_them_be_compared(compared: list[object]) -> None:
    both = [_options(require={"claims.role": "host", "claims.tenant": f"app{number}"}) for number in range(APPS)]
    assert _tied(*both) == []
    assert len(compared) < APPS


@pytest.mark.parametrize("require", [{}, {"require": {"claims.role": "host"}}])
def test_apps_that_require_the_same_count_as_one(compared: list[object], require: dict[str, Any]) -> None:
    """All of them were compared, although thousands of apps may share an issuer."""
    same = [_options(**require) for _ in range(APPS)]
    assert _tied(*same) == [f"app{number}" for number in range(1, APPS)]
    assert len(compared) < APPS


def test_a_value_in_common_is_a_tie_whatever_else_is_named() -> None:
    one = _options(require={"claims.tenant": ["a", "b"], "claims.role": "host"})
    other = _options(require={"claims.tenant": ["b", "c"]})
    assert _tied(one, other) == ["app1"]
    assert _tied(one, _options(require={"claims.tenant": ["c", "d"]})) == []


def _lines_run(check: Callable[[], object]) -> int:
    """How many lines of the module run in a call. A comprehension counts a line for each of its entries."""
    ran = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal ran
        if frame.f_code.co_filename != jwt_ties.__file__:
            return None
        ran += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        check()
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize("also", [[], ["tokend"]])
def test_apps_that_are_told_apart_by_their_audiences_are_not_compared_with_each_other(also: list[str]) -> None:
    """Each was compared with all others: 4,000 apps with audiences of their own took 15 seconds to load."""

    def lines_for(apps: int) -> int:
        own = [_options([f"api{app}", *also], require={"claims.tenant": f"app{app}"}) for app in range(apps)]
        return _lines_run(lambda: _tied(*own))

    assert lines_for(APPS) < 3 * lines_for(APPS // 2)


def test_callers_of_one_app_are_not_compared_with_each_other() -> None:
    """As thousands of apps were: 4,000 callers took half a minute to load."""

    def lines_for(callers: int) -> int:
        own = {f"caller{number}": _options(f"api{number}") for number in range(callers)}
        return _lines_run(lambda: list(jwt_ties.ties_within_app(own)))

    assert lines_for(APPS) < 3 * lines_for(APPS // 2)


def test_apps_that_share_one_of_several_audiences_are_tied_once() -> None:
    assert _tied(_options(["a", "b", "c"]), _options(["b", "c", "d"]), _options(["e"])) == ["app1"]


def test_a_caller_is_tied_with_an_earlier_one_of_any_of_its_audiences() -> None:
    assert _tied(_options("a"), _options("b"), _options(["b", "a"])) == ["app2"]
    callers = {"some": _options("a"), "others": _options(["a", "b"]), "last": _options("b"), "apart": _options("c")}
    assert [place for place, _ in jwt_ties.ties_within_app(callers)] == [("others",), ("last",)]
