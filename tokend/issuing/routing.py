"""Finds the route and endpoint of a request. aiohttp's own router cannot: it is frozen at start.

The longest literal prefix of whole segments wins, routes of the request's host first. If nothing below that prefix
fits, the response is that route's 404.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final

from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import JSON, Dialect, Endpoint
from tokend.dialects.custom import NAME as CUSTOM
from tokend.issuing.app_options import Parts, Placeholder, parse_path
from tokend.issuing.configuration import Route

_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%2[fF]")
URL_KEY_MARK: Final = "k"
"""The segment between a route's path and a key in the URL: `/demo/k/<key>/rtc/…`."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Match(Struct, frozen=True):
    """A matched request. `template` is safe to log: it contains no value from the client."""

    route: Route
    dialect: Dialect
    endpoint: Endpoint
    params: Mapping[str, str]
    template: str
    url_key: str | None = None

    @property
    def endpoint_template(self) -> str:
        """The endpoint's path below its route, for metrics: its number of values does not grow with the number of apps.

        It is `custom` for all custom routes, whose paths are the apps' own.
        """
        return CUSTOM if self.dialect.name == CUSTOM else f"/{self.endpoint.path}"


class NoMatch(Struct, frozen=True):
    """No endpoint matched. `route`: the one whose prefix matched, or None. `allowed`: methods that would match.

    `dialect` renders the error. `template` is safe to log.
    """

    route: Route | None
    dialect: Dialect | None = None
    allowed: tuple[str, ...] = ()
    template: str | None = None


class TakenRoute(Struct, frozen=True):
    """A route of an invalid app. No other app gets it; requests for it are answered with 503.

    `origins` and `headers`: the pages that may read that answer, and request headers that they may send.
    """

    app: str
    path: Parts
    host: str | None
    origins: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


class _Candidate(Struct, frozen=True):
    """An endpoint with the path below its route's literal prefix: its literals and placeholder names by position."""

    route: Route
    dialect: Dialect
    endpoint: Endpoint
    below: Parts
    literals: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]

    def template(self, *, keyed: bool = False) -> str:
        """Its path for logs. `keyed`: with a placeholder for a key in the URL."""
        key = f"/{URL_KEY_MARK}/{{key}}" if keyed else ""
        path = f"/{self.endpoint.path}" if self.endpoint.path or keyed else ""
        return f"{self.route.prefix.rstrip('/')}{key}{path}" or "/"


class _Prefix:
    """The routes that share a literal prefix of `depth` parts, and their endpoints by the number of parts that follow.

    The endpoints are listed at the first request: thousands of apps start sooner, and most have no request for a while.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.routes: list[Route] = []

    @cached_property
    def by_length(self) -> Mapping[int, Sequence[_Candidate]]:
        found: dict[int, list[_Candidate]] = {}
        for route in self.routes:
            for candidate in candidates(route):
                found.setdefault(len(candidate.below), []).append(candidate)
        return found


class RouteTable:
    """The routes of a configuration, found by host and literal prefix."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._prefixes: dict[tuple[str | None, tuple[str, ...]], _Prefix] = {}
        for route in routes:
            prefix = literal_prefix(route.path)
            self._prefixes.setdefault((route.host, prefix), _Prefix(len(prefix))).routes.append(route)
        self._longest = max((len(prefix) for _, prefix in self._prefixes), default=0)

    def match(self, method: str, host: str | None, parts: tuple[str, ...], media: str = JSON) -> Match | NoMatch:
        """The endpoint for a request, or why there is none.

        `parts`: as `split_path` returns them. `host`: in lower case, without a port. `media`: JSON or FORM; it decides
        between two endpoints. A single endpoint gets the request whatever its media type, and rejects a wrong one itself.
        """
        found = self._below(host, parts)
        if found is None:
            return NoMatch(None)
        route, rest, url_key = found.routes[0], parts[found.depth :], None
        if len(rest) > 1 and rest[0] == URL_KEY_MARK and (keyed := _takes_url_keys(found)) is not None:
            route, rest, url_key = keyed, rest[2:], rest[1]
        near: list[_Candidate] = []
        best: _Candidate | None = None
        for candidate in found.by_length.get(len(rest), ()):
            for place, text in candidate.literals:
                if rest[place] != text:
                    break
            else:
                if url_key is not None and not candidate.route.url_keys:
                    continue
                if candidate.endpoint.method != method:
                    near.append(candidate)
                elif best is None or candidate.endpoint.media == media:
                    best = candidate
        if best is not None:
            params = {name: rest[place] for place, name in best.names}
            template = best.template(keyed=url_key is not None)
            return Match(best.route, best.dialect, best.endpoint, params, template, url_key)
        if near:
            methods = tuple(sorted({candidate.endpoint.method for candidate in near}))
            return NoMatch(near[0].route, near[0].dialect, methods, near[0].template())
        return NoMatch(route, route.dialects[0])

    def _below(self, host: str | None, parts: tuple[str, ...]) -> _Prefix | None:
        for where in (host, None):
            for length in range(min(len(parts), self._longest), -1, -1):
                found = self._prefixes.get((where, parts[:length]))
                if found is not None:
                    return found
        return None


def _takes_url_keys(prefix: _Prefix) -> Route | None:
    """The first route below the prefix that takes keys in the URL, or None."""
    return next((route for route in prefix.routes if route.url_keys), None)


