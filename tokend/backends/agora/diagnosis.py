"""Why a join with a token would fail, and what else is worth knowing of it, for the person who is stuck.

The facts are the platform's (F5 to F21 in the sentences' comments); codes are those that clients show (F19).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from tokend.backends.contract import Reading
from tokend.core.model import PLATFORM_MAX_TTL, Grant, Service
from tokend.core.reach import ADMINISTRATOR, is_wildcard, role_of
from tokend.dialects.contract import Inspect

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_CLOCK_SKEW: Final = 60
_TIMESTAMP: Final = 1_000_000_000
_SHORTEST: Final = 60
_PRODUCTS: Final = {"rtc": "RTC", "rtm": "RTM (Signaling)", "chat": "Chat"}
_REST: Final = frozenset({"convoai", "stt"})
_MEDIA: Final = frozenset({"rtc", "streaming", "fcdn"})


def problems(reading: Reading, wanted: Inspect, app_ids: frozenset[str], now: int) -> Iterator[str]:
    """Every reason for which a client would be turned away. `app_ids`: ours; none: whose it is stays open."""
    yield from _of_owner(reading, app_ids)
    yield from _of_time(reading, now)
    services = [one for one in reading.grant.services if wanted.product in (None, one.name)]
    if not services:
        get_keys = " and ".join(_PRODUCTS.get(one.name, one.name) for one in reading.grant.services) or "nothing"
        asked = _PRODUCTS.get(wanted.product or "", wanted.product)
        # F20
        yield f"It is for {get_keys}, not for {asked}: a token of another product is 110 (RTM: -10005)."
        return
    for what in sorted(reading.differs):
        yield f"Its {what} is not the one that the client joins with: the checksums differ, so it is 110."
    yield from _of_channel(reading.grant, services, wanted)
    yield from _of_user(services, wanted.user)
    yield from _of_rest(reading, services)


def notes(reading: Reading, wanted: Inspect) -> Iterator[str]:
    """What is no mistake, but surprises people."""
    grant = reading.grant
    if any(one.name in _MEDIA for one in grant.services):
        # F12
        yield "Roles bite only where co-host authentication is switched on for the project: else a subscriber can publish."
    if grant.format == "007":
        # F21
        yield "007 needs RTC SDK 3.5.2 (native), 4.2.0 (Flutter), 4.8.0 (Web) or RTM 1.5.0, or later: older ones give 110."
    else:
        yield "006 is the old format: a project or SDK that wants 007 gives 110."
    if {"channel", "user"} & reading.hidden:
        yield "A 006 token holds only checksums of channel and user: give both to see whether they fit and who signed it."
    for one in grant.services:
        yield from _of_privileges(one, grant)
    if wanted.user is not None and wanted.user.isdigit() and wanted.user != "0":
        # F5, F6
        yield f'uid {wanted.user} and account "{wanted.user}" are one thing in a token, not in a channel: never mix them there.'


def in_sentences(grant: Grant) -> list[str]:
    """What each service gives, in words."""
    return [_sentence(one) for one in grant.services]


def in_words(seconds: int) -> str:
    """`5400` -> `1 hour 30 minutes`."""
    words = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(words) or "0 seconds"


def _of_owner(reading: Reading, app_ids: frozenset[str]) -> Iterator[str]:
    if not app_ids:
        return
    if reading.grant.app_id not in app_ids:
        # F19, F20
        yield (
            "It belongs to another App ID: a client that joins with yours gets 110 or 101 (RTM: -10005). "
            "Do client and server use the same project?"
        )
    elif reading.signed_by is None and "signed_by" not in reading.hidden:
        # F19, F20
        yield (
            "No certificate of this app signed it: clients get 110. Is the certificate in the configuration the project's, "
            "and is it enabled in the console? (A project without one answers 119 to any token.)"
        )


def _of_time(reading: Reading, now: int) -> Iterator[str]:
    ttl = reading.grant.ttl
    if ttl >= _TIMESTAMP:
        # F9
        yield "Its lifetime is a point in time, but 007 wants seconds from the issue time: the server that made it mixed them up."
    elif ttl > PLATFORM_MAX_TTL:
        # F9
        yield f"It says {in_words(ttl)}, but the platform ends it 24 hours after its issue."
    elif ttl < _SHORTEST:
        # F18
        yield f"It lasts {in_words(ttl)}: under a minute clients misbehave, since they are told 30 s before the end."
    if reading.issued_at > now + _CLOCK_SKEW:
        # F20
        yield f"It is issued {in_words(reading.issued_at - now)} in the future: the clock of its issuer is wrong, and it is 110."
    end = min(reading.expires_at, reading.issued_at + PLATFORM_MAX_TTL)
    if end <= now:
        # F19
        yield f"It expired {in_words(now - end)} ago: RTC clients get 109, RTM clients -10009."


def _of_channel(grant: Grant, services: list[Service], wanted: Inspect) -> Iterator[str]:
    channel = wanted.channel
    if channel is None:
        return
    if wanted.product == "rtm":
        if (
            not any(one.name == "rtc" and _fits(one.channel, channel) for one in grant.services)
            and grant.format == "007"
        ):
            # F14
            yield f'An RTM stream channel needs an RTC service for "{channel}" in the token too, and it has none: -10008.'
        return
    get_keys = [one.channel for one in services if one.channel is not None]
    if get_keys and not any(_fits(one, channel) for one in get_keys):
        # F20
        other = get_keys[0].lower() == channel.lower()
        hint = " (upper and lower case differ)" if other else ""
        yield f'Its channel is "{get_keys[0]}", the client joins "{channel}"{hint}: they must be equal, or it is 110.'


def _of_user(services: list[Service], user: str | None) -> Iterator[str]:
    get_keys = [one.user for one in services if one.user is not None]
    if user is None or not get_keys or any(_fits(one, user) for one in get_keys):
        return
    first = get_keys[0]
    if user.startswith("-") and user[1:].isdigit() and str(int(user) + 2**32) in get_keys:
        return  # F4: Android shows the same bits signed
    if first == "0":
        # F5
        yield 'It is for the account "0", which is a name like any other; uid 0 (any user) is written empty.'
    elif first.isdigit() != user.isdigit():
        # F20
        yield f'Its user is "{first}", the client joins as "{user}": one is a number, the other an account, and that is 110.'
    else:
        # F20
        yield f'Its user is "{first}", the client joins with "{user}": they must be equal, or it is 110.'


def _of_rest(reading: Reading, services: list[Service]) -> Iterator[str]:
    by_rest = [one.name for one in services if one.name in _REST or ADMINISTRATOR in one.privileges]
    if by_rest and reading.signed_by == "secondary":
        # F17
        yield f"The secondary certificate signed it, and REST calls ({by_rest[0]}) take only the primary's."


def _of_privileges(service: Service, grant: Grant) -> Iterable[str]:
    values = service.privileges.values()
    if service.name != "fpa" and any(seconds == 0 for seconds in values):
        # F10
        yield f"A privilege of {service.name} says 0, which means as long as the token; no callback tells of its end."
    if any(0 < seconds < grant.ttl for seconds in values):
        # F10
        yield f"A privilege of {service.name} ends before the token: the client is told 30 s before."
    if any(seconds > grant.ttl for seconds in values) and grant.format == "007":
        # F10
        yield f"A privilege of {service.name} outlasts the token: the token's end cuts it off, and no callback tells."


def _fits(get_keys: str | None, asked: str) -> bool:
    """Whether an id of the token lets this one in; patterns count as letting in what they could."""
    if get_keys is None:
        return False
    return get_keys == asked or is_wildcard(get_keys)


def _sentence(service: Service) -> str:
    who = "any user" if service.user == "" else f'user "{service.user}"' if service.user is not None else ""
    where = "any channel" if service.channel == "" else f'"{service.channel}"' if service.channel is not None else ""
    role = role_of(service)
    what = f"as {role}" if role else ""
    get_keys = ", ".join(
        f"{name} {in_words(seconds)}" if seconds else name for name, seconds in service.privileges.items()
    )
    head = " ".join(part for part in (_PRODUCTS.get(service.name, service.name), where, who, what) if part)
    return f"{head}: {get_keys}" if get_keys else head
