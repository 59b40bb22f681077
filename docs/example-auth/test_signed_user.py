import pytest
from tokend_signed_user import HEADER, SignedUser, SignedUserOptions, signature_of

from tokend.plugins import ApiError, AppContext, Caller, Credentials, Secret

SECRET = Secret("only a test's secret, of 32 characters")
NOW = 1_800_000_000
SCHEME = SignedUser(AppContext("demo"), {"web": SignedUserOptions(secret=SECRET)})


def signed(user: str, time: int, secret: Secret = SECRET) -> Credentials:
    text = f"{user}.{time}"
    return Credentials(headers={HEADER: f"{text}.{signature_of(text, secret)}"})


async def test_the_user_is_a_claim() -> None:
    assert await SCHEME.authenticate(signed("ann", NOW - 60), NOW) == Caller("web", {"sub": "ann", "iat": NOW - 60})
    assert await SCHEME.authenticate(signed("a.b", NOW), NOW) == Caller("web", {"sub": "a.b", "iat": NOW})


async def test_another_credential_is_not_its_own() -> None:
    assert await SCHEME.authenticate(Credentials(bearer="ann"), NOW) is None


@pytest.mark.parametrize(
    "credentials",
    [
        signed("ann", NOW - 61),
        signed("ann", NOW + 1),
        signed("ann", NOW, Secret("another secret")),
        signed("", NOW),
        Credentials(headers={HEADER: "ann"}),
        Credentials(headers={HEADER: ".."}),
    ],
)
async def test_a_bad_one_is_refused(credentials: Credentials) -> None:
    with pytest.raises(ApiError):
        await SCHEME.authenticate(credentials, NOW)


def test_problems_of_the_options() -> None:
    callers = {"web": SignedUserOptions(secret=Secret("short")), "app": SignedUserOptions(secret=Secret("short"))}
    places = [place for place, _ in SignedUser.problems(AppContext("demo"), callers)]
    assert places == [("web", "secret"), ("app", "secret"), ("app", "secret")]
