"""What a grant amounts to: users, channels, roles and capabilities, from its services and what their backend declares."""

from typing import Final

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import APP_ID, ISSUANCE, OTHER_CREDENTIALS, app, backends, permitted, rtc, rule
from tokend.core.declarations import (
    ADMIN,
    APP_ADMIN,
    CAPABILITIES,
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    OPTIONAL,
    PUBLISH,
    UNDECLARED,
    WILDCARD_CHANNEL,
    WILDCARD_PUBLISH,
    WILDCARD_USER,
    Capability,
    Declarations,
    Role,
    ServiceShape,
)
from tokend.core.model import ANY, NOT_APPLICABLE, Extent, Grant, Service, TokenRequest
from tokend.core.reach import Reach, is_wildcard, leading_role, reach_of, role_of, text_of

DECLARED: Final = Declarations(
    services={
        "call": ServiceShape(),
        "login": ServiceShape(channel=NEVER),
        "room": ServiceShape(channel=OPTIONAL, user=OPTIONAL),
        "agent": ServiceShape(user=NEVER, channel=NEVER, kind="agent"),
    },
    privileges={
        "join": LISTEN,
        "speak": PUBLISH,
        "direct": Role("host"),
        "mute_others": Capability("moderate"),
        "log_in": CONNECT,
        "administer": ADMIN,
    },
    details={"name": FREE, "room_config": Capability("dispatch")},
)
NOBODY: Final = frozenset[str]()


def _reach(*services: Service, declarations: Declarations = DECLARED) -> Reach:
    return reach_of(Grant(APP_ID, "007", 60, services), declarations)


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


def _call(*privileges: str) -> Service:
    return Service("call", "ann", "lobby", dict.fromkeys(privileges, 60))


@pytest.mark.parametrize(
    ("privileges", "roles", "role"),
    [
        (["join"], {"subscriber"}, "subscriber"),
        (["join", "speak"], {"publisher"}, "publisher"),
        (["speak"], {"publisher"}, "publisher"),
        (["direct"], {"host"}, "host"),
        (["join", "direct"], {"host", "subscriber"}, "host"),
        (["direct", "speak"], {"host", "publisher"}, "publisher"),
        (["log_in"], set(), None),
        (["administer"], set(), None),
        (["mute_others"], set(), None),
        ([], set(), None),
    ],
)
def test_roles_are_those_that_the_backend_declares(privileges: list[str], roles: set[str], role: str | None) -> None:
    assert _reach(_call(*privileges)).roles == roles
    assert role_of(_call(*privileges), DECLARED) == role


def test_capabilities_are_those_of_privileges_and_details() -> None:
    assert _reach(_call("mute_others", "administer")).capabilities == {"moderate", APP_ADMIN}
    configured = replace(_call("join"), detail={"name": "Ann", "room_config": {"agents": []}})
    assert _reach(configured).capabilities == {"dispatch"}
    assert _reach(replace(_call("join"), detail={"name": "Ann"})).capabilities == NOBODY


@pytest.mark.parametrize(
    "name", ["administrate_everything", "app:room_admin", "publish", "publish_all", "subscribe", ""]
)
def test_an_undeclared_privilege_is_a_capability_that_no_rule_can_name(name: str) -> None:
    """A name means nothing by how it begins."""
    reach = _reach(_call(name))
    assert (reach.roles, reach.capabilities) == (NOBODY, _names(UNDECLARED))
    declared = Declarations({"call": ServiceShape()}, {"x": Capability(UNDECLARED)})
    assert list(declared.problems()) == ["capability undeclared is built in: choose another name"]


def test_a_service_without_channel_or_user_is_told_apart_from_one_that_never_has_them() -> None:
    login, room, agent = Service("login", "ann"), Service("room"), Service("agent")
    reach = _reach(login, room, agent)
    assert (reach.users, reach.channels) == (_names("ann"), NOBODY)
    assert reach.no_channel == {"login", "agent"}
    assert (reach.omits_channel, reach.omits_user) == (_names("room"), _names("room"))
    assert reach.kinds == {"agent"}


def test_a_service_that_is_not_declared_leaves_out_what_it_does_not_have() -> None:
    reach = _reach(Service("other"))
    assert (reach.no_channel, reach.omits_channel, reach.omits_user) == (NOBODY, _names("other"), _names("other"))


def test_any_is_written_as_a_star_and_needs_a_wildcard_even_where_the_vendor_has_none() -> None:
    plain = replace(DECLARED, wildcards=False)
    reach = _reach(Service("call", ANY, ANY, {"join": 60}), declarations=plain)
    assert (reach.users, reach.channels) == (_names("*"), _names("*"))
    assert reach.capabilities == {WILDCARD_USER, WILDCARD_CHANNEL}


@pytest.mark.parametrize("value", [["a*"], ("a*",), "a*", None])
@pytest.mark.parametrize("name", ["channels", "users", "derived_from"])
def test_a_detail_changes_neither_users_nor_channels(name: str, value: object) -> None:
    """Such a detail is like any other: it has to be declared. Further users and channels are fields of their own."""
    service = replace(_call("join"), detail={name: value})
    assert _reach(service) == replace(_reach(_call("join")), capabilities=frozenset({UNDECLARED}))


def test_further_users_and_channels_count() -> None:
    service = Service("call", "bob", "c", {"join": 60}, more_users=("ann",), more_channels=("a", "b*"))
    reach = _reach(service)
    assert (reach.users, reach.channels) == (_names("ann", "bob"), _names("a", "b*", "c"))
    assert reach.capabilities == {WILDCARD_CHANNEL}
    assert _reach(replace(service, more_users=("a*",))).capabilities == {WILDCARD_CHANNEL, WILDCARD_USER}


