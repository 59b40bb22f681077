"""Finds pairs of `jwt` callers that the same token could be for, in one app or two: their rules would be ambiguous."""

from collections.abc import Iterator, Mapping
from typing import Final

from tokend.auth.contract import Place
from tokend.auth.jwt_options import JwtOptions
from tokend.core.conditions import exclude_each_other
from tokend.core.validation import redact_secrets

_SHARED: Final = 'say how a token names its app, as in require: {claims.tenant: "{app}"}, or shared: true in both'


def ties_within_app(callers: Mapping[str, JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of an app that trust the same issuer and audience as an earlier caller: their place and a sentence."""
    by_issuer: dict[str, list[tuple[str, JwtOptions]]] = {}
    for name, options in callers.items():
        if not options.is_complete:
            continue
        same_issuer = by_issuer.setdefault(options.trusted, [])
        for other_name, other in same_issuer:
            if options.audiences & other.audiences:
                same = f"trusts the same issuer and audience as caller {redact_secrets(other_name)}"
                yield (name,), f"{same}: one token could be for both"
                break
        same_issuer.append((name, options))


def ties_between_apps(callers: Mapping[tuple[str, str], JwtOptions]) -> Iterator[tuple[Place, str]]:
    """Callers of two apps that trust the same issuer and audience without saying how tokens name the app."""
    by_issuer: dict[str, list[tuple[tuple[str, str], JwtOptions]]] = {}
    for name, options in callers.items():
        if not options.is_complete:
            continue
        same_issuer = by_issuer.setdefault(options.trusted, [])
        for other_name, other in same_issuer:
            if name[0] != other_name[0] and _is_tie(options, other):
                app, caller = map(redact_secrets, other_name)
                yield name, f"trusts the same issuer and audience as caller {caller} of app {app}: {_SHARED}"
                break
        same_issuer.append((name, options))


def _is_tie(options: JwtOptions, other: JwtOptions) -> bool:
    if not options.audiences & other.audiences or (options.shared and other.shared):
        return False
    return not exclude_each_other(options.conditions, other.conditions)
