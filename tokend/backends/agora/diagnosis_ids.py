"""Whether channel and user of an Agora token are those of a client, and whether any client can have them."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic_core import PydanticCustomError

from tokend.backends.agora import fields
from tokend.backends.agora.client_errors import (
    INVALID,
    INVALID_CHANNEL,
    INVALID_UID,
    INVALID_USER,
    clients_get,
    product_of,
)
from tokend.backends.agora.packing import MAX_U32
from tokend.backends.contract import Join
from tokend.core.model import NOT_APPLICABLE, Extent, Grant, Service
from tokend.core.reach import is_wildcard, text_of

MEDIA_SERVICES: Final = frozenset({"rtc", "streaming", "fcdn"})
_LONGEST_CHANNEL: Final = 64
"""Bytes. Agora's pages say both "less than 64" and "up to 64"."""
_USER_CHECKS: Final = {
    "rtc": fields.check_account,
    "streaming": fields.check_account,
    "fcdn": fields.check_account,
    "rtm": fields.check_rtm_user,
    "rtm2": fields.check_rtm_user,
    "chat": fields.check_chat_user,
}


def mismatches(grant: Grant, services: Sequence[Service], join: Join) -> Iterator[str]:
    """How channel and user of a 007 token differ from those of the client."""
    yield from _channel_mismatch(grant, services, join)
    yield from _user_mismatch(services, join.user)


def invalid_ids(services: Sequence[Service], join: Join) -> Iterator[str]:
    """Ids of the token, and of the client where the token names none, with which no client can join."""
    seen: set[str] = set()
    for service in services:
        channels = [service.channel] if isinstance(service.channel, str) else []
        if service.channel is not NOT_APPLICABLE or service.name in MEDIA_SERVICES:
            channels = channels or ([join.channel] if join.channel else [])
        users = [service.user] if isinstance(service.user, str) else [join.user] if join.user else []
        if service.derived_from is not None or (service.user is NOT_APPLICABLE and service.name not in _USER_CHECKS):
            users = []
        for sentence in (
            *(found for channel in channels if (found := _invalid_channel(service.name, channel))),
            *(found for user in users if (found := _invalid_user(service.name, user))),
        ):
            if sentence not in seen:
                seen.add(sentence)
                yield sentence


def notes(services: Sequence[Service], join: Join) -> Iterator[str]:
    """Facts about ids that surprise people."""
    names = {service.name for service in services}
    if names & MEDIA_SERVICES and join.user not in (None, "0") and fields.as_uid(join.user or "") is not None:
        # both are written as the same text, but the platform keeps numeric and text ids apart within a channel
        yield f'uid {join.user} and account "{join.user}" are one thing in a token, not in a channel: never mix them there.'
    for service in services:
        if service.name == "chat" and _is_uuid(service.user):
            yield _about_uuid(text_of(service.user), join.user)
        if (
            service.name in MEDIA_SERVICES
            and isinstance(service.channel, str)
            and len(service.channel.encode()) == _LONGEST_CHANNEL
        ):
            yield "Its channel has 64 bytes: Agora's pages say both up to 64 and less than 64. Use at most 63."


def _channel_mismatch(grant: Grant, services: Sequence[Service], join: Join) -> Iterator[str]:
    channel = join.channel
    if channel is None:
        return
    if join.product == "rtm":
        has_rtc_service = any(
            service.name == "rtc" and _matches(service.channel, channel) for service in grant.services
        )
        if not has_rtc_service:
            yield f'An RTM stream channel needs an RTC service for "{channel}" in the token too, and it has none: -10008.'
        return
    with_channel = [service for service in services if service.channel is not NOT_APPLICABLE]
    if with_channel and not any(_matches(service.channel, channel) for service in with_channel):
        first = text_of(with_channel[0].channel)
        hint = " (upper and lower case differ)" if first.lower() == channel.lower() else ""
        hint = hint or (" (white space differs)" if first.strip() == channel.strip() else "")
        yield f'Its channel is "{first}", the client joins "{channel}"{hint}: {_must_be_equal(with_channel[0])}'


