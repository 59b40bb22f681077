"""Why Agora would reject a client that joins with a token, and other facts that people who debug a token need.

The platform's limits and error codes, with their sources: docs/reference/agora-platform.md.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from tokend.backends.agora.names import ADMINISTRATOR, PRODUCT_NAMES, REST_SERVICES
from tokend.backends.agora.v006 import DAY
from tokend.backends.contract import Diagnosis, Join, Reading
from tokend.core.durations import in_words
from tokend.core.model import NOT_APPLICABLE, Extent, Grant, Service
from tokend.core.reach import is_wildcard, text_of

_CLOCK_SKEW: Final = 60
"""Seconds that the clocks of two computers may differ."""
_TIMESTAMP: Final = 1_000_000_000
"""A lifetime in seconds is far below this, a Unix time of today is above it."""
_SHORTEST_TTL: Final = 60
"""Seconds. SDKs announce the expiry 30 seconds before it, so shorter tokens are renewed all the time."""
_MEDIA_SERVICES: Final = frozenset({"rtc", "streaming", "fcdn"})
_MUST_BE_EQUAL: Final = "they must be equal, otherwise Agora rejects the join with error 110 (invalid token)."


def diagnose(reading: Reading, join: Join, now: int, app_id: str | None) -> Diagnosis:
    """Compare a token with a client's join. `now` is in Unix seconds; `app_id` is the app's own, None if unknown."""
    return Diagnosis(tuple(_problems(reading, join, now, app_id)), tuple(_notes(reading, join)))


def _problems(reading: Reading, join: Join, now: int, app_id: str | None) -> Iterator[str]:
    """Every reason for which Agora would reject the client."""
    if app_id is not None:
        yield from _owner_problems(reading, app_id)
    yield from _time_problems(reading, now)
    services = [service for service in reading.grant.services if join.product in (None, service.name)]
    if not services:
        names = (PRODUCT_NAMES.get(service.name, service.name) for service in reading.grant.services)
        products = " and ".join(names) or "nothing"
        requested = PRODUCT_NAMES.get(join.product or "", join.product)
        yield f"It is for {products}, not for {requested}: a token of another product is 110 (RTM: -10005)."
        return
    for name in sorted(reading.differs):
        yield f"Its {name} is not the one that the client joins with: the checksums differ, so it is 110."
    yield from _channel_problems(reading.grant, services, join)
    yield from _user_problems(services, join.user)
    yield from _certificate_problems(reading, services)


def _notes(reading: Reading, join: Join) -> Iterator[str]:
    """Facts that are no mistake, but that surprise people."""
    grant = reading.grant
    if any(service.name in _MEDIA_SERVICES for service in grant.services):
        yield (
            "Roles are enforced only if co-host authentication is enabled in the Agora console: "
            "otherwise a subscriber can publish."
        )
    if grant.format == "007":
        yield "007 needs RTC SDK 3.5.2 (native), 4.2.0 (Flutter), 4.8.0 (Web) or RTM 1.5.0, or later: older ones give 110."
    else:
        yield "006 is the old format: a project or SDK that wants 007 gives 110."
    if {"channel", "user"} & reading.hidden:
        yield "A 006 token holds only checksums of channel and user: give both to see whether they fit and who signed it."
    for service in grant.services:
        yield from _privilege_notes(service, grant)
    if join.user is not None and join.user.isdigit() and join.user != "0":
        # both are written as the same text, but the platform keeps numeric and text ids apart within a channel
        yield f'uid {join.user} and account "{join.user}" are one thing in a token, not in a channel: never mix them there.'


def _owner_problems(reading: Reading, app_id: str) -> Iterator[str]:
    if reading.grant.app_id != app_id:
        yield (
            "It belongs to another App ID: a client that joins with yours gets 110 or 101 (RTM: -10005). "
            "Do client and server use the same project?"
        )
    elif reading.signed_by is None and "signed_by" not in reading.hidden:
        yield (
            "No certificate of this app signed it: clients get 110. Is the certificate in the configuration the project's, "
            "and is it enabled in the console? (A project without one answers 119 to any token.)"
        )


def _time_problems(reading: Reading, now: int) -> Iterator[str]:
    ttl = reading.grant.ttl
    issued_at, expires_at = reading.issued_at or 0, reading.expires_at or 0  # both formats show them
    if ttl >= _TIMESTAMP:
        yield "Its lifetime is a point in time, but 007 wants seconds from the issue time: the server that made it mixed them up."
    elif ttl > DAY:
        yield f"It says {in_words(ttl)}, but the platform ends it 24 hours after its issue."
    elif ttl < _SHORTEST_TTL:
        yield f"It lasts {in_words(ttl)}: under a minute clients misbehave, since they are told 30 s before the end."
    if issued_at > now + _CLOCK_SKEW:
        yield f"It is issued {in_words(issued_at - now)} in the future: the clock of its issuer is wrong, and it is 110."
    end = min(expires_at, issued_at + DAY)
    if end <= now:
        yield f"It expired {in_words(now - end)} ago: RTC clients get 109, RTM clients -10009."


def _channel_problems(grant: Grant, services: list[Service], join: Join) -> Iterator[str]:
    channel = join.channel
    if channel is None:
        return
    if join.product == "rtm":
        has_rtc_service = any(
            service.name == "rtc" and _matches(service.channel, channel) for service in grant.services
        )
        if not has_rtc_service and grant.format == "007":
            yield f'An RTM stream channel needs an RTC service for "{channel}" in the token too, and it has none: -10008.'
        return
    channels = [service.channel for service in services if service.channel is not NOT_APPLICABLE]
    if channels and not any(_matches(allowed, channel) for allowed in channels):
        first = text_of(channels[0])
        hint = " (upper and lower case differ)" if first.lower() == channel.lower() else ""
        yield f'Its channel is "{first}", the client joins "{channel}"{hint}: {_MUST_BE_EQUAL}'


def _user_problems(services: list[Service], user: str | None) -> Iterator[str]:
    users = [service.user for service in services if service.user is not NOT_APPLICABLE]
    if user is None or not users or any(_matches(allowed, user) for allowed in users):
        return
    first = text_of(users[0])
    if user.startswith("-") and user[1:].isdigit() and str(int(user) + 2**32) in users:
        return  # Android's SDK shows a uid from 2^31 on as a negative number
    if first == "0":
        yield 'It is for the account "0", which is a name like any other; uid 0 (any user) is written empty.'
    elif first.isdigit() != user.isdigit():
        yield f'Its user is "{first}", the client joins as "{user}": one is a number, the other an account, and that is 110.'
    else:
        yield f'Its user is "{first}", the client joins with "{user}": {_MUST_BE_EQUAL}'


def _certificate_problems(reading: Reading, services: list[Service]) -> Iterator[str]:
    rest = [
        service.name for service in services if service.name in REST_SERVICES or ADMINISTRATOR in service.privileges
    ]
    if rest and reading.signed_by == "secondary":
        yield f"The secondary certificate signed it, and REST calls ({rest[0]}) take only the primary's."


def _privilege_notes(service: Service, grant: Grant) -> Iterable[str]:
    lifetimes = service.privileges.values()
    if service.name != "fpa" and any(seconds == 0 for seconds in lifetimes):
        yield f"A privilege of {service.name} says 0, which means as long as the token; no callback tells of its end."
    if any(0 < seconds < grant.ttl for seconds in lifetimes):
        yield f"A privilege of {service.name} ends before the token: the client is told 30 s before."
    if any(seconds > grant.ttl for seconds in lifetimes) and grant.format == "007":
        yield f"A privilege of {service.name} outlasts the token: the token's end cuts it off, and no callback tells."


def _matches(allowed: str | Extent, joined: str) -> bool:
    """Return whether an id of the token allows this one. A pattern counts as allowing every id."""
    return allowed == joined or is_wildcard(allowed)
