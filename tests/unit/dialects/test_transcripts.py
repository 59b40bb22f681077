"""The transcripts in `cases/`, sent over a socket to a real server; and that they leave no endpoint out."""

import json
from collections.abc import Iterator

import pytest

from tests.built_in_dialects import DIALECTS
from tests.oracle import Vendor
from tests.unit.dialects.notation import PLACEHOLDER, of_token, of_vendor, quoted, rebuilt_006, signed
from tests.unit.dialects.transcripts import CONFIGURATIONS, Exchange, all_exchanges, configuration_named
from tests.unit.http.running import CERTIFICATE, Reply, Running, serving
from tokend.core.errors import ApiError
from tokend.dialects.contract import FORM, JSON
from tokend.issuing.routing import NoMatch, RouteTable, split_path

_EXCHANGES = all_exchanges()
_BY_CONFIGURATION = {
    name: [one for one in _EXCHANGES if one.configuration == name]
    for name in {one.configuration: 0 for one in _EXCHANGES}
}


async def _send(server: Running, one: Exchange, target: str) -> Reply:
    body = signed(one.body).encode() if one.body or one.method == "POST" else None
    return await server.token_request(one.method, target, body, *one.headers)


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
    async with serving(configuration_named(one.configuration)) as server:
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
    elif PLACEHOLDER.fullmatch(one.answer_body):
        assert of_token(reply.body.decode(), one.answer_body) == one.answer_body
    else:
        assert one.answer_body in reply.body.decode()


def _other_form(target: str) -> str | None:
    """The target with the optional slash put or taken away; None where that would be another path."""
    path, location, query = target.partition("?")
    if path == "/" or path.endswith("//") or not path.startswith("/"):
        return None
    return (path[:-1] if path.endswith("/") else f"{path}/") + location + query


async def test_both_slash_forms_answer_the_same() -> None:
    tried = 0
    for name, exchanges in _BY_CONFIGURATION.items():
        async with serving(configuration_named(name)) as server:
            for one in exchanges:
                other = _other_form(one.target)
                if other is not None:
                    assert (await _send(server, one, other)).body == (await _send(server, one, one.target)).body
                    tried += 1
    assert tried > 100


async def test_the_vendor_reads_every_token_as_the_transcript_shows_it(vendor: Vendor) -> None:
    found: list[tuple[str, str]] = []
    for name, exchanges in _BY_CONFIGURATION.items():
        async with serving(configuration_named(name)) as server:
            for one in exchanges:
                if PLACEHOLDER.search(one.answer_body):
                    reply = await _send(server, one, one.target)
                    as_json = one.answer_body.startswith("{")
                    found += (
                        _tokens(quoted(one.answer_body), reply.json)
                        if as_json
                        else [(one.answer_body, reply.body.decode())]
                    )
    modern = [(shown, token) for shown, token in found if token.startswith("007")]
    answers = vendor.ask_all({"op": "verify007", "token": token, "certificate": CERTIFICATE} for _, token in modern)
    assert [of_vendor(answer) for answer in answers] == [shown for shown, _ in modern]
    assert len(modern) > 150
    old = [(shown, token) for shown, token in found if token.startswith("006")]
    assert len(old) > 30
    rebuilt = vendor.ask_all(rebuilt_006(shown) for shown, _ in old)
    assert [answer["token"] for answer in rebuilt] == [token for _, token in old]
    assert len(modern) + len(old) == len(found)


def test_every_configuration_has_its_transcripts() -> None:
    assert CONFIGURATIONS.keys() <= _BY_CONFIGURATION.keys()


def _media(one: Exchange) -> str:
    return next((value for name, value in one.headers if name == "Content-Type"), FORM if "?" in one.target else JSON)


def test_every_endpoint_has_a_good_and_a_bad_transcript() -> None:
    seen: set[tuple[str, str, bool]] = set()
    tables = {name: RouteTable(configuration_named(name).routes) for name in _BY_CONFIGURATION}
    for one in _EXCHANGES:
        try:
            parts = split_path(one.target)
        except ApiError:
            continue
        found = tables[one.configuration].match(one.method, None, parts, _media(one))
        methods = found.allowed if isinstance(found, NoMatch) else ()
        for method in (one.method, *methods):
            found = tables[one.configuration].match(method, None, parts, _media(one))
            if not isinstance(found, NoMatch):
                seen.add((found.dialect.name, f"{method} {found.endpoint.path}", one.status == 200))
    wanted = {
        (dialect.name, f"{endpoint.method} {endpoint.path}", good)
        for dialect in DIALECTS.values()
        for endpoint in dialect.endpoints
        for good in (True, False)
    }
    assert wanted <= seen