def _user_mismatch(services: Sequence[Service], user: str | None) -> Iterator[str]:
    with_user = [service for service in services if service.user is not NOT_APPLICABLE]
    if user is None or not with_user or any(_matches(service.user, user) for service in with_user):
        return
    service = with_user[0]
    first = text_of(service.user)
    if service.name in MEDIA_SERVICES and fields.unsigned(user) in {each.user for each in with_user}:
        return  # Android's SDK shows a uid from 2^31 on as a negative number
    if any(each.name == "chat" and _is_uuid(each.user) for each in with_user):
        return  # a note says that the UUID of a Chat user cannot be compared with a name
    if service.name in MEDIA_SERVICES and first == "0":
        yield 'It is for the account "0", which is a name like any other; uid 0 (any user) is written empty.'
    elif service.name in MEDIA_SERVICES and first.isdigit() != user.isdigit():
        yield (
            f'Its user is "{first}", the client joins as "{user}": one is a number, the other an account, '
            f"and that is {INVALID['rtc']}."
        )
    else:
        hint = " (upper and lower case differ)" if first.lower() == user.lower() else ""
        yield f'Its user is "{first}", the client joins with "{user}"{hint}: {_must_be_equal(service)}'


def _must_be_equal(service: Service) -> str:
    code = INVALID.get(product_of(service.name))
    if code is None:
        return "they must be equal, otherwise Agora rejects the token."
    return f"they must be equal, otherwise Agora rejects the join with error {code} (invalid token)."


def _invalid_channel(service: str, channel: str) -> str | None:
    if service not in MEDIA_SERVICES:
        return None
    length = len(channel.encode(errors="replace"))
    if length > _LONGEST_CHANNEL:
        return f"Its channel has {length} bytes, and no channel may have over 63: {clients_get(INVALID_CHANNEL, [service])}."
    if _sentence(fields.check_channel, channel[: _LONGEST_CHANNEL - 1]) is not None:
        return (
            f'The channel "{channel}" holds a character that Agora does not allow. It may hold a-z A-Z 0-9, space and '
            f"!#$%&()+-:;<=.>?@[]^_{{}}|~, ({clients_get(INVALID_CHANNEL, [service])})."
        )
    return None


def _invalid_user(service: str, user: str) -> str | None:
    if service not in _USER_CHECKS or is_wildcard(user):
        return None
    if service in MEDIA_SERVICES and user.isascii() and user.isdigit() and int(user[:20]) > MAX_U32:
        return (
            f'The user "{user}" is no uid: the largest is 4294967295, and {clients_get(INVALID_UID, [service])}. '
            "Only a text account may be as long."
        )
    if service in MEDIA_SERVICES and fields.unsigned(user) is not None:
        return None
    sentence = _sentence(_USER_CHECKS[service], user)
    return None if sentence is None else f'The user "{user}" {sentence}: {clients_get(INVALID_USER, [service])}.'


def _sentence(check: fields.Check, text: str) -> str | None:
    try:
        check(text)
    except PydanticCustomError as error:
        return error.message()
    return None


def _is_uuid(user: str | Extent) -> bool:
    return isinstance(user, str) and fields.UUID_TEXT.fullmatch(user) is not None


def _about_uuid(uuid: str, user: str | None) -> str:
    compared = "" if user is None or user == uuid else f' It cannot be compared with "{user}".'
    return (
        f"Its Chat user {uuid} is the UUID that Chat gives a user when it is registered, as Agora's samples use it."
        f"{compared} docs/vendors/agora.md says which id to use."
    )


def _matches(allowed: str | Extent, joined: str) -> bool:
    """Return whether an id of the token allows this one. A pattern counts as allowing every id."""
    return allowed == joined or is_wildcard(allowed)
