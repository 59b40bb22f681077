"""Claims that are asked for, under `when` and `require` alike: from the mapping that is written to conditions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tokend.config.problems import KeyPath, Report
from tokend.core.claims import ClaimError, Condition, parse_claim_path


def build_conditions(written: Mapping[str, Any], at: KeyPath, report: Report) -> Iterator[Condition]:
    """A condition for each claim that is sound; each of the others is a problem."""
    for key, value in written.items():
        wanted = tuple(value) if isinstance(value, list) else (value,)
        if not wanted or not all(isinstance(one, str | int) for one in wanted):
            report.add_after((*at, key), "must be text, a whole number, true or false, or a list of these")
            continue
        try:
            yield Condition(parse_claim_path(key), wanted)
        except ClaimError as problem:
            report.add_after((*at, key), str(problem))


def told_apart(some: Iterable[Condition], others: Iterable[Condition]) -> bool:
    """Whether both ask for the same claim, with different values."""
    others = tuple(others)
    return any(
        one.path == other.path and not set(one.expected) & set(other.expected) for one in some for other in others
    )
