"""What a grant amounts to: users, channels, roles and powers, from its services alone."""

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import APP_ID, OTHER_CREDENTIALS, STAMP, app, backends, permitted, rtc, rule
from tokend.core.model import Ask, Grant, Service
from tokend.core.reach import Power, Scope, is_wildcard, role_of, scope


def _grant(*services: Service) -> Grant:
    return Grant(APP_ID, "007", 60, services)


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["join"], "subscriber"),
        (["play"], "subscriber"),
        (["subscribe"], "subscriber"),
        (["join", "publish_data"], "publisher"),
        (["publish"], "publisher"),
        (["publish_mixed"], "publisher"),
        (["login"], None),
        (["user"], None),
        (["app"], None),
        ([], None),
    ],
)
def test_a_publisher_holds_any_publish_privilege(names: list[str], role: str | None) -> None:
    assert role_of(Service("any", "u", "c", dict.fromkeys(names, 60))) == role


@pytest.mark.parametrize(
    ("text", "wild"), [("", True), ("*", True), ("a*b", True), ("0", False), ("a", False), (None, False)]
)
def test_what_is_empty_or_holds_a_star_is_a_wildcard(text: str | None, wild: bool) -> None:
    assert is_wildcard(text) is wild


def test_users_and_channels_are_all_that_services_have() -> None:
    reach = scope(_grant(Service("rtc", "", "room", {"join": 60}), Service("rtm", "ann", None, {"login": 60})))
    assert sorted(reach.users) == ["", "ann"]
    assert [*reach.channels, *reach.roles, *reach.powers] == ["room", "subscriber", Power.WILDCARD_USER]


def test_a_service_that_has_no_user_or_channel_reaches_none() -> None:
    nothing = frozenset[str]()
    administrator = Service("chat", None, None, {"app": 60})
    assert scope(_grant(administrator)) == Scope(nothing, nothing, nothing, frozenset({Power.APP_ADMIN}))
    assert scope(_grant()) == Scope(nothing, nothing, nothing, frozenset())


def test_publishing_beside_another_services_wildcard_is_no_wildcard_publish() -> None:
    named, wild = Service("rtc", "7", "room", {"publish_audio": 60}), Service("rtc", "7", "*", {"join": 60})
    assert scope(_grant(named, wild)).powers == {Power.WILDCARD_CHANNEL}


@pytest.mark.parametrize(
    "ask",
    [rtc(), rtc("*", 0, role="publisher"), Ask("rtm", {"user": "ann", "channel": "st"}), Ask("chat", {"app": True})],
)
def test_a_read_grant_reaches_what_the_new_one_does(ask: Ask) -> None:
    permit = permitted(app(rule(powers=list(Power))), ask)
    token = permit.backend.mint(permit.grant, STAMP).token
    assert scope(permit.backend.read(token).grant) == scope(permit.grant)


@pytest.mark.parametrize("ask", [rtc(), rtc(version="006"), Ask("rtm", {"user": "ann"}), Ask("chat", {"user": "ann"})])
def test_a_token_verifies_under_its_own_apps_certificate_and_no_others(ask: Ask) -> None:
    permit = permitted(app(rule()), ask)
    minted = permit.backend.mint(permit.grant, STAMP)
    assert permit.backend.verify(minted, permit.grant, STAMP) is None
    for other in (OTHER_CREDENTIALS, replace(OTHER_CREDENTIALS, app_id=APP_ID)):
        stranger = backends(other)[ask.kind]
        assert stranger.verify(minted, permit.grant, STAMP) is not None
        assert stranger.read(minted.token).signed_by is None
