"""The conformance suite for backends: subclass `BackendConformance` in a test module and set its attributes.

class TestWaveline(BackendConformance):
    backend = Waveline
    options = {"secret": Secret("only a test's secret"), "server_url": "wss://media.waveline.example"}
    token_requests = ({"room": "lobby", "user": "ann"}, {"room": "stage", "user": "bob", "role": "publisher"})
    refused = ({"room": ""}, {"room": "lobby", "user": 7})
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tokend.backends.contract import ANSWER_FIELDS, TIMES, same_grant
from tokend.core.reach import reach_of
from tokend.issuing.grants import checked_mint, filled, granted, names_user
from tokend.issuing.openapi_examples import example_of
from tokend.plugins import (
    AppCredentials,
    Backend,
    Grant,
    Issuance,
    Join,
    Minted,
    Secret,
    StrictModel,
    Unreadable,
)
from tokend.testing.checks import (
    JUNK,
    changed_tokens,
    error_of,
    held_against_contract,
    object_schemas,
    reversed_secrets,
    rotations,
    secrets_in,
    visible,
)

APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE: Final = "5CFd2fd1755d40ecb72977518be15d3b"
"""Test values that Agora publishes. They are not secret and belong to no project."""

LARGEST_NONCE: Final = 2**128 - 1

SECRET_PIECE: Final = 8
"""Characters of a secret that must not occur together in any text."""


@cache
def _backend_of(suite: Any) -> Backend:
    """The backend of a suite; one for all its tests, since some keys take long to parse."""
    found: Backend = suite.backend(suite.backend.Options.model_validate(dict(suite.options)), suite.app_credentials)
    return found


class BackendConformance:
    """Tests that a backend does what the issuer relies on. pytest collects the `test_` methods; they can also be called.

    The backend must grant each of `token_requests` with each of `ttls` (seconds). `unnamed` holds token requests without
    a user, for which a rule may supply one.
    """

    backend: ClassVar[type[Backend]]
    options: ClassVar[Mapping[str, object]] = {}
    """The options as in YAML, with a `Secret` in place of `{env: …}`."""
    app_credentials: ClassVar[AppCredentials] = AppCredentials(APP_ID, {"primary": Secret(CERTIFICATE)})
    token_requests: ClassVar[Sequence[Mapping[str, object]]] = ()
    refused: ClassVar[Sequence[Mapping[str, object]]] = ()
    """Fields that the model or `grant` must reject, with 400, or with 403 for what the options do not list."""
    unnamed: ClassVar[Sequence[Mapping[str, object]]] = ()
    users: ClassVar[Sequence[str]] = ("user-1",)
    """Users that a rule may supply for `unnamed`."""
    refused_users: ClassVar[Sequence[str]] = ("line\nbreak", "\ud800")
    """Users that a rule could supply and that `grant` must reject, since `Fields` does not check them."""
    ttls: ClassVar[Sequence[int]] = (60, 3600, 86_400)
    other_options: ClassVar[Mapping[str, object] | None] = None
    """Options of another app. If None, every secret of `options` is reversed. A PEM key is no key then: set this instead."""
    issuance: ClassVar[Issuance] = Issuance(1_700_000_000, 12_345_678)

    def test_fields_and_options_are_strict_shapes(self) -> None:
        for shape in (self._backend().Fields, self.backend.Options):
            assert issubclass(shape, StrictModel), f"{shape.__name__} is no subclass of tokend.plugins.StrictModel"
            for key in ("strict", "frozen", "hide_input_in_errors"):
                assert shape.model_config.get(key) is True, f"{shape.__name__}: {key} was switched off"
            for name, part in object_schemas(shape):
                assert part.get("additionalProperties") is False, f"{name} takes unknown fields: make it a StrictModel"

    def test_declarations_are_sound(self) -> None:
        problems = list(self._backend().declarations.problems())
        assert not problems, "; ".join(problems)

    def test_every_grant_keeps_to_the_declarations(self) -> None:
        for ttl in self.ttls:
            for token_request in self._token_requests():
                with held_against_contract(token_request):
                    granted(self._backend(), self.backend.__name__, self._fields(token_request), ttl)

    def test_what_is_minted_keeps_to_the_contract(self) -> None:
        grants = [self._grant(token_request, ttl) for token_request in self._token_requests() for ttl in self.ttls]
        for grant in grants:
            for nonce in (self.issuance.nonce, 0, LARGEST_NONCE):
                with held_against_contract(grant):
                    checked_mint(self._backend(), self.backend.__name__, grant, replace(self.issuance, nonce=nonce))

    def test_fields_do_not_overwrite_the_answer(self) -> None:
        taken = (ANSWER_FIELDS - {"role"}) & self._backend().Fields.model_fields.keys()
        assert not taken, f"fields that the answer overwrites: {sorted(taken)}"

    def test_the_example_of_the_api_reference_is_granted(self) -> None:
        schema = self._backend().Fields.model_json_schema()
        example = example_of(schema, schema.get("$defs", {}))
        error = error_of(self._backend(), example, self.ttls[0])
        assert not error, (
            f"the example {example} is not granted ({error}). It is made of the fields that are required or have examples: "
            'write Field(examples=["…"]) where one is missing'
        )

    def test_the_example_token_can_be_read(self) -> None:
        if self.backend.example_token is not None:
            assert self._backend().read(self.backend.example_token).signed_by is None, "an app signed the example token"

    def test_an_unknown_field_is_refused(self) -> None:
        for token_request in self._token_requests():
            assert error_of(self._backend(), {**token_request, "no_such_field": 1}, 60) == "shape", (
                f"took no_such_field in {token_request}"
            )

    def test_what_must_be_refused_is_refused(self) -> None:
        for fields in self.refused:
            error = error_of(self._backend(), fields, self.ttls[0], statuses=(400, 403))
            assert error, f"granted {dict(fields)}"

    def test_a_user_is_filled_in_where_none_is_named(self) -> None:
        backend = self._backend()
        for fields in self.unnamed:
            shape = backend.Fields.model_validate(dict(fields))
            with held_against_contract(fields):
                assert not names_user(backend, self.backend.__name__, shape)
            assert error_of(backend, fields, self.ttls[0]) == "grant", f"granted {dict(fields)} to nobody"
            for user in self.users:
                grant = backend.grant(shape, self.ttls[0], user)
                assert reach_of(grant, backend.declarations).users <= {user}
                with held_against_contract(fields):
                    added = filled(backend, self.backend.__name__, user)
                named = backend.Fields.model_validate({**fields, **added})
                assert backend.names_user(named)
                assert same_grant(backend.grant(named, self.ttls[0]), grant), "filled() returns another user"
            for user in self.refused_users:
                assert error_of(backend, fields, self.ttls[0], user) == "grant", f"granted a token to {user!r}"

    def test_a_named_user_is_not_replaced(self) -> None:
        backend = self._backend()
        for token_request in self._token_requests():
            fields = backend.Fields.model_validate(dict(token_request))
            if backend.names_user(fields):
                assert same_grant(
                    backend.grant(fields, self.ttls[0], self.users[0]), backend.grant(fields, self.ttls[0])
                )

    def test_the_same_grant_and_issuance_give_the_same_token(self) -> None:
        for grant, minted in self._tokens():
            assert self._backend().mint(grant, self.issuance) == minted, "mint reads a clock or draws a random number"
            assert self._backend().read(minted.token) == self._backend().read(minted.token)

    def test_other_grants_and_issuances_give_other_tokens(self) -> None:
        tokens = list(self._tokens())
        for (grant, minted), (other, other_minted) in permutations(tokens, 2):
            assert minted.token != other_minted.token, f"the same token for {grant} and {other}"
        for grant, minted in tokens:
            if "issued_at" in self._backend().read(minted.token).hidden and not self.backend.expires:
                continue  # a token that is bound to a connection holds no time
            later = self._backend().mint(grant, replace(self.issuance, issued_at=self.issuance.issued_at + 1))
            assert later.token != minted.token

    def test_reading_returns_the_grant_or_names_what_is_hidden(self) -> None:
        for grant, minted in self._tokens():
            reading = self._backend().read(minted.token)
            hidden = reading.hidden
            if not hidden:
                assert same_grant(reading.grant, grant), f"read {reading.grant}, granted {grant}"
            assert visible(reading.grant, hidden) == visible(grant, hidden), f"read {reading.grant}, granted {grant}"
            assert (reading.signed_by is None) == ("signed_by" in hidden), "signed by us, or said to be hidden"
            assert reading.issued_at == (None if "issued_at" in hidden else self.issuance.issued_at)
            ends = None if "expires_at" in hidden else self.issuance.issued_at + grant.ttl
            if "ttl" not in hidden or "expires_at" in hidden or self.backend.expires:
                assert reading.expires_at == ends or hidden - TIMES, f"it expires at {reading.expires_at}, not {ends}"

    def test_a_token_says_when_it_expires_unless_the_backend_declares_otherwise(self) -> None:
        for _, minted in self._tokens():
            hidden = "expires_at" in self._backend().read(minted.token).hidden
            assert not hidden or not self.backend.expires, (
                "read hides when it expires: set `expires = False` if it never does"
            )

    def test_extra_is_read_back(self) -> None:
        backend = self._backend()
        for grant, minted in self._tokens():
            for key, value in minted.extra.items():
                other = f"{value}x" if isinstance(value, str) else [value, value]
                changed = replace(minted, extra={**minted.extra, key: other})
                assert backend.verify(changed, grant, self.issuance), f"verify passed another {key} in extra"
            added = replace(minted, extra={**minted.extra, "no_such_key": 1})
            assert backend.verify(added, grant, self.issuance), "verify passed a further key in extra"

    def test_a_fresh_token_has_no_problem_but_a_foreign_or_expired_token_has(self) -> None:
        now = self.issuance.issued_at
        for _, minted in self._tokens():
            backend = self._backend()
            reading = backend.read(minted.token)
            assert not backend.diagnose(reading, Join(), now).problems, "diagnose finds fault with a fresh token"
            if reading.expires_at is not None:
                assert backend.diagnose(reading, Join(), reading.expires_at).problems, "an expired token has no problem"
            if "signed_by" not in reading.hidden:
                foreign = replace(reading, signed_by=None)
                assert backend.diagnose(foreign, Join(), now).problems, "a foreign signature is no problem"

    def test_verify_fails_for_another_grant_or_issuance(self) -> None:
        backend, tokens = self._backend(), list(self._tokens())
        for (grant, minted), (other, _) in permutations(tokens, 2):
            assert backend.verify(minted, other, self.issuance), f"a token of {grant} passed for {other}"
        for grant, minted in tokens:
            others = [replace(grant, app_id="0" * 32)]
            if self.backend.expires:
                others.append(replace(grant, ttl=grant.ttl + 1))
            for other in others:
                # a backend whose tokens cannot contain such a grant may mint the same token for it
                if backend.mint(other, self.issuance).token != minted.token:
                    assert backend.verify(minted, other, self.issuance), f"a token of {grant} passed for {other}"
            for seconds in (-1, 1) if self.backend.expires else ():
                other_issuance = replace(self.issuance, issued_at=self.issuance.issued_at + seconds)
                assert backend.verify(minted, grant, other_issuance), "a token of another time passed"
            assert backend.verify(replace(minted, token=JUNK[1]), grant, self.issuance), "junk passed"

    def test_verify_fails_for_another_apps_secret(self) -> None:
        other = self._other_backend()
        for grant, minted in self._tokens():
            assert other.mint(grant, self.issuance).token != minted.token, "the token does not depend on any secret"
            assert other.verify(minted, grant, self.issuance), "another app's secret verified this token"
            assert other.read(minted.token).signed_by is None, "another app's secret is said to have signed this token"

    def test_every_secret_of_a_list_verifies(self) -> None:
        for rotated, single in rotations(self._backend().options, self._other_backend().options):
            backend = self.backend(rotated, self.app_credentials)
            earlier = self.backend(single, self.app_credentials)
            for grant in self._grants():
                minted = earlier.mint(grant, self.issuance)
                assert backend.read(minted.token).signed_by is not None, "a secret of a SecretList verifies nothing"
                mismatch = backend.verify(minted, grant, self.issuance)
                assert mismatch is None, f"a secret of a SecretList does not verify: {mismatch}"

    def test_no_changed_token_passes(self) -> None:
        for grant, minted in self._tokens():
            for changed in changed_tokens(minted.token):
                self._check_harmless(changed, grant, minted)

    def test_junk_is_unreadable_and_nothing_worse(self) -> None:
        grant, minted = next(self._tokens())
        token = minted.token
        for text in (
            *JUNK,
            token * 2,
            token.upper(),
            token.lower(),
            f" {token}",
            f"{token}\n",
            f"{token}=",
            token[::-1],
        ):
            self._check_harmless(text, grant, minted)

    def test_extra_is_plain_data(self) -> None:
        for _, minted in self._tokens():
            assert json.loads(json.dumps(dict(minted.extra), allow_nan=False)) == dict(minted.extra)

    def test_no_piece_of_a_secret_shows(self) -> None:
        backend = self._backend()
        texts = [
            repr(backend),
            str(backend),
            repr(backend.options),
            str(backend.options),
            repr(backend.app_credentials),
        ]
        for grant, minted in self._tokens():
            reading = backend.read(minted.token)
            texts += [
                minted.token,
                repr(grant),
                repr(minted),
                repr(reading),
                str(backend.verify(minted, grant, self.issuance)),
            ]
            texts += [repr(dict(minted.extra)), str(backend.verify(minted, replace(grant, ttl=1), self.issuance))]
            unreadable = (*JUNK, minted.token[:-4])
            texts += [str(backend.verify(replace(minted, token=text), grant, self.issuance)) for text in unreadable]
        for secret in self._secrets():
            for start in range(max(1, len(secret) - SECRET_PIECE + 1)):
                piece = secret[start : start + SECRET_PIECE]
                assert not any(piece in text for text in texts), "eight characters of a secret can be read"

    def _token_requests(self) -> Sequence[Mapping[str, object]]:
        assert self.token_requests, "set `token_requests`: example fields, each of which can be granted"
        return self.token_requests

    def _backend(self) -> Backend:
        suite: Any = type(self)
        return _backend_of(suite)

    def _other_backend(self) -> Backend:
        """Return the backend of the same app with other secrets."""
        certificates = reversed_secrets(self.app_credentials.certificates)
        others = reversed_secrets(self.options) if self.other_options is None else dict(self.other_options)
        options = self.backend.Options.model_validate(others)
        return self.backend(options, replace(self.app_credentials, certificates=certificates))

    def _secrets(self) -> list[str]:
        secrets = (*secrets_in(self.options), *self.app_credentials.certificates.values())
        return [secret.reveal() for secret in secrets]

    def _grant(self, token_request: Mapping[str, object], ttl: int) -> Grant:
        grant: Grant = self._backend().grant(self._fields(token_request), ttl)
        return grant

    def _fields(self, token_request: Mapping[str, object]) -> StrictModel:
        return self._backend().Fields.model_validate(dict(token_request))

    def _grants(self) -> list[Grant]:
        """Return every different grant of the token requests."""
        grants: list[Grant] = []
        for token_request in self._token_requests():
            grant = self._grant(token_request, self.ttls[-1])
            if grant not in grants:
                grants.append(grant)
        return grants

    def _tokens(self) -> Iterator[tuple[Grant, Minted]]:
        """Yield every different grant of the token requests, with its token."""
        for grant in self._grants():
            yield grant, self._backend().mint(grant, self.issuance)

    def _check_harmless(self, text: str, grant: Grant, minted: Minted) -> None:
        """Check that a changed token is unreadable, or not signed by the app, or reads exactly as the original."""
        backend = self._backend()
        try:
            reading = backend.read(text)
        except Unreadable:
            reading = None
        if backend.verify(replace(minted, token=text), grant, self.issuance) is None:
            assert reading == backend.read(minted.token), f"verify passed a changed token: {text!r}"
        elif reading is not None:
            assert reading.signed_by is None, f"a changed token is said to be signed: {text!r}"
