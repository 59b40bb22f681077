"""Credentials on the wire: which headers count, that two are too many, and that nothing bad passes as anonymous."""

import pytest

from tests.unit.http.running import DEMO, KEY, OPEN, serving
from tokend.auth.key_digests import digest_of

_JWT_LIKE = "tk.with.dots"
_TWO = DEMO + f'      other: {{api_key: ["{digest_of(_JWT_LIKE)}", "{digest_of("!odd~key")}"]}}\n'
_BEARER = 'Bearer realm="tokend"'
_INVALID = f'{_BEARER}, error="invalid_token"'


@pytest.mark.parametrize(
    "headers",
    [
        [("X-API-Key", KEY)],
        [("x-api-key", KEY)],
        [("Authorization", f"Bearer {KEY}")],
        [("Authorization", f"bearer {KEY}")],
        [("Authorization", f"BEARER   {KEY} ")],
        [("X-API-Key", _JWT_LIKE)],
        [("X-API-Key", "!odd~key")],
        [("Authorization", "Bearer !odd~key")],
    ],
)
async def test_good_ones(headers: list[tuple[str, str]]) -> None:
    async with serving(_TWO) as server:
        assert (await server.token_request("GET", "/demo/rtm/ada", None, *headers)).status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code", "challenge"),
    [
        ([], 401, "unauthenticated", _BEARER),
        ([("X-API-Key", "tk_unknown")], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", "")], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", digest_of(KEY))], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", f"{KEY} {KEY}")], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", KEY.upper())], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", "clé")], 401, "credential_invalid", _INVALID),
        ([("X-API-Key", "\udcff\udcfe")], 401, "credential_invalid", _INVALID),
        ([("Authorization", "Bearer clé")], 401, "credential_invalid", _INVALID),
        ([("Authorization", "Bearer \udcff")], 401, "credential_invalid", _INVALID),
        ([("Authorization", "Bearer")], 401, "credential_invalid", _INVALID),
        ([("Authorization", "")], 401, "credential_invalid", _INVALID),
        ([("Authorization", KEY)], 401, "credential_invalid", _INVALID),
        ([("Authorization", f"Basic {KEY}")], 401, "credential_invalid", _INVALID),
        ([("Authorization", f"Bearer {_JWT_LIKE}")], 401, "credential_invalid", _INVALID),
        ([("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")], 401, "credential_invalid", _INVALID),
        ([("Authorization", f"Bearer {KEY}"), ("X-API-Key", KEY)], 400, "credential_ambiguous", None),
        ([("Authorization", "Basic eA=="), ("X-API-Key", KEY)], 400, "credential_ambiguous", None),
        ([("X-API-Key", KEY), ("X-API-Key", KEY)], 400, "credential_ambiguous", None),
        ([("X-API-Key", KEY), ("x-api-key", "tk_unknown")], 400, "credential_ambiguous", None),
        ([("Authorization", f"Bearer {KEY}")] * 2, 400, "credential_ambiguous", None),
        ([("X-API-Key", "clé"), ("Authorization", f"Bearer {KEY}")], 400, "credential_ambiguous", None),
    ],
)
@pytest.mark.parametrize("text", [_TWO, OPEN], ids=["closed", "open"])
async def test_bad_ones(
    text: str, headers: list[tuple[str, str]], status: int, code: str, challenge: str | None
) -> None:
    """Where anybody is served without a credential, a bad one is refused all the same."""
    prefix = "" if text == OPEN else "/demo"
    async with serving(text) as server:
        for method, target, body in (
            ("GET", f"{prefix}/rtm/ada/", None),
            ("POST", f"{prefix}/v1/token", b'{"kind": "rtm", "user": "ada"}'),
            ("POST", f"{prefix}/v1/inspect", b'{"token": "007"}'),
        ):
            reply = await server.token_request(method, target, body, *headers)
            if not headers and text == OPEN:
                assert reply.status in (200, 400)
                continue
            assert (reply.status, reply.json["code"]) == (status, code)
            assert reply.headers.get("www-authenticate") == challenge
            assert b"007" not in reply.body


async def test_a_key_opens_its_own_app_only() -> None:
    other = DEMO.replace("demo:", "rival:").partition("apps:\n")[2].replace(digest_of(KEY), digest_of("tk_rival"))
    async with serving(DEMO + other) as server:
        for app, key, status in (("demo", KEY, 200), ("rival", KEY, 401), ("rival", "tk_rival", 200)):
            assert (await server.token_request("GET", f"/{app}/rtm/ada", None, ("X-API-Key", key))).status == status


async def test_documents_and_health_need_none() -> None:
    async with serving(DEMO) as server:
        for target in ("/", "/ping", "/healthz", "/readyz", "/demo/docs", "/demo/openapi.json"):
            assert (await server.token_request("GET", target, None, ("X-API-Key", "tk_unknown"))).status == 200
