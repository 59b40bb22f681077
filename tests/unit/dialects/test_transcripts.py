"""The transcripts in `cases/`, sent over a socket to a real server; and that they leave no endpoint out."""

import json
from collections.abc import Iterator

import pytest

from tests.built_in_dialects import DIALECTS
from tests.unit.dialects.notation import PLACEHOLDER, of_token, quoted, signed
from tests.unit.dialects.transcripts import CONFIGURATIONS, Exchange, all_exchanges, configuration_named
from tests.unit.http.running import Running, Serving
from tests.unit.http.wire import Reply
from tokend.core.errors import ApiError
from tokend.dialects.contract import FORM, JSON
from tokend.issuing.routing import NoMatch, RouteTable, split_path

_EXCHANGES = all_exchanges()
BY_CONFIGURATION = {
    name: [one for one in _EXCHANGES if one.configuration == name]
    for name in {one.configuration: 0 for one in _EXCHANGES}
}


_BY_FILE = {
    file: [exchange for exchange in _EXCHANGES if exchange.place.partition(":")[0] == file]
    for file in {exchange.place.partition(":")[0]: 0 for exchange in _EXCHANGES}
}


async def send(server: Running, one: Exchange, target: str) -> Reply:
    body = signed(one.body).encode() if one.body or one.method == "POST" else None
    return await server.token_request(one.method, target, body, *one.headers)


def tokens_in(shown: object, sent: object) -> Iterator[tuple[str, str]]:
    """Each placeholder of a transcript's body, with the token that stands in its place."""
    if isinstance(shown, dict) and isinstance(sent, dict):
        for name in shown.keys() & sent.keys():
            yield from tokens_in(shown[name], sent[name])
    elif isinstance(shown, list) and isinstance(sent, list):
        for one, other in zip(shown, sent, strict=False):
            yield from tokens_in(one, other)
    elif isinstance(shown, str) and isinstance(sent, str) and PLACEHOLDER.fullmatch(shown):
        yield shown, sent


@pytest.mark.parametrize("file", _BY_FILE)
async def test_transcript(file: str, serving: Serving) -> None:
    """Every exchange of a file, in turn, at one server."""
    exchanges = _BY_FILE[file]
    async with serving(configuration_named(exchanges[0].configuration)) as server:
        for exchange in exchanges:
            try:
                check(exchange, await send(server, exchange, exchange.target))
            except AssertionError as error:
                error.add_note(f"in the exchange {exchange.place}")
                raise


def check(exchange: Exchange, reply: Reply) -> None:
    """The reply is the one of the transcript."""
    assert reply.status == exchange.status, reply.body
    assert not 300 <= reply.status < 400
    for name, value in exchange.answer_headers:
        found = reply.headers.get(name.lower(), "(none)")
        if name == "Access-Control-Allow-Headers":  # aiohttp-cors writes a set, in capitals
            assert set(found.lower().split(",")) == set(value.split(","))
        else:
            assert found == value
    if exchange.answer_body.startswith("{"):
        shown = quoted(exchange.answer_body)
        text = reply.body.decode()
        for placeholder, token in tokens_in(shown, reply.json):
            text = text.replace(json.dumps(token), json.dumps(of_token(token, placeholder)))
        assert json.loads(text) == shown
    elif PLACEHOLDER.fullmatch(exchange.answer_body):
        assert of_token(reply.body.decode(), exchange.answer_body) == exchange.answer_body
    else:
        assert exchange.answer_body in reply.body.decode()


def _other_form(target: str) -> str | None:
    """The target with the optional slash put or taken away; None where that would be another path."""
    path, location, query = target.partition("?")
    if path == "/" or path.endswith("//") or not path.startswith("/"):
        return None
    return (path[:-1] if path.endswith("/") else f"{path}/") + location + query


async def test_both_slash_forms_answer_the_same(serving: Serving) -> None:
    tried = 0
    for name, exchanges in BY_CONFIGURATION.items():
        async with serving(configuration_named(name)) as server:
            for one in exchanges:
                other = _other_form(one.target)
                if other is not None:
                    assert (await send(server, one, other)).body == (await send(server, one, one.target)).body
                    tried += 1
    assert tried > 100


def test_every_configuration_has_its_transcripts() -> None:
    assert CONFIGURATIONS.keys() <= BY_CONFIGURATION.keys()


def _media(one: Exchange) -> str:
    return next((value for name, value in one.headers if name == "Content-Type"), FORM if "?" in one.target else JSON)


def test_every_endpoint_has_a_good_and_a_bad_transcript() -> None:
    seen: set[tuple[str, str, bool]] = set()
    tables = {name: RouteTable(configuration_named(name).routes) for name in BY_CONFIGURATION}
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
                seen.add((found.dialect.name, f"{method} {found.endpoint.path}", one.status < 300))
    wanted = {
        (dialect.name, f"{endpoint.method} {endpoint.path}", good)
        for dialect in DIALECTS.values()
        for endpoint in dialect.endpoints
        if endpoint.description is not None  # the console and its files: tests/unit/http/test_console.py
        for good in (True, False)
    }
    assert wanted <= seen
