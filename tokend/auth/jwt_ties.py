"""Finds pairs of `jwt` callers that the same token could be for, in one app or two: their rules would be ambiguous."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from tokend.auth.contract import Place
from tokend.auth.jwt_options import JwtOptions
from tokend.core.conditions import exclude_each_other
from tokend.core.validation import redact_secrets

_Name = TypeVar("_Name", str, tuple[str, str])
_SHARED: Final = 'say how a token names its app, as in require: {claims.tenant: "{app}"}, or shared: true in both'


def ties_within_app(callers: Mapping[str, JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of an app that trust the same issuer and audience as an earlier caller: their place and a sentence."""
    for name, others in _with_earlier_callers(callers):
        if others:
            same = f"trusts the same issuer and audience as caller {redact_secrets(others[0])}"
            yield (name,), f"{same}: one token could be for both"


def ties_between_apps(callers: Mapping[tuple[str, str], JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of two apps that trust the same issuer and audience without saying how tokens name the app."""
    for name, others in _with_earlier_callers(callers):
        for other in others:
            if name[0] != other[0] and not _are_unambiguous(callers[name], callers[other]):
                app, caller = map(redact_secrets, other)
                yield name, f"trusts the same issuer and audience as caller {caller} of app {app}: {_SHARED}"
                break


def _with_earlier_callers(callers: Mapping[_Name, JwtOptions]) -> Iterator[tuple[_Name, list[_Name]]]:
    """Each caller, and the earlier ones that trust the same issuer and audience."""
    by_issuer: dict[str, list[_Name]] = {}
    for name, options in callers.items():
        if options.is_complete:
            same_issuer = by_issuer.setdefault(options.trusted, [])
            yield name, [other for other in same_issuer if options.audiences & callers[other].audiences]
            same_issuer.append(name)


def _are_unambiguous(options: JwtOptions, other: JwtOptions) -> bool:
    return (options.shared and other.shared) or exclude_each_other(options.conditions, other.conditions)
