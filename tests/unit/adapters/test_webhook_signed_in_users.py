"""A signed-in user's verified claims are part of the question; the token that proves them is not."""

from tests.unit.adapters.authorizer_backend import YAML, asking, backend
from tests.unit.auth.jwt.making import CLAIMS, with_secret
from tests.unit.http.running import CERTIFICATE

SIGNED_IN = f"""{YAML.partition("    callers")[0]}    callers:
      web:
        jwt: {{issuer: machine, audience: tokend, secret: {{env: CERTIFICATE}}}}
        rules: [{{channel: "room-*", user: "{{claims.sub}}"}}]
"""
ASK = {"kind": "rtm", "channel": "room-1"}


async def test_claims_are_asked_about_and_other_claims_ask_anew() -> None:
    plain, banned = with_secret(CERTIFICATE), with_secret(CERTIFICATE, banned=True, groups=["a"])
    async with backend() as own, asking(own.url, ", cache: 60s", SIGNED_IN) as server:
        for proof in (plain, plain, banned, plain):
            reply = await server.token_request("POST", "/demo/v1/token", ASK, ("Authorization", f"Bearer {proof}"))
            assert (reply.status, reply.json["user"]) == (200, "alice")
        assert len(own.questions) == 2
        own.answer = {"allow": True, "restrict": {"user": "bob"}}
        other = ("Authorization", f"Bearer {with_secret(CERTIFICATE, jti='2')}")
        assert (await server.token_request("POST", "/demo/v1/token", ASK, other)).status == 403
    expected = {**CLAIMS, "iss": "machine"}
    assert [one["claims"] for one in own.questions[:2]] == [expected, expected | {"banned": True, "groups": ["a"]}]
    assert own.questions[0]["users"] == ["alice"]
    for proof in (plain, banned):
        assert not any(part in repr(own.questions) for part in proof.split("."))
