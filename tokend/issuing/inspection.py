"""Inspects a token: its content as plain data and sentences, and why a client could not join with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel

from tokend.backends.contract import Backend, Diagnosis, Join, Reading, Recognised, Unreadable
from tokend.core.declarations import UNDECLARED, Declarations
from tokend.core.durations import in_words
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOTHING, Extent, Grant, Service
from tokend.core.reach import reach_of, role_of
from tokend.core.secrets import Secret, SecretList
from tokend.core.service_fields import service_fields
from tokend.dialects.contract import Inspect, Inspection
from tokend.issuing.grants import PLUGIN_ERRORS
from tokend.issuing.token_texts import find_tokens

_LAST_TIME: Final = 253_402_300_799
"""The last second of the year 9999, in Unix seconds."""
_MAX_REASONS: Final = 4
"""The most reasons that are shown for a text that cannot be read."""
_Read = tuple[Backend, Reading, dict[str, object]]
"""A backend, what it read, and the same as plain data."""


def inspect(backends: Iterable[Backend], request: Inspect, now: int, unchecked: str | None = None) -> Inspection:
    """Inspect the token in a text. `now` is in Unix seconds. Raises `ApiError` (400) if no backend can read one in it.

    `unchecked`: why no signature can be checked, if the backends have no credentials. Then nothing is said about the signer.
    """
    (backend, reading, content), notes = _read(list(backends), request, now, unchecked)
    diagnosis = _diagnosis(backend, reading, Join(request.channel, request.user, request.product), now)
    return Inspection(content, diagnosis.problems, (*notes, *diagnosis.notes))


def _content(backend: Backend, reading: Reading, now: int, unchecked: str | None) -> dict[str, object]:
    """What a token says, as plain data. Raises anything if the reading is not what its type says."""
    content: dict[str, object] = {
        **grant_fields(reading.grant, backend, "ttl" in reading.hidden),
        "app": _owner(backend, reading),
        "signed_by": reading.signed_by,
        "signature": _signature(backend, reading) if unchecked is None else f"not checked: {unchecked}",
        "gives": [_sentence(service, backend) for service in reading.grant.services],
        **_times(reading, backend.ends_at(reading), now),
        "hidden": sorted(reading.hidden),
    }
    if reading.extra:
        content["extra"] = sorted(reading.extra)
    msgspec.json.encode(content)
    return content


def _diagnosis(backend: Backend, reading: Reading, join: Join, now: int) -> Diagnosis:
    """The backend's diagnosis; a note in its place if the backend fails."""
    try:
        # a backend may return what is no Diagnosis, or one that holds other things than text
        return msgspec.json.decode(msgspec.json.encode(backend.diagnose(reading, join, now)), type=Diagnosis)
    except PLUGIN_ERRORS:
        return Diagnosis((), ("The backend could not say whether a client can join with it.",))


def grant_fields(grant: Grant, backend: Backend, ttl_hidden: bool = False) -> dict[str, object]:
    """A grant as plain data, for explain and inspect alike. `ttl_hidden`: the token has no lifetime, or hides it."""
    declarations = _reading_declarations(backend)
    return {
        **({} if grant.app_id is None else {"app_id": grant.app_id}),
        "format": grant.format,
        "ttl": None if ttl_hidden else grant.ttl,
        "services": [_service_fields(service, declarations, ttl_hidden) for service in grant.services],
        "capabilities": sorted(reach_of(grant, declarations).capabilities - {UNDECLARED}),
    }


def _service_fields(service: Service, declarations: Declarations, ttl_hidden: bool) -> dict[str, object]:
    """A service as plain data. A privilege without a time of its own has that of the token."""
    role = role_of(service, declarations)
    fields = service_fields(service) | ({} if role is None else {"role": role})
    if ttl_hidden:
        fields["privileges"] = {name: seconds or None for name, seconds in service.privileges.items()}
    return fields


def _reading_declarations(backend: Backend) -> Declarations:
    """All privileges that the backend knows the meaning of: it may read tokens of other kinds of its vendor."""
    declarations = backend.declarations
    return replace(declarations, privileges={**backend.privileges, **declarations.privileges})


def _read(backends: list[Backend], request: Inspect, now: int, unchecked: str | None) -> tuple[_Read, tuple[str, ...]]:
    """Return the best reading of the token in the text, and notes on what stood around it."""
    reasons: dict[str, Unreadable] = {}  # each reason once, in order

    def readings_of(text: str) -> list[_Read] | None:
        found, failures = _readings(backends, text, request, now, unchecked)
        reasons.update((str(failure), failure) for failure in failures)
        return found or None

    tokens = find_tokens(request.token, readings_of)
    if len(tokens) > 1 and not any(token.place for token in tokens):  # guesses at what one text was
        tokens = [token for token in tokens if any(reading.signed_by for _, reading, _ in token.read)]
    if not tokens:
        recognised = [reason for reason, failure in reasons.items() if isinstance(failure, Recognised)]
        shown = "; ".join((recognised or list(reasons))[:_MAX_REASONS])
        raise ApiError(Code.INVALID_FIELD, f"cannot be read: {shown}", "token")
    if len(tokens) > 1:
        places = ", ".join(dict.fromkeys(token.place for token in tokens))
        raise ApiError(Code.INVALID_FIELD, f"holds {len(tokens)} tokens ({places}): send one of them", "token")
    (token,) = tokens
    return _best(token.read), token.notes


