"""A rule for a channel is no login as any user, and where it still permits one, there is a warning."""

import pytest

from tests.unit.issuing.making import app, backends, code_of, rtc, rule
from tokend.core.errors import Code
from tokend.core.model import TokenRequest
from tokend.issuing.logins import login_warning

DECLARED = {kind: backend.declarations for kind, backend in backends().items()}


@pytest.mark.parametrize("kind", ["rtm", "chat"])
def test_a_rule_for_a_channel_is_no_login_as_any_user(kind: str) -> None:
    login = TokenRequest(kind, {"user": "ann"})
    assert code_of(app(rule("room-*")), login) is Code.NOT_PERMITTED
    assert code_of(app(rule("*")), login) is Code.NOT_PERMITTED
    assert code_of(app(rule("room-*", "bob")), login) is Code.NOT_PERMITTED
    for user in ("ann", "*"):
        assert code_of(app(rule("room-*", user)), login) is None
    assert code_of(app(rule()), login) is None
    assert code_of(app(rule("room-*")), rtc("room-1")) is None


def test_a_stream_channel_does_not_bring_a_login_either() -> None:
    stage = TokenRequest("rtm", {"user": "ann", "channel": "room-1"})
    assert code_of(app(rule("room-*")), stage) is Code.NOT_PERMITTED
    assert code_of(app(rule("room-*", "ann")), stage) is None


def test_the_warning_says_what_to_write() -> None:
    assert login_warning(("rtc",), DECLARED) is None
    assert login_warning(("rtc", "rtm", "chat", "unknown"), DECLARED) == (
        'limits the channel, but its user "*" permits a login as any user to chat, rtm, which may have no channel; '
        "name the kinds that it is for (rtc), or a user"
    )
    assert (login_warning(("rtm",), DECLARED) or "").endswith("; name a user")
