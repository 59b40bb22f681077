"""Forged and mistaken tokens: each is 401 without a token minted, in general words to its sender, in precise ones to the log."""

from collections.abc import Callable

import pytest

from tests.unit.auth.jwt.forged import FORGED
from tests.unit.auth.jwt.making import ALGORITHMS, CLAIMS, configuration_of, good, keys, private, raw, with_secret
from tests.unit.http.running import NOW, Serving
from tokend.auth.contract import Credentials
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces


@pytest.mark.parametrize("name", FORGED)
async def test_a_forgery_is_401_and_the_log_says_why(name: str, serving: Serving) -> None:
    token, reason = FORGED[name][0](), FORGED[name][1]
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        for token_request in ({"kind": "rtc", "channel": "room-acme-1"}, {"kind": "rtm"}):
            answer = await server.token_request(
                "POST", "/demo/v1/token", dict(token_request), ("Authorization", f"Bearer {token}")
            )
            assert answer.status == 401, answer.body
            assert answer.headers["www-authenticate"] == 'Bearer realm="tokend", error="invalid_token"'
            assert (answer.json["code"], answer.json["detail"]) == (
                "credential_invalid",
                "unknown or invalid credential",
            )
            assert "token" not in answer.json
            assert (server.lines[-1]["outcome"], server.lines[-1]["reason"]) == ("credential_invalid", reason)
        assert token not in server.log.getvalue().decode()


@pytest.mark.parametrize("header", [{}, {"alg": "marker"}, {"typ": "marker"}, {"crit": "marker"}, {"cty": "marker"}])
@pytest.mark.parametrize("trusted", [True, False])
async def test_the_log_repeats_nothing_else_of_an_unverified_token(
    header: dict[str, str], trusted: bool, serving: Serving
) -> None:
    claims = {"aud": "marker", "sub": "marker", "azp": "marker", "tenant": "marker", "note": "marker"}
    issuer = {} if trusted else {"iss": "https://" + "x" * 200}
    token = raw({"alg": "ES256", "kid": "k" * 200, **header}, {**CLAIMS, **claims, **issuer})
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        await server.token_request("POST", "/demo/v1/token", {"kind": "rtm"}, ("Authorization", f"Bearer {token}"))
        reason = server.lines[-1]["reason"]
        assert "marker" not in server.log.getvalue().decode()
        assert "x" * 81 not in reason
        assert "k" * 81 not in reason


def test_there_are_enough_of_them() -> None:
    assert len(FORGED) >= 60


@pytest.mark.parametrize(
    "token",
    [
        lambda: good().rpartition(".")[0],
        lambda: good() + ".AAAA",
        lambda: "." + good(),
        lambda: good().replace(".", ""),
    ],
)
async def test_two_or_four_parts_are_no_jwt_and_a_key_that_nobody_knows(
    token: Callable[[], str], serving: Serving
) -> None:
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        answer = await server.token_request(
            "POST", "/demo/v1/token", {"kind": "rtm"}, ("Authorization", f"Bearer {token()}")
        )
        assert (answer.status, answer.json["code"]) == (401, "credential_invalid")


async def _error_response(token: str) -> ApiError:
    authenticator = configuration_of().routes[0].authenticator
    with pytest.raises(ApiError) as caught:
        await authenticator.authenticate(Credentials(bearer=token), NOW, keys())
    assert caught.value.code == Code.CREDENTIAL_INVALID
    return caught.value


async def test_over_8_kib(serving: Serving) -> None:
    """Over HTTP the header would be too long before: 400."""
    token = good(note="x" * 8192)
    assert (await _error_response(token)).operator == "the token is over 8 KiB"
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        answer = await server.token_request(
            "POST", "/demo/v1/token", {"kind": "rtm"}, ("Authorization", f"Bearer {token}")
        )
        assert answer.status == 400


@pytest.mark.parametrize("make", [lambda: good("ec"), lambda: good("rsa"), lambda: good("ed"), with_secret])
async def test_every_flip_of_a_byte_is_refused(make: Callable[[], str]) -> None:
    """Each character with each of its low bits turned, so that also the last letters' spare bits are met."""
    token = make()
    authenticator, cache = configuration_of().routes[0].authenticator, keys()
    assert (await authenticator.authenticate(Credentials(bearer=token), NOW, cache)).claims["sub"] == "alice"
    tried = 0
    for place, letter in enumerate(token):
        for bit in range(7):
            flipped = f"{token[:place]}{chr(ord(letter) ^ 1 << bit)}{token[place + 1 :]}"
            with pytest.raises(ApiError) as caught:
                await authenticator.authenticate(Credentials(bearer=flipped), NOW, cache)
            assert caught.value.code == Code.CREDENTIAL_INVALID, flipped
            tried += 1
    assert tried == 7 * len(token)


async def test_every_other_letter_at_the_end_of_a_part_is_refused() -> None:
    authenticator, cache = configuration_of().routes[0].authenticator, keys()
    for token in (good("ec"), good("rsa"), good("ed"), with_secret()):
        ends = [index for index in range(len(token)) if token[index + 1 : index + 2] in (".", "")]
        assert len(ends) == 3
        for place in ends:
            for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=":
                if letter != token[place]:
                    with pytest.raises(ApiError):
                        await authenticator.authenticate(
                            Credentials(bearer=token[:place] + letter + token[place + 1 :]), NOW, cache
                        )


def test_the_maker_is_another_program_than_the_reader() -> None:
    assert type(ALGORITHMS["ES256"]).__module__.startswith("jwt.")
    assert private("ec") is not private("ec-stranger")
