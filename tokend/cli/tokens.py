"""`token`, `explain` and `inspect`: issue a token, evaluate a request and decode a token from the command line."""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.auth.contract import not_known
from tokend.backends.contract import Backend
from tokend.cli.context import (
    CommandFailed,
    Context,
    add_app,
    add_config,
    chosen_app,
    counted,
    duration_argument,
    fail,
    read_file,
    standard_input,
)
from tokend.cli.output import print_line
from tokend.cli.unconfigured import installed_backends
from tokend.config.loading import ConfigurationError, Files, exists, load_for_start
from tokend.config.problems import fold
from tokend.config.reading import MAX_FILE
from tokend.core import strict_json
from tokend.core.audit_records import OPERATOR, decision
from tokend.core.errors import ApiError
from tokend.core.folding import listed
from tokend.core.model import Caller, Issuance, Issued, TokenRequest
from tokend.dialects.contract import Inspect
from tokend.dialects.native import explanation_fields
from tokend.dialects.rendering import token_fields
from tokend.issuing import inspection, issuer, policy
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.configuration import App, Configuration
from tokend.telemetry.log_text import printable

_MAX_TEXT: Final = 1024 * 1024
"""Characters of standard input that are read."""


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the three commands."""
    token = commands.add_parser(
        "token",
        help="issue one token",
        description="Issue one token and print it. It is for the operator: without --as, no rules apply.",
    )
    _add_token_request(token)
    token.add_argument(
        "--as",
        dest="caller",
        metavar="CALLER",
        help="apply this caller's rules, without the app's authorizer and the deny list "
        "(default: no rules; only the lifetimes that the app and the kind allow)",
    )
    token.add_argument("--claims", metavar="FILE", help="JSON file with the claims of the caller of --as")
    token.add_argument("--json", action="store_true", help="print the whole answer of the native API")
    token.set_defaults(run=_token)
    explain = commands.add_parser(
        "explain",
        help="explain why a token would or would not be issued",
        description="Evaluate a request against a caller's rules without issuing a token. `--as` or `--bearer` is required.",
    )
    _add_token_request(explain)
    who = explain.add_mutually_exclusive_group(required=True)
    who.add_argument("--as", dest="caller", metavar="CALLER", help="the caller whose rules are evaluated")
    who.add_argument(
        "--bearer",
        metavar="@FILE",
        help="a file with a caller's JWT, or @- for standard input: evaluate the rules of that caller",
    )
    explain.add_argument("--claims", metavar="FILE", help="JSON file with the claims of the caller of --as")
    explain.set_defaults(run=_explain)
    inspect = commands.add_parser(
        "inspect",
        help="decode a token and diagnose problems",
        description="Decode a token and diagnose problems. With a configuration, also find out whether one "
        "of its apps signed it. The exit code is 1 if there are problems.",
    )
    inspect.add_argument("token", help="the token, a text that holds it, or - to read it from standard input")
    inspect.add_argument(
        "--config",
        metavar="FILE",
        help="the YAML file whose apps may have signed it (default: as for other commands, if there is one)",
    )
    for names, what in (
        (("--channel",), "joins"),
        (("--user", "--uid", "--account"), "joins as (uid or account)"),
        (("--product",), "uses: rtc, rtm, chat"),
    ):
        inspect.add_argument(*names, help=f"what the client {what}, to check whether the token fits")
    inspect.set_defaults(run=_inspect)


def _add_token_request(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_app(parser)
    parser.add_argument(
        "--ttl",
        type=duration_argument,
        help="lifetime: seconds, or 90s, 30m, 1h (default: the app's; for a caller, that of its first route)",
    )
    parser.add_argument("kind", help="the kind of token, such as rtc")
    parser.add_argument(
        "fields",
        nargs="*",
        metavar="FIELD=VALUE",
        help="the kind's fields, such as channel=room uid=7 role=publisher; a mapping as JSON",
    )


def _token(options: argparse.Namespace, context: Context) -> int:
    if options.caller is None and options.claims is not None:
        fail("--claims goes with --as: without it, no rules apply")
    configuration, app = chosen_app(options, context)
    token_request = _token_request(options, app)
    if options.caller is None:
        permit = policy.operator_grant(app, _route_options(configuration, app, None), token_request)
    else:
        caller = _caller(options, app)
        _check_requirements(configuration, app, options, caller)
        permit = policy.decide(app, _route_options(configuration, app, caller.name), caller, token_request)
    issued = issuer.mint(permit, Issuance(int(time.time()), secrets.randbits(128)))
    _audit(configuration, app, options.caller, issued)
    if issued.clamped_from is not None and not options.json:
        print(f"warning: on_excess shortens the lifetime to {issued.grant.ttl} seconds", file=sys.stderr)
    print(json.dumps(token_fields(issued), indent=2) if options.json else issued.token)
    return 0


def _audit(configuration: Configuration, app: App, caller: str | None, issued: Issued) -> None:
    """Write a token of the command line to the audit before it is printed; `ApiError` if that fails."""
    if configuration.options.audit is None:
        return
    from tokend.adapters.operator_audit import record_by_operator  # aiohttp is slow to import
    from tokend.telemetry.log import standard_error

    entry = decision(app.name, Caller(caller or OPERATOR), issued.token_request, issued, issued.issued_at, "cli")
    record_by_operator(configuration.options, [entry], standard_error(time.time))


def _explain(options: argparse.Namespace, context: Context) -> int:
    configuration, app = chosen_app(options, context)
    token_request = _token_request(options, app)
    if options.bearer is not None:
        caller, requirements = _bearer(options, configuration, app), None
    else:
        caller = _caller(options, app)
        requirements = _check_requirements(configuration, app, options, caller)
    explanation = policy.explain(app, _route_options(configuration, app, caller.name), caller, token_request)
    fields = explanation_fields(explanation)
    if options.bearer is not None:
        fields["claims"] = caller.claims
    if requirements is not None:
        fields["require"] = requirements
    print_line(json.dumps(fields, indent=2))
    return 0 if explanation.api_error is None else 1


def _bearer(options: argparse.Namespace, configuration: Configuration, app: App) -> Caller:
    """The caller that the JWT of `--bearer` authenticates; `ApiError` if it is not accepted."""
    from tokend.cli.bearer import authenticate, read_token  # aiohttp is slow to import

    if options.claims is not None:
        fail("--claims goes with --as: a token brings its own claims")
    return asyncio.run(authenticate(configuration, app, read_token(options.bearer), int(time.time())))


def _inspect(options: argparse.Namespace, context: Context) -> int:
    text = standard_input().read(_MAX_TEXT) if options.token == "-" else options.token
    if not text.strip():
        fail("the token cannot be read: it is empty")
    signers = _signers(options, context)
    try:
        fields = _report(signers, Inspect(text, options.channel, options.user, options.product), int(time.time()))
    except ApiError as api_error:
        raise CommandFailed(api_error.detail) from api_error
    for line in json.dumps(fields, indent=2, ensure_ascii=False).split("\n"):
        print_line(printable(line))
    return 1 if fields["problems"] else 0


class _Signers(Struct, frozen=True):
    """Who may have signed a token. `unchecked`: why no signature is checked."""

    backends: list[Backend]
    unchecked: str | None = None
    invalid_apps: tuple[str, ...] = ()


def _report(signers: _Signers, request: Inspect, now: int) -> dict[str, Any]:
    """The inspection as plain data. A token that no valid app can read is read by all installed backends."""
    unchecked, invalid = signers.unchecked, listed(signers.invalid_apps)
    try:
        fields: dict[str, Any] = inspection.inspect(signers.backends, request, now, unchecked).fields()
    except ApiError:
        unchecked = (
            f"an invalid app may have signed it: {invalid}" if invalid else "no app of the configuration can read it"
        )
        fields = inspection.inspect(installed_backends(), request, now, unchecked).fields()
    if unchecked is None and invalid and fields["signed_by"] is None:
        fields["notes"] = [*fields["notes"], f"It was not compared with the invalid apps: {invalid}."]
    return fields


def _signers(options: argparse.Namespace, context: Context) -> _Signers:
    """The backends of the valid apps. Without any, all installed backends, and why the signature is not checked."""
    if options.config is None and not exists(context.environment, context.directory):
        return _Signers(installed_backends(), "name the app's configuration with --config")
    try:
        isolated = load_for_start(context.source(options), Files())
    except ConfigurationError as error:
        if options.config is not None:
            raise
        problems = counted(len(error.problems), "problem")
        print(f"tokend: the configuration has {problems}, so the signature is not checked", file=sys.stderr)
        return _Signers(installed_backends(), f"the configuration has {problems}, as `tokend check` shows")
    if isolated.problems:
        for line in fold(isolated.problems):
            print(line, file=sys.stderr)
        problems = counted(len(isolated.problems), "problem")
        print(f"{problems}; the signature is checked for the valid apps only", file=sys.stderr)
    apps = isolated.configuration.apps.values()
    backends = [backend for app in apps for backend in app.backends.values()]
    return _Signers(backends, invalid_apps=tuple(sorted(isolated.invalid_apps)))


def _route_options(configuration: Configuration, app: App, caller: str | None) -> RouteOptions:
    """The options of the first route that accepts the caller, for its lifetimes. None: the operator, who has the app's."""
    found = (route.options for route in configuration.routes if route.app is app and caller in route.callers)
    return next(found, RouteOptions(path="/").model_copy(update={"ttl": app.options.ttl}))