def test_a_derived_user_is_seen_beside_the_one_from_whom_it_is_derived() -> None:
    service = Service("login", "5f4dcc3b", NOT_APPLICABLE, {"log_in": 60}, derived_from="ann")
    reach = _reach(service)
    assert (reach.users, reach.derived_users, reach.capabilities) == (_names("ann"), _names("5f4dcc3b"), NOBODY)
    assert _reach(replace(service, user="5f*")).capabilities == {WILDCARD_USER}
    assert _reach(replace(service, derived_from="a*")).capabilities == {WILDCARD_USER}
    assert _reach(replace(service, user=ANY)).capabilities == {WILDCARD_USER}


@pytest.mark.parametrize(
    ("name", "text", "wildcard"),
    [
        (ANY, "*", True),
        (NOT_APPLICABLE, "", False),
        ("*", "*", True),
        ("a*b", "a*b", True),
        ("0", "0", False),
        ("a", "a", False),
    ],
)
def test_an_id_is_a_wildcard_if_it_is_any_or_holds_a_star(name: str | Extent, text: str, wildcard: bool) -> None:
    assert (text_of(name), is_wildcard(name)) == (text, wildcard)


@pytest.mark.parametrize(("user", "channel"), [("a*", "lobby"), ("ann", "l*"), (ANY, "lobby"), ("ann", ANY)])
def test_any_role_but_subscriber_needs_wildcard_publish_beside_a_wildcard(user: str | Extent, channel: str) -> None:
    for privilege, publishes in (("join", False), ("speak", True), ("direct", True), ("log_in", False)):
        reach = _reach(Service("call", user, channel, {privilege: 60}))
        assert (WILDCARD_PUBLISH in reach.capabilities) is publishes
        assert (WILDCARD_USER in reach.capabilities) is (user != "ann")
        assert (WILDCARD_CHANNEL in reach.capabilities) is (channel != "lobby")


def test_a_star_is_a_character_where_the_vendor_has_no_wildcards() -> None:
    reach = _reach(Service("call", "a*", "*", {"speak": 60}), declarations=replace(DECLARED, wildcards=False))
    assert (reach.users, reach.channels, reach.capabilities) == (_names("a*"), _names("*"), NOBODY)


def test_publishing_beside_another_services_wildcard_is_no_wildcard_publish() -> None:
    named, wild = _call("speak"), Service("call", "ann", ANY, {"join": 60})
    assert _reach(named, wild).capabilities == {WILDCARD_CHANNEL}


def test_several_services_reach_what_each_of_them_does() -> None:
    reach = _reach(
        Service("call", "ann", "lobby", {"join": 60}, more_users=("eve",)),
        Service("login", "d", NOT_APPLICABLE, {"log_in": 60}, derived_from="bob"),
        Service("room", detail={"room_config": {}}),
        Service("agent", privileges={"direct": 60}),
    )
    assert reach == Reach(
        users=frozenset({"ann", "eve", "bob"}),
        channels=frozenset({"lobby"}),
        roles=frozenset({"subscriber", "host"}),
        capabilities=frozenset({"dispatch"}),
        kinds=frozenset({"agent"}),
        derived_users=frozenset({"d"}),
        no_channel=frozenset({"login", "agent"}),
        omits_channel=frozenset({"room"}),
        omits_user=frozenset({"room"}),
    )
    assert _reach() == Reach(NOBODY, NOBODY, NOBODY, NOBODY)


def test_the_role_to_show_of_several_is_publisher_else_the_first_by_name_but_for_subscriber() -> None:
    for roles, shown in (
        ("subscriber publisher moderator", "publisher"),
        ("subscriber zoo moderator", "moderator"),
        ("subscriber zoo", "zoo"),
        ("subscriber", "subscriber"),
        ("", None),
    ):
        assert leading_role(frozenset(roles.split())) == shown


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
    permit = permitted(app(rule(capabilities=CAPABILITIES)), token_request)
    backend = permit.backend
    token = backend.mint(permit.grant, ISSUANCE).token
    assert reach_of(backend.read(token).grant, backend.declarations) == permit.reach


@pytest.mark.parametrize(
    "token_request",
    [rtc(), rtc(version="006"), TokenRequest("rtm", {"user": "ann"}), TokenRequest("chat", {"user": "ann"})],
)
def test_a_token_verifies_under_its_own_apps_certificate_and_no_others(token_request: TokenRequest) -> None:
    permit = permitted(app(rule()), token_request)
    minted = permit.backend.mint(permit.grant, ISSUANCE)
    assert permit.backend.verify(minted, permit.grant, ISSUANCE) is None
    for other in (OTHER_CREDENTIALS, replace(OTHER_CREDENTIALS, app_id=APP_ID)):
        stranger = backends(other)[token_request.kind]
        assert stranger.verify(minted, permit.grant, ISSUANCE) is not None
        assert stranger.read(minted.token).signed_by is None


def test_a_capability_may_give_a_role_too() -> None:
    """Publishing with a camera alone has to be named, and is publishing all the same."""
    camera = Capability("publish_camera", role=PUBLISH)
    declarations = Declarations({"call": ServiceShape()}, {"listen": LISTEN, "camera": camera}, {"screen": camera})
    assert declarations.capabilities == {"publish_camera"}
    assert declarations.roles == {"publisher", "subscriber"}
    for service in (
        Service("call", ANY, "room", {"listen": 60, "camera": 60}),
        Service("call", ANY, "room", {"listen": 60}, detail={"screen": True}),
    ):
        reach = reach_of(Grant(None, "any", 60, (service,)), declarations)
        assert reach.roles == {"publisher"}
        assert reach.capabilities == {"publish_camera", "wildcard_user", "wildcard_publish"}
