"""Finds pairs of `jwt` callers that the same token could be for, in one app or two: their rules would be ambiguous."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from tokend.auth.contract import Place
from tokend.auth.jwt_options import JwtOptions
from tokend.core.claims import ClaimPath, Condition
from tokend.core.conditions import exclude_each_other
from tokend.core.validation import redact_secrets

_SHARED: Final = 'say how a token names its app, as in require: {claims.tenant: "{app}"}, or shared: true in both'


def ties_within_app(callers: Mapping[str, JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of an app that trust the same issuer and audience as an earlier caller: their place and a sentence."""
    earlier: dict[tuple[str, str], str] = {}
    for name, options in callers.items():
        if options.is_complete:
            trusted = [(options.trusted, audience) for audience in sorted(options.audiences)]
            other = next((earlier[pair] for pair in trusted if pair in earlier), None)
            if other is not None:
                same = f"trusts the same issuer and audience as caller {redact_secrets(other)}"
                yield (name,), f"{same}: one token could be for both"
            for pair in trusted:
                earlier.setdefault(pair, name)


def ties_between_apps(callers: Mapping[tuple[str, str], JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of two apps that trust the same issuer and audience without saying how tokens name the app.

    Each is compared with earlier ones of its audiences, of which those that require the same are compared as one.
    """
    by_audience: dict[tuple[str, str], dict[_Alike, _Callers]] = {}
    for name, options in callers.items():
        if not options.is_complete:
            continue
        conditions = options.conditions
        alike = (frozenset(condition.path for condition in conditions), options.shared)
        groups = [by_audience.setdefault((options.trusted, audience), {}) for audience in sorted(options.audiences)]
        tied = (
            other
            for of_audience in groups
            for (_, shared), group in of_audience.items()
            if not (shared and options.shared)
            for other in group.tied_with(name, conditions)
        )
        for other in islice(tied, 1):
            app, caller = map(redact_secrets, other)
            yield name, f"trusts the same issuer and audience as caller {caller} of app {app}: {_SHARED}"
        for of_audience in groups:
            of_audience.setdefault(alike, _Callers()).add(name, conditions)


_Alike = tuple[frozenset[ClaimPath], bool]
"""The claims that callers require, with whatever values, and whether they are shared."""
_Conditions = tuple[Condition, ...]


class _Callers:
    """Callers that require the same claims. They are found by the values, since thousands of apps may share an issuer."""

    def __init__(self) -> None:
        self._names: dict[_Conditions, list[tuple[str, str]]] = {}
        self._by_value: dict[ClaimPath, dict[object, list[_Conditions]]] = {}

    def add(self, name: tuple[str, str], conditions: _Conditions) -> None:
        if conditions not in self._names:
            for condition in conditions:
                by_value = self._by_value.setdefault(condition.path, {})
                for value in condition.expected:
                    by_value.setdefault(value, []).append(conditions)
        self._names.setdefault(conditions, []).append(name)

    def tied_with(self, name: tuple[str, str], conditions: _Conditions) -> Iterator[tuple[str, str]]:
        """Those of other apps whose conditions the same claims could meet."""
        for other in self._candidates(conditions):
            if not exclude_each_other(conditions, other):
                yield from (caller for caller in self._names[other] if caller[0] != name[0])

    def _candidates(self, conditions: _Conditions) -> Iterable[_Conditions]:
        """Those that have a value in common with these in a claim that both require; all if there is no such claim."""
        candidates = (
            {other: None for value in condition.expected for other in self._by_value[condition.path].get(value, ())}
            for condition in conditions
            if condition.path in self._by_value
        )
        return min(candidates, key=len, default=self._names)
