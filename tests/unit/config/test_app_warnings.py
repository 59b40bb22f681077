"""What a sound configuration is warned of, in sentences: nothing of it stops a start."""

from pathlib import Path
from typing import ClassVar

import pytest

from tests.unit.config.writing import ENVIRONMENT, loaded, write
from tokend.backends.agora.rtc import Rtc
from tokend.backends.agora.rtm import Rtm
from tokend.config.entry_points import BACKENDS
from tokend.config.loading import load
from tokend.core.declarations import Declarations, ServiceShape
from tokend.core.rules import Rule
from tokend.issuing.crossing_rules import any_user_rules

APP = 'app_id: "APP_ID", certificate: {env: CERTIFICATE}'


def warnings_of(directory: Path, apps: str) -> tuple[str, ...]:
    return loaded(directory, f"apps:\n{apps}").warnings_at(0)


@pytest.mark.parametrize(
    ("scheme", "browsers"),
    [
        ("anonymous: true", True),
        ('url_key: "DIGEST"', True),
        ("jwt: {issuer: https://id.example.com, audience: tokend}", True),
        ('api_key: "DIGEST"', False),
    ],
)
def test_callers_of_web_pages_without_cors_are_warned_of(scheme: str, browsers: bool, tmp_path: Path) -> None:
    callers = f'callers: {{web: {{{scheme}, rules: [{{user: "*"}}]}}}}'
    of_cors = [warning for warning in warnings_of(tmp_path, f"  demo: {{{APP}, {callers}}}") if "`cors`" in warning]
    assert of_cors == browsers * [
        "app demo: there is no `cors`, so no web page of another origin can read the answers to caller web. "
        'Write cors: {origins: ["https://app.example.com"]}, or cors: {} if there is no such page'
    ]
    for cors in ("", "origins: https://app.example.com"):
        found = warnings_of(tmp_path, f"  demo: {{{APP}, {callers}, cors: {{{cors}}}}}")
        assert not any("cors" in warning for warning in found)


def test_many_apps_without_cors_are_one_line(tmp_path: Path) -> None:
    callers = 'callers: {web: {url_key: "DIGEST", rules: [{user: "*"}]}}'
    apps = "".join(f"  app{number}: {{{APP}, {callers}}}\n" for number in range(30))
    (warning,) = warnings_of(tmp_path, apps)
    assert warning.startswith("app app0: there is no `cors`")
    assert " (the same for 29 more apps: app1, app2, " in warning


@pytest.mark.parametrize(("dialect", "warned"), [("native", False), ("agora-token-service", True)])
def test_a_console_without_a_route_that_serves_it_is_warned_of(dialect: str, warned: bool, tmp_path: Path) -> None:
    callers = 'callers: {web: {api_key: "DIGEST"}}'
    routes = f"console: true, routes: [{{path: /x, dialect: {dialect}}}]"
    assert warnings_of(tmp_path, f"  demo: {{{APP}, {callers}, {routes}}}") == warned * (
        "app demo: no route has the dialect native, so there is no console. Add one, or remove console: true",
    )


def ttl_warnings(directory: Path, app: str, rule: str) -> list[str]:
    callers = f'callers: {{web: {{api_key: "DIGEST", rules: [{rule}]}}}}'
    return [warning for warning in warnings_of(directory, f"  demo: {{{APP}, {app}, {callers}}}") if "ttl" in warning]


def test_a_rule_that_allows_more_than_the_app_is_warned_of(tmp_path: Path) -> None:
    assert ttl_warnings(tmp_path, "ttl: {max: 2h}", "{kinds: rtc, ttl: {max: 3h}}") == [
        "app demo: demo.web.rules[0] has ttl.max 3h, which is over the app's max of 2h, so 2h counts"
    ]
    assert not ttl_warnings(tmp_path, "ttl: {max: 2h}", "{kinds: rtc, ttl: {max: 2h}}")


class _LongLived(Rtm):
    """A kind of a vendor without limits."""

    max_ttl: ClassVar[int | None] = None


def test_a_rule_that_allows_more_than_its_kinds_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BACKENDS, "load", lambda name: _LongLived if name == "open" else Rtc)

    def found(rule: str) -> list[str]:
        app = f"{APP}, ttl: {{max: 7d}}, backends: {{rtc: {{}}, open: {{backend: open}}}}"
        text = f'apps:\n  demo: {{{app}, callers: {{web: {{api_key: "DIGEST", rules: [{rule}]}}}}}}\n'
        write(tmp_path, {"config.yaml": text})
        return list(load(None, ENVIRONMENT, tmp_path).warnings)

    assert found("{kinds: rtc, ttl: {max: 2d}}") == [
        "app demo: demo.web.rules[0] has ttl.max 2d, which is over the max of kind rtc of 1d, so 1d counts"
    ]
    assert not found("{kinds: rtc, ttl: {max: 1d}}")
    assert not found("{kinds: [rtc, open], ttl: {max: 2d}}")
    assert found("{kinds: [rtc, open], ttl: {max: 8d}}") == [
        "app demo: demo.web.rules[0] has ttl.max 8d, which is over the app's max of 7d, so 7d counts"
    ]


