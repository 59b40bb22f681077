"""`key url`: sign a URL for a `url_key` caller, whose rules may be restricted further for this URL."""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from tokend.auth.signed_url import ID, MAX_SECONDS, UrlClaims, sign
from tokend.cli.context import (
    Context,
    add_app,
    add_config,
    chosen_app,
    duration_argument,
    fail,
    text_argument,
    url_argument,
)
from tokend.cli.times import date
from tokend.core.declarations import NEVER, ROLES
from tokend.core.model import Caller
from tokend.core.patterns import Pattern
from tokend.core.rules import BoundRule, Rule, bind
from tokend.issuing.configuration import App, Route
from tokend.issuing.logins import login_warning
from tokend.issuing.routing import URL_KEY_MARK, literal_prefix


def add_command(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Add `url` to the verbs of `key`."""
    url = verbs.add_parser(
        "url",
        help="sign a URL",
        description="Print a signed URL that gets tokens by the rules of a url_key caller. It expires after --ttl. The "
        "options may restrict the rules further. The command runs offline, with the app's url_signing_key.",
    )
    add_config(url)
    add_app(url)
    url.add_argument("--caller", required=True, metavar="NAME", help="the url_key caller whose rules apply (required)")
    url.add_argument(
        "--ttl",
        required=True,
        type=duration_argument,
        help="how long the URL is valid: 90s, 30m, 2h, up to 31d (required)",
    )
    url.add_argument("--channel", type=text_argument, help="only this channel; * matches one or more characters")
    url.add_argument(
        "--user", type=text_argument, help="only this user (uid or account); * matches one or more characters"
    )
    url.add_argument("--kinds", type=_names, metavar="KIND,…", help="only these kinds of token")
    url.add_argument("--roles", type=_names, metavar="ROLE,…", help="only these roles, such as publisher, subscriber")
    url.add_argument(
        "--max-ttl", type=duration_argument, metavar="TTL", help="the longest lifetime of a token, such as 10m"
    )
    url.add_argument("--id", type=_id, help="its id in the audit and the deny list (default: random)")
    url.add_argument(
        "--url",
        type=url_argument,
        help="where clients reach the server, such as https://host (default: where it listens)",
    )
    url.set_defaults(run=_url)


def _url(options: argparse.Namespace, context: Context) -> int:
    configuration, app = chosen_app(options, context)
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
    if not any(_may_allow(app, rule, claims.caller_here()) for rule in app.rules[options.caller]):
        fail(f"no rule of caller {options.caller} allows what the options restrict the URL to: it would get no token")
    if warning := _login_warning(options, app):
        print(f"warning: {warning}", file=sys.stderr)
    base = options.url or configuration.listen.url
    reached = [route for route in routes if not _is_hidden(route, base, configuration.routes)]
    if not reached:
        fail(f"--url: routes with this host get all requests to it, but not for caller {options.caller}: write another")
    key = sign(claims, app.url_signing)
    print(f"key:   {key}")
    for route in reached:
        print(f"url:   {_base_of(route, base)}{_path(route, key)}")
    print(f"id:    {claims.jti}")
    print(f"ends:  {date(claims.exp)}")
    return 0


def _routes(app: App, routes: Sequence[Route], caller: str) -> list[Route]:
    """The routes that accept a key of this caller in the URL. Exits with code 2 if there is none."""
    if caller not in app.rules:
        fail(f"app {app.name} has no caller {caller}; it has {', '.join(sorted(app.rules))}")
    found = [route for route in routes if route.app is app and caller in route.authenticator.path_key_callers]
    if not found:
        fail(f"no route of app {app.name} takes caller {caller} by a URL: it needs a url_key, such as url_key: signed")
    return found


def _check(options: argparse.Namespace, app: App, routes: Sequence[Route]) -> None:
    """Exit with code 2 if the URL would allow nothing, or the server would reject it."""
    if not 1 <= options.ttl <= MAX_SECONDS:
        fail(f"--ttl must be 1s to {MAX_SECONDS // 86_400}d: only the deny list can stop a URL that has been given out")
    roles = frozenset(ROLES).union(*(backend.declarations.roles for backend in app.backends.values()))
    for name, given, known in (("--kinds", options.kinds, app.backends), ("--roles", options.roles, roles)):
        for value in given or ():
            if value not in known:
                fail(f"{name}: {value} is none of {', '.join(sorted(known))}")
    shortest, longest = min(route.ttl.min for route in routes), max(route.ttl.max for route in routes)
    if options.max_ttl is not None and not shortest <= options.max_ttl <= longest:
        fail(f"--max-ttl must be {shortest} to {longest} seconds")


def _may_allow(app: App, rule: Rule, caller: Caller) -> bool:
    """Whether a rule may allow a service within the URL's restriction."""
    (restriction,) = caller.restrictions
    if restriction.roles is not None and rule.roles is not None and not restriction.roles & rule.roles:
        return False
    by_kind = {kind: bound for kind in rule.kinds if isinstance(bound := bind(rule, kind, caller), BoundRule)}
    for kind, of_rule in by_kind.items():
        (of_url,) = of_rule.bound_restrictions
        for shape in app.backends[kind].declarations.services.values():
            if shape.channel is NEVER:  # such as a login: what limits the channel must limit the user, too
                channels_fit = all(limit.channel is None or limit.user is not None for limit in (of_rule, of_url))
            else:
                channels_fit = _may_meet(of_rule.channel, of_url.channel)
            users_fit = shape.user is NEVER or _may_meet(of_rule.user, of_url.user)
            if channels_fit and users_fit and (shape.kind is None or shape.kind in by_kind):
                return True
    return False


def _may_meet(pattern: Pattern | None, other: Pattern | None) -> bool:
    """Whether one text may match both. Of two patterns with a star, that is assumed."""
    if pattern is None or other is None:
        return True
    if pattern.single is not None:
        return other.matches(pattern.single)
    return other.single is None or pattern.matches(other.single)


def _login_warning(options: argparse.Namespace, app: App) -> str | None:
    """The warning for a URL of a channel by which any user may log in to services without a channel."""
    if options.channel in (None, "*") or options.user != "*":
        return None
    # a rule that limits the channel permits no login, unless it names a user too
    rules = [rule for rule in app.rules[options.caller] if rule.channel is None or rule.user is not None]
    kinds = {kind for rule in rules for kind in rule.kinds}
    if options.kinds is not None:
        kinds &= set(options.kinds)
    warning = login_warning(kinds, {kind: backend.declarations for kind, backend in app.backends.items()})
    return None if warning is None else f"the URL {warning}"


def _path(route: Route, key: str) -> str:
    """The route's path with the key; for a route with a single endpoint, with the rest of that endpoint's path."""
    literal = literal_prefix(route.path)
    rest = [f"{{{part.name}}}" if not isinstance(part, str) else quote(part) for part in route.path[len(literal) :]]
    return "".join(f"/{part}" for part in (*map(quote, literal), URL_KEY_MARK, key, *rest))


def _base_of(route: Route, base: str) -> str:
    """The base URL, with the route's host if it has one."""
    parts = urlsplit(base)
    if route.host is None or parts.hostname == route.host.strip("[]"):
        return base
    return f"{parts.scheme}://{route.host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _is_hidden(route: Route, base: str, routes: Sequence[Route]) -> bool:
    """Whether a route with the base URL's host gets the requests of this one, which has no host."""
    host, path = urlsplit(base).hostname, literal_prefix(route.path)
    prefixes = [
        literal_prefix(other.path) for other in routes if other.host is not None and other.host.strip("[]") == host
    ]
    return route.host is None and any(path[: len(prefix)] == prefix for prefix in prefixes)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _id(text: str) -> str:
    if ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("must be 1 to 64 of a-z A-Z 0-9 . _ -")
    return text
