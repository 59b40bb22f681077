"""How callers authenticate, for the OpenAPI document: security schemes, servers, and sentences for people."""

from collections.abc import Iterable
from typing import Any, Final

from tokend.auth.contract import AuthScheme, Bearer, Cookie, Header, PathKey
from tokend.dialects.contract import Endpoint
from tokend.issuing.configuration import Route
from tokend.issuing.routing import URL_KEY_MARK

_YOUR_KEY: Final = "YOUR-KEY"


def security_schemes(routes: Iterable[Route]) -> dict[str, Any]:
    """The security schemes of the callers of these routes. A key in the path is none of them: it is part of the server."""
    found: dict[str, Any] = {}
    for route in routes:
        endpoints = [endpoint for dialect in route.dialects for endpoint in dialect.endpoints]
        key_parameter = next((endpoint.key_parameter for endpoint in endpoints if endpoint.key_parameter), None)
        for scheme in route.authenticator:
            for name, of_source in _of_sources(scheme, key_parameter).items():
                in_query = "The key, for the endpoints that take it in the query."
                text = in_query if of_source.get("in") == "query" else _instructions(scheme)
                found[name] = {**of_source, "description": text}
    return found


def security(route: Route, endpoint: Endpoint | None = None) -> list[dict[str, list[str]]]:
    """The credentials that an endpoint of the route accepts: each alone, or none in a header."""
    key_parameter = None if endpoint is None else endpoint.key_parameter
    alternatives: list[dict[str, list[str]]] = []
    without = False
    for scheme in route.authenticator:
        names = _of_sources(scheme, key_parameter)
        alternatives += [{name: []} for name in names]
        without |= not names or any(isinstance(source, PathKey) for source in scheme.reads)
    return [*alternatives, *([{}] if without else [])]


def servers(route: Route, mounted_at: str) -> list[dict[str, Any]]:
    """The base URLs of a route. With callers of URL keys there is one that contains the key."""
    prefix = mounted_at + route.prefix.rstrip("/")
    plain = {"url": prefix or "/"}
    if not route.url_keys:
        return [plain]
    with_key = {
        "url": f"{prefix}/{URL_KEY_MARK}/{{key}}",
        "description": "With a key, or the signed text of a URL, in the path",
        "variables": {"key": {"default": _YOUR_KEY, "description": "The key, or the signed text"}},
    }
    needs_key = all(any(isinstance(source, PathKey) for source in scheme.reads) for scheme in route.authenticator)
    return [with_key, plain] if needs_key else [plain, with_key]


def authentication(route: Route) -> str:
    """A section in Markdown: how the callers of the route authenticate."""
    lines = [f"- **{scheme.name}**: {_instructions(scheme)}" for scheme in route.authenticator]
    return "\n".join(["## Authentication", "", "Send one credential at a time:", "", *lines])


def _instructions(scheme: AuthScheme) -> str:
    return scheme.instructions or f"As {', '.join(_of_sources(scheme, None)) or 'the operator of this server says'}."


def _of_sources(scheme: AuthScheme, key_parameter: str | None) -> dict[str, dict[str, Any]]:
    """The security schemes of an auth scheme by name. `key_parameter`: the parameter of the query that holds a URL key."""
    found: dict[str, dict[str, Any]] = {}
    for source in scheme.reads:
        match source:
            case Header(name):
                found[scheme.name] = {"type": "apiKey", "in": "header", "name": name}
            case Bearer():
                found[f"{scheme.name}_bearer"] = {"type": "http", "scheme": "bearer"}
            case Cookie(name):
                found[f"{scheme.name}_cookie"] = {"type": "apiKey", "in": "cookie", "name": name}
            case PathKey() if key_parameter is not None:
                found[f"{scheme.name}_parameter"] = {"type": "apiKey", "in": "query", "name": key_parameter}
    return found