def split_path(target: str) -> tuple[str, ...]:
    """The decoded segments of a raw request target, without its query and without one final slash.

    Raises `ApiError` (400) for `%2f`, a bad escape, a control character, text that is not UTF-8, a raw `#`, and a segment
    `.` or `..`: a proxy in front resolves these, and would check another path than the one that is served.
    """
    raw = target.partition("?")[0]
    if not raw.startswith("/"):
        raise ApiError(Code.MALFORMED, "the request's target must be a path")
    if "#" in raw:
        raise ApiError(Code.MALFORMED, "the path holds a #: write it as %23")
    if (escape := _ESCAPE.search(raw)) is not None:
        slash = escape[0].lower() == "%2f"
        sentence = "the path holds %2f: a slash cannot be part of a value" if slash else "the path holds a bad escape"
        raise ApiError(Code.MALFORMED, f"{sentence}{'' if slash else ': write a percent sign as %25'}")
    if "%" not in raw and raw.isascii() and raw.isprintable():  # nothing to decode, as in most requests
        parts = tuple(raw[1:].split("/"))
    else:
        parts = tuple([_decode(part) for part in raw[1:].split("/")])
    if "." in parts or ".." in parts:
        raise ApiError(Code.MALFORMED, "the path holds a segment that is . or ..")
    return parts[:-1] if parts[-1] == "" else parts


def readable_parts(target: str) -> tuple[str, ...]:
    """The segments of a target that `split_path` rejects, each that cannot be read replaced: enough to find its app.

    Those after the sixteenth stay one, so that a long target costs little.
    """
    raw = target.partition("?")[0]
    if not raw.startswith("/"):
        return ()
    parts = tuple([_readable(part) for part in raw[1:].split("/", 16)])
    return parts[:-1] if parts[-1] == "" else parts


def _readable(part: str) -> str:
    try:
        return "".join(split_path(f"/{part}"))
    except ApiError:
        return "?"


def literal_prefix(path: Parts) -> tuple[str, ...]:
    """The parts before the first placeholder."""
    found: list[str] = []
    for part in path:
        if isinstance(part, Placeholder):
            break
        found.append(part)
    return tuple(found)


def candidates(route: Route) -> Iterator[_Candidate]:
    """Each endpoint of the route, with its path below the route's literal prefix."""
    below = route.path[len(literal_prefix(route.path)) :]
    for dialect in route.dialects:
        for endpoint in dialect.endpoints:
            yield _Candidate(route, dialect, endpoint, *_parts_below(below, endpoint.path))


@lru_cache(maxsize=4096)
def _parts_below(below: Parts, path: str) -> tuple[Parts, tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """The parts of an endpoint's path, its literals and its placeholder names by position. Most apps share them."""
    parts = below + parse_path(path)
    literals = tuple((place, part) for place, part in enumerate(parts) if isinstance(part, str))
    names = tuple((place, part.name) for place, part in enumerate(parts) if isinstance(part, Placeholder))
    return parts, literals, names


def clash(route: Route, other: Route) -> str | None:
    """The template of a path that both routes could match, or None. A route can clash with itself."""
    if route.host != other.host or literal_prefix(route.path) != literal_prefix(other.path):
        return None
    of_route = tuple(candidates(route))
    number = _first_clash(_targets(of_route), None if route is other else _targets(tuple(candidates(other))))
    return None if number is None else of_route[number].template()


def takes_from(route: Route, other: Route) -> str | None:
    """The template of a path that `other` answers, but `route` would get, since its literal prefix is longer; or None."""
    prefix, shorter = literal_prefix(route.path), literal_prefix(other.path)
    if route.host != other.host or len(prefix) <= len(shorter) or prefix[: len(shorter)] != shorter:
        return None
    below = prefix[len(shorter) :]
    for candidate in candidates(other):
        if _begins_with(candidate.below, below):
            return candidate.template()
        if other.url_keys and below[0] == URL_KEY_MARK and _begins_with(candidate.below, below[2:]):
            return candidate.template(keyed=True)
    return None


def _begins_with(path: Parts, literals: Parts) -> bool:
    """Whether a path could begin with these parts."""
    return len(path) >= len(literals) and all(
        isinstance(part, Placeholder) or part == literal for part, literal in zip(path, literals, strict=False)
    )


_Target = tuple[str, str | None, Parts]
"""What requests an endpoint takes: method, content type (None: any) and path below the route's literal prefix."""


def _targets(candidates: tuple[_Candidate, ...]) -> tuple[_Target, ...]:
    return tuple([(candidate.endpoint.method, candidate.endpoint.media, candidate.below) for candidate in candidates])


@lru_cache(maxsize=256)
def _first_clash(targets: tuple[_Target, ...], others: tuple[_Target, ...] | None) -> int | None:
    """The number of the first target that takes a request of the others; of those before it if `others` is None.

    Most apps have the same targets, so this is computed once for all of them.
    """
    for number, target in enumerate(targets):
        if any(_could_both(target, other) for other in (targets[:number] if others is None else others)):
            return number
    return None


def _could_both(target: _Target, other: _Target) -> bool:
    """Whether a request could be for both."""
    (method, media, parts), (other_method, other_media, other_parts) = target, other
    if method != other_method or (media != other_media and None not in (media, other_media)):
        return False
    return len(parts) == len(other_parts) and all(
        isinstance(part, Placeholder) or isinstance(other_part, Placeholder) or part == other_part
        for part, other_part in zip(parts, other_parts, strict=True)
    )


def _decode(raw: str) -> str:
    """Decode percent escapes once. aiohttp passes bytes that are not UTF-8 as lone surrogates."""
    try:
        whole = raw.encode("utf-8", "surrogateescape")
        text = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes((int(found[1], 16),)), whole).decode()
    except UnicodeError as error:
        raise ApiError(Code.MALFORMED, "the path is not UTF-8") from error
    if _CONTROL.search(text):
        raise ApiError(Code.MALFORMED, "the path holds a control character")
    return text
