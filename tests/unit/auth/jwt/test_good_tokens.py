"""Good tokens of every algorithm, and what a signed-in user may have with one: its own uid and rooms, nothing else."""

import json
from typing import Any

import pytest

from tests.unit.auth.jwt.making import (
    CLERK,
    ISSUER,
    OTHER,
    REALM,
    YAML,
    b64,
    configuration_of,
    good,
    keys,
    raw,
    with_secret,
)
from tests.unit.http.running import NOW, Running, serving
from tests.unit.http.wire import Reply
from tokend.core.interfaces import Interfaces
from tokend.core.patterns import uid_of

ASK = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher"}
CLERK_CLAIMS: dict[str, Any] = {"iss": CLERK, "aud": None, "azp": "https://app.example.com"}


async def asked(token: str, token_request: dict[str, Any], *headers: tuple[str, str]) -> Reply:
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        return await of(server, token, token_request, *headers)


async def of(server: Running, token: str, token_request: dict[str, Any], *headers: tuple[str, str]) -> Reply:
    return await server.token_request(
        "POST", "/demo/v1/token", token_request, ("Authorization", f"Bearer {token}"), *headers
    )


GOOD = {
    "ES256": lambda: good("ec"),
    "RS256": lambda: good("rsa"),
    "RS512": lambda: good("rsa", "RS512"),
    "PS256": lambda: good("rsa", "PS256"),
    "EdDSA": lambda: good("ed"),
    "the other RSA key": lambda: good("rsa-old"),
    "no kid, and one key of that kind": lambda: good("ec", header={"kid": None}),
    "typ of an access token": lambda: good(header={"typ": "at+jwt"}),
    "typ in other letters": lambda: good(header={"typ": "JwT"}),
    "no typ": lambda: good(header={"typ": None}),
    "aud of a list": lambda: good(aud=["account", "tokend"]),
    "tenant in a list": lambda: good(tenant=["other", "demo"]),
    "no times but exp": lambda: good(iat=None, nbf=None),
    "exp of a fraction": lambda: good(exp=NOW + 1.5),
    "clocks 29 s apart": lambda: good(exp=NOW - 29, nbf=NOW + 30, iat=NOW + 30),
    "headers that are not known here": lambda: good(header={"cat": "cl_B7d4PD", "x5t": "x", "nonce": "y"}),
    "a header of over 512 bytes": lambda: good(header={"x5c": ["A" * 900]}),
    "an embedded jwk, which is ignored": lambda: good(header={"jwk": {"kty": "oct", "k": "AA"}, "jku": "https://x"}),
    "JSON with blanks": lambda: raw(
        b'{ "alg":"ES256", "kid":"ec" }', json.dumps(json.loads(_claims()), indent=1).encode()
    ),
}


def _claims() -> str:
    return json.dumps({"iss": ISSUER, "aud": "tokend", "sub": "alice", "org": "acme", "tenant": "demo", "exp": NOW + 9})


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_token_gets_its_user_a_publisher_token(name: str) -> None:
    answer = await asked(GOOD[name](), ASK)
    assert answer.status == 200, answer.body
    assert (answer.json["uid"], answer.json["role"]) == (uid_of("alice"), "publisher")


async def test_hs256_with_a_secret() -> None:
    answer = await asked(with_secret(), {**ASK, "uid": 7})
    assert (answer.status, answer.json["uid"]) == (200, 7)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "studio"},
        {"aud": ["account", "kiosk"]},
        {"aud": "account", "azp": "studio"},
        {"aud": None, "client_id": "kiosk"},
    ],
)
async def test_keycloak_by_audience_or_azp(claims: dict[str, Any]) -> None:
    answer = await asked(good("rsa-realm", iss=REALM, **claims), {**ASK, "uid": 7})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "account"}, "aud is 'account', caller realm expects kiosk, studio"),
        ({"aud": "account", "azp": "other"}, "aud is 'account', caller realm expects kiosk, studio"),
        ({"aud": "account", "azp": ["studio"]}, "aud is 'account', caller realm expects kiosk, studio"),
        ({"aud": None, "azp": {"a": "studio"}}, "aud is missing, caller realm expects kiosk, studio"),
    ],
)
async def test_keycloak_of_another_client(claims: dict[str, Any], reason: str) -> None:
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        answer = await of(server, good("rsa-realm", iss=REALM, **claims), {**ASK, "uid": 7})
        assert (answer.status, server.lines[-1]["reason"]) == (401, reason)


