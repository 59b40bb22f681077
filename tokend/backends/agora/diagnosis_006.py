"""Whether the places of channel and uid in a 006 token hold what the client joins with. The token holds only checksums."""

from collections.abc import Iterator, Sequence

from tokend.backends.agora.client_errors import INVALID
from tokend.backends.agora.reading_006 import EMPTY, UNKNOWN, Reading006
from tokend.backends.contract import Join
from tokend.core.model import Service


def problems(reading: Reading006, services: Sequence[Service], join: Join) -> Iterator[str]:
    """What stands in the wrong place, or is not what the client joins with."""
    for service in services:
        if service.name == "rtc":
            yield from _rtc_problems(reading, join)
        elif join.product == "rtm" or len(services) == 1:
            # the login of a token with RTC privileges is judged only if the client uses RTM
            yield from _rtm_problems(reading, join)


def notes(reading: Reading006, services: Sequence[Service], join: Join) -> Iterator[str]:
    """What the checksums do not show, and where the user of an RTM login stands."""
    names = {service.name for service in services}
    if {"channel", "user"} & reading.hidden:
        if names == {"rtm"} and "rtc" not in {service.name for service in reading.grant.services}:
            if join.user is None:
                yield "A 006 token holds only a checksum of the user: give it to see whether it fits and who signed it."
        elif join.channel is None or join.user is None:
            yield "A 006 token holds only checksums of channel and user: give both to see whether they fit and who signed it."
    if "rtm" in names and join.user is not None and reading.places[1] == "user":
        where = "both places, of channel and uid" if reading.places[0] == "user" else "the place of the uid"
        yield (
            f"The user stands in {where}. Agora's builder of RTM tokens writes it in the place of the channel, "
            "and leaves the place of the uid empty."
        )


def _rtc_problems(reading: Reading006, join: Join) -> Iterator[str]:
    first, second = reading.places
    invalid = f"it is {INVALID['rtc']}"
    if join.channel is not None and first != "channel":
        if first == EMPTY:
            yield f'The place of its channel is empty, and the client joins "{join.channel}": {invalid}.'
        elif first == "user":
            yield f"The user stands in the place of the channel, as in a token for RTM: {invalid}."
        elif first == UNKNOWN:
            yield f"Its channel is not the one that the client joins with: the checksums differ, so {invalid}."
    if join.user is not None and second not in ("user", EMPTY):
        if second == "channel":
            yield f"The channel stands in the place of the uid: {invalid}."
        else:
            yield f"Its user is not the one that the client joins with: the checksums differ, so {invalid}."


def _rtm_problems(reading: Reading006, join: Join) -> Iterator[str]:
    first, second = reading.places
    invalid = f"it is {INVALID['rtm']}"
    if "user" in (first, second):
        if UNKNOWN in (first, second) and len(reading.grant.services) == 1:
            place = "uid" if second == UNKNOWN else "channel"
            yield f"The place of its {place} is not empty, and does not hold the user: {invalid}."
        return
    if first == "channel" and "rtc" not in {service.name for service in reading.grant.services}:
        yield f"The channel stands where an RTM token has its user: {invalid}."
    elif join.user is not None:
        yield f"Its user is not the one that the client joins with: the checksums differ, so {invalid}."
