"""Holds each grant and each minted token against the contract of backends, whoever wrote the backend.

What is not declared is refused as not permitted. Any other breach is an error of the backend: 500, and nothing is released.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Final, NoReturn

import msgspec

from tokend.backends.contract import Backend, Minted, Mismatch
from tokend.core.declarations import NEVER, REQUIRED, Presence
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Extent, Grant, Issuance, Service
from tokend.core.reach import Reach, reach_of

ANSWER_FIELDS: Final = frozenset(
    ("token", "kind", "app_id", "role", "ttl", "ttl_asked", "issued_at", "expires_at", "renew_at", "error")
)
"""Fields of an answer that no backend may set in `Minted.extra`."""


def granted(backend: Backend, kind: str, fields: Any, ttl: int, user: str | None = None) -> tuple[Grant, Reach]:
    """Return what the backend would grant, and its reach. `ttl` is in seconds.

    Raises `ApiError`: that of the backend (400), 403 for a privilege or detail that it does not declare, and 500 for a grant
    that breaks the contract.
    """
    try:
        grant = backend.grant(fields, ttl, user)
    except ApiError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may raise anything; its text could hold a secret
        _broken(kind, f"grant raised {type(error).__name__}", error)
    if problem := next(_problems(grant, backend, ttl), None):
        _broken(kind, problem)
    declarations = backend.declarations
    for service in grant.services:
        if not service.privileges.keys() <= declarations.privileges.keys():
            raise _undeclared(kind, "privilege", service.privileges.keys() - declarations.privileges.keys())
        if not service.detail.keys() <= declarations.details.keys():
            raise _undeclared(kind, "detail", service.detail.keys() - declarations.details.keys())
    return grant, reach_of(grant, declarations)


def checked_mint(backend: Backend, kind: str, grant: Grant, issuance: Issuance) -> Minted:
    """Mint a token, read it back and compare it with the grant. Raises `ApiError` (500), without a token, if they differ."""
    try:
        minted = backend.mint(grant, issuance)
        mismatch = _mint_problem(minted, backend, grant) or backend.verify(minted, grant, issuance)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may raise anything; its text could hold a secret
        _broken(kind, f"minting raised {type(error).__name__}", error)
    if mismatch is not None:
        _broken(kind, mismatch.sentence)
    return minted


def _broken(kind: str, sentence: str, cause: BaseException | None = None) -> NoReturn:
    raise ApiError(Code.INTERNAL, "the token was not released", operator=f"backend of {kind}: {sentence}") from cause


def _undeclared(kind: str, what: str, names: Set[str]) -> ApiError:
    listed = ", ".join(sorted(repr(str(name)[:100]) for name in names)[:3])
    return ApiError(
        Code.NOT_PERMITTED, f"kind {kind} does not declare a {what} that this would give", operator=f"{what} {listed}"
    )


def _problems(grant: Grant, backend: Backend, ttl: int) -> Iterator[str]:
    """How a grant breaks the contract, apart from what it leaves undeclared."""
    if type(grant) is not Grant:
        yield "grant returned no Grant"
        return
    if type(grant.ttl) is not int or grant.ttl != ttl:
        yield "the grant does not last as long as requested"
    if backend.needs_app_id and grant.app_id != backend.app_credentials.app_id:
        yield "the grant is for another app"
    if type(grant.services) is not tuple or not grant.services:
        yield "the grant has no services"
        return
    shapes, unlimited = backend.declarations.services, backend.declarations.unlimited
    for service in grant.services:
        if type(service) is not Service:
            yield "a service of the grant is no Service"
            return
        shape = shapes.get(service.name)
        if shape is None:
            yield "a service of the grant is not declared"
            return
        if not _is_id(service.user, shape.user) or not _is_id(service.channel, shape.channel):
            yield f"user or channel of service {service.name} are not as declared"
        for name, seconds in service.privileges.items():
            if type(seconds) is not int or not (0 < seconds <= ttl or (seconds == 0 and name in unlimited)):
                yield f"a privilege of service {service.name} does not lie within the token's lifetime"
        if service.more_users or service.more_channels or service.derived_from is not None or service.detail:
            yield from _further_problems(service)


def _is_id(name: object, presence: Presence) -> bool:
    """Whether an id is as its service declares it."""
    if presence is NEVER or name is NOT_APPLICABLE:
        return name is NOT_APPLICABLE and presence is not REQUIRED
    return _is_text(name) if type(name) is str else isinstance(name, Extent)


def _is_text(name: object) -> bool:
    """Whether an id is text that is not empty and has a form in UTF-8: half of a surrogate pair has none."""
    if type(name) is not str or not name:
        return False
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _further_problems(service: Service) -> Iterator[str]:
    for names in (service.more_users, service.more_channels):
        if type(names) is not tuple or not all(map(_is_text, names)):
            yield f"further users and channels of service {service.name} must be tuples of text"
    if service.derived_from is not None and not _is_text(service.derived_from):
        yield f"derived_from of service {service.name} must be text"
    try:
        msgspec.json.encode(service.detail)
    except (TypeError, ValueError, RecursionError, OverflowError):
        yield f"the detail of service {service.name} is no plain data"


def _mint_problem(minted: Minted, backend: Backend, grant: Grant) -> Mismatch | None:
    """How a minted token breaks the contract, before it is read back."""
    if type(minted) is not Minted or type(minted.token) is not str or not minted.token:
        return Mismatch("mint returned no token")
    if type(minted.renew_after) is not int or not 0 <= minted.renew_after <= grant.ttl:
        return Mismatch("renewal does not lie within the token's lifetime")
    return _extra_problem(minted.extra, backend) if minted.extra else None


def _extra_problem(extra: Mapping[str, object], backend: Backend) -> Mismatch | None:
    if not extra.keys() <= frozenset(backend.extras):
        return Mismatch("extra holds a key that `extras` does not declare")
    if extra.keys() & (ANSWER_FIELDS | backend.Fields.model_fields.keys()):
        return Mismatch("extra holds a key that the answer has already")
    try:
        msgspec.json.encode(extra)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return Mismatch("extra is no plain data")
    return None
