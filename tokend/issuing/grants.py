"""Holds each grant and each minted token against the contract of backends, whoever wrote the backend.

What is not declared is refused as not permitted. Any other breach is an error of the backend: 500, and nothing is released.
"""

from collections.abc import Mapping, Set
from typing import Any, Final, NoReturn

import msgspec

from tokend.backends.contract import ANSWER_FIELDS, Backend, Minted
from tokend.core.declarations import NEVER, REQUIRED, Declarations, Presence
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
    if problem := _grant_problem(grant, backend, ttl):
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


def _broken(kind: str, sentence: str, cause: BaseException | None = None) -> NoReturn:
    raise ApiError(Code.INTERNAL, "the token was not released", operator=f"backend of {kind}: {sentence}") from cause


def _undeclared(kind: str, what: str, names: Set[str]) -> ApiError:
    listed = ", ".join(sorted(repr(str(name)[:100]) for name in names)[:3])
    return ApiError(
        Code.NOT_PERMITTED, f"kind {kind} does not declare a {what} that this would give", operator=f"{what} {listed}"
    )


def _grant_problem(grant: Grant, backend: Backend, ttl: int) -> str | None:
    """How a grant breaks the contract, apart from what it leaves undeclared."""
    if type(grant) is not Grant:
        return "grant returned no Grant"
    if type(grant.ttl) is not int or grant.ttl != ttl:
        return "the grant does not last as long as requested"
    if not _is_text(grant.format) or not (grant.app_id is None or _is_text(grant.app_id)):
        return "format and app id of the grant must be text"
    if backend.needs_app_id and grant.app_id != backend.app_credentials.app_id:
        return "the grant is for another app"
    if type(grant.services) is not tuple or not grant.services:
        return "the grant has no services"
    for service in grant.services:
        if problem := _service_problem(service, backend.declarations, ttl):
            return problem
    return None


def _service_problem(service: Service, declarations: Declarations, ttl: int) -> str | None:
    if type(service) is not Service:
        return "a service of the grant is no Service"
    shape = declarations.services.get(service.name)
    if shape is None:
        return "a service of the grant is not declared"
    if not (_is_mapping(service.privileges) and _is_mapping(service.detail)):
        return f"privileges and detail of service {service.name} must be mappings"
    if not _is_id(service.user, shape.user) or not _is_id(service.channel, shape.channel):
        return f"user or channel of service {service.name} are not as declared"
    for name, seconds in service.privileges.items():
        if type(seconds) is not int or not (0 < seconds <= ttl or (seconds == 0 and name in declarations.unlimited)):
            return f"a privilege of service {service.name} does not lie within the token's lifetime"
    for names in (service.more_users, service.more_channels):
        if type(names) is not tuple or not all(map(_is_text, names)):
            return f"further users and channels of service {service.name} must be tuples of text"
    if service.derived_from is not None and not _is_text(service.derived_from):
        return f"derived_from of service {service.name} must be text"
    if service.detail and not _is_plain_data(service.detail):
        return f"the detail of service {service.name} is no plain data"
    return None


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


def _mint_problem(minted: Minted, backend: Backend, grant: Grant) -> str | None:
    """How a minted token breaks the contract, before it is read back."""
    if type(minted) is not Minted or type(minted.token) is not str or not minted.token:
        return "mint returned no token"
    earliest = 0 if grant.ttl == 1 else 1  # half of one second is none
    if type(minted.renew_after) is not int or not earliest <= minted.renew_after <= grant.ttl:
        return "renewal does not lie within the token's lifetime"
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
