"""Finds a curl command that returns a token with this configuration, for the greeting of `serve`."""

from tokend.config.vendor_defaults import EXAMPLE
from tokend.core.errors import ApiError
from tokend.core.model import Caller, TokenRequest
from tokend.core.rules import Rule
from tokend.issuing.configuration import Configuration, Route
from tokend.issuing.policy import decide
from tokend.issuing.routing import URL_KEY_MARK


def example_request(configuration: Configuration, url: str) -> str | None:
    """A curl command for the first app that would issue the example's token; None if no simple request gets one.

    `url`: the base URL of the server. The command is checked against the rules first.
    """
    for route in configuration.routes:
        if route.host is None and any(dialect.name == EXAMPLE.dialect for dialect in route.dialects):
            for name in route.callers:
                for rule in route.app.rules.get(name, ()):
                    command = _command(route, name, rule, url)
                    if command is not None:
                        return command
    return None


def _command(route: Route, caller: str, rule: Rule, url: str) -> str | None:
    channel = _channel(rule)
    for role in ("publisher", "subscriber"):
        if channel is not None and _is_allowed(route, caller, channel, role):
            in_url = f"/{URL_KEY_MARK}/YOUR-KEY" if caller in route.authenticator.path_key_callers else ""
            header = "" if in_url or caller in route.authenticator.open_callers else f"-H '{_credential(route)}' "
            path = EXAMPLE.path.format(channel=channel, role=role, uid=EXAMPLE.uid)
            return f"curl {header}{url}{route.prefix.rstrip('/')}{in_url}{path}"
    return None


def _channel(rule: Rule) -> str | None:
    if rule.channel is None:
        return "room"
    if not all(part is None or isinstance(part, str) for part in rule.channel.parts):
        return None
    return "".join("room" if part is None else str(part) for part in rule.channel.parts)


def _is_allowed(route: Route, caller: str, channel: str, role: str) -> bool:
    token_request = TokenRequest(EXAMPLE.kind, {"channel": channel, "uid": EXAMPLE.uid, "role": role})
    try:
        decide(route.app, route.options, Caller(caller), token_request)
    except ApiError:
        return False
    return channel.replace("-", "").replace("_", "").isalnum()


def _credential(route: Route) -> str:
    """The header for the scheme that the route prefers."""
    bearer = "api_key" not in route.authenticator.schemes and "jwt" in route.authenticator.schemes
    return "Authorization: Bearer YOUR-USERS-ID-TOKEN" if bearer else "X-API-Key: YOUR-KEY"
