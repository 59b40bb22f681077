"""Tokens as people read them, in transcripts: `<007 3600 s: rtc "room" "7" join publish_audio + rtm "7" login>`.

Version, lifetime, then each service with its channel (if it has one), its user and its privileges. A privilege whose
lifetime is not the token's says its own: `join=600`. A role of the classroom (`role 1`) and RTM2's permissions, in the
numbers of the wire (`0.1:room,lobby`), stand at the end. A 006 token shows neither channel nor user: what the transcript
says of them is held against its checksums.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.unit.http.running import APP_ID, CERTIFICATE, NOW, SALT
from tokend.backends.agora import v006, v007

PLACEHOLDER: Final = re.compile(r"<00[67] [^>]*>")
_SERVICES: Final[Mapping[int, tuple[str, tuple[str, ...], Mapping[int, str]]]] = {
    1: ("rtc", ("channel", "uid"), {1: "join", 2: "publish_audio", 3: "publish_video", 4: "publish_data"}),
    2: ("rtm", ("user_id",), {1: "login"}),
    3: ("streaming", ("channel", "account"), {1: "publish_mixed", 2: "publish_raw"}),
    4: ("fpa", (), {1: "login"}),
    5: ("chat", ("user_id",), {1: "user", 2: "app"}),
    6: ("fcdn", ("channel", "account"), {1: "publish", 2: "play"}),
    7: ("apaas", ("room_uuid", "user_uuid"), {1: "room_user", 2: "user", 3: "app"}),
    8: ("rtm2", ("user_id",), {1: "login"}),
    9: ("convoai", (), {}),
    10: ("stt", (), {}),
}
_QUOTED: Final = re.compile(r'"([^"]*)"')


def of_token(token: str, expected: str) -> str:
    """The notation of a token of the test's app. `expected` names the channel and user of a 006 token."""
    return _of_006(token, expected) if token.startswith("006") else _of_007(token)


def signed(text: str) -> str:
    """A text with a 007 token in the place of each placeholder, issued at NOW by the test's app."""
    return PLACEHOLDER.sub(lambda found: json.dumps(_token(found[0])), text)


def of_vendor(answer: Mapping[str, Any]) -> str:
    """The same notation from what the vendor's own package read."""
    assert (answer["read"], answer["ok"], answer["app_id"]) == (True, True, APP_ID)
    services = (
        (
            service["type"],
            [service[name] for name in _SERVICES[service["type"]][1]],
            {int(number): seconds for number, seconds in service["privileges"].items()},
            _more(service.get("role"), service.get("permissions")),
        )
        for service in answer["services"]
    )
    return _written("007", answer["expire"], services)


def rebuilt_006(placeholder: str) -> dict[str, object]:
    """The question for the vendor's builder that gives a 006 token of the test's app, issued at NOW."""
    head, _, rest = placeholder.strip("<>").partition(": ")
    ttl = int(head.split(" ")[1])
    numbers = {"login": 1000, **{name: number for number, name in _SERVICES[1][2].items()}}
    words = [one.partition("=") for one in _QUOTED.sub("", rest).split()[1:]]
    channel, uid = (*_QUOTED.findall(rest), "")[:2]
    return {
        "op": "build006",
        "app_id": APP_ID,
        "certificate": CERTIFICATE,
        "channel": channel,
        "uid": uid,
        "ts": NOW + 86_400,
        "salt": SALT,
        "privileges": {numbers[name]: NOW + int(seconds or ttl) for name, _, seconds in words},
    }


def quoted(body: str) -> Any:
    """A transcript's JSON body, its tokens as texts."""
    return json.loads(PLACEHOLDER.sub(lambda found: json.dumps(found[0]), body))


def _token(placeholder: str) -> str:
    head, _, rest = placeholder.strip("<>").partition(": ")
    ttl = int(head.split(" ")[1])
    services = []
    for part in rest.split(" + "):
        number, known = next((one, of[2]) for one, of in _SERVICES.items() if of[0] == part.partition(" ")[0])
        words = [one.partition("=") for one in _QUOTED.sub("", part).split()[1:]]
        numbers = {name: one for one, name in known.items()}
        privileges = {numbers[name]: int(seconds or ttl) for name, _, seconds in words}
        services.append(v007.Service(number, privileges, tuple(_QUOTED.findall(part))))
    return v007.encode(v007.Content(APP_ID, NOW, ttl, 1, tuple(services)), CERTIFICATE)


def _of_007(token: str) -> str:
    decoded = v007.decode(token)
    assert v007.verifies(decoded, CERTIFICATE)
    assert (decoded.content.app_id, decoded.unread) == (APP_ID, b"")
    services = []
    for one in decoded.content.services:
        texts = [value for value in one.values if isinstance(value, str)]
        (other,) = one.values[len(texts) :] or (None,)
        more = _more(other if isinstance(other, int) else None, other if isinstance(other, Mapping) else None)
        services.append((one.type, texts, one.privileges, more))
    return _written("007", decoded.content.expire, services)


def _of_006(token: str, expected: str) -> str:
    decoded = v006.decode(token)
    seconds = {number: until - decoded.issue_ts for number, until in decoded.privileges.items()}
    ids = _QUOTED.findall(expected)
    channel, user = ids if len(ids) == 2 else (*ids, "")
    assert decoded.app_id == APP_ID
    assert v006.verifies(decoded, CERTIFICATE, channel, user)
    if 1000 in seconds:
        return _written("006", seconds[1000], [(2, ids, {1: seconds[1000]}, [])])
    return _written("006", max(seconds.values()), [(1, ids, seconds, [])])


def _more(role: int | None, permissions: Mapping[Any, Mapping[Any, Iterable[str]]] | None) -> list[str]:
    """The vendor reads a role as unsigned, and numbers of permissions as text."""
    words = [] if role is None else [f"role {role - 0x10000 if role > 0x7FFF else role}"]
    for resource_type, access in (permissions or {}).items():
        words += [f"{resource_type}.{one}:{','.join(names)}" for one, names in access.items()]
    return words


def _written(version: str, ttl: int, services: Iterable[tuple[int, list[str], Mapping[int, int], list[str]]]) -> str:
    parts = []
    for number, ids, privileges, more in services:
        name, _, known = _SERVICES[number]
        words = [name, *(f'"{one}"' for one in ids)]
        words += [known[one] + ("" if seconds == ttl else f"={seconds}") for one, seconds in sorted(privileges.items())]
        words += more
        parts.append(" ".join(words))
    return f"<{version} {ttl} s: {' + '.join(parts)}>"
