"""Random asks of every kind, and what the vendor has to read out of their tokens: written down from the ask alone.

Field by field, in the vendor's numbers; shares no line with tokend.
"""

import hashlib
import random
from collections.abc import Callable
from typing import Any, Final

from tests.unit.http.running import KINDS

_RTC: Final = "abcXYZ019 !#$%&()+-:;<=.>?@[]^_{}|~,*"
_STREAM: Final = "abcXYZ019 !#$%&()+-:;<=>?@[]^{}|~,`*"
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F))) + " "
_CHAT: Final = "abcz019_-."
_RESOURCES: Final = ["message_channels", "stream_channels", "group_channels", "server_groups", "users"]
_RTC_PRIVILEGES: Final = {"join": 1, "audio": 2, "video": 3, "data": 4}

Service = dict[str, Any]
Made = tuple[dict[str, Any], list[Service]]
"""The fields of an ask, and the services that the vendor has to read."""


class RandomAsks:
    """The same ones for the same seed. `ttl`: seconds, of the asks that follow."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.ttl = 0

    def next_ttl(self) -> int:
        self.ttl = self.pick.choice((60, 86_400, self.pick.randint(60, 86_400)))
        return self.ttl

    def text(self, letters: str, longest: int, least: int = 1) -> str:
        length = self.pick.choice((least, 1, longest, self.pick.randint(least, longest)))
        return "".join(self.pick.choices(letters, k=length))

    def named(self, letters: str, longest: int) -> str:
        return self.pick.choice("abz") + self.text(letters, longest - 1, 0)

    def seconds(self) -> int:
        return self.pick.choice((1, self.ttl, self.pick.randint(1, self.ttl)))

    def privileges(self, names: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
        """As an ask says them, and as the vendor reads them. Where there is `join`, nobody can use the others without it."""
        chosen = self.pick.sample(sorted(names), k=self.pick.randint(1, len(names)))
        if "join" in names and "join" not in chosen:
            chosen.append("join")
        asked = {name: self.seconds() for name in chosen}
        return asked, {str(names[name]): seconds for name, seconds in asked.items()}

    def user(self) -> tuple[dict[str, Any], str]:
        """uid or account, and the text on the wire: uid 0 is empty, the account 0 is not."""
        if self.pick.random() < 0.5:
            uid = self.pick.choice((0, 1, 2**32 - 1, self.pick.randrange(2**32)))
            return {"uid": uid}, str(uid or "")
        account = self.pick.choice(("0", "", "7", self.text(_RTC, 255, 0)))
        return {"account": account}, account

    def rtc(self) -> Made:
        user, on_wire = self.user()
        channel = self.text(_RTC, 63, 0)
        token_request: dict[str, Any] = {"channel": channel, **user}
        read = {"1": self.ttl}
        match self.pick.randrange(4):
            case 0:
                token_request["privileges"], read = self.privileges(_RTC_PRIVILEGES)
            case 1:
                token_request["role"] = "publisher"
                read = dict.fromkeys("1234", self.ttl)
            case 2:
                token_request["role"] = "subscriber"
        return token_request, [{"type": 1, "channel": channel, "uid": on_wire, "privileges": read}]

    def rtm(self) -> Made:
        user = self.named(_PRINTABLE, 64)
        login = {"type": 2, "user_id": user, "privileges": {"1": self.ttl}}
        if self.pick.random() < 0.5:
            return {"user": user}, [login]
        channel = self.named(_STREAM, 63)
        role = self.pick.choice(("publisher", "subscriber", None))
        read = {"1": self.ttl} if role == "subscriber" else {"1": self.ttl, "4": self.ttl}
        stream = {"type": 1, "channel": channel, "uid": user, "privileges": read}
        return {"user": user, "channel": channel, **({"role": role} if role else {})}, [stream, login]

    def chat(self) -> Made:
        if self.pick.random() < 0.2:
            return {"app": True}, [{"type": 5, "user_id": "", "privileges": {"2": self.ttl}}]
        user = self.text(_CHAT, 64)
        return {"user": user}, [{"type": 5, "user_id": user, "privileges": {"1": self.ttl}}]

    def streaming(self) -> Made:
        return self._with_account(3, {"mixed": 1, "raw": 2}, {"1": self.ttl, "2": self.ttl})

    def fcdn(self) -> Made:
        token_request, services = self._with_account(6, {"publish": 1, "play": 2}, {"2": self.ttl})
        if "privileges" not in token_request and self.pick.random() < 0.5:
            token_request["role"] = "publisher"
            services[0]["privileges"] = {"1": self.ttl, "2": self.ttl}
        return token_request, services

    def _with_account(self, number: int, names: dict[str, int], unless_said: dict[str, int]) -> Made:
        user, on_wire = self.user()
        token_request: dict[str, Any] = {"channel": self.text(_RTC, 63, 0), **user}
        read = unless_said
        if self.pick.random() < 0.5:
            token_request["privileges"], read = self.privileges(names)
        return token_request, [
            {"type": number, "channel": token_request["channel"], "account": on_wire, "privileges": read}
        ]

    def fpa(self) -> Made:
        return {}, [{"type": 4, "privileges": {"1": 0}}]

    def apaas(self) -> Made:
        user = self.named(_PRINTABLE, 64)
        none = {"room_uuid": "", "user_uuid": "", "role": 0xFFFF}
        if self.pick.random() < 0.2:
            return {"app": True}, [{"type": 7, **none, "privileges": {"3": self.ttl}}]
        if self.pick.random() < 0.3:
            return {"user": user}, [{"type": 7, **none, "user_uuid": user, "privileges": {"2": self.ttl}}]
        room, role = self.text("abz019-é語", 21), self.pick.choice((None, 0, 1, 32_767))
        derived = hashlib.md5(user.encode()).hexdigest()
        number = 0xFFFF if role is None else role
        services = [
            {"type": 2, "user_id": user, "privileges": {"1": self.ttl}},
            {"type": 5, "user_id": derived, "privileges": {"1": self.ttl}},
            {"type": 7, "room_uuid": room, "user_uuid": user, "role": number, "privileges": {"1": self.ttl}},
        ]
        return {"room": room, "user": user, **({} if role is None else {"role": role})}, services

    def rtm2(self) -> Made:
        user = self.named(_PRINTABLE, 64)
        asked: dict[str, Any] = {}
        read: dict[str, Any] = {}
        for resource_type in self.pick.sample(_RESOURCES, k=self.pick.randrange(4)):
            for access in self.pick.sample(["read", "write"], k=self.pick.choice((1, 2))):
                names = [self.text(_PRINTABLE, 64) for _ in range(self.pick.randint(1, 3))]
                asked.setdefault(resource_type, {})[access] = names
                numbers = str(_RESOURCES.index(resource_type)), str(["read", "write"].index(access))
                read.setdefault(numbers[0], {})[numbers[1]] = names
        token_request = {"user": user, **({"permissions": asked} if asked else {})}
        return token_request, [{"type": 8, "user_id": user, "permissions": read, "privileges": {"1": self.ttl}}]

    def rtc_rtm(self) -> Made:
        token_request, (rtc,) = self.rtc()
        if (
            not rtc["uid"]
            or "*" in rtc["uid"]
            or len(rtc["uid"]) > 64
            or rtc["uid"][0] == " "
            or self.pick.random() < 0.5
        ):
            token_request["rtm_user"] = self.named(_PRINTABLE, 64)
        seconds = self.ttl
        if self.pick.random() < 0.5:
            token_request["rtm_seconds"] = seconds = self.seconds()
        user = token_request.get("rtm_user", rtc["uid"])
        return token_request, [rtc, {"type": 2, "user_id": user, "privileges": {"1": seconds}}]

    def convoai(self) -> Made:
        token_request, services = self.rtc_rtm()
        return token_request, [*services, {"type": 9, "privileges": {}}]

    def stt(self) -> Made:
        token_request, services = self.rtc_rtm()
        return token_request, [*services, {"type": 10, "privileges": {}}]

    def combined(self) -> Made:
        kinds = self.pick.choices(
            [one for one in KINDS if one not in ("combined", "rtc_rtm")], k=self.pick.randint(1, 4)
        )
        token_requests: list[dict[str, Any]] = []
        services: list[Service] = []
        for kind in kinds:
            token_request, of_part = self.made(kind)
            token_requests.append({"kind": kind, **token_request})
            services += of_part
        return {"services": token_requests}, sorted(services, key=lambda one: int(one["type"]))

    def old(self, kind: str) -> Made:
        """Of kind rtc or rtm, one that a 006 token can hold: no stream channels, no patterns."""
        while True:
            token_request, services = self.made(kind)
            first = services[0]
            wild = kind == "rtc" and (not first["channel"] or "*" in first["channel"] + first["uid"])
            if len(services) == 1 and not wild:
                return {**token_request, "version": "006"}, services

    def made(self, kind: str) -> Made:
        make: Callable[[], Made] = getattr(self, kind)
        return make()


def question_006(service: Service, app_id: str, certificate: str, issued_at: int, salt: int) -> dict[str, Any]:
    """What to ask the vendor's builder for, to get the 006 token of this service."""
    is_rtm = service["type"] == 2
    numbers = {"1": "1000"} if is_rtm else {}
    return {
        "op": "build006",
        "app_id": app_id,
        "certificate": certificate,
        "channel": service["user_id"] if is_rtm else service["channel"],
        "uid": "" if is_rtm else service["uid"],
        "ts": issued_at + 86_400,
        "salt": salt,
        "privileges": {numbers.get(one, one): issued_at + until for one, until in service["privileges"].items()},
    }
