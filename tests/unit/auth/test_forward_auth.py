"""The scheme `forward_auth` on plain data: which claims headers make, and each reason that they do not do."""

from typing import Final

import pytest

from tests.unit.auth.reasons import BEFORE, MANY, NAMING, REASONS, SECRET, UNREAD
from tokend.auth.anonymous import Anonymous, AnonymousOptions
from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import AppContext, Credentials
from tokend.auth.forward_auth import ForwardAuth, Headers
from tokend.auth.forward_auth_options import ForwardAuthOptions, SecretHeader
from tokend.core.claims import Condition, parse_claim_path
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller
from tokend.core.secrets import Secret

_GROUPS: Final = parse_claim_path("claims.groups")
STAFF: Final = ForwardAuthOptions(
    user="X-Auth-Request-User",
    claims={"email": "x-auth-request-email"},
    lists={"groups": "x-auth-request-groups"},
    secret_header=SecretHeader(name="X-Tokend-Proxy", secret=Secret(SECRET)),
    require=(Condition(_GROUPS, ("staff",)),),
)
GUESTS: Final = STAFF.model_copy(update={"require": (Condition(_GROUPS, ("guest",)),), "secret_header": None})
OTHER: Final = ForwardAuthOptions(user="remote-user")
_NAMES: Final = {id(STAFF): "staff", id(GUESTS): "guests", id(OTHER): "other"}
_APP: Final = AppContext("demo")


def _scheme(*options: ForwardAuthOptions) -> ForwardAuth:
    return ForwardAuth(_APP, {_NAMES[id(caller)]: caller for caller in options or (STAFF,)})


async def _who(credentials: Credentials, *callers: ForwardAuthOptions) -> Caller:
    anybody = Anonymous(_APP, {"anybody": AnonymousOptions(True)})
    return await Authenticator([_scheme(*callers), anybody]).authenticate(credentials, 0)


async def _error_response(proxied: Headers | None, *callers: ForwardAuthOptions, **more: object) -> ApiError:
    authenticator = Authenticator([_scheme(*callers)])
    with pytest.raises(ApiError) as caught:
        await authenticator.authenticate(Credentials(proxied=proxied, **more), 0)  # type: ignore[arg-type]  # other fields of Presented
    return caught.value


async def test_the_claims_are_what_the_proxy_says() -> None:
    caller = await _who(Credentials(proxied=NAMING))
    assert caller == Caller("staff", {"sub": "álice 爱", "email": "a@example.com", "groups": ["staff", "a b"]})
    empty = {**NAMING, "x-auth-request-email": ("",), "x-auth-request-groups": ("staff",)}
    assert "email" not in (await _who(Credentials(proxied=empty))).claims
    plain = await _who(Credentials(proxied={"remote-user": ("*",), "x-auth-request-groups": ("staff",)}), OTHER)
    assert plain == Caller("other", {"sub": "*"})


@pytest.mark.parametrize("name", REASONS)
async def test_a_reason_goes_to_the_operator_alone(name: str) -> None:
    headers, reason = REASONS[name]
    api_error = await _error_response(headers)
    assert (api_error.code, api_error.sentence) == (Code.CREDENTIAL_INVALID, "unknown or invalid credential")
    assert api_error.operator == f"caller staff: {reason}"
    with pytest.raises(ApiError):  # not even where anybody may come
        await _who(Credentials(proxied=headers))


async def test_two_headers_with_a_user_each_are_one_too_many() -> None:
    api_error = await _error_response({**NAMING, "remote-user": ("mallory",)}, STAFF, OTHER)
    assert (api_error.code, api_error.operator) == (Code.CREDENTIAL_INVALID, MANY)


async def test_the_first_caller_counts_whose_secret_and_claims_fit() -> None:
    assert (await _who(Credentials(proxied=NAMING), GUESTS, STAFF)).name == "staff"
    guest = {**NAMING, "x-auth-request-groups": ("guest",)}
    assert (await _who(Credentials(proxied=guest), STAFF, GUESTS)).name == "guests"
    both = {**NAMING, "x-auth-request-groups": ("staff,guest",)}
    assert (await _who(Credentials(proxied=both), STAFF, GUESTS)).name == "staff"
    api_error = await _error_response({**NAMING, "x-auth-request-groups": ("x",)}, STAFF, GUESTS)
    assert str(api_error.operator).count("require: claims.groups is not") == 2


@pytest.mark.parametrize(
    "headers", [None, {}, {"x-auth-request-email": ("a@example.com",), "x-tokend-proxy": (SECRET,)}]
)
async def test_without_a_user_the_scheme_has_nothing_to_say(headers: Headers | None) -> None:
    assert (await _who(Credentials(proxied=headers))).name == "anybody"
    api_error = await _error_response(headers, unproxied="a reason")
    assert api_error.code is Code.UNAUTHENTICATED
    assert api_error.operator == ("a reason" if headers is None else "the proxy names no user")


@pytest.mark.parametrize("sent", [{"bearer": "x"}, {"headers": {"x-api-key": "x"}}, {"path_key": "x"}])
async def test_a_credential_of_the_client_goes_first(sent: dict[str, object]) -> None:
    api_error = await _error_response(NAMING, **sent)
    assert (api_error.code, api_error.operator) == (Code.CREDENTIAL_INVALID, BEFORE)
    assert (await _error_response(None, **sent)).operator is None


async def test_the_reason_names_an_authorization_that_is_not_bearer() -> None:
    """It was missing: the log said nothing of why a credential was unknown."""
    assert (await _error_response(NAMING, other=True)).operator == f"{BEFORE}; {UNREAD}"
    assert (await _error_response(None, other=True)).operator == UNREAD


def test_all_that_is_read_is_named() -> None:
    assert STAFF.headers == NAMING.keys()
    assert Authenticator([_scheme(STAFF)]).proxy_headers == NAMING.keys()
    assert SECRET not in repr(STAFF)