def test_rules_of_many_apps_are_one_line(tmp_path: Path) -> None:
    callers = 'callers: {web: {api_key: "DIGEST", rules: [{ttl: {max: 3h}}]}}'
    apps = "".join(f"  app{number}: {{{APP}, ttl: {{max: 2h}}, {callers}}}\n" for number in range(30))
    (warning,) = warnings_of(tmp_path, apps)
    assert warning.startswith(
        "app app0: app0.web.rules[0] has ttl.max 3h, which is over the app's max of 2h, so 2h counts "
        "(the same for 29 more apps: app1, app2, "
    )


@pytest.mark.parametrize(
    ("kinds", "warned"),
    [("rtc_rtm", True), ("[rtc_rtm, chat]", True), ("[rtc_rtm, rtc, rtm]", False), ("rtm", False), ("convoai", False)],
)
def test_a_rule_that_lists_a_kind_without_its_services_is_warned_of(kinds: str, warned: bool, tmp_path: Path) -> None:
    """`tokend check` had no problem with it, and it permitted nothing."""
    rules = f"rules: [{{kinds: {kinds}}}]"
    app = f'  demo: {{{APP}, backends: [rtc, rtm, chat, rtc_rtm, convoai], callers: {{web: {{api_key: "DIGEST", {rules}}}}}}}'
    assert list(warnings_of(tmp_path, app)) == warned * [
        "app demo: demo.web.rules[0] lists kind rtc_rtm without rtc, rtm, whose services its tokens have, so it permits "
        "none of them. List the needed kinds too"
    ]


@pytest.mark.parametrize(
    ("kinds", "missing"),
    [
        ("[rtc_rtm]", "rtc, rtm"),
        ("[rtc, rtc_rtm]", "rtm"),
        ("[rtc, rtm, rtc_rtm, convoai, combined]", ""),
        ("[rtm]", ""),
    ],
)
def test_a_kind_whose_services_no_rule_can_permit_is_warned_of(kinds: str, missing: str, tmp_path: Path) -> None:
    """Such an app loaded without a word, and each request got a 403."""
    found = warnings_of(tmp_path, f'  demo: {{{APP}, backends: {kinds}, callers: {{web: {{api_key: "DIGEST"}}}}}}')
    pronoun = "them" if "," in missing else "it"
    assert list(found) == bool(missing) * [
        f"app demo: tokens of kind rtc_rtm have services of kinds rtc, rtm, and the app has no {missing}, "
        f"so no rule permits a token with {pronoun}. Add {pronoun} to `backends`"
    ]


def crossing_warnings(directory: Path, rules: str, app: str = "") -> list[str]:
    web = f"web: {{jwt: {{issuer: https://id.example.com, audience: tokend}}, rules: [{rules}]}}"
    callers = f"callers: {{{web}{app}}}"
    found = warnings_of(directory, f"  demo: {{{APP}, cors: {{}}, {callers}}}")
    return [warning for warning in found if "`a` reaches" in warning or "allows any user" in warning]


def test_a_rule_that_goes_on_where_another_ends_with_a_claim_is_warned_of(tmp_path: Path) -> None:
    """The organisation acme would get the channel of the organisation acme-eu."""
    main = '{kinds: rtc, channel: "org-{claims.org}", user: "{claims.sub|uid}"}'
    rooms = '{kinds: rtc, channel: "org-{claims.org}-*", user: "{claims.sub|uid}"}'
    for rules in (f"{main}, {rooms}", f"{rooms}, {main}"):
        first, second = ("0", "1") if rules.startswith(main) else ("1", "0")
        assert crossing_warnings(tmp_path, rules) == [
            f'app demo: demo.web.rules[{second}] has the channel "org-{{claims.org}}-*", so a claim `a` reaches what '
            f'another rule gives to a claim `a-b`: demo.web.rules[{first}] has "org-{{claims.org}}". Write - after the claim '
            "in both"
        ]


@pytest.mark.parametrize(
    ("ending", "longer"),
    [
        ("org-{claims.org}-main", "org-{claims.org}-*"),
        ("org-{claims.org}", "room-{claims.org}-*"),
        ("org-{claims.org}", "org-{claims.org}-lobby"),
        ("org-{claims.sub|uid}", "org-{claims.sub|uid}-*"),
        ("*-{claims.org}", "*-{claims.org}-*"),
        ("org-{claims.org}", "org-*"),
        ("org-{claims.org}-a", "org-{claims.org}-*-b"),
        ("org-{claims.org}.main", "org-{claims.org}-*-x"),
    ],
)
def test_rules_that_do_not_cross_are_not_warned_of(ending: str, longer: str, tmp_path: Path) -> None:
    rules = ", ".join(f'{{kinds: rtc, channel: "{text}", user: "{{claims.sub|uid}}"}}' for text in (ending, longer))
    assert crossing_warnings(tmp_path, rules) == []


