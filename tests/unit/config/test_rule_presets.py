"""Rules by preset: what each permits, what is written besides it, and host, screen and recorder together."""

from pathlib import Path

import pytest

from tests.unit.config.writing import ONE_APP, loaded
from tests.unit.issuing.making import ROUTE_OPTIONS, code_of, permitted, rtc
from tokend.config.vendor_defaults import RULE_PRESETS
from tokend.core.errors import Code
from tokend.core.model import Caller, TokenRequest
from tokend.core.patterns import parse_template, screen_uid_of, uid_of
from tokend.core.rules import Rule
from tokend.issuing.configuration import App

JWT = 'jwt: {issuer: "https://id.example.com", audience: tokend}'


def _app(directory: Path, *rules: str, app: str = "") -> App:
    text = f"{ONE_APP}      web: {{{JWT}, rules: [{', '.join(rules)}]}}\n{app}"
    return loaded(directory, text).apps["demo"]


def _rule(directory: Path, rule: str, app: str = "") -> Rule:
    (found,) = _app(directory, rule, app=app).rules["web"]
    return found


@pytest.mark.parametrize(
    ("rule", "kinds", "roles", "user", "max_ttl"),
    [
        ('{preset: recorder, user: "900"}', {"rtc"}, {"subscriber"}, "900", 86_400),
        ("{preset: screen_share}", {"rtc"}, {"publisher"}, "{claims.sub|screen_uid}", None),
        ("{preset: agent, user: bot-*}", {"rtc", "rtm"}, {"publisher", "subscriber"}, "bot-*", None),
    ],
)
def test_what_a_preset_adds(
    rule: str, kinds: set[str], roles: set[str], user: str, max_ttl: int | None, tmp_path: Path
) -> None:
    found = _rule(tmp_path, rule)
    assert (found.kinds, found.roles) == (frozenset(kinds), frozenset(roles))
    assert (found.user, found.max_ttl) == (parse_template(user), max_ttl)
    assert (found.channel, found.capabilities, found.when) == (None, frozenset(), ())


@pytest.mark.parametrize("name", RULE_PRESETS)
def test_what_is_written_counts_in_its_place(name: str, tmp_path: Path) -> None:
    written = 'kinds: chat, roles: subscriber, user: "7", channel: a-*, ttl: {max: 5m}'
    whole, bare = _rule(tmp_path, f"{{preset: {name}, {written}}}"), _rule(tmp_path, f"{{{written}}}")
    assert (whole.preset, whole.model_copy(update={"preset": None})) == (name, bare)


def test_an_agent_has_the_kinds_that_the_app_has(tmp_path: Path) -> None:
    assert _rule(tmp_path, '{preset: agent, user: "7"}', "    backends: [rtm, chat]\n").kinds == {"rtm"}


def test_a_caller_with_a_key_writes_the_user_of_a_screen(tmp_path: Path) -> None:
    text = ONE_APP.replace('"}', '", rules: [{preset: screen_share, user: "7"}]}')
    (rule,) = loaded(tmp_path, text).apps["demo"].rules["studio"]
    assert (rule.user, rule.roles) == (parse_template("7"), frozenset({"publisher"}))


def test_host_screen_and_recorder(tmp_path: Path) -> None:
    app = _app(
        tmp_path,
        '{when: {claims.role: host}, kinds: rtc, channel: "room-*", user: "{claims.sub|uid}", ttl: {max: 30m}}',
        '{when: {claims.role: host}, preset: screen_share, channel: "room-*"}',
        '{when: {claims.role: recorder}, preset: recorder, channel: "room-*", user: "900"}',
    )
    host, recorder = Caller("web", {"sub": "ann", "role": "host"}), Caller("web", {"sub": "rec", "role": "recorder"})
    own, screen = uid_of("ann"), screen_uid_of("ann")
    assert permitted(app, rtc("room-1", None), host).filled == {"uid": own}
    for uid, role, ttl, rule in (
        (own, "publisher", 1800, "rules[0]"),
        (own, "subscriber", None, "rules[0]"),
        (screen, "publisher", 3600, "rules[1]"),
    ):
        assert permitted(app, rtc("room-1", uid, ttl, role=role), host).rule == f"demo.web.{rule}"
    assert code_of(app, rtc("room-1", screen, role="subscriber"), host) is Code.NOT_PERMITTED
    assert code_of(app, rtc("room-1", screen_uid_of("bob"), role="publisher"), host) is Code.NOT_PERMITTED
    assert code_of(app, rtc("hall", screen, role="publisher"), host) is Code.NOT_PERMITTED

    whole_day = rtc("room-1", None, ROUTE_OPTIONS.ttl.max)
    assert permitted(app, whole_day, recorder).grant.ttl == 86_400
    assert permitted(app, whole_day, recorder).grant.services[0].user == "900"
    assert code_of(app, rtc("room-1", None, role="publisher"), recorder) is Code.NOT_PERMITTED
    assert code_of(app, TokenRequest("rtm", {"user": "900"}), recorder) is Code.NOT_PERMITTED
    assert code_of(app, rtc("room-1", 900), host) is Code.NOT_PERMITTED
