"""What the tests of the core are made of: apps with rules, callers with claims, token requests, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from tokend.backends.agora.chat import Chat
from tokend.backends.agora.rtc import Rtc, RtcOptions
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import Backend
from tokend.core.claims import Condition, parse_claim_path
from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials, Caller, Issuance, TokenRequest
from tokend.core.rules import Rule
from tokend.core.secrets import Secret
from tokend.issuing.app_options import RouteOptions, TtlBounds
from tokend.issuing.configuration import App
from tokend.issuing.policy import Permit, decide, explain

APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CREDENTIALS: Final = AppCredentials(APP_ID, {"primary": Secret("5CFd2fd1755d40ecb72977518be15d3b")})
OTHER_CREDENTIALS: Final = AppCredentials("0123456789abcdef" * 2, {"primary": Secret("fedcba9876543210" * 2)})
KINDS: Final[Mapping[str, type[Backend]]] = {"rtc": Rtc, "rtm": Rtm, "chat": Chat}
ISSUANCE: Final = Issuance(1_700_000_000, 12_345)
ROUTE_OPTIONS: Final = RouteOptions(path="/")
CALLER: Final = Caller("web")


def route_options(ttl: TtlBounds = TtlBounds(), *, clamp: bool = False) -> RouteOptions:
    """The options of a route at `/`."""
    on_excess: Literal["clamp", "refuse"] = "clamp" if clamp else "refuse"
    return RouteOptions(path="/", ttl=ttl, on_excess=on_excess)


def ttl_bounds(default: int, min: int, max: int) -> TtlBounds:  # the names of the fields
    """Bounds in seconds; the YAML would say them with units."""
    return TtlBounds.model_construct(default=default, min=min, max=max)


def backends(app_credentials: AppCredentials = CREDENTIALS) -> dict[str, Backend]:
    """The three kinds, for one app."""
    return {kind: backend(backend.Options(), app_credentials) for kind, backend in KINDS.items()}


def strict_006_backends() -> dict[str, Backend]:
    """The three kinds, where rtc refuses names that a 006 token could not tell apart."""
    return {**backends(), "rtc": Rtc(RtcOptions(strict_006=True), CREDENTIALS)}


def rule(
    channel: str | None = None,
    user: str | None = None,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    roles: Sequence[str] | None = None,
    capabilities: Sequence[str] = (),
    when: Mapping[str, object] | None = None,
    fields: Mapping[str, object] | None = None,
    max_ttl: int | None = None,
    name: str = "demo.web.rules[0]",
) -> Rule:
    """A rule as the YAML would say it."""
    written: dict[str, object] = {"channel": channel, "user": user, "when": when, "fields": fields}
    written |= {"roles": None if roles is None else frozenset(roles), "ttl": max_ttl and {"max": f"{max_ttl}s"}}
    given = {key: value for key, value in written.items() if value is not None}
    given |= {"kinds": frozenset(kinds), "capabilities": frozenset(capabilities)}
    return Rule.model_validate(given, context={"name": name})


def condition(claim: str, wanted: object) -> Condition:
    """One line of `when`."""
    return Condition(parse_claim_path(claim), tuple(wanted) if isinstance(wanted, list) else (wanted,))


def app(*rules: Rule, built: Mapping[str, Backend] | None = None, app_credentials: AppCredentials = CREDENTIALS) -> App:
    """An app whose one caller is `web`."""
    return App("demo", app_credentials.app_id, built or backends(app_credentials), {CALLER.name: rules})


def signed_in(**claims: object) -> Caller:
    """The caller with verified claims."""
    return Caller(CALLER.name, claims)


def rtc(channel: str = "room", uid: int | None = 7, ttl: int | None = None, **fields: object) -> TokenRequest:
    """An ask for an RTC token; without a uid it names nobody."""
    named = {} if uid is None else {"uid": uid}
    return TokenRequest("rtc", {"channel": channel, **named, **fields}, ttl)


def permitted(
    of: App, token_request: TokenRequest, caller: Caller = CALLER, options: RouteOptions = ROUTE_OPTIONS
) -> Permit:
    """The permit; an `ApiError` if there is none."""
    return decide(of, options, caller, token_request)


def refused(
    of: App, token_request: TokenRequest, caller: Caller = CALLER, options: RouteOptions = ROUTE_OPTIONS
) -> ApiError:
    """The refusal of an ask that must be refused, by decide and explain alike."""
    try:
        permit = decide(of, options, caller, token_request)
    except ApiError as api_error:
        told = explain(of, options, caller, token_request).api_error
        assert told is not None
        assert (told.code, told.sentence, told.field) == (api_error.code, api_error.sentence, api_error.field)
        return api_error
    raise AssertionError(f"permitted by {permit.rule}: {permit.grant}")


def code_of(
    of: App, token_request: TokenRequest, caller: Caller = CALLER, options: RouteOptions = ROUTE_OPTIONS
) -> Code | None:
    """The code of its refusal; None if a token would be issued."""
    try:
        decide(of, options, caller, token_request)
    except ApiError as api_error:
        return api_error.code
    return None


def unmet(of: App, token_request: TokenRequest, caller: Caller = CALLER, options: RouteOptions = ROUTE_OPTIONS) -> str:
    """All that explain says of what the rules lack, in one text."""
    return "; ".join(
        sentence
        for rule_result in explain(of, options, caller, token_request).rule_results
        for sentence in rule_result.unmet
    )
