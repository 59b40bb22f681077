"""The same tokens from the vendor's own builders: thousands of random contents, byte for byte, read both ways."""

import random
from collections.abc import Mapping
from typing import Any, Final

import pytest
from msgspec.structs import asdict, replace

from tests.oracle import Vendor
from tests.unit.backends.agora.contents import (
    APP_ID,
    CERTIFICATE,
    LETTERS,
    OTHER_CERTIFICATE,
    VECTORS,
    fields_of,
    in_wire_order,
    inflated,
    service_of,
)
from tokend.backends.agora import v006, v007
from tokend.backends.agora.packing import MAX_U32

_HOW_MANY: Final = 500

_Signed007 = tuple[v007.Content, str]
_Signed006 = tuple[v006.Content, str]


class _Chance:
    """Random contents: always the same ones, for the seed is given."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def hexadecimal(self) -> str:
        """32 digits, as the vendor asks of an App ID and a certificate."""
        return "".join(self._random.choices("0123456789abcdefABCDEF", k=32))

    def text(self) -> str:
        length = self._random.choice((0, 1, 7, 32, 64, self._random.randrange(256)))
        letters = self._random.choice((LETTERS, "0123456789", "abcdefghijklmnopqrstuvwxyz-_@."))
        return "".join(self._random.choices(letters, k=length))

    def number(self, highest: int = MAX_U32) -> int:
        return self._random.choice((0, 1, 600, highest, self._random.randint(0, highest)))

    def privileges(self) -> dict[int, int]:
        keys = self._random.choices((1, 2, 3, 4, 255, 256, 1000, 65_535), k=self._random.randrange(5))
        return {key: self.number() for key in keys}

    def role(self) -> int:
        """Never 0, which the vendor's constructor takes for "no role": test_the_vendor_takes_role_0_for_none."""
        return self._random.choice((-1, 1, 2, -0x8000, 0x7FFF, 1 + self._random.randrange(0x7FFF)))

    def permissions(self) -> dict[int, dict[int, tuple[str, ...]]]:
        """Each resource type with a permission, for the vendor's builder cannot add one without."""
        return {
            resource_type: {
                permission: tuple(self.text() for _ in range(self._random.randrange(3)))
                for permission in self._random.sample((0, 1, 2, 65_535), k=self._random.choice((1, 2)))
            }
            for resource_type in self._random.sample((0, 1, 2, 3, 4, 65_535), k=self._random.randrange(4))
        }

    def service(self) -> v007.Service:
        kind = self._random.choice(sorted(v007.LAYOUTS))
        made: dict[str, v007.Value] = {"string": self.text(), "i16": self.role(), "permissions": self.permissions()}
        values = tuple(self.text() if form == "string" else made[form] for form in v007.LAYOUTS[kind])
        return v007.Service(kind, self.privileges(), values)

    def signed007(self) -> _Signed007:
        services = tuple(self.service() for _ in range(self._random.randint(1, 5)))
        content = v007.Content(self.hexadecimal(), self.number(), self.number(), self.number(), services)
        return content, self.hexadecimal()

    def signed006(self) -> _Signed006:
        issue_ts = self.number(MAX_U32 - v006.DAY)
        texts = self.text(), self.text()
        content = v006.Content(self.hexadecimal(), *texts, issue_ts, self.number(), self.privileges())
        return content, self.hexadecimal()


def _build007(content: v007.Content, certificate: str) -> dict[str, object]:
    services = [fields_of(service) for service in content.services]
    return {"op": "build007", **asdict(content), "services": services, "certificate": certificate}


def _build006(content: v006.Content, certificate: str) -> dict[str, object]:
    fields = asdict(content)
    return {"op": "build006", **fields, "ts": fields.pop("issue_ts") + v006.DAY, "certificate": certificate}


def _as_the_vendor_reads(content: v007.Content) -> v007.Content:
    """Its parser takes the role for unsigned, so -1 reads as 65535."""
    services = (
        replace(service, values=tuple(value & 0xFFFF if isinstance(value, int) else value for value in service.values))
        for service in in_wire_order(content).services
    )
    return replace(content, services=tuple(services))


def _read_by_vendor(answer: Mapping[str, Any]) -> v007.Content:
    services = tuple(map(service_of, answer["services"]))
    return v007.Content(answer["app_id"], answer["issue_ts"], answer["expire"], answer["salt"], services)


@pytest.fixture(scope="module")
def signed007() -> list[_Signed007]:
    chance = _Chance(7)
    return [chance.signed007() for _ in range(_HOW_MANY)]


@pytest.fixture(scope="module")
def signed006() -> list[_Signed006]:
    chance = _Chance(6)
    return [chance.signed006() for _ in range(_HOW_MANY)]


def test_the_random_contents_hold_everything(signed007: list[_Signed007]) -> None:
    types = [[service.type for service in content.services] for content, _ in signed007]
    assert {kind for several in types for kind in several} == set(v007.LAYOUTS)
    assert sum(len(set(several)) < len(several) for several in types) > 100
    assert sum(several != sorted(several) for several in types) > 100


