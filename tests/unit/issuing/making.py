"""What the tests of the core are made of: apps with rules, callers with claims, asks, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Final

from tokend.backends.agora.chat import Chat
from tokend.backends.agora.rtc import Rtc
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import Backend, NoOptions
from tokend.core.claims import Condition, parse_claim_path
from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask, Caller, Credentials, Stamp
from tokend.core.patterns import parse_template
from tokend.core.reach import Power
from tokend.core.rules import Rule
from tokend.core.secrets import Secret
from tokend.issuing.configuration import App, TtlBounds
from tokend.issuing.issuer import Permit, Terms, decide, explain

APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CREDENTIALS: Final = Credentials(APP_ID, {"primary": Secret("5CFd2fd1755d40ecb72977518be15d3b")})
OTHER_CREDENTIALS: Final = Credentials("0123456789abcdef" * 2, {"primary": Secret("fedcba9876543210" * 2)})
KINDS: Final[Mapping[str, type[Backend]]] = {"rtc": Rtc, "rtm": Rtm, "chat": Chat}
STAMP: Final = Stamp(1_700_000_000, 12_345)
TERMS: Final = Terms(TtlBounds(3600, 60, 86_400))
CALLER: Final = Caller("web")


def backends(credentials: Credentials = CREDENTIALS) -> dict[str, Backend]:
    """The three kinds, for one app."""
    return {kind: backend(NoOptions(), credentials) for kind, backend in KINDS.items()}


def rule(
    channel: str | None = None,
    user: str | None = None,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    roles: Sequence[str] | None = None,
    powers: Sequence[str] = (),
    when: Mapping[str, object] | None = None,
    max_ttl: int | None = None,
    path: str = "demo.web.may[0]",
) -> Rule:
    """A rule as the YAML would say it."""
    return Rule(
        path=path,
        kinds=frozenset(kinds),
        when=tuple(condition(claim, wanted) for claim, wanted in (when or {}).items()),
        channel=None if channel is None else parse_template(channel),
        user=None if user is None else parse_template(user),
        roles=None if roles is None else frozenset(roles),
        powers=frozenset(map(Power, powers)),
        max_ttl=max_ttl,
    )


def condition(claim: str, wanted: object) -> Condition:
    """One line of `when`."""
    return Condition(parse_claim_path(claim), tuple(wanted) if isinstance(wanted, list) else (wanted,))


def app(*rules: Rule, built: Mapping[str, Backend] | None = None, credentials: Credentials = CREDENTIALS) -> App:
    """An app whose one caller is `web`."""
    return App("demo", credentials.app_id, built or backends(credentials), {CALLER.name: rules})


def signed_in(**claims: object) -> Caller:
    """The caller with verified claims."""
    return Caller(CALLER.name, claims)


def rtc(channel: str = "room", uid: int | None = 7, ttl: int | None = None, **fields: object) -> Ask:
    """An ask for an RTC token; without a uid it names nobody."""
    named = {} if uid is None else {"uid": uid}
    return Ask("rtc", {"channel": channel, **named, **fields}, ttl)


def permitted(of: App, ask: Ask, caller: Caller = CALLER, terms: Terms = TERMS) -> Permit:
    """The permit; `Refusal` if there is none."""
    return decide(of, terms, caller, ask)


def refused(of: App, ask: Ask, caller: Caller = CALLER, terms: Terms = TERMS) -> Refusal:
    """The refusal of an ask that must be refused, by decide and explain alike."""
    try:
        permit = decide(of, terms, caller, ask)
    except Refusal as refusal:
        told = explain(of, terms, caller, ask).refusal
        assert told is not None
        assert (told.code, told.sentence, told.field) == (refusal.code, refusal.sentence, refusal.field)
        return refusal
    raise AssertionError(f"permitted by {permit.rule}: {permit.grant}")


def code_of(of: App, ask: Ask, caller: Caller = CALLER, terms: Terms = TERMS) -> Code | None:
    """The code of its refusal; None if a token would be issued."""
    try:
        decide(of, terms, caller, ask)
    except Refusal as refusal:
        return refusal.code
    return None


def lacked(of: App, ask: Ask, caller: Caller = CALLER, terms: Terms = TERMS) -> str:
    """All that explain says of what the rules lack, in one text."""
    return "; ".join(sentence for trial in explain(of, terms, caller, ask).trials for sentence in trial.lacked)
