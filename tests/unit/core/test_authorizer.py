"""What an app's own backend is asked, how that is signed, and that only a well-formed answer is one."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import asdict

from tokend.core.authorizer import InvalidAnswer, question, read_answer, signature
from tokend.core.declarations import CONNECT, LISTEN, NEVER, PUBLISH, Declarations, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, Caller, Grant, Restriction, Service
from tokend.core.reach import reach_of
from tokend.core.secrets import Secret


def outcome(**answer: Any) -> Restriction | ApiError | None:
    return read_answer(json.dumps(answer).encode()).outcome


def test_a_question_holds_all_that_the_token_would_give_and_who_wants_it() -> None:
    services = (
        Service("rtc", "ada", "room", {"join": 600, "publish_audio": 600}),
        Service("rtm", ANY, NOT_APPLICABLE, {"login": 600}),
        Service("stream", "ada", ANY, {"join": 600}),
    )
    grant = Grant("0" * 32, "007", 600, services)
    declarations = Declarations(
        {"rtc": ServiceShape(), "rtm": ServiceShape(channel=NEVER), "stream": ServiceShape()},
        {"join": LISTEN, "publish_audio": PUBLISH, "login": CONNECT},
    )
    asked = question("demo", Caller("web", {"sub": "a1"}), "rtm2", grant, reach_of(grant, declarations))
    assert asdict(asked) == {
        "app": "demo",
        "caller": "web",
        "claims": {"sub": "a1"},
        "kind": "rtm2",
        "users": ("*", "ada"),
        "channels": ("*", "room"),
        "roles": ("publisher", "subscriber"),
        "capabilities": ("wildcard_channel", "wildcard_user"),
        "ttl": 600,
        "services": (
            {
                "name": "rtc",
                "user": "ada",
                "channel": "room",
                "privileges": {"join": 600, "publish_audio": 600},
            },
            {"name": "rtm", "user": "*", "privileges": {"login": 600}},
            {"name": "stream", "user": "ada", "channel": "*", "privileges": {"join": 600}},
        ),
    }


def test_the_signature_covers_id_time_and_body() -> None:
    secret = Secret("a secret of at least 32 characters")
    mac = hmac.new(secret.reveal().encode(), b'request-1.1800000000.{"app":"demo"}', hashlib.sha256)
    signed = signature(secret, "request-1", 1_800_000_000, b'{"app":"demo"}')
    assert signed == "v1," + base64.b64encode(mac.digest()).decode()
    others = (("request-2", 1_800_000_000, b'{"app":"demo"}'), ("request-1", 1_800_000_001, b'{"app":"demo"}'))
    for one in (*others, ("request-1", 1_800_000_000, b'{"app":"demos"}')):
        assert signature(secret, *one) != signed


def test_the_three_answers() -> None:
    assert outcome(allow=True) is None
    assert outcome(allow=True, restrict={}) is None
    api_error = outcome(allow=False, reason="Ada is banned until noon")
    assert isinstance(api_error, ApiError)
    assert (api_error.code, api_error.detail, api_error.operator) == (
        *(Code.NOT_PERMITTED, "Ada is banned until noon"),
        "authorizer",
    )
    silent = outcome(allow=False)
    assert isinstance(silent, ApiError)
    assert silent.detail == "the app's authorizer refuses this"
    restrict = {"channel": "room-*", "user": "ada", "kinds": ["rtc", "rtm"], "roles": ["subscriber"], "ttl": 60}
    assert outcome(allow=True, restrict=restrict) == Restriction(
        "authorizer", frozenset({"rtc", "rtm"}), "room-*", "ada", frozenset({"subscriber"}), 60
    )
    assert outcome(allow=True, restrict={"ttl": 1}) == Restriction("authorizer", max_ttl=1)


def test_a_refusal_is_a_new_one_each_time() -> None:
    """One that is kept and raised again and again would hold the frames of every request before."""
    answer = read_answer(b'{"allow":false}')
    assert answer.outcome is not answer.outcome


NO_ANSWERS: dict[bytes, str] = {
    b"": "the answer is not strictly JSON",
    b"allow": "the answer is not strictly JSON",
    b'{"allow":true,"allow":false}': "the answer is not strictly JSON",
    b'{"allow":true}{}': "the answer is not strictly JSON",
    b'{"allow":NaN}': "the answer is not strictly JSON",
    b'{"allow":true,"reason":"\\ud800"}': "the answer is not strictly JSON",
    b'\xef\xbb\xbf{"allow":true}': "the answer is not strictly JSON",
    b"[" * 5_000 + b"]" * 5_000: "the answer is not strictly JSON",
    b"true": "the answer is invalid: must be a mapping",
    b"null": "the answer is invalid: must be a mapping",
    b'[{"allow":true}]': "the answer is invalid: must be a mapping",
    b"{}": "the answer is invalid: allow: is missing",
    b'{"allow":"true"}': "the answer is invalid: allow: must be true or false",
    b'{"allow":1}': "the answer is invalid: allow: must be true or false",
    b'{"allow":null}': "the answer is invalid: holds null: leave the key out",
    b'{"allowed":true}': "the answer is invalid: an unknown field, did you mean 'allow'?",
    b'{"allow":true,"ttl":60}': "the answer is invalid: an unknown field; known: allow, reason, restrict",
    b'{"allow":true,"restrict":{"chanel":"x"}}': "the answer is invalid: an unknown field, did you mean 'channel'?",
    b'{"allow":true,"restrict":null}': "the answer is invalid: holds null: leave the key out",
    b'{"allow":true,"restrict":[]}': "the answer is invalid: restrict: must be a mapping",
    b'{"allow":true,"restrict":{"channel":null}}': "the answer is invalid: restrict: holds null: leave the key out",
    b'{"allow":true,"restrict":{"channel":7}}': "the answer is invalid: restrict: channel: must be text",
    b'{"allow":true,"restrict":{"user":7}}': "the answer is invalid: restrict: user: must be text",
    b'{"allow":true,"restrict":{"user":""}}': "the answer is invalid: restrict: user: must have at least 1 character",
    b'{"allow":true,"restrict":{"roles":"subscriber"}}': "the answer is invalid: restrict: roles: must be a list",
    b'{"allow":true,"restrict":{"roles":[]}}': "the answer is invalid: restrict: roles: must hold at least 1 of these",
    b'{"allow":true,"restrict":{"roles":[""]}}': (
        "the answer is invalid: restrict: roles: 0: must have at least 1 character"
    ),
    b'{"allow":true,"restrict":{"roles":[7]}}': "the answer is invalid: restrict: roles: 0: must be text",
    b'{"allow":true,"restrict":{"kinds":[]}}': "the answer is invalid: restrict: kinds: must hold at least 1 of these",
    b'{"allow":true,"restrict":{"kinds":[null]}}': "the answer is invalid: restrict: kinds: 0: must be text",
    b'{"allow":true,"restrict":{"ttl":0}}': "the answer is invalid: restrict: ttl: must be greater than or equal to 1",
    b'{"allow":true,"restrict":{"ttl":-1}}': "the answer is invalid: restrict: ttl: must be greater than or equal to 1",
    b'{"allow":true,"restrict":{"ttl":60.0}}': "the answer is invalid: restrict: ttl: must be a whole number",
    b'{"allow":true,"restrict":{"ttl":true}}': "the answer is invalid: restrict: ttl: must be a whole number",
    b'{"allow":true,"restrict":{"ttl":"60"}}': "the answer is invalid: restrict: ttl: must be a whole number",
    b'{"allow":true,"reason":"fine"}': (
        "the answer is invalid: reason is only for allow: false, and restrict only for allow: true"
    ),
    b'{"allow":false,"restrict":{"ttl":60}}': (
        "the answer is invalid: reason is only for allow: false, and restrict only for allow: true"
    ),
    b'{"allow":false,"reason":"two\\nlines"}': "the answer is invalid: reason must be printable",
    b'{"allow":false,"reason":"\\u202e"}': "the answer is invalid: reason must be printable",
    b'{"allow":false,"reason":7}': "the answer is invalid: reason: must be text",
    b'{"allow":false,"reason":"%s"}' % (b"x" * 201): (
        "the answer is invalid: reason: must have at most 200 characters"
    ),
}


@pytest.mark.parametrize("raw", NO_ANSWERS, ids=lambda raw: raw[:40].decode(errors="replace"))
def test_whatever_is_not_quite_an_answer_is_none(raw: bytes) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        read_answer(raw)
    assert str(caught.value) == NO_ANSWERS[raw]


def test_nothing_of_a_wrong_answer_is_repeated() -> None:
    canary = "canary7f3a"
    wrong: list[dict[str, Any]] = [
        {canary: 1},
        {"allow": canary},
        {"allow": True, "restrict": {canary: canary}},
        {"allow": True, "restrict": {"roles": canary}},
        {"allow": True, "restrict": {"ttl": canary}},
        {"allow": False, "reason": canary + "\n"},
    ]
    for answer in wrong:
        with pytest.raises(InvalidAnswer) as caught:
            outcome(**answer)
        assert canary not in str(caught.value)
