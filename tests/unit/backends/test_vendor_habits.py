"""What the vendor's kinds do besides the contract: which certificate signs, when to renew, the longest ids."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.issuing.making import APP_ID, CREDENTIALS, ISSUANCE, KINDS, OTHER_CREDENTIALS
from tokend.backends.agora import v006, v007
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect
from tokend.plugins import ApiError, AppCredentials, Backend, Issuance

_BOTH = {"primary": CREDENTIALS.certificates["primary"], "secondary": OTHER_CREDENTIALS.certificates["primary"]}


def _backend(kind: str, signing: str = "primary") -> Backend:
    return KINDS[kind](KINDS[kind].Options(), AppCredentials(APP_ID, _BOTH, signing))


def _token(backend: Backend, ttl: int = 600, **fields: Any) -> str:
    return backend.mint(backend.grant(backend.Fields.model_validate(fields), ttl), ISSUANCE).token


@pytest.mark.parametrize("signing", ["primary", "secondary"])
def test_the_configured_certificate_signs_and_both_verify(signing: str) -> None:
    token = _token(_backend("chat", signing), user="ann")
    for reader in ("primary", "secondary"):
        assert _backend("chat", reader).read(token).signed_by == signing


@pytest.mark.parametrize("signing", ["primary", "secondary"])
def test_an_administrators_token_is_always_signed_by_the_primary(signing: str) -> None:
    assert _backend("chat", signing).read(_token(_backend("chat", signing), app=True)).signed_by == "primary"


def test_a_certificate_that_two_apps_share_signs_for_its_own_app_id_only() -> None:
    other = KINDS["rtm"](KINDS["rtm"].Options(), AppCredentials("0" * 32, _BOTH))
    assert other.read(_token(_backend("rtm"), user="ann")).signed_by is None


def test_inspect_prefers_the_app_that_signed() -> None:
    stranger = KINDS["rtm"](KINDS["rtm"].Options(), OTHER_CREDENTIALS)
    token = _token(_backend("rtm"), user="ann")
    for several in ([stranger, _backend("rtm")], [_backend("rtm"), stranger]):
        inspection = inspect(several, Inspect(token), ISSUANCE.issued_at)
        assert (inspection.says["signed_by"], inspection.problems) == ("primary", ())


@pytest.mark.parametrize(
    ("ttl", "join", "seconds"), [(1800, 300, 270), (1800, 40, 20), (1800, 1, 1), (1800, 1800, 1770), (1, 1, 0)]
)
def test_clients_renew_before_a_privilege_ends_that_is_shorter_than_the_token(
    ttl: int, join: int, seconds: int
) -> None:
    """A client kept the token until its own end, without the privilege to join."""
    backend = _backend("rtc")
    fields = backend.Fields.model_validate({"channel": "room", "uid": 7, "privileges": {"join": join}})
    assert backend.mint(backend.grant(fields, ttl), ISSUANCE).renew_after == seconds


@pytest.mark.parametrize(
    ("ttl", "rtm", "chat"), [(86_400, 86_370, 43_200), (600, 570, 300), (60, 30, 30), (50, 25, 25)]
)
def test_clients_renew_half_a_minute_before_the_end_and_chat_at_half_time(ttl: int, rtm: int, chat: int) -> None:
    for kind, seconds in (("rtm", rtm), ("chat", chat)):
        backend = _backend(kind)
        grant = backend.grant(backend.Fields.model_validate({"user": "ann"}), ttl)
        assert backend.mint(grant, ISSUANCE).renew_after == seconds


@pytest.mark.parametrize(
    ("kind", "fields", "name", "longest"),
    [
        ("rtc", {"uid": 7}, "channel", 63),
        ("rtc", {"channel": "room"}, "account", 255),
        ("rtm", {}, "user", 64),
        ("rtm", {"user": "ann"}, "channel", 63),
        ("chat", {}, "user", 64),
    ],
)
def test_the_longest_id_is_taken_and_one_character_more_is_not(
    kind: str, fields: dict[str, object], name: str, longest: int
) -> None:
    backend = _backend(kind)
    assert backend.Fields.model_validate({**fields, name: "x" * longest})
    with pytest.raises(ValidationError):
        backend.Fields.model_validate({**fields, name: "x" * (longest + 1)})


def test_a_channel_of_65541_bytes_never_reaches_the_packer() -> None:
    """The old servers' 16-bit length wrapped, and what stood inside became a service of its own."""
    with pytest.raises((ValidationError, ApiError)):
        _token(_backend("rtc"), uid=7, channel="x" * 65_541)


@pytest.mark.parametrize(
    ("nonce", "salt"), [(0, 1), (99_999_998, 99_999_999), (99_999_999, 1), (2**128 - 1, 1 + (2**128 - 1) % 99_999_999)]
)
@pytest.mark.parametrize("version", ["006", "007"])
def test_the_salt_is_the_nonce_reduced_to_the_vendors_range(nonce: int, salt: int, version: str) -> None:
    backend = _backend("rtc")
    grant = backend.grant(backend.Fields.model_validate({"channel": "room", "uid": 7, "version": version}), 600)
    issuance = Issuance(ISSUANCE.issued_at, nonce)
    minted = backend.mint(grant, issuance)
    found = v006.decode(minted.token).salt if version == "006" else v007.decode(minted.token).content.salt
    assert found == salt
    assert backend.verify(minted, grant, issuance) is None