def test_crossing_rules_of_many_apps_are_one_warning(tmp_path: Path) -> None:
    rules = (
        '{kinds: rtc, channel: "org-{claims.org}", user: "*"}, {kinds: rtc, channel: "org-{claims.org}-*", user: "*"}'
    )
    web = f"web: {{jwt: {{issuer: https://id.example.com, audience: tokend, shared: true}}, rules: [{rules}]}}"
    apps = "\n".join(f"  app{number}: {{{APP}, cors: {{}}, callers: {{{web}}}}}" for number in range(5))
    (warning,) = [warning for warning in warnings_of(tmp_path, apps) if "`a` reaches" in warning]
    assert warning.startswith("app app0: app0.web.rules[1] has the channel")
    assert warning.endswith(" (the same for 4 more apps: app1, app2, app3, app4)")


@pytest.mark.parametrize("other", ["org-{claims.org}.*", "org-{claims.org}.main", "org-{claims.org}.{claims.team}"])
def test_rules_that_go_on_with_different_characters_cross_too(other: str, tmp_path: Path) -> None:
    """The organisation a would get the channels of the organisation a-b that have a point."""
    texts = (other, "org-{claims.org}-*")
    rules = ", ".join(f'{{kinds: rtc, channel: "{text}", user: "{{claims.sub|uid}}"}}' for text in texts)
    assert (
        f'app demo: demo.web.rules[1] has the channel "org-{{claims.org}}-*", so a claim `a` reaches what '
        f'another rule gives to a claim `a-b`: demo.web.rules[0] has "{other}". Write - after the claim in both'
    ) in crossing_warnings(tmp_path, rules)


def test_users_in_channels_that_differ_do_not_cross_but_where_they_log_in(tmp_path: Path) -> None:
    one, other = 'channel: "chat-*", user: "{{claims.sub}}"', 'channel: "live-*", user: "{{claims.sub}}:*"'
    rules = f"{{{{kinds: {{0}}, {one}}}}}, {{{{kinds: {{0}}, {other}}}}}"
    assert crossing_warnings(tmp_path, rules.format("rtc")) == []
    assert len(crossing_warnings(tmp_path, rules.format("rtm"))) == 1
    assert len(crossing_warnings(tmp_path, rules.format("rtc").replace("live-*", "chat-1"))) == 1


def test_crossing_rules_of_different_kinds_or_for_users(tmp_path: Path) -> None:
    rules = '{kinds: rtc, channel: "{claims.org}", user: "*"}, {kinds: rtm, channel: "{claims.org}-*", user: "x"}'
    assert crossing_warnings(tmp_path, rules) == []
    (warning,) = crossing_warnings(tmp_path, '{kinds: rtm, user: "{claims.sub}"}, {user: "{claims.sub}:*"}')
    assert "demo.web.rules[1] has the user" in warning


def test_visitors_who_may_be_users_of_another_caller_are_warned_of(tmp_path: Path) -> None:
    """With the id of a host, a visitor would take the host's place in the channel."""

    def found(visitors: str) -> list[str]:
        return crossing_warnings(
            tmp_path,
            '{kinds: rtc, channel: "live-*", user: "{claims.sub|uid}"}',
            f", visitors: {{anonymous: true, rules: [{visitors}]}}",
        )

    expected = [
        "app demo: demo.visitors.rules[0] allows any user, so anybody may use the id of a user of caller web, "
        'and take that user\'s place. Name users that only visitors have, such as user: "guest-*"'
    ]
    assert found('{kinds: rtc, channel: "live-*", roles: subscriber}') == expected
    assert found('{channel: "*", user: "*"}') == expected
    assert found('{kinds: rtc, channel: "live-1"}') == expected
    assert found('{kinds: rtc, channel: "lobby-*", roles: subscriber}') == []
    assert found('{kinds: chat, user: "*"}') == []
    assert found('{kinds: rtc, channel: "live-*", user: "guest-*", roles: subscriber}') == []


def test_a_limit_of_fields_makes_no_channels_meet() -> None:
    lobby = Rule.model_validate({"kinds": "pusher", "channel": "presence-lobby-*", "fields": {"name": False}})
    live = Rule.model_validate({"kinds": "pusher", "channel": "presence-live-*", "fields": {"name": False}})
    declared = {"pusher": Declarations({"presence": ServiceShape()}, {})}
    assert list(any_user_rules([lobby], {"web": [live]}, declared)) == []
    assert len(list(any_user_rules([lobby], {"web": [live, lobby]}, declared))) == 1