def _readings(
    backends: list[Backend], text: str, request: Inspect, now: int, unchecked: str | None
) -> tuple[list[_Read], list[Unreadable]]:
    """What the backends read in a text, and why others could not read it."""
    reasons: list[Unreadable] = []
    readings: list[_Read] = []
    for backend in _of_each_vendor(backends):
        try:
            reading = _bounded(backend.read_with(text, request.channel, request.user))
            shown = reading
            if unchecked is not None:
                shown = replace(reading, hidden=reading.hidden | {"signed_by"}, signed_by=None, extra=NOTHING)
            content = _content(backend, shown, now, unchecked) | {"hidden": sorted(reading.hidden)}
            readings.append((backend, shown, content))
        except Unreadable as reason:
            reasons.append(reason)
        except PLUGIN_ERRORS:  # for a hostile text; the other backends still read it
            name = backend.vendor or backend.kind or type(backend).__name__
            reasons.append(Unreadable(f"the backend of {name} failed"))
    return readings, reasons


def _best(readings: list[_Read]) -> _Read:
    """Return the backend that signed the token, else the first of the token's app, else the first that can read it."""
    signed = (entry for entry in readings if entry[1].signed_by)
    same_app = (entry for entry in readings if entry[0].app_credentials.app_id == entry[1].grant.app_id)
    return next(signed, None) or next(same_app, readings[0])


def _bounded(reading: Reading) -> Reading:
    """Return a reading whose times are usual numbers. Raises `Unreadable`: a hostile token may hold one of 4,000 digits."""
    lifetimes = [seconds for service in reading.grant.services for seconds in service.privileges.values()]
    for seconds in (reading.issued_at or 0, reading.expires_at or 0, reading.grant.ttl, *lifetimes):
        if not -_LAST_TIME <= seconds <= _LAST_TIME:
            raise Unreadable("its times are out of range")
    return reading


def _of_each_vendor(backends: Iterable[Backend]) -> Iterator[Backend]:
    """One backend of each vendor and app, since those read the same tokens; and all backends without a vendor.

    Backends whose options hold secrets of their own are all there: they may be of several projects of the vendor.
    """
    seen: set[tuple[str, int]] = set()
    for backend in backends:
        if backend.vendor is not None and not _has_secret(backend.options):
            key = backend.vendor, id(backend.app_credentials)  # the backends of an app share one object
            if key in seen:
                continue
            seen.add(key)
        yield backend


def _has_secret(value: object) -> bool:
    """Whether options, or a value in them, hold a secret."""
    if isinstance(value, Secret | SecretList):
        return True
    if isinstance(value, BaseModel):
        return any(map(_has_secret, vars(value).values()))  # without a configuration, required options are not there
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_secret, value))


def _owner(backend: Backend, reading: Reading) -> str:
    """Whose token it is. A signature decides; without one, an App ID does if both have one."""
    own, app_id = backend.app_credentials.app_id, reading.grant.app_id
    if reading.signed_by is not None:
        return "yours"
    if own is None and backend.needs_app_id:
        return "unknown"  # there is no app to compare with
    if app_id is None or own is None:
        return "unknown" if "signed_by" in reading.hidden else "another"
    return "yours" if app_id == own else "another"


def _times(reading: Reading, ends_at: int | None, now: int) -> dict[str, object]:
    """Issue time, expiry and lifetime, as far as the format shows them. `ends_at`: when the vendor ends the token."""
    times: dict[str, object] = {"issued_at": reading.issued_at, "expires_at": ends_at}
    if "ttl" not in reading.hidden:
        times["lasts"] = in_words(reading.grant.ttl)
    if ends_at is not None:
        left = ends_at - now
        times |= {"seconds_left": max(0, left), "expired": left <= 0}
    return times


def _sentence(service: Service, backend: Backend) -> str:
    """Return what a service gives, in words."""
    role = role_of(service, _reading_declarations(backend))
    privileges = ", ".join(
        f"{name} {in_words(seconds)}" if seconds else name for name, seconds in service.privileges.items()
    )
    names: Mapping[str, str] = backend.product_names
    channel = _words(service.channel, "any channel", "{}")
    user = _words(service.user, "any user", "user {}")
    parts = (names.get(service.name, service.name), channel, user, f"as {role}" if role else "")
    head = " ".join(part for part in parts if part)
    return f"{head}: {privileges}" if privileges else head


def _words(name: str | Extent, any_id: str, template: str) -> str:
    if isinstance(name, str):
        return template.format(f'"{name}"')
    return any_id if name is ANY else ""


def _signature(backend: Backend, reading: Reading) -> str:
    if "signed_by" in reading.hidden:
        compares = type(backend).read_with is not Backend.read_with
        return "cannot be checked" + (" without the channel and user that the client joins with" if compares else "")
    return (
        "valid"
        if reading.signed_by
        else f"not by a {'certificate' if backend.needs_certificate else 'secret'} of this app"
    )
