"""Reads 006 tokens. They contain points in time instead of lifetimes, and checksums instead of channel and user.

The privileges are those of RTC, and 1000 for the RTM login. One token may hold both. For RTM, Agora's builder writes the
user in the place of the channel, and leaves the place of the uid empty.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from tokend.backends.agora import v006
from tokend.backends.agora.credentials import signer
from tokend.backends.agora.fields import unsigned
from tokend.backends.agora.names import PRIVILEGE_NAMES, RTM_LOGIN_006
from tokend.backends.contract import Reading
from tokend.core.model import ANY, NOT_APPLICABLE, AppCredentials, Extent, Grant, Service

FIRST_POINT_IN_TIME: Final = 1_000_000_000
"""A Unix time of today is above this, a lifetime in seconds is far below it."""
EMPTY: Final = "empty"
UNKNOWN: Final = "unknown"


class Reading006(Reading, frozen=True):
    """A reading of a 006 token.

    `points` are the privileges' points in time as the token says them: Unix seconds, 0 for "as long as the token", or
    seconds from now by mistake. `places` says what stands in the places of channel and uid: channel, user, EMPTY or UNKNOWN.
    """

    points: Mapping[str, int] = {}
    places: tuple[str, str] = (UNKNOWN, UNKNOWN)


def read(token: str) -> Reading006:
    """Read a 006 token. It hides channel and user, and without them nobody can check the signature.

    It does not contain its ttl either. The ttl of the reading is that of the longest privilege, or 24 hours if a
    privilege is not a point in time. Raises `WireError` for any other text.
    """
    decoded = v006.decode(token)
    issued_at = decoded.issue_ts
    points = {_privilege_name(number): point for number, point in decoded.privileges.items()}
    usual = [point for point in points.values() if point >= FIRST_POINT_IN_TIME]
    expires_at = max(usual) if usual and len(usual) == len(points) else issued_at + v006.DAY
    seconds = {name: _seconds(point, issued_at) for name, point in points.items()}
    grant = Grant(decoded.app_id, v006.VERSION, max(0, expires_at - issued_at), tuple(_services(seconds)))
    hidden = frozenset({"channel", "user", "ttl", "signed_by"})
    places = _places(_texts(decoded, None, ()), None, ())
    return Reading006(grant, None, issued_at, expires_at, hidden, points=points, places=places)


def read_with(token: str, channel: str | None, user: str | None, app_credentials: AppCredentials) -> Reading006:
    """Add channel and user if their checksums are right, and the signer if both places are known."""
    decoded, reading = v006.decode(token), read(token)
    users = () if user is None else (user, *filter(None, [unsigned(user)]))
    texts = _texts(decoded, channel, users)
    places = _places(texts, channel, users)
    services = reading.grant.services
    has_rtc = any(service.name == "rtc" for service in services)
    known: dict[str, str | Extent] = {}
    if channel is not None and places[0] == "channel" and has_rtc:
        known["channel"] = channel
    of_user = texts if RTM_LOGIN_006 in decoded.privileges else texts[1:]
    if (matching := next((name for name in users if name and name in of_user), None)) is not None:
        known["user"] = matching
    elif has_rtc and places[1] == EMPTY and len(services) == 1:
        known["user"] = ANY  # uid 0, the only wildcard in 006
    hidden = reading.hidden - known.keys()
    signed_by = None
    channel_text, uid_text = texts
    if channel_text is not None and uid_text is not None:
        hidden -= {"signed_by"}
        if decoded.app_id == app_credentials.app_id:
            signed_by = signer(
                app_credentials, lambda certificate: v006.verifies(decoded, certificate, channel_text, uid_text)
            )
    if not has_rtc:
        hidden -= {"channel"}
    completed = tuple(_completed(service, known) for service in services)
    return replace(
        reading,
        grant=replace(reading.grant, services=completed),
        signed_by=signed_by,
        hidden=hidden,
        places=places,
    )


def _privilege_name(number: int) -> str:
    return "login" if number == RTM_LOGIN_006 else PRIVILEGE_NAMES["rtc"].get(number, str(number))


def _seconds(point: int, issued_at: int) -> int:
    """Seconds from the issue time. A number that is no point in time stays as the token says it; 0 is among them."""
    return point if point < FIRST_POINT_IN_TIME else max(0, point - issued_at)


def _services(seconds: Mapping[str, int]) -> Iterator[Service]:
    rtc = {name: value for name, value in seconds.items() if name != "login"}
    if rtc or "login" not in seconds:
        yield Service("rtc", privileges=rtc)
    if "login" in seconds:
        yield Service("rtm", privileges={"login": seconds["login"]})


def _completed(service: Service, known: Mapping[str, str | Extent]) -> Service:
    """Add the user and the channel that are known. An RTM login has no channel."""
    channel = known.get("channel", NOT_APPLICABLE) if service.name == "rtc" else NOT_APPLICABLE
    return replace(service, user=known.get("user", NOT_APPLICABLE), channel=channel)


def _texts(decoded: v006.Decoded, channel: str | None, users: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The texts in the places of channel and uid; None for one that is unknown."""
    candidates = ("", *users, *(() if channel is None else (channel,)))
    by_crc = {v006.crc(text): text for text in candidates}
    return by_crc.get(decoded.channel_crc), by_crc.get(decoded.uid_crc)


def _places(texts: tuple[str | None, str | None], channel: str | None, users: tuple[str, ...]) -> tuple[str, str]:
    """What stands in the places of channel and uid. The usual content comes first, if channel and user are equal."""
    of_users: dict[str | None, str] = dict.fromkeys(users, "user")
    others: dict[str | None, str] = {"": EMPTY, None: UNKNOWN}
    first = {**of_users, channel: "channel", **others}
    second = {channel: "channel", **of_users, **others}
    return first[texts[0]], second[texts[1]]
