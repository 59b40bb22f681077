"""What a token says, in plain data and words: the end of "110 invalid token". Reads through the app's backends."""

from collections.abc import Iterable
from typing import Final

from tokend.backends.contract import Backend, Reading, Unreadable
from tokend.dialects.contract import Inspect, Inspection
from tokend.model import Code, Grant, Refusal
from tokend.scope import is_wildcard, role_of, scope

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def inspect(backends: Iterable[Backend], wanted: Inspect, now: int) -> Inspection:
    """`Refusal` (400) for a text that none of the backends can read. `now` in Unix seconds."""
    reading, app_id = _read(list(backends), wanted.token)
    left = reading.expires_at - now
    says: dict[str, object] = {
        **grant_fields(reading.grant),
        "signed_by": reading.signed_by,
        "signature": _signature(reading),
        "issued_at": reading.issued_at,
        "expires_at": reading.expires_at,
        "lasts": in_words(reading.grant.ttl),
        "seconds_left": max(0, left),
        "expired": left <= 0,
        "hidden": sorted(reading.hidden),
    }
    return Inspection(says, tuple(_problems(reading, wanted, app_id, now)))


def grant_fields(grant: Grant) -> dict[str, object]:
    """A grant as plain data, for explain and inspect alike."""
    return {
        "app_id": grant.app_id,
        "format": grant.format,
        "ttl": grant.ttl,
        "services": [
            {
                "name": one.name,
                "user": one.user,
                "channel": one.channel,
                "role": role_of(one),
                "privileges": dict(one.privileges),
                **({"detail": dict(one.detail)} if one.detail else {}),
            }
            for one in grant.services
        ],
        "powers": sorted(scope(grant).powers),
    }


def in_words(seconds: int) -> str:
    """`5400` -> `1 hour 30 minutes`."""
    words = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(words) or "0 seconds"


def _read(backends: list[Backend], token: str) -> tuple[Reading, str | None]:
    reasons: list[str] = []
    found: list[tuple[Reading, str | None]] = []
    for backend in backends:
        try:
            found.append((backend.read(token), backend.credentials.app_id))
        except Unreadable as reason:
            reasons.append(str(reason))
    if not found:
        raise Refusal(Code.INVALID_FIELD, "cannot be read: " + "; ".join(dict.fromkeys(reasons)), "token")
    return next((one for one in found if one[0].signed_by), found[0])


def _signature(reading: Reading) -> str:
    if "signed_by" in reading.hidden:
        return "cannot be checked: this format shows neither channel nor user"
    return "valid" if reading.signed_by else "not by a certificate of this app"


def _problems(reading: Reading, wanted: Inspect, app_id: str | None, now: int) -> Iterable[str]:
    grant = reading.grant
    if app_id is not None and grant.app_id != app_id:
        yield "It belongs to another App ID than this app's: clients of this app get 110 (or 101)."
    elif app_id is not None and not reading.signed_by and "signed_by" not in reading.hidden:
        yield "No certificate of this app signed it: clients get 110. Is the certificate in the configuration the project's?"
    if reading.issued_at > now + 60:
        yield "Its issue time lies in the future: the clock of the machine that issued it is wrong."
    if reading.expires_at <= now:
        yield f"It expired {in_words(now - reading.expires_at)} ago: clients get 109."
    services = [one for one in grant.services if wanted.product in (None, one.name)]
    if not services:
        held = ", ".join(one.name for one in grant.services)
        yield f"It is for {held or 'nothing'}, not for {wanted.product}: a token of another product is 110."
        return
    if reading.hidden >= {"channel", "user"} and (wanted.channel or wanted.user):
        yield "Whether channel and user fit cannot be seen: a 006 token holds only checksums of them."
        return
    yield from _misfits("channel", wanted.channel, [one.channel for one in services])
    yield from _misfits("user", wanted.user, [one.user for one in services])


def _misfits(what: str, joins_with: str | None, held: list[str | None]) -> Iterable[str]:
    named = [one for one in held if one is not None]
    if joins_with is None or not named or joins_with in named or any(map(is_wildcard, named)):
        return
    yield f'Its {what} is "{named[0]}", the client joins with "{joins_with}": they must be equal, or it is 110.'
