"""Apps that share an issuer: how many comparisons find that they do."""

from typing import Any, cast

from tokend.auth.jwt_options import JwtOptions
from tokend.auth.jwt_ties import ties_between_apps


class _Audiences(frozenset[str]):
    compared = 0

    def __and__(self, other: Any) -> frozenset[str]:
        _Audiences.compared += 1
        return super().__and__(other)


class _Options:
    is_complete, trusted, shared, conditions = True, "https://id.example.com", False, ()
    audiences = _Audiences({"tokend"})


def test_the_first_app_that_decides_is_the_last_that_is_compared() -> None:
    """All of them were compared, although thousands of apps may share an issuer."""
    callers = {(f"app{number}", "web"): cast(JwtOptions, _Options()) for number in range(100)}
    found = [place for place, _ in ties_between_apps(callers)]
    assert found == list(callers)[1:]
    assert _Audiences.compared == len(found)
