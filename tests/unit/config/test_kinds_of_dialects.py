"""The kinds that a dialect declares: `check` warns of an app with none of them, and reports a backend that does not fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.built_in_dialects import DIALECTS as BUILT_IN
from tests.unit.http.running import CERTIFICATE, DEMO, configuration_of
from tokend.config.entry_points import BACKENDS, DIALECTS
from tokend.config.problems import ConfigurationError
from tokend.core.errors import ApiError
from tokend.core.validation import StrictModel
from tokend.dialects import native
from tokend.dialects.contract import Dialect, HttpResponse


def _routes(dialect: str, backends: str = "{rtc: }") -> str:
    return f"{DEMO}    backends: {backends}\n    routes: [{{path: /demo, dialect: {dialect}}}]\n"


@pytest.mark.parametrize(
    ("dialect", "kinds"),
    [("turn-rest", "turn"), ("{pusher: {kind: chats}}", "chats"), ("agora-samples-chat", "chat")],
)
def test_a_route_whose_dialect_has_no_kind_of_the_app_is_warned_of(dialect: str, kinds: str) -> None:
    """Each of its requests failed, and `check` said nothing."""
    name = dialect.strip("{").partition(":")[0]
    assert configuration_of(_routes(f"[native, {dialect}]")).warnings == (
        f"app demo: route /demo has the dialect {name}, and the app has none of its kinds ({kinds}), so each of its requests "
        "for a token fails. Add a kind to `backends`, name one in the options of the dialect, or remove the dialect",
    )


def test_a_secret_in_the_place_of_a_kind_is_not_shown() -> None:
    """Each start and `check` printed a certificate that stood at `kind` of a dialect."""
    for dialect in ("livekit", "pusher"):
        (warning,) = configuration_of(_routes(f'[native, {{{dialect}: {{kind: "{CERTIFICATE}"}}}}]')).warnings
        assert "none of its kinds ((hidden: it looks like a secret))" in warning


def test_one_of_several_kinds_is_enough() -> None:
    assert configuration_of(_routes("[native, agora-token-service]")).warnings == ()


_TEMPLATE = '{algorithm: HS256, secret: {env: CERTIFICATE}, always: connect, claims: {exp: "{expires_at}"}}'
_WITHOUT_EXTRAS = f"{{rtc: , turn: {{backend: jwt, {_TEMPLATE[1:]}, chats: {{backend: jwt, {_TEMPLATE[1:]}}}"


def test_a_kind_whose_backend_lacks_what_the_answers_need_is_a_problem() -> None:
    """A token was issued, and the answer was 500."""
    with pytest.raises(ConfigurationError) as caught:
        configuration_of(_routes("[ice-servers, turn-rest, {pusher: {kind: chats}}, native]", _WITHOUT_EXTRAS))
    end = "whose backend does not give them: use another backend for this kind, or another dialect"
    places = [
        "dialect[0]: ice-servers needs username, password, uris of kind turn",
        "dialect[1]: turn-rest needs username, password, uris of kind turn",
        "dialect[2].pusher: pusher needs auth of kind chats",
    ]
    lines = str(caught.value).splitlines()[:3]
    assert [line.partition("routes[0].")[2] for line in lines] == [f"{place}, {end}" for place in places]


def test_a_kind_whose_name_looks_like_a_secret_is_not_shown() -> None:
    name = "a970ca35de60c44645bbae8a215061b3"
    with pytest.raises(ConfigurationError) as caught:
        configuration_of(_routes(f"{{pusher: {{kind: {name}}}}}", f"{{{name}: {{backend: jwt, {_TEMPLATE[1:]}}}"))
    assert "needs auth of kind (hidden: it looks like a secret), whose backend" in str(caught.value)


def test_a_dialect_written_before_there_were_kinds_has_the_arguments_that_it_had() -> None:
    """`kinds` took the place of `error`, and the dialect was broken inside."""
    schema = {"type": "object"}
    assert Dialect("joinlink", (), native.render_error, 1, StrictModel, lambda options: (), schema).error == schema


def test_a_dialect_that_fails_while_it_names_its_kinds_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def kinds(options: Any) -> Mapping[str, Sequence[str]]:
        raise LookupError("secret")

    def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
        return HttpResponse(api_error.status, b"")

    monkeypatch.setattr(DIALECTS, "load", lambda name: Dialect("broken", (), render_error, kinds=kinds))
    with pytest.raises(ConfigurationError) as caught:
        configuration_of(_routes("broken"))
    assert "the dialect broken of no package is broken inside: it raised LookupError" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - {native.NAME}))
def test_the_built_in_dialects_declare_kinds_that_there_are(name: str) -> None:
    declared = BUILT_IN[name].kinds(BUILT_IN[name].Options())
    assert declared
    for kind, extras in declared.items():
        assert set(extras) <= set(BACKENDS.load(kind).extras)
