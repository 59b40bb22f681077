"""Apps that share an issuer: which could take the same token, and how many comparisons find that."""

from typing import Any

import pytest

from tokend.auth import jwt_ties
from tokend.auth.jwt_options import JwtOptions
from tokend.core.conditions import exclude_each_other

APPS = 500


def _options(**more: Any) -> JwtOptions:
    return JwtOptions(issuer="https://id.example.com", audience=["tokend"], **more)


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
