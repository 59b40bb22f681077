"""What rules, audit, authorizer and deny list see of Agora's kinds: classrooms, RTM2, logins."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.unit.issuing.making import CREDENTIALS, ISSUANCE, app, backends, code_of, permitted, rtc, rule, unmet
from tokend.backends.agora.apaas import Apaas
from tokend.backends.agora.rtm2 import Rtm2
from tokend.backends.contract import NoOptions
from tokend.core.audit_records import body
from tokend.core.authorizer import question
from tokend.core.deny_entries import parse_entries
from tokend.core.deny_index import DenyIndex
from tokend.core.errors import Code
from tokend.core.model import Caller, Decision, Restriction, TokenRequest
from tokend.issuing.configuration import App
from tokend.issuing.policy import Permit

CALLER: Final = Caller("web")
CHAT_USER: Final = hashlib.md5(b"ann", usedforsecurity=False).hexdigest()


def _app(channel: str | None = None, user: str | None = None, **written: Any) -> App:
    kinds = {**backends(), "apaas": Apaas(NoOptions(), CREDENTIALS), "rtm2": Rtm2(NoOptions(), CREDENTIALS)}
    return app(rule(channel, user, kinds=tuple(kinds), **written), built=kinds)


def _classroom(role: int | None, room: str = "lesson") -> TokenRequest:
    number = {} if role is None else {"role": role}
    return TokenRequest("apaas", {"room": room, "user": "ann", **number})


def _rtm2(**permissions: Mapping[str, list[str]]) -> TokenRequest:
    return TokenRequest("rtm2", {"user": "ann", "permissions": permissions})


def _audited(permit: Permit, *, hash_ids: bool) -> dict[str, Any]:
    decision = Decision("demo", "web", permit.token_request, permit.grant, permit.rule, "0" * 64, 1, None)
    line: dict[str, Any] = json.loads(body(decision, hash_ids=hash_ids))
    return line


@pytest.mark.parametrize(
    ("role", "roles", "capability"),
    [
        (None, "subscriber", None),
        (2, "subscriber", None),
        (1, "publisher", None),
        (3, "publisher", None),
        (0, None, "classroom_role"),
        (4, None, "classroom_role"),
        (32_767, None, "classroom_role"),
    ],
)
def test_roles_and_capabilities_see_the_role_in_a_classroom(
    role: int | None, roles: str | None, capability: str | None
) -> None:
    for allowed in ("subscriber", "publisher"):
        expected = None if roles == allowed else Code.NOT_PERMITTED if roles else Code.CAPABILITY_REQUIRED
        assert code_of(_app(roles=[allowed]), _classroom(role)) is expected
    if capability is not None:
        assert code_of(_app(roles=[], capabilities=[capability]), _classroom(role)) is None


def test_fields_limit_the_number_of_the_role() -> None:
    of = _app(fields={"role": [-1, 2]})
    assert [code_of(of, _classroom(role)) for role in (None, 2)] == [None, None]
    assert code_of(of, _classroom(1)) is Code.NOT_PERMITTED
    assert unmet(of, _classroom(1)) == "field role may have -1 or 2"


def test_the_authorizer_is_asked_about_the_role() -> None:
    asked = []
    for role in (1, 2):
        permit = permitted(_app(), _classroom(role))
        asked.append(question("demo", CALLER, "apaas", permit.grant, permit.reach))
    teacher, student = asked
    assert (teacher.roles, student.roles) == (("publisher",), ("subscriber",))
    assert [service["detail"] for service in (teacher.services[-1], student.services[-1])] == [{"role": 1}, {"role": 2}]
    assert teacher.services[-1]["privileges"] == {"room_teacher": 3600}


def test_the_audit_holds_the_role_with_hashed_ids_too() -> None:
    for hash_ids in (False, True):
        lines = [_audited(permitted(_app(), _classroom(role)), hash_ids=hash_ids) for role in (1, 2)]
        teacher, student = (line["services"][-1] for line in lines)
        assert (teacher["detail"], student["detail"]) == ({"role": 1}, {"role": 2})
        assert (list(teacher["privileges"]), list(student["privileges"])) == (["room_teacher"], ["room_user"])


def test_a_hashed_audit_holds_no_id() -> None:
    permits = [
        permitted(_app(), _classroom(1)),
        permitted(_app(), _rtm2(message_channels={"write": ["lesson", "lobby"]}, users={"read": ["ann", "bob"]})),
        permitted(_app(), rtc("lesson", None, account="ann")),
    ]
    for permit in permits:
        hashed = json.dumps(_audited(permit, hash_ids=True)["services"])
        for text in ("lesson", "lobby", "ann", "bob", CHAT_USER):
            assert f'"{text}"' not in hashed
            digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
            assert (digest in hashed) == (text in json.dumps(_audited(permit, hash_ids=False)["services"]))


def test_a_hashed_audit_writes_any_as_it_is() -> None:
    permit = permitted(_app(capabilities=["wildcard_user", "wildcard_channel"]), rtc("", 0))
    (service,) = _audited(permit, hash_ids=True)["services"]
    assert (service["user"], service["channel"]) == ("*", "*")


def test_writing_with_rtm2_is_publishing() -> None:
    read, write = _rtm2(message_channels={"read": ["lobby"]}), _rtm2(message_channels={"write": ["lobby"]})
    subscriber = _app(roles=["subscriber"])
    assert [code_of(subscriber, request) for request in (read, write)] == [None, Code.NOT_PERMITTED]
    signed = Caller("web", {}, (Restriction("url 1", roles=frozenset({"subscriber"})),))
    assert [code_of(_app(), request, signed) for request in (read, write)] == [None, Code.NOT_PERMITTED]


@pytest.mark.parametrize(
    ("resource", "capability"), [("message_channels", "wildcard_channel"), ("users", "wildcard_user")]
)
def test_writing_with_a_wildcard_needs_wildcard_publish(resource: str, capability: str) -> None:
    of = _app(capabilities=[capability])
    assert code_of(of, _rtm2(**{resource: {"read": ["*"]}})) is None
    assert code_of(of, _rtm2(**{resource: {"write": ["a*"]}})) is Code.CAPABILITY_REQUIRED
    assert code_of(_app(capabilities=[capability, "wildcard_publish"]), _rtm2(**{resource: {"write": ["a*"]}})) is None


def test_a_rule_without_permissions_permits_the_login_alone() -> None:
    """`fields: {permissions: false}` refused each login, since a service without permissions had an empty detail."""
    of = _app(fields={"permissions": False})
    assert code_of(of, TokenRequest("rtm2", {"user": "ann"})) is None
    assert code_of(of, _rtm2(message_channels={})) is None
    assert code_of(of, _rtm2(message_channels={"read": ["room"]})) is Code.NOT_PERMITTED


def test_channels_and_users_of_permissions_must_fit() -> None:
    of = _app("lobby-*", "ann")
    assert code_of(of, _rtm2(stream_channels={"read": ["lobby-1"]})) is None
    assert code_of(of, _rtm2(stream_channels={"read": ["lobby-1", "other"]})) is Code.NOT_PERMITTED
    assert code_of(of, _rtm2(users={"read": ["bob"]})) is Code.NOT_PERMITTED


LOGINS: Final = [
    TokenRequest("rtm", {"user": "ann"}),
    TokenRequest("chat", {"user": "ann"}),
    TokenRequest("rtm", {"user": "ann", "channel": "lobby"}),
    _rtm2(message_channels={"read": ["lobby"]}),
]


@pytest.mark.parametrize("token_request", LOGINS)
def test_a_channel_alone_is_no_login_as_any_user_by_a_rule(token_request: TokenRequest) -> None:
    assert code_of(_app(), token_request) is None
    for channel in ("lobby", "*"):
        assert code_of(_app(channel), token_request) is Code.NOT_PERMITTED
        for user in ("ann", "*", "a*"):
            assert code_of(_app(channel, user), token_request) is None
        assert code_of(_app(channel, "bob"), token_request) is Code.NOT_PERMITTED


@pytest.mark.parametrize("token_request", LOGINS)
def test_a_channel_alone_is_no_login_as_any_user_by_a_restriction(token_request: TokenRequest) -> None:
    """The user must stand beside the channel: one that the rule, or another restriction, names does not count."""

    def code(*restrictions: Restriction) -> Code | None:
        return code_of(_app("lobby", "ann"), token_request, Caller("web", {}, restrictions))

    alone = Restriction("url 1", channel="lobby")
    assert code() is None
    assert code(alone) is Code.NOT_PERMITTED
    assert code(alone, Restriction("authorizer", user="ann")) is Code.NOT_PERMITTED
    assert code(Restriction("url 1", channel="lobby", user="ann")) is None
    assert code(Restriction("url 1", channel="lobby", user="*")) is None
    assert code(Restriction("url 1", user="ann")) is None
    sentence = unmet(_app("lobby", "ann"), token_request, Caller("web", {}, (alone,)))
    assert sentence.startswith("url 1: service ")
    assert "user must be, too" in sentence


def test_a_channel_alone_still_gives_a_token_for_that_channel() -> None:
    assert code_of(_app("lobby"), rtc("lobby")) is None
    assert code_of(_app(), rtc("lobby"), Caller("web", {}, (Restriction("url 1", channel="lobby"),))) is None


@pytest.mark.parametrize(
    ("entry", "denied"),
    [
        ({"user": CHAT_USER}, True),
        ({"user": "ann"}, True),
        ({"user": CHAT_USER, "channel": "lesson"}, True),
        ({"user": "bob"}, False),
        ({"user": CHAT_USER, "channel": "other"}, False),
    ],
)
def test_an_entry_stops_the_derived_user_and_the_one_it_is_derived_from(entry: dict[str, str], denied: bool) -> None:
    permit = permitted(_app(), _classroom(2))
    entries, _ = parse_entries(json.dumps(entry).encode())
    assert (DenyIndex(entries).reason("demo", CALLER, permit.reach, ISSUANCE.issued_at) is not None) is denied


def test_rules_judge_the_user_of_the_classroom_and_the_authorizer_sees_both() -> None:
    assert code_of(_app(user="ann"), _classroom(2)) is None
    assert code_of(_app(user=CHAT_USER), _classroom(2)) is Code.NOT_PERMITTED
    permit = permitted(_app(), _classroom(2))
    asked = question("demo", CALLER, "apaas", permit.grant, permit.reach)
    assert asked.users == tuple(sorted(("ann", CHAT_USER)))
    assert [service.get("derived_from") for service in asked.services] == [None, "ann", None]
