"""`key url`: a signed URL for a `url_key` caller, its rules restricted for one link."""

import argparse
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from tokend.auth.signed_url import ID, MAX_SECONDS, UrlClaims, sign
from tokend.cli.context import Context, add_app, add_config, chosen_app, fail
from tokend.core.durations import Duration
from tokend.core.model import PLATFORM_MAX_TTL
from tokend.issuing.configuration import App, Route
from tokend.issuing.routing import URL_KEY_MARK, literal_prefix

ROLES = ("publisher", "subscriber")


def add_command(verbs: "argparse._SubParsersAction[Any]") -> None:
    url = verbs.add_parser(
        "url",
        help="sign a URL",
        description="Print a URL that gets tokens by a url_key caller's rules, restricted, until it ends. No server is "
        "asked; the app's url_signing_key signs it.",
    )
    add_config(url)
    add_app(url)
    url.add_argument("--caller", required=True, metavar="NAME", help="the url_key caller whose rules it has")
    url.add_argument("--ttl", required=True, type=_duration, help="how long the URL works: 90s, 30m, 2h, up to 31d")
    url.add_argument("--channel", type=_text, help="only this channel; * is one or more characters")
    url.add_argument("--user", type=_text, help="only this user (uid or account); * likewise")
    url.add_argument("--kinds", type=_names, metavar="KIND,…", help="only these kinds of token")
    url.add_argument("--roles", type=_names, metavar="ROLE,…", help="only these roles: publisher, subscriber")
    url.add_argument("--max-ttl", type=_duration, metavar="TTL", help="the longest life of a token, such as 10m")
    url.add_argument("--id", type=_id, help="its id in the audit and the deny list; else a random one")
    url.add_argument("--url", type=_base, help="where clients reach the server: https://host; else where it listens")
    url.set_defaults(run=_url)


def _url(options: argparse.Namespace, context: Context) -> int:
    configuration = context.configuration(options)
    app = chosen_app(configuration, options.app)
    routes = _routes(app, configuration.routes, options.caller)
    if app.url_signing is None:
        fail(f"app {app.name} has no url_signing_key: {{env: NAME}} or {{file: PATH}}, 32 random bytes or more")
    _check(options, app, routes)
    now = int(time.time())
    claims = UrlClaims(
        app=app.name,
        caller=options.caller,
        jti=options.id or secrets.token_hex(8),
        iat=now,
        exp=now + options.ttl,
        kinds=options.kinds,
        channel=options.channel,
        user=options.user,
        roles=options.roles,
        max_ttl=options.max_ttl,
    )
    key = sign(claims, app.url_signing)
    print(f"key:   {key}")
    for route in routes:
        print(f"url:   {_base_of(route, options.url or configuration.listen.url)}{_path(route, key)}")
    print(f"id:    {claims.jti}")
    print(f"ends:  {datetime.fromtimestamp(claims.exp, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}")
    return 0


def _routes(app: App, routes: Sequence[Route], caller: str) -> list[Route]:
    """Those that take the caller by a key in the URL; leaves with exit code 2 where there is none."""
    if caller not in app.rules:
        fail(f"app {app.name} has no caller {caller}; it has {', '.join(sorted(app.rules))}")
    found = [route for route in routes if route.app is app and caller in route.url_callers]
    if not found:
        fail(f"no route of app {app.name} takes caller {caller} by a URL: it needs a url_key, perhaps url_key: signed")
    return found


def _check(options: argparse.Namespace, app: App, routes: Sequence[Route]) -> None:
    """What could permit nothing, or would be refused by the server."""
    if not 1 <= options.ttl <= MAX_SECONDS:
        fail(f"--ttl must be 1s to {MAX_SECONDS // 86_400}d: a URL that is out can be stopped by the deny list alone")
    for name, given, known in (("--kinds", options.kinds, app.backends), ("--roles", options.roles, ROLES)):
        for one in given or ():
            if one not in known:
                fail(f"{name}: {one} is none of {', '.join(sorted(known))}")
    shortest = min(route.ttl.min for route in routes)
    if options.max_ttl is not None and not shortest <= options.max_ttl <= PLATFORM_MAX_TTL:
        fail(f"--max-ttl must be {shortest} to {PLATFORM_MAX_TTL} seconds")


def _path(route: Route, key: str) -> str:
    """The path below which the route answers to the key; a route of one endpoint with what stands behind it."""
    literal = literal_prefix(route.path)
    behind = [f"{{{part.name}}}" if not isinstance(part, str) else quote(part) for part in route.path[len(literal) :]]
    return "".join(f"/{part}" for part in (*map(quote, literal), URL_KEY_MARK, key, *behind))


def _base_of(route: Route, base: str) -> str:
    """The base with the host that the route wants, if it wants one."""
    parts = urlsplit(base)
    if route.host is None or parts.hostname == route.host.strip("[]"):
        return base
    return f"{parts.scheme}://{route.host}{f':{parts.port}' if parts.port else ''}"


def _duration(text: str) -> int:
    try:
        return TypeAdapter(Duration).validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError("must be a number with its unit: 90s, 30m, 1h or 1d") from error


def _text(text: str) -> str:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError("must be a text that is not empty")
    return text


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


def _id(text: str) -> str:
    if ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("must be 1 to 64 of a-z A-Z 0-9 . _ -")
    return text


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or "?" in text or "#" in text or "@" in text:
        raise argparse.ArgumentTypeError("must be like https://tokens.example.com")
    return text.rstrip("/")
