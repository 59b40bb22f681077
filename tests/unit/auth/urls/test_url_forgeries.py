"""Forged, altered and mistaken signed URLs: each is 401, in general words to its sender, in precise ones to the log."""

import json
from collections.abc import Callable
from typing import Final

import pytest

from tests.unit.auth.urls.making import CLAIMS, HEADER, OTHER, SECONDARY, by_pyjwt, configuration_of, raw, signed
from tests.unit.http.running import CERTIFICATE, NOW, Serving
from tokend.auth.contract import Credentials
from tokend.core.errors import ApiError, Code

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
UNSIGNED: Final = "the signature is by none of the app's signing keys"
ONLY: Final = "the header must have alg, kid and typ, and nothing else"


def _with(text: str) -> str:
    """The usual claims with this text before their end."""
    return raw(json.dumps(HEADER).encode(), json.dumps(CLAIMS).encode()[:-1] + b", " + text.encode() + b"}")


_CUT: Final = ": it was cut off or changed, as when it was copied"
FORGED: Final[dict[str, tuple[Callable[[], str], str]]] = {
    "alg none": (lambda: signed(algorithm="none"), "alg is not HS256"),
    "alg None": (lambda: signed(algorithm="none", header={"alg": "None"}), "alg is not HS256"),
    "alg none with a signature": (lambda: signed(header={"alg": "none"}), "alg is not HS256"),
    "alg null": (lambda: signed(header={"alg": None}), "alg is not HS256"),
    "alg missing": (lambda: signed(header={"alg": ...}), ONLY),
    "alg a list": (lambda: signed(header={"alg": ["HS256"]}), "alg is not HS256"),
    "HS384": (lambda: signed("k" * 48, algorithm="HS384"), "alg is not HS256"),
    "HS384 with the key": (lambda: signed(algorithm="HS384"), "alg is not HS256"),
    "HS512 said, HS256 made": (lambda: signed(header={"alg": "HS512"}), "alg is not HS256"),
    "HS256 said, HS512 made": (lambda: signed(algorithm="HS512", header={"alg": "HS256"}), UNSIGNED),
    "another key": (lambda: signed(OTHER), UNSIGNED),
    "the certificate": (lambda: signed(CERTIFICATE), UNSIGNED),
    "the App ID's caller name": (lambda: signed("uikit"), UNSIGNED),
    "an empty signature": (lambda: signed().rpartition(".")[0] + ".", UNSIGNED),
    "half a signature": (lambda: signed()[:-20], UNSIGNED),
    "the signature of another URL": (
        lambda: f"{signed(jti='a').rpartition('.')[0]}.{signed().rpartition('.')[2]}",
        UNSIGNED,
    ),
    "typ JWT": (lambda: signed(header={"typ": "JWT"}), "typ is not tokend-url+jwt"),
    "typ missing": (lambda: signed(header={"typ": ...}), ONLY),
    "kid missing": (lambda: signed(header={"kid": ...}), ONLY),
    "kid of another name": (lambda: signed(header={"kid": "tertiary"}), "kid is 'tertiary'"),
    "kid a list": (lambda: signed(header={"kid": []}), "kid is (no printable text)"),
    "a key in the header": (lambda: signed(header={"jwk": {"kty": "oct", "k": "AAAA"}}), ONLY),
    "crit": (lambda: signed(header={"crit": ["exp"]}), "the header has crit or b64, which nothing here understands"),
    "exp missing": (lambda: signed(exp=...), "exp is missing"),
    "exp null": (lambda: signed(exp=None), "a claim is null"),
    "exp 1e300": (lambda: signed(exp=1e300), "exp must be a whole number"),
    "exp past the year 9999": (lambda: signed(exp=253_402_300_800), "exp must be less than or equal to 253402300799"),
    "exp a text": (lambda: signed(exp=str(NOW + 600)), "exp must be a whole number"),
    "exp true": (lambda: signed(exp=True), "exp must be a whole number"),
    "exp a fraction": (lambda: signed(exp=NOW + 0.5), "exp must be a whole number"),
    "exp negative": (lambda: signed(exp=-1), "exp must be greater than or equal to 0"),
    "exp twice": (lambda: _with('"exp": 1900000000'), "a part of the token has a key twice"),
    "exp now": (lambda: signed(exp=NOW), "party-7 has ended"),
    "over 31 days": (lambda: signed(iat=NOW, exp=NOW + 31 * 86_400 + 1), "party-7 lasts over 2678400 s"),
    "iat missing": (lambda: signed(iat=...), "iat is missing"),
    "iat in the future": (lambda: signed(iat=NOW + 31), "party-7 begins in the future"),
    "id missing": (lambda: signed(jti=...), "jti is missing"),
    "id of odd letters": (lambda: signed(jti="a b\n"), "jti string should match pattern '^[A-Za-z0-9_.-]{1,64}$'"),
    "app missing": (lambda: signed(app=...), "app is missing"),
    "another app": (lambda: signed(app="other"), "party-7 is for app 'other'"),
    "caller missing": (lambda: signed(caller=...), "caller is missing"),
    "an unknown caller": (
        lambda: signed(caller="nobody"),
        "party-7 is for caller 'nobody', who has no url_key on this route",
    ),
    "an api_key caller": (
        lambda: signed(caller="studio"),
        "party-7 is for caller 'studio', who has no url_key on this route",
    ),
    "channel null": (lambda: signed(channel=None), "a claim is null"),
    "channel empty": (lambda: signed(channel=""), "channel string should have at least 1 character"),
    "channel a list": (lambda: signed(channel=["lobby-1"]), "channel must be text"),
    "user a number": (lambda: signed(user=7), "user must be text"),
    "kinds a text": (lambda: signed(kinds="rtc"), "kinds must be a list"),
    "kinds empty": (lambda: signed(kinds=[]), "kinds must hold at least 1 of these"),
    "a role that is empty": (lambda: signed(roles=[""]), "roles.0 string should have at least 1 character"),
    "max_ttl 0": (lambda: signed(max_ttl=0), "max_ttl must be greater than or equal to 1"),
    "a limit of a later version": (lambda: signed(max_uses=1), "claim 'max_uses' is unknown"),
    "a misspelled limit": (lambda: signed(chanel="lobby-1"), "claim 'chanel' is unknown"),
    "claims that are no object": (
        lambda: raw(json.dumps(HEADER).encode(), b"[]"),
        "a part of the token is no JSON object",
    ),
    "NaN": (lambda: _with('"max_ttl": NaN'), f"a part of the token is no JSON{_CUT}"),
    "two dots and hardly more": (lambda: "a..", f"a part of the token is not base64url{_CUT}"),
    "letters that are not ASCII": (lambda: "%C3%A9.%C3%A9.%C3%A9", f"a part of the token is not base64url{_CUT}"),
    "over 8 KiB": (lambda: "A" * 4000 + "." + "A" * 4200 + ".", "the token is over 8 KiB"),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forgery_is_401_and_the_log_says_why(name: str, serving: Serving) -> None:
    token, reason = FORGED[name][0](), FORGED[name][1]
    if len(token) > 8000:
        api_error = await _error_response(token)  # over HTTP the line would be too long before
        assert api_error.operator == f"signed URL: {reason}"
        return
    async with serving(configuration_of()) as server:
        answer = await server.token_request("GET", f"/demo/k/{token}/rtc/lobby-1/publisher/uid/7", None)
        assert (answer.status, answer.json["code"]) == (401, "credential_invalid")
        assert answer.json["error"] == "unknown or invalid credential"
        line = server.lines[-1]
        assert (line["outcome"], line["reason"]) == ("credential_invalid", f"signed URL: {reason}")
        assert token not in server.log.getvalue().decode()


async def _error_response(token: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await configuration_of().routes[0].authenticator.authenticate(Credentials(path_key=token), NOW)
    assert caught.value.code is Code.CREDENTIAL_INVALID
    return caught.value


@pytest.mark.parametrize("make", [signed, by_pyjwt, lambda: signed(SECONDARY, header={"kid": "secondary"})])
async def test_every_flip_of_a_character_is_refused(make: Callable[[], str]) -> None:
    """Each character with each of its low bits turned, and each last letter of a part replaced by every other."""
    token = make()
    authenticator = configuration_of().routes[0].authenticator
    assert (await authenticator.authenticate(Credentials(path_key=token), NOW)).url == "party-7"
    changed = {
        f"{token[:place]}{chr(ord(letter) ^ 1 << bit)}{token[place + 1 :]}"
        for place, letter in enumerate(token)
        for bit in range(7)
    }
    ends = [index for index in range(len(token)) if token[index + 1 : index + 2] in (".", "")]
    assert len(ends) == 3
    changed |= {f"{token[:end]}{letter}{token[end + 1 :]}" for end in ends for letter in f"{ALPHABET}+/=."} - {token}
    assert len(changed) > 7 * len(token)
    for one in changed:
        with pytest.raises(ApiError) as caught:
            await authenticator.authenticate(Credentials(path_key=one), NOW)
        assert caught.value.code is Code.CREDENTIAL_INVALID, one


async def test_a_letter_changed_on_the_way_is_401(serving: Serving) -> None:
    token = signed()
    async with serving(configuration_of()) as server:
        for place, letter in enumerate(token):
            other = ALPHABET[(ALPHABET.index(letter) + 1) % 64] if letter != "." else "A"
            answer = await server.token_request(
                "GET", f"/demo/k/{token[:place]}{other}{token[place + 1 :]}/rtm/ada", None
            )
            assert answer.status == 401, place


async def test_what_is_appended_or_cut_is_refused() -> None:
    token = signed()
    for changed in (
        f"{token}A",
        f"{token}.",
        f"A{token}",
        f" {token}",
        f"{token}=",
        token[:-1],
        token[1:],
        f".{token}",
    ):
        await _error_response(changed)
