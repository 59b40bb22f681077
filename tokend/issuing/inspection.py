"""What a token says, in plain data and words: the end of "110 invalid token". Reads through the app's backends."""

from collections.abc import Iterable

from tokend.backends.agora import diagnosis
from tokend.backends.contract import Backend, Reading, Unreadable
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant
from tokend.core.reach import reach_of, role_of
from tokend.dialects.contract import Inspect, Inspection


def inspect(backends: Iterable[Backend], requested: Inspect, now: int) -> Inspection:
    """Raises `ApiError` (400) for a text that none of the backends can read. `now` in Unix seconds."""
    reading, app_ids = _read(list(backends), requested)
    left = reading.expires_at - now
    says: dict[str, object] = {
        **grant_fields(reading.grant),
        "app": "yours" if reading.grant.app_id in app_ids else "another",
        "signed_by": reading.signed_by,
        "signature": _signature(reading),
        "gives": diagnosis.in_sentences(reading.grant),
        "issued_at": reading.issued_at,
        "expires_at": reading.expires_at,
        "lasts": diagnosis.in_words(reading.grant.ttl),
        "seconds_left": max(0, left),
        "expired": left <= 0,
        "hidden": sorted(reading.hidden),
    }
    if not app_ids:
        says["app"] = "unknown"
    problems = diagnosis.problems(reading, requested, app_ids, now)
    return Inspection(says, tuple(problems), tuple(diagnosis.notes(reading, requested)))


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


def _read(backends: list[Backend], requested: Inspect) -> tuple[Reading, frozenset[str]]:
    """The reading of the backend that signed the token, else of the first that can read it; the App IDs that are ours."""
    reasons: list[str] = []
    found: list[Reading] = []
    for backend in backends:
        try:
            found.append(backend.read_with(requested.token, requested.channel, requested.user))
        except Unreadable as reason:
            reasons.append(str(reason))
    if not found:
        raise ApiError(Code.INVALID_FIELD, "cannot be read: " + "; ".join(dict.fromkeys(reasons)), "token")
    app_ids = frozenset(
        backend.app_credentials.app_id for backend in backends if backend.app_credentials.app_id is not None
    )
    return next((reading for reading in found if reading.signed_by), found[0]), app_ids


def _signature(reading: Reading) -> str:
    if "signed_by" in reading.hidden:
        return "cannot be checked without the channel and user that the client joins with"
    return "valid" if reading.signed_by else "not by a certificate of this app"
