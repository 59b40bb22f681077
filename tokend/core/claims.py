"""Paths to verified claims of a caller, and conditions that compare a claim with expected values."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.core.validation import invalid, redact_secrets

_CLAIM: Final = re.compile(r"""claims((?:\.[A-Za-z0-9_-]+|\["[^"\]]+"\])+)""")
_STEP: Final = re.compile(r"""\.([A-Za-z0-9_-]+)|\["([^"\]]+)"\]""")


class ClaimPath(Struct, frozen=True):
    """The keys that lead to a claim: `claims.a.b`, or `claims["https://x/roles"]` for other characters."""

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "claims" + "".join(f".{step}" if _STEP.fullmatch(f".{step}") else f'["{step}"]' for step in self.steps)

    def of(self, claims: Mapping[str, object]) -> object:
        """Return the value of the claim, or None if it is missing."""
        value: Any = claims
        try:
            for step in self.steps:
                value = value[step]
        except (KeyError, TypeError):  # TypeError: a value on the path is not a mapping
            return None
        return value


class Condition(Struct, frozen=True):
    """A claim equals one of `expected`, or is a list that contains one of them. Types are compared: true is not 1."""

    path: ClaimPath
    expected: tuple[object, ...]

    def holds(self, claims: Mapping[str, object]) -> bool:
        """Return whether the claims meet the condition."""
        claim = self.path.of(claims)
        values = claim if isinstance(claim, list) else [claim]
        return any(type(value) is type(match) and value == match for value in values for match in self.expected)

    def __str__(self) -> str:
        return f"{self.path} is not {' or '.join(map(_written, self.expected))}"


def _written(value: object) -> str:
    """As YAML has it: a text in quotes, since "1" and "true" are not 1 and true."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def parse_claim_path(text: str) -> ClaimPath:
    """Parse `claims.x`, `claims.x.y` or `claims["…"]`. A pydantic error, which is a ValueError, for any other text."""
    match = _CLAIM.fullmatch(text)
    if match is None:
        raise invalid(
            f'has {redact_secrets(text)}, which is no claim: write claims.name, claims.a.b or claims["https://…"]'
        )
    return ClaimPath(tuple(dotted or quoted for dotted, quoted in _STEP.findall(match.group(1))))
