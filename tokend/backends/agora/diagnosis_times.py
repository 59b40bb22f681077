"""What is wrong with the times of an Agora token, and what surprises about them."""

from collections.abc import Iterator, Sequence
from typing import Final

from tokend.backends.agora.client_errors import EXPIRED, INVALID, clients_get
from tokend.backends.agora.reading_006 import FIRST_POINT_IN_TIME, Reading006
from tokend.backends.agora.v006 import DAY
from tokend.backends.contract import CLOCK_SKEW, Reading
from tokend.core.durations import in_words
from tokend.core.model import Service

_SHORTEST_TTL: Final = 60
"""Seconds. SDKs announce the expiry 30 seconds before it, so shorter tokens are renewed all the time."""


def problems(reading: Reading, services: Sequence[Service], names: Sequence[str], now: int) -> Iterator[str]:
    """What is wrong with the lifetimes of the token and of these services. `names` are the services that clients use."""
    issued_at = reading.issued_at or 0  # both formats show it
    if isinstance(reading, Reading006):
        yield from _mistakes_of_006(reading, services)
        if issued_at < FIRST_POINT_IN_TIME:
            yield (
                f"Its time says {issued_at + DAY}: 006 expects a point in time there, "
                f"the issue time plus 24 hours in Unix seconds. It counts as expired: {clients_get(EXPIRED, names)}."
            )
            return
    else:
        yield from _mistakes_of_007(reading.grant.ttl)
    ttl = reading.grant.ttl
    if ttl > DAY and (ttl < FIRST_POINT_IN_TIME or isinstance(reading, Reading006)):
        yield f"It says {in_words(ttl)}, but the platform ends it 24 hours after its issue."
    elif 0 < ttl < _SHORTEST_TTL:
        when = "at half of its life" if set(names) == {"chat"} else "30 s before the end"
        yield f"It lasts {in_words(ttl)}: under a minute clients misbehave, since they are notified {when}."
    if issued_at > now + CLOCK_SKEW:
        yield (
            f"It is issued {in_words(issued_at - now)} in the future: the clock of its issuer is wrong, "
            f"{clients_get(INVALID, names)}."
        )
    end = _end(reading)
    if end <= now:
        yield f"It expired {in_words(now - end)} ago: {clients_get(EXPIRED, names)}."
    else:
        yield from _ended_privileges(reading, services, now)


def notes(reading: Reading, services: Sequence[Service], now: int) -> Iterator[str]:
    """What people do not expect of privileges that are 0, shorter or longer than the token."""
    ttl, since = reading.grant.ttl, now - (reading.issued_at or 0)
    for service in services:
        lifetimes = [seconds for name, seconds in service.privileges.items() if not _is_mistake(reading, name)]
        if service.name != "fpa" and any(_is_unlimited(reading, service, name) for name in service.privileges):
            yield f"A privilege of {service.name} says 0, which means as long as the token; no callback reports its end."
        if any(max(0, since) < seconds < ttl for seconds in lifetimes):
            when = "at half of its life" if service.name == "chat" else "30 s before"
            yield f"A privilege of {service.name} ends before the token: the client is notified {when}."
        if reading.grant.format == "007" and any(ttl < seconds for seconds in lifetimes):
            yield f"A privilege of {service.name} outlasts the token: the token's end cuts it off, and no callback reports it."
        if ttl < FIRST_POINT_IN_TIME and reading.grant.format == "007":
            yield from _points_in_007(service)


def _end(reading: Reading) -> int:
    """When the platform ends the token, in Unix seconds."""
    return min(reading.expires_at or 0, (reading.issued_at or 0) + DAY)


def _mistakes_of_007(ttl: int) -> Iterator[str]:
    if ttl >= FIRST_POINT_IN_TIME:
        yield (
            "Its lifetime is a point in time, but 007 expects seconds from the issue time: "
            "the server that made it mixed them up."
        )
    elif ttl == 0:
        yield "Its lifetime is 0 seconds, so it ended when it was issued. Only a privilege's 0 means as long as the token."


def _mistakes_of_006(reading: Reading006, services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        names_by_point: dict[int, list[str]] = {}
        for name in service.privileges:
            if _is_mistake(reading, name):
                names_by_point.setdefault(reading.points[name], []).append(name)
        for point, names in names_by_point.items():
            when = "in 1970" if point < 365 * DAY else "before 2002"
            yield (
                f"{_named(names)} {'says' if len(names) == 1 else 'say'} {point}: 006 expects a point in time "
                f"(Unix seconds), not seconds from now. {point} is {when}, so it is over: "
                f"{clients_get(EXPIRED, [service.name])}."
            )


def _points_in_007(service: Service) -> Iterator[str]:
    for name, seconds in service.privileges.items():
        if seconds >= FIRST_POINT_IN_TIME:
            yield f"Its privilege {name} is a point in time, but 007 expects seconds from the issue time."
            return


def _ended_privileges(reading: Reading, services: Sequence[Service], now: int) -> Iterator[str]:
    """Privileges that are over, although the token is not."""
    for service in services:
        names_by_end: dict[int, list[str]] = {}
        for name, seconds in service.privileges.items():
            if _is_mistake(reading, name) or _is_unlimited(reading, service, name):
                continue
            end = reading.points[name] if isinstance(reading, Reading006) else (reading.issued_at or 0) + seconds
            if end <= now:
                names_by_end.setdefault(end, []).append(name)
        for end, names in names_by_end.items():
            yield (
                f"{_named(names)} ended {in_words(now - end)} ago, although the token still lives: "
                f"{clients_get(EXPIRED, [service.name])}."
            )


def _is_mistake(reading: Reading, privilege: str) -> bool:
    """Whether a privilege of a 006 token says seconds from now where a point in time belongs."""
    return isinstance(reading, Reading006) and 0 < reading.points[privilege] < FIRST_POINT_IN_TIME


def _is_unlimited(reading: Reading, service: Service, privilege: str) -> bool:
    """Whether a privilege says 0: it lasts as long as the token."""
    if isinstance(reading, Reading006):
        return reading.points[privilege] == 0
    return service.privileges[privilege] == 0


def _named(privileges: Sequence[str]) -> str:
    return f"Its privilege {privileges[0]}" if len(privileges) == 1 else f"Its privileges {', '.join(privileges)}"
