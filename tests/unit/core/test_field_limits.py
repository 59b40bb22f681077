"""What rules say of further content of a token, and of roles and capabilities that a backend declares itself."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import pytest
from pydantic import Field, ValidationError

from tests.unit.core.any_kind import AnyFields, AnyKind
from tests.unit.issuing.making import CREDENTIALS, app, code_of, permitted, refused, rule, signed_in, unmet
from tokend.backends.contract import NoOptions
from tokend.core.declarations import FREE, Capability, Freedom
from tokend.core.errors import Code
from tokend.core.field_limits import FieldLimit
from tokend.core.model import Caller, Restriction, TokenRequest
from tokend.core.patterns import parse_template
from tokend.core.rules import Rule
from tokend.core.validation import FieldError, StrictModel, field_errors
from tokend.issuing.configuration import App

ANN: Final = signed_in(name="Ann", org="acme")


class _ShortFields(AnyFields):
    title: str | None = Field(default=None, max_length=3)


class _Short(AnyKind):
    Fields: ClassVar[type[StrictModel]] = _ShortFields


class _EitherFields(AnyFields):
    title: Annotated[str, Field(max_length=3)] | Annotated[str, Field(pattern="^[a-z]+$")] | None = None


class _Either(AnyKind):
    Fields: ClassVar[type[StrictModel]] = _EitherFields


class _Further(AnyKind):
    """A detail of its tokens is no field of a request."""

    details: ClassVar[Mapping[str, Freedom | Capability]] = {**AnyKind.details, "region": FREE}


def _app(**written: Any) -> App:
    return app(rule(kinds=["any"], **written), built={"any": AnyKind(NoOptions(), CREDENTIALS)})


def _request(*privileges: str, **fields: Any) -> TokenRequest:
    service = {"name": "call", "user": "ann", "channel": "lobby", "privileges": dict.fromkeys(privileges)}
    return TokenRequest("any", {"services": [service], **fields})


@pytest.mark.parametrize(
    ("limit", "allowed", "forbidden"),
    [
        ("{claims.name}", ["Ann"], ["ann", "Teacher", "Ann ", ""]),
        ("{claims.org}/*", ["acme/x"], ["acme/", "beta/x"]),
        ("A*", ["Ann", "A*"], ["A", "Bob"]),
        ("*", ["Ann", "*"], [""]),
        (["Ann", "B*"], ["Ann", "Bob"], ["B", "Eve"]),
        (["{claims.name}", 2], ["Ann"], ["2"]),
        (2, [], ["2", "Ann"]),
        (True, ["Ann", ""], []),
        (False, [], ["Ann", ""]),
    ],
)
def test_a_text_is_limited_by_texts(limit: object, allowed: list[str], forbidden: list[str]) -> None:
    of = _app(fields={"title": limit})
    assert [title for title in allowed if code_of(of, _request(title=title), ANN) is not None] == []
    assert [title for title in forbidden if code_of(of, _request(title=title), ANN) is not Code.NOT_PERMITTED] == []


@pytest.mark.parametrize(
    ("limit", "allowed", "forbidden"),
    [
        (2, [2], [0, 1, 3]),
        ([1, 2], [1, 2], [3]),
        ("2", [], [2]),
        ("*", [], [1, 2]),
        (True, [1, 2], []),
        (False, [], [1, 2]),
    ],
)
def test_a_number_is_limited_by_numbers(limit: object, allowed: list[int], forbidden: list[int]) -> None:
    of = _app(fields={"level": limit})
    assert [level for level in allowed if code_of(of, _request(level=level)) is not None] == []
    assert [level for level in forbidden if code_of(of, _request(level=level)) is not Code.NOT_PERMITTED] == []


@pytest.mark.parametrize("limit", [1, 0, "True", "*", ["true", 1], False])
def test_only_true_allows_what_is_neither_text_nor_a_number(limit: object) -> None:
    """True equals 1 in Python."""
    for config in (True, False):
        request = _request(config=config)
        assert code_of(_app(capabilities=["dispatch"], fields={"config": limit}), request) is Code.NOT_PERMITTED
        assert code_of(_app(capabilities=["dispatch"], fields={"config": True}), request) is None


def test_a_field_that_a_rule_does_not_limit_may_have_any_value() -> None:
    assert code_of(_app(), _request(title="Teacher", level=9)) is None
    assert code_of(_app(fields={"level": 2}), _request(title="Teacher")) is None


def test_what_the_token_does_not_hold_is_not_limited() -> None:
    for limit in (False, True, ["Ann", "Bob"], "A*", 2):
        permit = permitted(_app(fields={"title": limit}), _request())
        assert (permit.grant.services[0].detail, permit.filled) == ({}, {})


@pytest.mark.parametrize("request_fields", [{}, {"title": None}])
def test_a_single_text_fills_in_what_the_request_leaves_out(request_fields: dict[str, None]) -> None:
    permit = permitted(_app(fields={"title": "{claims.name}"}), _request(**request_fields), ANN)
    assert permit.grant.services[0].detail == {"title": "Ann"}
    assert permit.filled == {"title": "Ann"}
    single = permitted(_app(fields={"title": ["{claims.name}"]}), _request(**request_fields), ANN)
    assert single.filled == {"title": "Ann"}


def test_what_is_filled_in_must_be_a_value_of_the_field() -> None:
    of = app(rule(kinds=["any"], fields={"title": "Anna"}), built={"any": _Short(NoOptions(), CREDENTIALS)})
    api_error = refused(of, _request())
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "title")
    assert api_error.sentence == "is filled in by the rule and string should have at most 3 characters"
    either = app(rule(kinds=["any"], fields={"title": "Anna"}), built={"any": _Either(NoOptions(), CREDENTIALS)})
    assert str(refused(either, _request()).field).startswith("title.")


def test_a_detail_that_no_request_has_is_not_filled_in() -> None:
    of = app(rule(kinds=["any"], fields={"region": "eu"}), built={"any": _Further(NoOptions(), CREDENTIALS)})
    permit = permitted(of, _request(title="Ann"))
    assert (permit.grant.services[0].detail, permit.filled) == ({"title": "Ann"}, {})


@pytest.mark.parametrize("name", ["level", "config"])
def test_a_text_does_not_fill_in_a_field_that_takes_none(name: str) -> None:
    permit = permitted(_app(fields={name: "2"}), _request())
    assert (permit.grant.services[0].detail, permit.filled) == ({}, {})


def test_a_text_does_not_fill_in_a_field_of_a_kind_that_has_no_such_detail() -> None:
    """`role` is a detail of a classroom, and what an RTC request calls publisher or subscriber."""
    of = app(rule(fields={"role": "publisher"}))
    permit = permitted(of, TokenRequest("rtc", {"channel": "room", "uid": 7}))
    assert (permit.grant.services[0].privileges, permit.filled) == ({"join": 3600}, {})


@pytest.mark.parametrize("claims", [{}, {"name": ""}, {"name": ["Ann"]}, {"name": "A*"}, {"name": True}])
def test_without_the_claim_the_rule_does_not_apply(claims: dict[str, object]) -> None:
    of = _app(fields={"title": "{claims.name}"})
    caller = signed_in(**claims)
    for request in (_request(), _request(title="Ann")):
        assert code_of(of, request, caller) is Code.NOT_PERMITTED
        assert unmet(of, request, caller).startswith("claims.name ")
    assert (
        code_of(_app(fields={"title": ["{claims.name}", "Ann"]}), _request(title="Ann"), caller) is Code.NOT_PERMITTED
    )


def test_explain_names_the_field() -> None:
    assert unmet(_app(fields={"title": ["Ann", "Bob"]}), _request(title="Eve")) == 'field title may have "Ann" or "Bob"'
    assert unmet(_app(fields={"title": False}), _request(title="Eve")) == "field title must be left out"


@pytest.mark.parametrize(
    ("privilege", "capability"), [("mute_others", "moderate"), ("administer", "app_admin"), ("config", "dispatch")]
)
def test_a_capability_that_a_backend_declares_must_be_named(privilege: str, capability: str) -> None:
    request = _request(config=True) if privilege == "config" else _request(privilege)
    others = {"moderate", "app_admin", "dispatch", "wildcard_user", "wildcard_channel", "wildcard_publish"} - {
        capability
    }
    assert code_of(_app(), request) is Code.CAPABILITY_REQUIRED
    assert code_of(_app(capabilities=others), request) is Code.CAPABILITY_REQUIRED
    assert unmet(_app(capabilities=others), request) == f"capability {capability} is not named"
    assert code_of(_app(capabilities=[capability]), request) is None


def test_a_role_that_a_backend_declares_is_limited_by_roles() -> None:
    request = _request("listen", "direct")
    assert code_of(_app(), request) is None
    assert code_of(_app(roles=["host", "subscriber"]), request) is None
    for roles in (["subscriber"], ["publisher", "subscriber"], ["host"], []):
        assert code_of(_app(roles=roles), request) is Code.NOT_PERMITTED


def test_an_undeclared_privilege_or_detail_is_refused_whatever_the_rule_allows() -> None:
    everything = [
        "moderate",
        "app_admin",
        "dispatch",
        "wildcard_user",
        "wildcard_channel",
        "wildcard_publish",
        "undeclared",
    ]
    of = _app(capabilities=everything)
    for name in ("administrate_everything", "publish_audio", "app", "LISTEN", ""):
        api_error = refused(of, _request(name))
        assert (api_error.code, api_error.sentence) == (
            Code.NOT_PERMITTED,
            "kind any does not declare a privilege that this would give",
        )
    service = {"name": "call", "user": "ann", "channel": "lobby", "secret": True}
    api_error = refused(of, TokenRequest("any", {"services": [service]}))
    assert api_error.sentence == "kind any does not declare a detail that this would give"


def _services(*services: dict[str, object]) -> TokenRequest:
    return TokenRequest("any", {"services": list(services)})


@pytest.mark.parametrize("channel", ["lobby", "l*", "*"])
def test_a_service_that_leaves_its_channel_out_fits_no_channel_of_a_rule(channel: str) -> None:
    request = _services({"name": "hall", "user": "ann"})
    assert code_of(_app(channel=channel, user="*"), request) is Code.NOT_PERMITTED
    assert code_of(_app(user="*"), request) is None


def test_a_service_that_leaves_its_user_out_fits_only_any_user() -> None:
    request = _services({"name": "feed", "channel": "lobby"})
    assert code_of(_app(user="ann"), request) is Code.NOT_PERMITTED
    assert code_of(_app(user="a*"), request) is Code.NOT_PERMITTED
    assert code_of(_app(user="*"), request) is None
    assert code_of(_app(), request) is None


def test_a_service_for_any_channel_or_user_needs_the_wildcard_and_fits_only_any() -> None:
    for key, capability in (("channel", "wildcard_channel"), ("user", "wildcard_user")):
        request = _services({"name": "call", "user": "ann", "channel": "lobby", key: True})
        for text, fits in ((None, True), ("*", True), ("a*", False), ("**", False), ("lobby", False)):
            assert code_of(_app(**{key: text}), request) is not None
            code = code_of(_app(**{key: text}, capabilities=[capability]), request)
            assert code is (None if fits else Code.NOT_PERMITTED)


def test_further_channels_and_users_must_fit_too() -> None:
    for key, text in (("more_channels", "lobby"), ("more_users", "ann")):
        request = _services({"name": "call", "user": "ann", "channel": "lobby", key: [text, "other"]})
        assert code_of(_app(), request) is None
        limited = _app(channel="lobby") if key == "more_channels" else _app(user="ann")
        assert code_of(limited, request) is Code.NOT_PERMITTED
        assert unmet(limited, request).endswith(f'"other" does not match "{text}"')


def test_all_that_a_rule_does_not_allow_is_named_in_order() -> None:
    request = _services({"name": "guest_call", "user": "ann", "channel": "lobby", "privileges": {"listen": None}})
    assert unmet(_app(channel="hall", user="bob", roles=["publisher"]), request).split("; ") == [
        "kind rtc, which the token also contains, is not among kinds [any]",
        'channel "lobby" does not match "hall"',
        'user "ann" does not match "bob"',
        "role subscriber is not among roles [publisher]",
    ]


def test_a_rule_judges_the_user_from_whom_another_is_derived() -> None:
    request = _services({"name": "login", "user": "ann", "derived": "5f4dcc3b"})
    assert code_of(_app(user="ann"), request) is None
    assert code_of(_app(user="5f4dcc3b"), request) is Code.NOT_PERMITTED
    of_another = _services({"name": "login", "user": "bob", "derived": "ann"})
    assert code_of(_app(user="ann"), of_another) is Code.NOT_PERMITTED


_FORMS: Final = "must be true, false, a text or whole number, or a list of texts and whole numbers"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([], "is an empty list: write false, which allows no value"),
        *((written, _FORMS) for written in (None, 1.5, {"a": 1}, ["a", True], ["a", None], [["a"]])),
        ("", 'is empty: leave it out, or write "*" for any'),
        ("{name}", 'has name, which is no claim: write claims.name, claims.a.b or claims["https://…"]'),
        (
            "{claims.a}*",
            "has nothing between {claims.a} and what follows: one value could run into the next; put a character between",
        ),
    ],
)
def test_a_limit_of_another_form_is_an_error(written: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({"fields": {"title": written}})
    assert field_errors(caught.value, Rule) == [FieldError(("fields", "title"), False, sentence)]


@pytest.mark.parametrize("key", ["channel", "user"])
@pytest.mark.parametrize(
    ("written", "sentence"),
    [(7, "must be text"), (["a"], "must be text"), ("", 'is empty: leave it out, or write "*" for any')],
)
def test_a_text_of_a_rule_of_another_form_is_an_error(key: str, written: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({key: written})
    assert field_errors(caught.value, Rule) == [FieldError((key,), False, sentence)]


def test_limits_that_are_built_already_stay() -> None:
    limits = rule(fields={"title": "Ann", "level": False}).fields
    assert Rule.model_validate({"fields": limits}).fields == limits
    assert limits["level"] == FieldLimit(any=False)
    assert limits["title"] == FieldLimit(any=False, allowed=(parse_template("Ann"),))


def test_a_restricted_caller_is_limited_as_well() -> None:
    of, restricted = _app(fields={"title": "Ann"}), Caller("web", {}, (Restriction("authorizer", max_ttl=600),))
    assert code_of(of, _request(title="Eve"), restricted) is Code.NOT_PERMITTED
    assert permitted(of, _request(), restricted).filled == {"title": "Ann"}


def test_a_caller_without_claims_is_limited_as_well() -> None:
    assert code_of(_app(fields={"title": "Ann"}), _request(title="Eve"), Caller("web")) is Code.NOT_PERMITTED
