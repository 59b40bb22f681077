"""What a backend grants and mints is held against its declarations at run time, whoever wrote it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, NoReturn

import pytest
from msgspec.structs import replace

from tests.unit.core.any_kind import AnyFields, AnyKind
from tests.unit.issuing.making import APP_ID, CREDENTIALS, ISSUANCE
from tokend.backends.contract import ANSWER_FIELDS, Backend, Minted, Mismatch, NoOptions
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, Grant, Issuance, Service
from tokend.core.reach import reach_of
from tokend.issuing.grants import checked_mint, filled, granted, names_user

FIELDS: Final = AnyFields(services=[])
CALL: Final = Service("call", "ann", "lobby", {"listen": 60})
GRANT: Final = Grant(None, "any", 60, (CALL,))


class Wrong(AnyKind):
    """Returns what a test gives it; raises it if it is an exception."""

    extras: ClassVar[tuple[str, ...]] = ("password", "token", "title")

    def __init__(self, grant: object = GRANT, minted: object = None, mismatch: object = None) -> None:
        super().__init__(NoOptions(), CREDENTIALS)
        self.given, self.minted, self.mismatch = grant, minted, mismatch

    def grant(self, fields: AnyFields, ttl: int, user: str | None = None) -> Grant:
        given: Grant = _given(self.given)
        return given

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        minted: Minted = _given(self.minted)
        return minted

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        mismatch: Mismatch | None = _given(self.mismatch)
        return mismatch

    def names_user(self, fields: AnyFields) -> bool:
        return bool(_given(self.given))

    def filled(self, user: str) -> Mapping[str, object]:
        fields: Mapping[str, object] = _given(self.given)
        return fields


class WrongWithAppId(Wrong):
    needs_app_id: ClassVar[bool] = True


class WrongWithExtras(Wrong):
    extras: ClassVar[tuple[str, ...]] = ("password", "url")


def _given(value: object) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


def _granted(backend: Backend, ttl: int = 60) -> ApiError | None:
    try:
        grant, reach = granted(backend, "any", FIELDS, ttl)
    except ApiError as api_error:
        return api_error
    assert reach == reach_of(grant, backend.declarations)
    return None


def _with(**changes: Any) -> Grant:
    """The grant, with a service so changed."""
    return replace(GRANT, services=(replace(CALL, **changes),))


class OtherGrant(Grant, frozen=True):
    """A subclass of a type of the contract could behave differently."""


class OtherService(Service, frozen=True):
    """The same."""


_FURTHER: Final = "further users and channels of service call must be tuples of text"
_PLACES: Final = "user or channel of service call are not as declared"
_SECONDS: Final = "a privilege of service call does not lie within the token's lifetime"


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        (None, "grant returned no Grant"),
        ({"ttl": 60}, "grant returned no Grant"),
        (OtherGrant(None, "any", 60, (CALL,)), "grant returned no Grant"),
        (replace(GRANT, ttl=61), "the grant does not last as long as requested"),
        (replace(GRANT, ttl=59), "the grant does not last as long as requested"),
        (replace(GRANT, ttl=60.0), "the grant does not last as long as requested"),
        (replace(GRANT, format=7), "format and app id of the grant must be text"),
        (replace(GRANT, format="half \ud800"), "format and app id of the grant must be text"),
        (replace(GRANT, app_id=7), "format and app id of the grant must be text"),
        (replace(GRANT, services=()), "the grant has no services"),
        (replace(GRANT, services=[CALL]), "the grant has no services"),
        (replace(GRANT, services=(CALL, None)), "a service of the grant is no Service"),
        (
            replace(GRANT, services=(OtherService("call", "ann", "lobby"),)),
            "a service of the grant is no Service",
        ),
        (_with(name="other"), "a service of the grant is not declared"),
        (_with(user=NOT_APPLICABLE), _PLACES),
        (_with(channel=NOT_APPLICABLE), _PLACES),
        (_with(user=""), _PLACES),
        (_with(channel=""), _PLACES),
        (_with(user=None), _PLACES),
        (_with(user=7), _PLACES),
        (_with(name="login"), "user or channel of service login are not as declared"),
        (_with(name="relay"), "user or channel of service relay are not as declared"),
        (_with(name="agent", user=ANY, channel=NOT_APPLICABLE), "user or channel of service agent are not as declared"),
        (_with(privileges={"listen": 61}), _SECONDS),
        (_with(privileges={"listen": 0}), _SECONDS),
        (_with(privileges={"listen": -1}), _SECONDS),
        (_with(privileges={"listen": 60.0}), _SECONDS),
        (_with(privileges={"listen": True}), _SECONDS),
        (_with(privileges={"log_in": -1}), _SECONDS),
        (_with(privileges=["listen"]), "privileges and detail of service call must be mappings"),
        (_with(detail=None), "privileges and detail of service call must be mappings"),
        (_with(more_users=["bob"]), _FURTHER),
        (_with(more_channels=["hall"]), _FURTHER),
        (_with(more_users=("",)), _FURTHER),
        (_with(more_channels=("hall", 7)), _FURTHER),
        (_with(derived_from=""), "derived_from of service call must be text"),
        (_with(derived_from=ANY), "derived_from of service call must be text"),
        (_with(detail={"title": object()}), "the detail of service call is no plain data"),
        (_with(detail={"title": {1j: 1}}), "the detail of service call is no plain data"),
        (_with(detail={"title": "\ud800"}), "the detail of service call is no plain data"),
        (RuntimeError("certificate 5CFd2f"), "grant raised RuntimeError"),
        (KeyError("user"), "grant raised KeyError"),
    ],
)
def test_a_grant_that_breaks_the_contract_is_an_internal_error(grant: object, problem: str) -> None:
    api_error = _granted(Wrong(grant))
    assert api_error is not None
    assert (api_error.code, api_error.sentence) == (Code.INTERNAL, "the token was not released")
    assert api_error.operator == f"backend of any: {problem}"
    assert api_error.__cause__ is (grant if isinstance(grant, Exception) else None)


@pytest.mark.parametrize(
    "grant",
    [
        GRANT,
        _with(privileges={"listen": 1, "log_in": 0}),
        _with(privileges={}),
        _with(privileges=MappingProxyType({"listen": 1})),
        _with(user=ANY, channel=ANY),
        _with(name="room", user=NOT_APPLICABLE, channel=NOT_APPLICABLE),
        _with(name="room", user=ANY),
        _with(name="agent", user=NOT_APPLICABLE, channel=NOT_APPLICABLE),
        _with(more_users=("bob",), more_channels=("hall", "*"), derived_from="eve"),
        _with(detail={"title": "Ann", "level": None}),
        replace(GRANT, app_id=APP_ID),
        replace(GRANT, services=(CALL, CALL)),
    ],
)
def test_a_grant_that_keeps_to_the_contract_is_one(grant: Grant) -> None:
    assert _granted(Wrong(grant)) is None


def test_a_kind_with_an_app_id_grants_for_its_own_app_only() -> None:
    assert _granted(WrongWithAppId(replace(GRANT, app_id=APP_ID))) is None
    for app_id in (None, APP_ID.lower(), "0" * 32):
        api_error = _granted(WrongWithAppId(replace(GRANT, app_id=app_id)))
        assert api_error is not None
        assert api_error.operator == "backend of any: the grant is for another app"


class _Failing(dict[str, int]):
    """Privileges that cannot be read."""

    def __init__(self, error: Exception) -> None:
        super().__init__(listen=60)
        self._error = error

    def items(self) -> NoReturn:
        raise self._error


def test_a_grant_that_cannot_be_checked_is_an_internal_error() -> None:
    error = RuntimeError("5CFd2f")
    api_error = _granted(Wrong(_with(privileges=_Failing(error))))
    assert api_error is not None
    assert api_error.code is Code.INTERNAL
    assert api_error.operator == "backend of any: what grant returned cannot be checked: RuntimeError"
    assert api_error.__cause__ is error


def test_what_a_backend_refuses_itself_stays_its_error() -> None:
    own = ApiError(Code.INVALID_FIELD, "must be odd", "level")
    assert _granted(Wrong(own)) is own


@pytest.mark.parametrize(
    ("changes", "operator"),
    [
        ({"privileges": {"administrate_everything": 60}}, "privilege 'administrate_everything'"),
        ({"privileges": {"listen": 60, "x" * 200: 60}}, f"privilege {'x' * 100!r}"),
        ({"privileges": dict.fromkeys("dcab", 60)}, "privilege 'a', 'b', 'c'"),
        ({"detail": {"channels": ["a"]}}, "detail 'channels'"),
    ],
)
def test_what_is_not_declared_is_not_permitted(changes: Mapping[str, Any], operator: str) -> None:
    api_error = _granted(Wrong(_with(**changes)))
    assert api_error is not None
    assert (api_error.code, api_error.status) == (Code.NOT_PERMITTED, 403)
    assert api_error.sentence.startswith(f"kind any does not declare a {operator.split()[0]}")
    assert api_error.operator == operator


def test_a_minted_token_that_keeps_to_the_contract_is_released() -> None:
    for minted in (
        Minted("t", 1),
        Minted("t", 60),
        Minted("t", 30, {"password": "p"}),
        Minted("t", 30, {"password": {"a": [1, None]}}),
        Minted("t", 30, {"password": "p", "url": "u"}),
    ):
        assert checked_mint(WrongWithExtras(minted=minted), "any", GRANT, ISSUANCE) is minted


def test_a_token_of_one_second_may_be_renewed_at_once() -> None:
    grant = replace(GRANT, ttl=1)
    for seconds in (0, 1):
        minted = Minted("t", seconds)
        assert checked_mint(Wrong(minted=minted), "any", grant, ISSUANCE) is minted
    with pytest.raises(ApiError):
        checked_mint(Wrong(minted=Minted("t", 2)), "any", grant, ISSUANCE)


@pytest.mark.parametrize(
    ("minted", "problem"),
    [
        (None, "mint returned no token"),
        ("token", "mint returned no token"),
        (Minted("", 30), "mint returned no token"),
        (Minted(b"t", 30), "mint returned no token"),  # type: ignore[arg-type]
        (Minted("t", 0), "renewal does not lie within the token's lifetime"),
        (Minted("t", -1), "renewal does not lie within the token's lifetime"),
        (Minted("t", 61), "renewal does not lie within the token's lifetime"),
        (Minted("t", 30.0), "renewal does not lie within the token's lifetime"),  # type: ignore[arg-type]
        (Minted("t", 30, {"other": 1}), "extra holds a key that `extras` does not declare"),
        (Minted("t", 30, {"password": 1, "other": 1}), "extra holds a key that `extras` does not declare"),
        (Minted("t", 30, {"token": 1}), "extra holds a key that the answer has already"),
        (Minted("t", 30, {"title": 1}), "extra holds a key that the answer has already"),
        (Minted("t", 30, {"password": object()}), "extra is no plain data"),
        (ValueError("5CFd2f"), "minting raised ValueError"),
        (ApiError(Code.UNAVAILABLE, "later"), "minting raised ApiError"),
    ],
)
def test_a_minted_token_that_breaks_the_contract_is_not_released(minted: object, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        checked_mint(Wrong(minted=minted), "any", GRANT, ISSUANCE)
    assert (caught.value.code, caught.value.sentence) == (Code.INTERNAL, "the token was not released")
    assert caught.value.operator == f"backend of any: {problem}"
    assert caught.value.__cause__ is (minted if isinstance(minted, Exception) else None)


def test_a_request_that_no_token_can_hold_is_an_error_of_the_request() -> None:
    error = ApiError(Code.INVALID_FIELD, "the token would be too long")
    with pytest.raises(ApiError) as caught:
        checked_mint(Wrong(minted=error), "any", GRANT, ISSUANCE)
    assert caught.value is error


def test_a_token_that_differs_from_its_grant_is_not_released() -> None:
    backend = Wrong(minted=Minted("t", 30), mismatch=Mismatch("the token gives something else"))
    with pytest.raises(ApiError) as caught:
        checked_mint(backend, "any", GRANT, ISSUANCE)
    assert caught.value.operator == "backend of any: the token gives something else"
    assert {"token", "kind", "ttl", "expires_at", "role", "app_id"} < ANSWER_FIELDS


@pytest.mark.parametrize("error", [ValueError("5CFd2f"), ApiError(Code.INVALID_FIELD, "is wrong"), SystemExit(3)])
def test_a_token_that_cannot_be_verified_is_not_released(error: BaseException) -> None:
    with pytest.raises(ApiError) as caught:
        checked_mint(Wrong(minted=Minted("t", 30), mismatch=error), "any", GRANT, ISSUANCE)
    assert caught.value.code is Code.INTERNAL
    assert caught.value.operator == f"backend of any: verifying raised {type(error).__name__}"
    assert caught.value.__cause__ is error


def test_whether_fields_name_a_user_is_an_error_of_the_backend_if_it_fails() -> None:
    error = ValueError("5CFd2f")
    with pytest.raises(ApiError) as caught:
        names_user(Wrong(error), "any", FIELDS)
    assert caught.value.operator == "backend of any: names_user raised ValueError"
    assert caught.value.__cause__ is error
    assert names_user(Wrong("ann"), "any", FIELDS) is True
    assert names_user(Wrong(""), "any", FIELDS) is False


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (RuntimeError("5CFd2f"), "filled raised RuntimeError, or returned no plain data"),
        ({"user": object()}, "filled raised TypeError, or returned no plain data"),
        ({"user": "ann", "usr": "ann"}, "filled returned a field that `Fields` does not have"),
    ],
)
def test_a_user_that_is_no_field_of_the_request_is_an_error_of_the_backend(given: object, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        filled(Wrong(given), "any", "ann")
    assert (caught.value.code, caught.value.operator) == (Code.INTERNAL, f"backend of any: {problem}")
    assert (caught.value.__cause__ is None) is problem.startswith("filled returned")
    assert filled(Wrong({"user": "ann"}), "any", "ann") == {"user": "ann"}


def test_a_backend_that_wants_to_end_the_server_ends_only_its_request() -> None:
    api_error = _granted(Wrong(SystemExit(3)))
    assert api_error is not None
    assert (api_error.code, api_error.operator) == (Code.INTERNAL, "backend of any: grant raised SystemExit")


@pytest.mark.parametrize(
    "service",
    [
        replace(CALL, user="ann\ud800"),
        replace(CALL, channel="\udfff"),
        replace(CALL, more_users=("\ud800",)),
        replace(CALL, more_channels=("é", "\udc00")),
        replace(CALL, derived_from="\ud800"),
    ],
)
def test_an_id_that_no_log_and_no_audit_could_hold_is_not_granted(service: Service) -> None:
    api_error = _granted(Wrong(replace(GRANT, services=(service,))))
    assert api_error is not None
    assert api_error.code == Code.INTERNAL
