"""Holds each grant and each minted token against the contract of backends, whoever wrote the backend.

What is not declared is refused as not permitted. Any other breach is an error of the backend: 500, and nothing is released.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Final, NoReturn

import msgspec

from tokend.backends.contract import ANSWER_FIELDS, Backend, Minted
from tokend.core.declarations import NEVER, REQUIRED, Presence
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Extent, Grant, Issuance, Service
from tokend.core.reach import Reach, reach_of

PLUGIN_ERRORS: Final = (Exception, SystemExit)
"""What a plug-in may raise. Neither may end the server, and no text of it is shown: it could hold a secret."""


def granted(backend: Backend, kind: str, fields: Any, ttl: int, user: str | None = None) -> tuple[Grant, Reach]:
    """Return what the backend would grant, and its reach. `ttl` is in seconds.

    Raises `ApiError`: that of the backend (400), 403 for a privilege or detail that it does not declare, and 500 for a grant
    that breaks the contract.
    """
    try:
        grant = backend.grant(fields, ttl, user)
    except ApiError:
        raise
    except PLUGIN_ERRORS as error:
        _broken(kind, f"grant raised {type(error).__name__}", error)
    try:
        return grant, _checked_reach(grant, backend, kind, ttl)
    except ApiError:
        raise
    except PLUGIN_ERRORS as error:
        _broken(kind, f"what grant returned cannot be checked: {type(error).__name__}", error)


def _checked_reach(grant: Grant, backend: Backend, kind: str, ttl: int) -> Reach:
    if problem := next(_problems(grant, backend, ttl), None):
        _broken(kind, problem)
    declarations = backend.declarations
    for service in grant.services:
        if not service.privileges.keys() <= declarations.privileges.keys():
            raise _undeclared(kind, "privilege", service.privileges.keys() - declarations.privileges.keys())
        if not service.detail.keys() <= declarations.details.keys():
            raise _undeclared(kind, "detail", service.detail.keys() - declarations.details.keys())
    return reach_of(grant, declarations)


def checked_mint(backend: Backend, kind: str, grant: Grant, issuance: Issuance) -> Minted:
    """Mint a token, read it back and compare it with the grant. Raises `ApiError`, without a token: 500 if they differ.

    A backend may raise INVALID_FIELD (400) for what no token of its format can hold.
    """
    try:
        judged = _changeable(grant)
        minted = backend.mint(grant, issuance)
    except PLUGIN_ERRORS as error:
        if isinstance(error, ApiError) and error.code == Code.INVALID_FIELD:
            raise
        _broken(kind, f"minting raised {type(error).__name__}", error)
    try:
        problem = _mint_problem(minted, backend, grant)
        if problem is None and (mismatch := backend.verify(minted, grant, issuance)) is not None:
            problem = mismatch.sentence
        if problem is None and _changeable(grant) != judged:
            problem = "mint or verify changed the grant that the rules have judged"
    except PLUGIN_ERRORS as error:
        _broken(kind, f"verifying raised {type(error).__name__}", error)
    if problem is not None:
        _broken(kind, problem)
    return minted


def names_user(backend: Backend, kind: str, fields: Any) -> bool:
    """Return whether the fields name a user. Raises `ApiError` (500) if the backend fails."""
    try:
        return bool(backend.names_user(fields))
    except PLUGIN_ERRORS as error:
        _broken(kind, f"names_user raised {type(error).__name__}", error)


def filled(backend: Backend, kind: str, user: str) -> Mapping[str, object]:
    """Return a user that came from a rule as fields of the answer. Raises `ApiError` (500) if they are no request fields."""
    try:
        fields = dict(backend.filled(user))
        msgspec.json.encode(fields)
    except PLUGIN_ERRORS as error:
        _broken(kind, f"filled raised {type(error).__name__}, or returned no plain data", error)
    if not fields.keys() <= backend.Fields.model_fields.keys():
        _broken(kind, "filled returned a field that `Fields` does not have")
    return fields


def renewal_problem(minted: Minted, ttl: int) -> str | None:
    """Return what is wrong with the time of renewal: it is 1 s to the ttl. A ttl of 1 s has no half, so there 0 is allowed."""
    earliest = 0 if ttl == 1 else 1
    if type(minted.renew_after) is int and earliest <= minted.renew_after <= ttl:
        return None
    return "renewal does not lie within the token's lifetime"


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
    if not _is_text(grant.format) or not (grant.app_id is None or _is_text(grant.app_id)):
        yield "format and app id of the grant must be text"
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
        if not (_is_mapping(service.privileges) and _is_mapping(service.detail)):
            yield f"privileges and detail of service {service.name} must be mappings"
            return
        if not _is_id(service.user, shape.user) or not _is_id(service.channel, shape.channel):
            yield f"user or channel of service {service.name} are not as declared"
        for name, seconds in service.privileges.items():
            if type(seconds) is not int or not (0 < seconds <= ttl or (seconds == 0 and name in unlimited)):
                yield f"a privilege of service {service.name} does not lie within the token's lifetime"
        if service.more_users or service.more_channels or service.derived_from is not None or service.detail:
            yield from _further_problems(service)


def _changeable(grant: Grant) -> list[tuple[dict[str, int], bytes]]:
    """A copy of what code that has a grant could change in it."""
    return [
        (dict(service.privileges), msgspec.json.encode(service.detail) if service.detail else b"")
        for service in grant.services
    ]


def _is_mapping(value: object) -> bool:
    return type(value) is dict or isinstance(value, Mapping)


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
    if not _is_plain_data(service.detail):
        yield f"the detail of service {service.name} is no plain data"


def _mint_problem(minted: Minted, backend: Backend, grant: Grant) -> str | None:
    """How a minted token breaks the contract, before it is read back."""
    if type(minted) is not Minted or type(minted.token) is not str or not minted.token:
        return "mint returned no token"
    if problem := renewal_problem(minted, grant.ttl):
        return problem
    extra: object = minted.extra  # unchecked: msgspec takes any value
    if not isinstance(extra, Mapping):
        return "extra is no mapping"
    for name in extra:
        if name not in backend.extras:
            return "extra holds a key that `extras` does not declare"
        if name in ANSWER_FIELDS or name in backend.Fields.model_fields:
            return "extra holds a key that the answer has already"
    return None if not extra or _is_plain_data(extra) else "extra is no plain data"


def _is_plain_data(value: object) -> bool:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True
