"""P5's script on a few triples, and that it would find a difference."""

import pytest

from soak import p5_rules
from tests.core.reference_rules import verdict


def test_nothing_is_different() -> None:
    found = p5_rules.compared(p5_rules.Part(seed=99, triples=2_000))
    assert found.tried == 2_000
    assert found.permitted > 50
    assert found.different == []


def test_a_model_that_says_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        p5_rules, "verdict", lambda *asked: verdict(*asked[:3], asked[3]._replace(longest=300), asked[4])
    )
    assert p5_rules.compared(p5_rules.Part(seed=99, triples=2_000)).different
