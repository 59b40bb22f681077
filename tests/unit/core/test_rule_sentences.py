"""What rules, claims and templates say, to the word."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic_core import PydanticCustomError

from tests.unit.core.any_kind import AnyKind, PlainKind
from tests.unit.issuing.making import (
    APP_ID,
    CREDENTIALS,
    app,
    backends,
    condition,
    refused,
    rtc,
    rule,
    signed_in,
    unmet,
)
from tokend.backends.agora.apaas import Apaas
from tokend.backends.contract import Backend, NoOptions
from tokend.core.claims import parse_claim_path
from tokend.core.declarations import CAPABILITIES, PUBLISH, Capability, Meaning
from tokend.core.field_limits import BoundLimit, unmet_fields
from tokend.core.model import Caller, Grant, Restriction, Service, TokenRequest
from tokend.core.patterns import Placeholder, parse_template, uid_of
from tokend.core.reach import reach_of
from tokend.core.rules import BoundRule, bind, unmet_requirements


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'is empty: leave it out, or write "*" for any'),
        ("a{b", "has a brace that is not part of a {claims.…} placeholder"),
        ("}", "has a brace that is not part of a {claims.…} placeholder"),
        (
            "{claims.a}*",
            "has nothing between {claims.a} and what follows: one value could run into the next; put a character between",
        ),
        (
            "*{claims.a}",
            "has nothing between * and {claims.a}: one value could be the end of another; put a character between",
        ),
        ("{claims.a|number}", "has {claims.a|number}: the transforms are |uid and |screen_uid"),
        ("{claims.a|}", "has {claims.a|}: the transforms are |uid and |screen_uid"),
        ("{name}", 'has name, which is no claim: write claims.name, claims.a.b or claims["https://…"]'),
        ("{}", 'has , which is no claim: write claims.name, claims.a.b or claims["https://…"]'),
    ],
)
def test_a_text_that_is_no_template(text: str, sentence: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse_template(text)
    assert str(caught.value) == sentence


def test_the_parts_of_a_template() -> None:
    org, sub = parse_claim_path("claims.org"), parse_claim_path("claims.sub")
    assert parse_template("a-{claims.org}-*").parts == (
        "a-",
        Placeholder(org, None, following="-", preceding=""),
        "-",
        None,
    )
    assert parse_template("*-{claims.org}").parts == (None, "-", Placeholder(org, None, following="", preceding="-"))
    assert parse_template("*ab{claims.org}").parts[-1] == Placeholder(org, None, following="", preceding="b")
    assert parse_template("{claims.sub|uid}").parts == (Placeholder(sub, "uid", following="", preceding=""),)


def test_a_number_for_a_text_stays_as_it_is() -> None:
    """Users keep their number from version to version. A lone surrogate has one too."""
    assert uid_of("alice") == 0x2BD806C9 + 1
    assert 1 <= uid_of("\ud800") < 2**32


def test_a_condition_in_words() -> None:
    assert str(condition("claims.role", ["host", 7])) == 'claims.role is not "host" or 7'
    assert str(condition("claims.role", ["7", True])) == 'claims.role is not "7" or true'
    of = app(rule(when={"claims.role": "host"}))
    assert unmet(of, rtc(), signed_in(role="guest")) == 'when: claims.role is not "host"'


def test_what_a_rule_requires_in_words() -> None:
    of = app(rule("other", "8", kinds=["rtc", "rtm"], roles=(), max_ttl=60))
    token_request = TokenRequest("rtc", {"channel": "room", "uid": 7, "role": "publisher"}, 60)
    assert unmet(of, token_request).split("; ") == [
        'channel "room" does not match "other"',
        'user "7" does not match "8"',
        "role publisher is not among roles []",
    ]
    stream = TokenRequest("rtm", {"user": "ann", "channel": "stage"})
    assert (
        unmet(app(rule(kinds=["rtm"])), stream) == "kind rtc, which the token also contains, is not among kinds [rtm]"
    )
    assert (
        unmet(app(rule(max_ttl=60)), rtc(ttl=61))
        == "a ttl of at most 60 seconds is allowed, and 61 seconds were requested"
    )
    assert unmet(app(rule(kinds=["rtm", "chat"])), rtc()) == "kind rtc is not among kinds [chat, rtm]"
    assert (
        unmet(app(rule(roles=["subscriber"])), rtc(role="publisher"))
        == "role publisher is not among roles [subscriber]"
    )
    assert unmet(app(rule()), rtc("*", 0)).split("; ") == [
        "capability wildcard_channel is not named",
        "capability wildcard_user is not named",
    ]


def test_any_channel_does_not_match_a_limit() -> None:
    """A client that requests any channel has written no `*`. One that has written it reads it again."""
    kinds: dict[str, Backend] = {"any": AnyKind(NoOptions(), CREDENTIALS), "plain": PlainKind(NoOptions(), CREDENTIALS)}
    limited = app(rule("demo-*", "ann-*", kinds=["any", "plain"], capabilities=CAPABILITIES), built=kinds)
    for kind, written, shown in (("any", True, "any {}"), ("plain", True, "any {}"), ("plain", "*", '{} "*"')):
        services = [{"name": "call", "user": written, "channel": written, "privileges": {"listen": None}}]
        assert unmet(limited, TokenRequest(kind, {"services": services})).split("; ") == [
            f'{shown.format("channel")} does not match "demo-*"',
            f'{shown.format("user")} does not match "ann-*"',
        ]


class _Sources(AnyKind):
    """A kind with a privilege that a rule must name, and that publishes."""

    privileges: ClassVar[Mapping[str, Meaning]] = {
        **AnyKind.privileges,
        "speak_to_camera": Capability("camera", role=PUBLISH),
    }


@pytest.mark.parametrize(
    ("privileges", "roles", "capabilities", "sentence"),
    [
        ("listen speak", ["publisher"], [], ""),
        ("listen", ["publisher"], [], "role subscriber is not among roles [publisher]"),
        ("listen", ["publisher", "subscriber"], [], ""),
        ("listen speak", ["subscriber"], [], "role publisher is not among roles [subscriber]"),
        ("log_in", ["publisher"], [], ""),
        ("log_in", [], [], ""),
        ("listen speak_to_camera", ["publisher"], ["camera"], ""),
        ("listen speak_to_camera", ["publisher"], [], "capability camera is not named"),
        ("listen speak_to_camera", ["subscriber"], ["camera"], "role publisher is not among roles [subscriber]"),
    ],
)
def test_roles_that_a_rule_must_list(privileges: str, roles: list[str], capabilities: list[str], sentence: str) -> None:
    of = app(
        rule(kinds=["any"], roles=roles, capabilities=capabilities),
        built={"any": _Sources(NoOptions(), CREDENTIALS)},
    )
    service = {"name": "call", "user": "ann", "channel": "lobby", "privileges": dict.fromkeys(privileges.split())}
    assert unmet(of, TokenRequest("any", {"services": [service]})) == sentence


def test_a_capability_that_gives_a_role_needs_wildcard_publish_for_any_channel() -> None:
    of = app(
        rule(kinds=["any"], capabilities=["camera", "wildcard_channel"]),
        built={"any": _Sources(NoOptions(), CREDENTIALS)},
    )
    service = {"name": "call", "user": "ann", "channel": True, "privileges": {"speak_to_camera": None}}
    assert unmet(of, TokenRequest("any", {"services": [service]})) == "capability wildcard_publish is not named"


def test_what_a_service_without_user_or_channel_requires_in_words() -> None:
    login = TokenRequest("rtm", {"user": "ann"})
    assert unmet(app(rule("room-*")), login) == (
        'service rtm never has a channel: where channel is limited, user must be, too ("*" allows any)'
    )
    administrator = TokenRequest("chat", {"app": True})
    assert (
        unmet(app(rule(user="ann", capabilities=["app_admin"])), administrator)
        == 'service chat has no user, so it does not match user "ann"'
    )
    apaas = {"apaas": Apaas(NoOptions(), CREDENTIALS)}
    user_of_no_room = TokenRequest("apaas", {"user": "ann"})
    assert (
        unmet(app(rule("*", "*", kinds=["apaas"]), built=apaas), user_of_no_room)
        == 'service apaas has no channel, so it does not match channel "*"'
    )


def test_what_a_restriction_requires_in_words() -> None:
    restricted = Caller("web", {}, (Restriction("url 1", frozenset({"chat"})),))
    of = app(rule(capabilities=["app_admin"]))
    assert (
        unmet(of, TokenRequest("chat", {"app": True}), restricted)
        == "url 1: a restricted caller never administers the app"
    )
    refused(of, TokenRequest("chat", {"app": True}), restricted)
    assert unmet(of, rtc(), restricted) == "url 1: kind rtc is not among kinds [chat]"


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (False, "field name must be left out"),
        ("Ann", 'field name may have "Ann"'),
        (["Ann-*", 3, "Bob"], 'field name may have "Ann-*" or 3 or "Bob"'),
        (3, "field name may have 3"),
    ],
)
def test_what_a_field_requires_in_words(limit: object, sentence: str) -> None:
    services = (Service("a", detail={"name": "Eve", "other": 1}), Service("b", detail={"name": "Eve"}))
    limited = rule(fields={"name": limit})
    bound = bind(limited, "rtc", Caller("web"))
    assert isinstance(bound, BoundRule)
    assert unmet_fields(bound.fields, services) == {"name": sentence}
    assert str(BoundLimit(True)) == "may have any value"


def test_two_roles_that_are_missing_are_both_named() -> None:
    both = tuple(Service("rtc", "7", "room", {name: 60}) for name in ("join", "publish_data"))
    none = rule(roles=())
    bound = bind(none, "rtc", Caller("web"))
    assert isinstance(bound, BoundRule)
    grant = Grant(APP_ID, "007", 60, both)
    unmet_by_grant = unmet_requirements(none, bound, grant, reach_of(grant, backends()["rtc"].declarations))
    assert unmet_by_grant.sentences == ("role publisher, subscriber is not among roles []",)
