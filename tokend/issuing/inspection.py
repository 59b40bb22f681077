"""Inspects a token: its content as plain data and sentences, and why a client could not join with it."""

from collections.abc import Iterable, Mapping

from tokend.backends.contract import Backend, Join, Reading, Unreadable
from tokend.core.durations import in_words
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant, Service
from tokend.core.reach import reach_of, role_of
from tokend.dialects.contract import Inspect, Inspection


def inspect(backends: Iterable[Backend], request: Inspect, now: int) -> Inspection:
    """Inspect a token. `now` is in Unix seconds. Raises `ApiError` (400) if no backend can read the text."""
    backends = list(backends)
    backend, reading = _read(backends, request)
    app_ids = {other.app_credentials.app_id for other in backends if other.app_credentials.app_id is not None}
    left = reading.expires_at - now
    says: dict[str, object] = {
        **grant_fields(reading.grant),
        "app": "yours" if reading.grant.app_id in app_ids else "another",
        "signed_by": reading.signed_by,
        "signature": _signature(reading),
        "gives": [_sentence(service, backend.product_names) for service in reading.grant.services],
        "issued_at": reading.issued_at,
        "expires_at": reading.expires_at,
        "lasts": in_words(reading.grant.ttl),
        "seconds_left": max(0, left),
        "expired": left <= 0,
        "hidden": sorted(reading.hidden),
    }
    if not app_ids:
        says["app"] = "unknown"
    diagnosis = backend.diagnose(reading, Join(request.channel, request.user, request.product), now)
    return Inspection(says, diagnosis.problems, diagnosis.notes)


def grant_fields(grant: Grant) -> dict[str, object]:
    """A grant as plain data, for explain and inspect alike."""
    return {
        "app_id": grant.app_id,
        "format": grant.format,
        "ttl": grant.ttl,
        "services": [
            {
                "name": service.name,
                "user": service.user,
                "channel": service.channel,
                "role": role_of(service),
                "privileges": dict(service.privileges),
                **({"detail": dict(service.detail)} if service.detail else {}),
            }
            for service in grant.services
        ],
        "capabilities": sorted(reach_of(grant).capabilities),
    }


def _read(backends: list[Backend], request: Inspect) -> tuple[Backend, Reading]:
    """Return the backend that signed the token, else the first of the token's app, else the first that can read it."""
    reasons: list[str] = []
    readings: list[tuple[Backend, Reading]] = []
    for backend in backends:
        try:
            readings.append((backend, backend.read_with(request.token, request.channel, request.user)))
        except Unreadable as reason:
            reasons.append(str(reason))
    if not readings:
        raise ApiError(Code.INVALID_FIELD, "cannot be read: " + "; ".join(dict.fromkeys(reasons)), "token")
    signed = (entry for entry in readings if entry[1].signed_by)
    same_app = (entry for entry in readings if entry[0].app_credentials.app_id == entry[1].grant.app_id)
    return next(signed, None) or next(same_app, readings[0])


def _sentence(service: Service, product_names: Mapping[str, str]) -> str:
    """Return what a service gives, in words."""
    user = "any user" if service.user == "" else f'user "{service.user}"' if service.user is not None else ""
    channel = "any channel" if service.channel == "" else f'"{service.channel}"' if service.channel is not None else ""
    role = role_of(service)
    privileges = ", ".join(
        f"{name} {in_words(seconds)}" if seconds else name for name, seconds in service.privileges.items()
    )
    parts = (product_names.get(service.name, service.name), channel, user, f"as {role}" if role else "")
    head = " ".join(part for part in parts if part)
    return f"{head}: {privileges}" if privileges else head


def _signature(reading: Reading) -> str:
    if "signed_by" in reading.hidden:
        return "cannot be checked without the channel and user that the client joins with"
    return "valid" if reading.signed_by else "not by a certificate of this app"
