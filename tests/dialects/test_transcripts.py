"""The transcripts in `cases/`, sent over a socket to a real server; and that they leave no endpoint out."""

import json
from collections.abc import Iterator

import pytest

from tests.dialects.notation import PLACEHOLDER, of_token, of_vendor, quoted, signed
from tests.dialects.transcripts import SETUPS, Exchange, all_exchanges
from tests.oracle import Vendor
from tests.server.running import CERTIFICATE, Reply, Running, serving
from tokend.dialects import DIALECTS
from tokend.matching import Missed, Table, split_path
from tokend.model import Refusal

_EXCHANGES = all_exchanges()


async def _send(server: Running, one: Exchange, target: str) -> Reply:
    body = signed(one.body).encode() if one.body or one.method == "POST" else None
    return await server.ask(one.method, target, body, *one.headers)


def _tokens(shown: object, sent: object) -> Iterator[tuple[str, str]]:
    """Each placeholder of a transcript's body, with the token that stands in its place."""
    if isinstance(shown, dict) and isinstance(sent, dict):
        for name in shown.keys() & sent.keys():
            yield from _tokens(shown[name], sent[name])
    elif isinstance(shown, list) and isinstance(sent, list):
        for one, other in zip(shown, sent, strict=False):
            yield from _tokens(one, other)
    elif isinstance(shown, str) and isinstance(sent, str) and PLACEHOLDER.fullmatch(shown):
        yield shown, sent


@pytest.mark.parametrize("one", _EXCHANGES, ids=[one.place for one in _EXCHANGES])
async def test_transcript(one: Exchange) -> None:
    async with serving(SETUPS[one.setup]()) as server:
        reply = await _send(server, one, one.target)
    assert reply.status == one.status, reply.body
    assert not 300 <= reply.status < 400
    for name, value in one.answer_headers:
        assert reply.headers.get(name.lower(), "(none)") == value
    if one.answer_body.startswith("{"):
        shown = quoted(one.answer_body)
        text = reply.body.decode()
        for placeholder, token in _tokens(shown, reply.json):
            text = text.replace(json.dumps(token), json.dumps(of_token(token, placeholder)))
        assert json.loads(text) == shown
    else:
        assert one.answer_body in reply.body.decode()


def _other_form(target: str) -> str | None:
    """The target with the optional slash put or taken away; None where that would be another path."""
    path, mark, query = target.partition("?")
    if path == "/" or path.endswith("//") or not path.startswith("/"):
        return None
    return (path[:-1] if path.endswith("/") else f"{path}/") + mark + query


async def test_both_slash_forms_answer_the_same() -> None:
    tried = 0
    for name, setup in SETUPS.items():
        async with serving(setup()) as server:
            for one in _EXCHANGES:
                other = _other_form(one.target)
                if one.setup == name and other is not None:
                    assert (await _send(server, one, other)).body == (await _send(server, one, one.target)).body
                    tried += 1
    assert tried > 100


async def test_the_vendor_reads_every_token_as_the_transcript_shows_it(vendor: Vendor) -> None:
    found: list[tuple[str, str]] = []
    for name, setup in SETUPS.items():
        async with serving(setup()) as server:
            for one in _EXCHANGES:
                if one.setup == name and one.answer_body.startswith("{"):
                    reply = await _send(server, one, one.target)
                    found += _tokens(quoted(one.answer_body), reply.json)
    modern = [(shown, token) for shown, token in found if token.startswith("007")]
    answers = vendor.ask_all({"op": "verify007", "token": token, "certificate": CERTIFICATE} for _, token in modern)
    assert [of_vendor(answer) for answer in answers] == [shown for shown, _ in modern]
    assert len(modern) > 40


def test_every_endpoint_has_a_good_and_a_bad_transcript() -> None:
    seen: set[tuple[str, str, bool]] = set()
    tables = {name: Table(setup().routes) for name, setup in SETUPS.items()}
    for one in _EXCHANGES:
        try:
            parts = split_path(one.target)
        except Refusal:
            continue
        for method in ("GET", "POST"):
            found = tables[one.setup].match(method, None, parts)
            if not isinstance(found, Missed):
                seen.add((found.dialect.name, found.endpoint.path, one.status == 200))
    wanted = {
        (dialect.name, endpoint.path, good)
        for dialect in DIALECTS.values()
        for endpoint in dialect.endpoints
        for good in (True, False)
    }
    assert wanted <= seen
