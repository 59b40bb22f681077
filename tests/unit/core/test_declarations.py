"""What a backend declares, and the sentences for its author if that is wrong."""

from typing import Any, cast

import pytest

from tokend.core.declarations import (
    ADMIN,
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    PUBLISH,
    Capability,
    Declarations,
    Role,
    ServiceShape,
)

SERVICES = {"room": ServiceShape(channel=NEVER)}


def test_roles_and_capabilities_are_those_of_privileges_and_details() -> None:
    declared = Declarations(
        SERVICES,
        {
            "join": LISTEN,
            "speak": PUBLISH,
            "direct": Role("host"),
            "log_in": CONNECT,
            "rule": ADMIN,
            "mute": Capability("moderate"),
        },
        {"name": FREE, "room_config": Capability("dispatch")},
        unlimited=frozenset({"log_in"}),
    )
    assert declared.roles == {"subscriber", "publisher", "host"}
    assert declared.capabilities == {"moderate", "dispatch"}
    assert list(declared.problems()) == []


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"services": {}}, "declares no services: set `services`"),
        ({"services": {"room": "required"}}, "service room must be declared by a ServiceShape"),
        (
            {"services": {"room": ServiceShape(channel=cast(Any, "never"))}},
            "user and channel of service room must be declared as REQUIRED, OPTIONAL or NEVER",
        ),
        (
            {"privileges": {"join": "subscriber"}},
            "privilege join must be declared as LISTEN, PUBLISH, CONNECT, ADMIN, a Role or a Capability",
        ),
        (
            {"privileges": {"join": FREE}},
            "privilege join must be declared as LISTEN, PUBLISH, CONNECT, ADMIN, a Role or a Capability",
        ),
        ({"details": {"name": True}}, "detail name must be declared as FREE or a Capability"),
        ({"details": {"name": LISTEN}}, "detail name must be declared as FREE or a Capability"),
        (
            {"privileges": {"join": Capability("wildcard_user")}},
            "capability wildcard_user is built in: choose another name",
        ),
        (
            {"details": {"name": Capability("wildcard_publish")}},
            "capability wildcard_publish is built in: choose another name",
        ),
        ({"details": {"name": Capability("undeclared")}}, "capability undeclared is built in: choose another name"),
        ({"privileges": {"join": Role("Host")}}, "'Host' must be a plain word: a-z, digits and _"),
        ({"privileges": {"join": Capability("a-b")}}, "'a-b' must be a plain word: a-z, digits and _"),
        ({"details": {"name": Capability("1a")}}, "'1a' must be a plain word: a-z, digits and _"),
        ({"details": {"name": Capability("a" * 41)}}, f"'{'a' * 41}' must be a plain word: a-z, digits and _"),
        ({"unlimited": frozenset({"log_in"})}, "privilege log_in may be 0 seconds, but is not declared"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(declared: dict[str, Any], sentence: str) -> None:
    assert list(Declarations(**{"services": SERVICES, "privileges": {}, **declared}).problems()) == [sentence]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    declared = Declarations(
        SERVICES, {"a": Role("B"), "c": Capability("D")}, {"e": Capability("app_admin")}, unlimited=frozenset("zy")
    )
    assert list(declared.problems()) == [
        "'B' must be a plain word: a-z, digits and _",
        "'D' must be a plain word: a-z, digits and _",
        "privilege y may be 0 seconds, but is not declared",
        "privilege z may be 0 seconds, but is not declared",
    ]
    assert list(Declarations(SERVICES, {"a": Role("a" * 40)}).problems()) == []