async def test_the_own_uid_and_rooms_and_nothing_else() -> None:
    mine = uid_of("alice")
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        token = good()
        permitted: list[dict[str, Any]] = [{}, {"uid": mine}, {"channel": "room-acme-stage"}]
        for token_request in permitted:
            answer = await of(server, token, {**ASK, **token_request})
            assert (answer.status, answer.json["uid"], answer.json["role"]) == (200, mine, "publisher"), answer.body
        refused: list[dict[str, Any]] = [
            {"uid": 7},
            {"uid": uid_of("bob")},
            {"uid": 0},
            {"account": "alice"},
            {"account": "*"},
            {"role": "subscriber"},
            {"channel": "room-acme-"},
            {"channel": "room-bolt-1"},
            {"channel": "lobby"},
            {"channel": "*"},
        ]
        for token_request in refused:
            answer = await of(server, token, {**ASK, **token_request})
            assert answer.status == 403, (token_request, answer.body)
            assert "token" not in answer.json
        answer = await of(server, token, {"kind": "chat", "user": str(mine)})
        assert answer.status == 403
        answer = await of(server, good(org="acme-x"), {**ASK, "channel": "room-acme-x-1"})
        assert answer.status == 403  # the claim holds the character that follows it in the rule
        answer = await of(server, good(sub="*"), ASK)
        assert answer.status == 403
        answer = await of(server, good(sub=None), ASK)
        assert answer.status == 403


async def test_clerks_cookie_counts_only_with_an_allowed_origin() -> None:
    token = good("rsa-clerk", **CLERK_CLAIMS)
    cookie, origin = ("Cookie", f"a=b; __session={token}"), ("Origin", "https://app.example.com")
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:

        async def token_request(*headers: tuple[str, str]) -> Reply:
            return await server.token_request("POST", "/demo/v1/token", {"kind": "rtm"}, *headers)

        answer = await token_request(cookie, origin)
        assert (answer.status, answer.json["user"]) == (200, "alice")
        for headers in (
            (cookie,),
            (cookie, ("Origin", "https://evil.example.com")),
            (cookie, ("Origin", "null")),
            (("Cookie", "__session=a"), origin),
            (("Cookie", f"session={token}"), origin),
        ):
            answer = await token_request(*headers)
            assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), headers
        answer = await token_request(("Cookie", "__session=a.b.c"), origin)
        assert (answer.status, answer.json["code"]) == (401, "credential_invalid")
        of_other = good("ec-other", iss=OTHER)
        answer = await token_request(("Cookie", f"__session={of_other}"), origin)
        assert (answer.status, answer.json["code"]) == (401, "credential_invalid")
        assert server.lines[-1]["reason"] == (
            f"no caller here trusts the issuer '{OTHER}'; trusted: https://clerk.example.com"
        )


async def test_clerks_cookie_counts_for_nothing_where_any_origin_may_read() -> None:
    """Any page could have its visitors' browsers ask in their names."""
    cookie, origin = ("Cookie", f"__session={good('rsa-clerk', **CLERK_CLAIMS)}"), ("Origin", "https://app.example.com")
    for origins, status in (('"https://app.example.com"', 200), ('"*"', 401), ('"https://app.example.com", "*"', 401)):
        configuration = configuration_of(YAML.replace('"https://app.example.com"]}', f"{origins}]}}"))
        async with serving(configuration, interfaces=Interfaces(keys=keys())) as server:
            answer = await server.token_request("POST", "/demo/v1/token", {"kind": "rtm"}, cookie, origin)
            assert answer.status == status, origins


async def test_a_cookie_that_comes_along_changes_nothing_for_another_credential() -> None:
    """Cookies come unasked: a header is neither refused for one, nor saved by one."""
    good_cookie = good("rsa-clerk", **CLERK_CLAIMS)
    origin = ("Origin", "https://app.example.com")
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        for cookie in (good_cookie, "a.b.c", "x"):
            answer = await of(server, good(), ASK, origin, ("Cookie", f"__session={cookie}"))
            assert answer.status == 200, answer.body
        for header in (("X-API-Key", "tk_unknown"), ("Authorization", "Basic eDp5"), ("Authorization", "Bearer a.b.c")):
            answer = await server.token_request(
                "POST", "/demo/v1/token", {"kind": "rtm"}, header, origin, ("Cookie", f"__session={good_cookie}")
            )
            assert (answer.status, answer.json["code"]) == (401, "credential_invalid"), header


async def test_clerks_token_comes_as_bearer_too() -> None:
    answer = await asked(good("rsa-clerk", header={"cat": "cl_B7d4PD"}, **CLERK_CLAIMS), {"kind": "rtm"})
    assert (answer.status, answer.json["user"]) == (200, "alice")


async def test_a_token_in_the_other_header_is_an_api_key_and_not_known() -> None:
    async with serving(configuration_of(), interfaces=Interfaces(keys=keys())) as server:
        answer = await server.token_request("POST", "/demo/v1/token", ASK, ("X-API-Key", good()))
        assert (answer.status, answer.json["code"]) == (401, "credential_invalid")
        answer = await of(server, good(), ASK, ("X-API-Key", "x"))
        assert (answer.status, answer.json["code"]) == (400, "credential_ambiguous")


def test_base64_of_the_tests_has_no_padding() -> None:
    assert b64(b"a") == "YQ"