def test_007_is_what_the_vendor_writes(vendor: Vendor, signed007: list[_Signed007]) -> None:
    answers = vendor.ask_all(_build007(*one) for one in signed007)
    for (content, certificate), answer in zip(signed007, answers, strict=True):
        assert inflated(answer["token"]) == inflated(v007.encode(content, certificate))
        decoded = v007.decode(answer["token"])
        assert (decoded.content, decoded.unread) == (in_wire_order(content), b"")
        assert v007.verifies(decoded, certificate)


def test_007_is_what_the_vendor_reads_and_verifies(vendor: Vendor, signed007: list[_Signed007]) -> None:
    ours = [v007.encode(*one) for one in signed007]
    answers = vendor.ask_all(
        {"op": "verify007", "token": token, "certificate": certificate}
        for token, (_, certificate) in zip(ours, signed007, strict=True)
    )
    for (content, _), answer in zip(signed007, answers, strict=True):
        assert answer["ok"] is True
        assert _read_by_vendor(answer) == _as_the_vendor_reads(content)


def test_007_fails_at_the_vendor_with_another_certificate(vendor: Vendor, signed007: list[_Signed007]) -> None:
    answers = vendor.ask_all(
        {"op": "verify007", "token": v007.encode(*one), "certificate": OTHER_CERTIFICATE} for one in signed007[:100]
    )
    assert {(answer["read"], answer["ok"]) for answer in answers} == {(True, False)}


def test_006_is_what_the_vendor_writes(vendor: Vendor, signed006: list[_Signed006]) -> None:
    answers = vendor.ask_all(_build006(*one) for one in signed006)
    for (content, certificate), answer in zip(signed006, answers, strict=True):
        assert answer["token"] == v006.encode(content, certificate)
        decoded = v006.decode(answer["token"])
        assert (decoded.app_id, decoded.issue_ts, decoded.salt) == (content.app_id, content.issue_ts, content.salt)
        assert decoded.privileges == content.privileges
        assert v006.verifies(decoded, certificate, content.channel, content.uid)


def test_006_is_what_the_vendor_reads_and_builds_again(vendor: Vendor, signed006: list[_Signed006]) -> None:
    answers = vendor.ask_all(
        {
            "op": "verify006",
            "token": v006.encode(content, certificate),
            "certificate": certificate,
            "channel": content.channel,
            "uid": content.uid,
        }
        for content, certificate in signed006
    )
    for (content, _), answer in zip(signed006, answers, strict=True):
        assert answer["ok"] is True
        assert (answer["salt"], answer["ts"]) == (content.salt, content.issue_ts + v006.DAY)
        assert {int(key): until for key, until in answer["privileges"].items()} == content.privileges


def test_the_vendor_verifies_the_vectors(vendor: Vendor) -> None:
    """That the oracle says yes to what the vendor printed, and no to a token with another signature."""
    vectors = [vector for vector in VECTORS["vectors"] if vector["version"] == "007"]
    for vector in vectors:
        assert vendor.token_request("verify007", token=vector["token"], certificate=CERTIFICATE)["ok"] is True
    assert vendor.token_request("verify007", token=vectors[0]["token"][:-8], certificate=CERTIFICATE)["read"] is False


def test_the_vendor_takes_role_0_for_none(vendor: Vendor) -> None:
    """Its constructor turns role 0 into -1. Ours writes what it is given; the vendor's reader takes either."""
    chance = _Chance(0)
    content, _ = chance.signed007()
    zero, none = (replace(content, app_id=APP_ID, services=(_apaas(role),)) for role in (0, -1))
    theirs = vendor.ask_all([_build007(zero, CERTIFICATE)])[0]["token"]
    assert inflated(theirs) == inflated(v007.encode(none, CERTIFICATE))
    answer = vendor.token_request("verify007", token=v007.encode(zero, CERTIFICATE), certificate=CERTIFICATE)
    assert answer["ok"] is True
    assert _read_by_vendor(answer) == zero


def test_the_vendor_takes_uid_number_0_for_any_user(vendor: Vendor) -> None:
    """The number 0 becomes the empty text, the text "0" stays an account."""
    content = v007.Content(APP_ID, 1, 600, 1, (v007.Service(1, {1: 600}, ("stage", "")),))
    ours = v007.encode(content, CERTIFICATE)
    for uid, same in ((0, True), ("", True), ("0", False)):
        asked = _build007(content, CERTIFICATE)
        asked["services"] = [{"type": 1, "privileges": {1: 600}, "channel": "stage", "uid": uid}]
        assert (inflated(vendor.ask_all([asked])[0]["token"]) == inflated(ours)) is same
    content006 = v006.Content(APP_ID, "stage", "", 1, 1, {1: 600})
    for uid, same in ((0, True), ("", True), ("0", False)):
        asked = {**_build006(content006, CERTIFICATE), "uid": uid}
        assert (vendor.ask_all([asked])[0]["token"] == v006.encode(content006, CERTIFICATE)) is same


def _apaas(role: int) -> v007.Service:
    return v007.Service(7, {1: 600}, ("room", "user", role))
