"""Who asks: the credentials of a request, the three answers of a scheme, and what the authenticator makes of them."""

import hashlib
from typing import ClassVar, Final

import pytest
from pydantic import TypeAdapter, ValidationError

from tokend.auth.anonymous import Anonymous, AnonymousOptions
from tokend.auth.api_key import ApiKey, ApiKeyOptions
from tokend.auth.authenticator import Authenticator, read_credentials
from tokend.auth.contract import PATH_KEY, AppContext, AuthScheme, Credentials, Header
from tokend.auth.key_digests import Digest, Key, digest_of
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller

_KEY: Final = "a key that works: !~".replace(" ", "_")
_APP: Final = AppContext("demo")


def _api_keys(**callers: list[str]) -> ApiKey:
    """The keys of each caller."""
    options = {name: ApiKeyOptions([Key(sha256=digest_of(key)) for key in keys]) for name, keys in callers.items()}
    return ApiKey(_APP, options)


_KEYS: Final = _api_keys(studio=[_KEY, "other-key"], web=["a.b.c"])
_GUEST: Final = Anonymous(_APP, {"guest": AnonymousOptions(True)})


class _Strict(AuthScheme):
    """Mine is whatever begins with `mine`; mine and good is `mine-good`."""

    name: ClassVar[str] = "strict"
    priority: ClassVar[int] = 5

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        text = credentials.bearer or ""
        if not text.startswith("mine"):
            return None
        if text != "mine-good":
            raise ApiError(Code.CREDENTIAL_INVALID, "expired")
        return Caller("of-strict", {"at": now})


class _Signed(_Strict):
    reads = (PATH_KEY, Header("X-Signed-User"))


_STRICT: Final = _Strict(_APP, {"of-strict": None})


async def _who(*schemes: AuthScheme, authorization: tuple[str, ...] = (), api_key: tuple[str, ...] = ()) -> str:
    try:
        return (
            await Authenticator(schemes).authenticate(
                read_credentials(authorization, {"x-api-key": api_key}), 1_700_000_000
            )
        ).name
    except ApiError as api_error:
        return api_error.code.value


@pytest.mark.parametrize("header", [f"Bearer {_KEY}", f"bearer {_KEY}", f"BEARER  {_KEY} "])
async def test_a_key_comes_as_bearer(header: str) -> None:
    assert await _who(_KEYS, authorization=(header,)) == "studio"


async def test_a_key_comes_as_x_api_key_and_a_caller_may_have_two() -> None:
    assert await _who(_KEYS, api_key=(_KEY,)) == "studio"
    assert await _who(_KEYS, api_key=("other-key",)) == "studio"


async def test_a_key_with_two_dots_works_as_x_api_key_only() -> None:
    assert await _who(_KEYS, api_key=("a.b.c",)) == "web"
    assert await _who(_KEYS, authorization=("Bearer a.b.c",)) == "credential_invalid"


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "", "Bearer a b", "Bearer é", "Bearer \x7f", f"Token {_KEY}", _KEY]
)
async def test_an_authorization_that_no_scheme_knows_is_401_even_where_anybody_may_come(header: str) -> None:
    assert await _who(_KEYS, _GUEST, authorization=(header,)) == "credential_invalid"


@pytest.mark.parametrize(
    "key", ["wrong", "", " ", "é", "a b", f"{_KEY} ", f" {_KEY}", _KEY.upper(), "x" * 10_000, "\udcff"]
)
async def test_a_key_that_is_unknown_or_not_visible_ascii_is_401(key: str) -> None:
    assert await _who(_KEYS, _GUEST, api_key=(key,)) == "credential_invalid"


async def test_a_request_without_any_is_401_or_anonymous() -> None:
    assert await _who(_KEYS) == "unauthenticated"
    assert await _who() == "unauthenticated"
    assert await _who(_KEYS, _GUEST) == "guest"


async def test_the_error_names_what_the_schemes_of_the_route_read() -> None:
    for schemes, sentence in (
        ((_KEYS,), "authentication required: send X-API-Key or Authorization: Bearer"),
        ((_STRICT,), "authentication required"),
        ((_Signed(_APP, {}),), "authentication required: send X-Signed-User or a key in the URL"),
    ):
        with pytest.raises(ApiError) as raised:
            await Authenticator(schemes).authenticate(read_credentials(()), 1_700_000_000)
        assert raised.value.sentence == sentence


async def test_anonymous_answers_only_requests_without_a_credential() -> None:
    assert await _who(_GUEST, api_key=(_KEY,)) == "credential_invalid"


async def test_two_at_once_are_ambiguous_even_if_both_are_good() -> None:
    assert await _who(_KEYS, authorization=(f"Bearer {_KEY}",), api_key=(_KEY,)) == "credential_ambiguous"
    assert await _who(_KEYS, authorization=("Basic x",), api_key=(_KEY,)) == "credential_ambiguous"
    bearer, key = (f"Bearer {_KEY}",) * 2, (_KEY,) * 2
    for authorization, api_key in ((bearer, ()), ((), key)):
        with pytest.raises(ApiError) as caught:
            read_credentials(authorization, {"x-api-key": api_key})
        assert caught.value.code is Code.CREDENTIAL_AMBIGUOUS


async def test_mine_but_bad_is_401_without_a_second_guess() -> None:
    anyone = _api_keys(studio=["mine-bad"])
    assert await _who(_STRICT, anyone, authorization=("Bearer mine-bad",)) == "credential_invalid"
    assert await _who(_STRICT, anyone, authorization=("Bearer mine-good",)) == "of-strict"
    assert await _who(_STRICT, _KEYS, authorization=(f"Bearer {_KEY}",)) == "studio"


async def test_the_time_of_the_request_reaches_the_scheme() -> None:
    caller = await Authenticator([_STRICT]).authenticate(Credentials(bearer="mine-good"), 42)
    assert caller.claims == {"at": 42}


def test_a_digest_is_the_sha_256_of_the_key() -> None:
    assert digest_of(_KEY) == "sha256:" + hashlib.sha256(_KEY.encode()).hexdigest()


@pytest.mark.parametrize(
    "written", ["secret-key-itself", "sha256:key", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "0" * 64]
)
def test_a_digest_of_another_form_is_refused_and_not_repeated(written: str) -> None:
    adapter = TypeAdapter[str](Digest)
    assert adapter.validate_python(digest_of("x")) == digest_of("x")
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(written)
    assert "must be sha256: and 64 hex digits" in str(caught.value)
    assert written not in caught.value.errors(include_input=False, include_url=False)[0]["msg"]
