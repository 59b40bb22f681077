"""What a grant amounts to: users, channels, roles and capabilities, from its services alone."""

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import APP_ID, OTHER_CREDENTIALS, STAMP, app, backends, permitted, rtc, rule
from tokend.core.model import Grant, Service, TokenRequest
from tokend.core.reach import Capability, Reach, is_wildcard, reach_of, role_of


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
    reach = reach_of(_grant(Service("rtc", "", "room", {"join": 60}), Service("rtm", "ann", None, {"login": 60})))
    assert sorted(reach.users) == ["", "ann"]
    assert [*reach.channels, *reach.roles, *reach.capabilities] == ["room", "subscriber", Capability.WILDCARD_USER]


def test_a_service_that_has_no_user_or_channel_reaches_none() -> None:
    nothing = frozenset[str]()
    administrator = Service("chat", None, None, {"app": 60})
    assert reach_of(_grant(administrator)) == Reach(nothing, nothing, nothing, frozenset({Capability.APP_ADMIN}))
    assert reach_of(_grant()) == Reach(nothing, nothing, nothing, frozenset())


def test_publishing_beside_another_services_wildcard_is_no_wildcard_publish() -> None:
    named, wild = Service("rtc", "7", "room", {"publish_audio": 60}), Service("rtc", "7", "*", {"join": 60})
    assert reach_of(_grant(named, wild)).capabilities == {Capability.WILDCARD_CHANNEL}


@pytest.mark.parametrize(
    "token_request",
    [
        rtc(),
        rtc("*", 0, role="publisher"),
        TokenRequest("rtm", {"user": "ann", "channel": "st"}),
        TokenRequest("chat", {"app": True}),
    ],
)
def test_a_read_grant_reaches_what_the_new_one_does(token_request: TokenRequest) -> None:
    permit = permitted(app(rule(capabilities=list(Capability))), token_request)
    token = permit.backend.mint(permit.grant, STAMP).token
    assert reach_of(permit.backend.read(token).grant) == reach_of(permit.grant)


@pytest.mark.parametrize(
    "token_request",
    [rtc(), rtc(version="006"), TokenRequest("rtm", {"user": "ann"}), TokenRequest("chat", {"user": "ann"})],
)
def test_a_token_verifies_under_its_own_apps_certificate_and_no_others(token_request: TokenRequest) -> None:
    permit = permitted(app(rule()), token_request)
    minted = permit.backend.mint(permit.grant, STAMP)
    assert permit.backend.verify(minted, permit.grant, STAMP) is None
    for other in (OTHER_CREDENTIALS, replace(OTHER_CREDENTIALS, app_id=APP_ID)):
        stranger = backends(other)[token_request.kind]
        assert stranger.verify(minted, permit.grant, STAMP) is not None
        assert stranger.read(minted.token).signed_by is None
