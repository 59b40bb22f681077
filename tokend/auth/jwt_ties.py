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
    for name, _, earlier in _with_earlier_callers(callers):
        for other, _ in earlier:
            same = f"trusts the same issuer and audience as caller {redact_secrets(other)}"
            yield (name,), f"{same}: one token could be for both"
            break


def ties_between_apps(callers: Mapping[tuple[str, str], JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of two apps that trust the same issuer and audience without saying how tokens name the app."""
    for name, options, earlier in _with_earlier_callers(callers):
        for other, of_other in earlier:
            if name[0] != other[0] and not _are_unambiguous(options, of_other):
                app, caller = map(redact_secrets, other)
                yield name, f"trusts the same issuer and audience as caller {caller} of app {app}: {_SHARED}"
                break


_Earlier = Iterator[tuple[_Name, JwtOptions]]


def _with_earlier_callers(callers: Mapping[_Name, JwtOptions]) -> Iterator[tuple[_Name, JwtOptions, _Earlier[_Name]]]:
    """Each caller, and the earlier ones that trust the same issuer and audience, found one by one.

    Thousands of apps may share an issuer, and the first of them may decide.
    """
    by_issuer: dict[str, list[tuple[_Name, JwtOptions]]] = {}
    for name, options in callers.items():
        if options.is_complete:
            same_issuer, audiences = by_issuer.setdefault(options.trusted, []), options.audiences
            yield name, options, (entry for entry in same_issuer if audiences & entry[1].audiences)
            same_issuer.append((name, options))


def _are_unambiguous(options: JwtOptions, other: JwtOptions) -> bool:
    return (options.shared and other.shared) or exclude_each_other(options.conditions, other.conditions)