def _caller(options: argparse.Namespace, app: App) -> Caller:
    if options.caller not in app.rules:
        fail(f"app {app.name} has no caller {options.caller}; it has {', '.join(sorted(app.rules))}")
    if options.claims is None:
        return Caller(options.caller)
    try:
        claims = strict_json.loads(read_file(options.claims, MAX_FILE))
    except OSError as error:
        fail(f"the claims cannot be read: {error.strerror}: {options.claims}")
    except ValueError as error:
        fail(f"the claims cannot be read: {error}")
    if not isinstance(claims, dict):
        fail("the claims must be a JSON object")
    return Caller(options.caller, claims)


def _check_requirements(
    configuration: Configuration, app: App, options: argparse.Namespace, caller: Caller
) -> str | None:
    """Check what the caller's `require` says of its claims; `ApiError` (401) if they do not meet it.

    Returns a sentence for the answer; None if the caller requires nothing.
    """
    routes = (route for route in configuration.routes if route.app is app and caller.name in route.callers)
    conditions = next((route.authenticator.requirements(caller.name) for route in routes), ())
    if not conditions:
        return None
    if options.claims is None:
        return "not checked: name the caller's claims with --claims"
    if unmet := [str(condition) for condition in conditions if not condition.holds(caller.claims)]:
        raise not_known(f"require of caller {caller.name}: {'; '.join(unmet)}")
    return "met"


def _token_request(options: argparse.Namespace, app: App) -> TokenRequest:
    backend = app.backends.get(options.kind)
    properties = backend.Fields.model_json_schema().get("properties", {}) if backend else {}
    fields: dict[str, object] = {}
    for pair in options.fields:
        name, equals, text = pair.partition("=")
        if not equals:
            fail(f"{pair} is not a field: write name=value")
        if name in fields:
            fail(f"the field {name} is given twice")
        fields[name] = _typed(name, text, properties.get(name, {}))
    return TokenRequest(options.kind, fields, options.ttl)


def _typed(name: str, text: str, schema: Mapping[str, Any]) -> object:
    """The value of a field: text if the field takes text, else JSON, so that `uid=7` is a number."""
    variants = [variant for variant in schema.get("anyOf", [schema]) if variant.get("type") != "null"]
    if any(variant.get("type", "string") == "string" and "$ref" not in variant for variant in variants):
        return text
    try:
        return strict_json.loads(text.encode())
    except (strict_json.DuplicateKeyError, strict_json.TooDeepError) as error:
        fail(f"the field {name} cannot be read: {error}")
    except ValueError:
        return text
