"""P5's script on a few triples, and that it would find a difference."""

from typing import Any

import pytest

from tests.long import rules_reference
from tests.unit.core.reference_rules import Granted, verdict


def test_nothing_is_different() -> None:
    found = rules_reference.compared(rules_reference.Part(seed=99, triples=2_000))
    assert found.tried == 2_000
    assert found.permitted > 50
    assert found.different == []


def test_a_model_that_says_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*asked: Any) -> Granted | None:
        rules, claims, token_request, bounds, restrictions = asked
        return verdict(rules, claims, token_request, bounds._replace(longest=300), restrictions)

    monkeypatch.setattr(rules_reference, "verdict", mistaken)
    assert rules_reference.compared(rules_reference.Part(seed=99, triples=2_000)).different
