"""Keys in the query, of endpoints that have one there: the dialect `turn-rest`. No other endpoint reads them."""

import hashlib
from typing import Final

import pytest

from tests.unit.auth.urls.making import configuration_of, signed
from tests.unit.http.running import Running, Serving
from tokend.dialects.contract import FORM

KEY: Final = "a-key-for-the-query/+&"
QUOTED: Final = "a-key-for-the-query%2F%2B%26"
YAML: Final = f"""
apps:
  demo:
    url_signing_key: {{primary: {{env: PRIMARY}}}}
    backends: {{turn: {{secret: {{env: CERTIFICATE}}, uris: ["turn:turn.example.com"]}}}}
    callers:
      page: {{url_key: "sha256:{hashlib.sha256(KEY.encode()).hexdigest()}", rules: [{{user: "ada*"}}]}}
      uikit: {{url_key: signed, rules: [{{user: "*"}}]}}
    routes: [{{path: /turn, dialect: [turn-rest, ice-servers]}}, {{path: /closed, dialect: turn-rest, callers: [uikit]}}]
"""
_ASK: Final = "/turn?service=turn&username=ada-1"


async def _code(server: Running, method: str, target: str, *headers: tuple[str, str]) -> tuple[int, str]:
    reply = await server.token_request(method, target, b"" if method == "POST" else None, *headers)
    assert KEY.encode() not in reply.body
    return reply.status, reply.json.get("code", "")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_key_of_a_caller_is_read_from_the_query(method: str, serving: Serving) -> None:
    async with serving(configuration_of(YAML)) as server:
        assert await _code(server, method, f"{_ASK}&key={QUOTED}") == (200, "")
        assert await _code(server, method, f"/turn/k/{QUOTED[:19]}?service=turn&username=ada-1") == (
            401,
            "credential_invalid",
        )
        assert await _code(server, method, _ASK) == (401, "unauthenticated")
        assert await _code(server, method, f"{_ASK}&key=") == (401, "credential_invalid")
        assert await _code(server, method, f"{_ASK}&key=guess") == (401, "credential_invalid")
        assert await _code(server, method, f"/turn?service=turn&username=bob&key={QUOTED}") == (403, "not_permitted")
        assert await _code(server, method, f"/closed?service=turn&username=ada-1&key={QUOTED}") == (
            401,
            "credential_invalid",
        )


async def test_a_form_may_repeat_what_the_url_says(serving: Serving) -> None:
    """Janus (src/turnrest.c) sends its parameters twice in a POST, and its key as `api` and as `key`."""

    async def status(query: str, form: str) -> int:
        headers = ("Content-Type", FORM)
        return (await server.token_request("POST", f"/turn?{query}", form.encode(), headers)).status

    async with serving(configuration_of(YAML)) as server:
        sent = f"service=turn&api={QUOTED}&key={QUOTED}&username=ada-1"
        assert await status(sent, sent) == 200
        assert await status(sent, sent.replace(QUOTED, "guess")) == 400
        assert await status(sent, sent.replace("ada-1", "ada-2")) == 400
        assert await status(sent.replace(f"&key={QUOTED}", ""), sent) == 401


async def test_two_keys_are_an_error(serving: Serving) -> None:
    async with serving(configuration_of(YAML)) as server:
        for target, headers in (
            (f"{_ASK}&key={QUOTED}&key={QUOTED}", ()),
            (f"/turn/k/{signed()}?service=turn&username=ada-1&key={signed()}", ()),
            (f"{_ASK}&key={QUOTED}", (("X-API-Key", KEY),)),
            (f"{_ASK}&key={QUOTED}", (("Authorization", f"Bearer {KEY}"),)),
        ):
            assert await _code(server, "GET", target, *headers) == (400, "credential_ambiguous")


async def test_a_signed_url_may_stand_there_too(serving: Serving) -> None:
    async with serving(configuration_of(YAML)) as server:
        token = signed(channel=..., user="eve")
        assert await _code(server, "GET", f"/turn?service=turn&username=eve&key={token}") == (200, "")
        assert await _code(server, "GET", f"{_ASK}&key={token}") == (403, "not_permitted")


async def test_other_endpoints_do_not_read_it(serving: Serving) -> None:
    async with serving(configuration_of(YAML)) as server:
        assert await _code(server, "GET", f"/turn/ice-servers?user=ada-1&key={QUOTED}") == (401, "unauthenticated")
        assert await _code(server, "GET", f"/turn/k/{QUOTED}/ice-servers?user=ada-1") == (400, "malformed")


async def test_it_stands_in_no_line_of_the_log(serving: Serving) -> None:
    async with serving(configuration_of(YAML)) as server:
        for target in (f"{_ASK}&key={QUOTED}", f"{_ASK}&key={QUOTED}x", f"/turn?service=x&key={QUOTED}"):
            await server.token_request("GET", target)
            await server.token_request("POST", target, b"x=1", ("Content-Type", FORM))
        log = server.log.getvalue()
        assert [line["event"] for line in server.lines].count("request") == 6
        assert KEY.encode() not in log
        assert QUOTED.encode() not in log
