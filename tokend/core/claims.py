"""Verified claims of a caller: how a path names one, and what it means that one equals a wanted value."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.core.validation import redact_secrets

_CLAIM: Final = re.compile(r"""claims((?:\.[A-Za-z0-9_-]+|\["[^"\]]+"\])+)""")
_STEP: Final = re.compile(r"""\.([A-Za-z0-9_-]+)|\["([^"\]]+)"\]""")


class ClaimError(ValueError):
    """A text that names no claim, with what to write instead."""


class ClaimPath(Struct, frozen=True):
    """`claims.a.b` or `claims["https://x/roles"]`, as the steps into nested claims."""

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "claims" + "".join(f".{one}" if re.fullmatch(r"[\w-]+", one) else f'["{one}"]' for one in self.steps)

    def of(self, claims: Mapping[str, object]) -> object:
        """The claim, or None where there is none."""
        at: Any = claims
        try:
            for step in self.steps:
                at = at[step]
        except (KeyError, TypeError):  # TypeError: what it is looked for in is no mapping
            return None
        return at


class Condition(Struct, frozen=True):
    """A claim equals one of the values, or is a list that holds one. Types count: true is not 1."""

    path: ClaimPath
    wanted: tuple[object, ...]

    def holds(self, claims: Mapping[str, object]) -> bool:
        found = self.path.of(claims)
        candidates = found if isinstance(found, list) else [found]
        return any(type(one) is type(want) and one == want for one in candidates for want in self.wanted)

    def __str__(self) -> str:
        wanted = " or ".join(f'"{one}"' for one in self.wanted)
        return f"{self.path} is not {wanted}"


def parse_claim_path(text: str) -> ClaimPath:
    """`ClaimError` unless it is `claims.x`, nested with dots or `claims["…"]`."""
    whole = _CLAIM.fullmatch(text)
    if whole is None:
        raise ClaimError(
            f'has {redact_secrets(text)}, which is no claim: write claims.name, claims.a.b or claims["https://…"]'
        )
    return ClaimPath(tuple(dotted or quoted for dotted, quoted in _STEP.findall(whole.group(1))))
