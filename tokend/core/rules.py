"""Rules: what a caller may be granted. A rule permits a grant if all of it fits this rule; rules are not combined.

`Rule` is what the configuration writes below `rules`, in its final types. Templates are in `patterns.py`.
"""

from functools import cached_property
from typing import Annotated, Any, Final, Literal

from msgspec import Struct
from pydantic import Field, PlainValidator, PrivateAttr

from tokend.core.claims import ClaimError
from tokend.core.conditions import Conditions
from tokend.core.durations import Duration
from tokend.core.lists import ItemOrSet
from tokend.core.model import Caller, Grant, Restriction
from tokend.core.patterns import NotApplicable, Pattern, Template, parse_pattern, parse_template
from tokend.core.reach import Capability, Reach, is_wildcard, reach_of
from tokend.core.validation import StrictModel, invalid


def _template(value: object) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise invalid("must be text")
    try:
        return parse_template(value)
    except ClaimError as problem:
        raise invalid(str(problem)) from None


TemplateText = Annotated[Template, PlainValidator(_template, json_schema_input_type=str)]


class RuleTtl(StrictModel):
    """The longest lifetime that a rule permits."""

    max: Duration | None = Field(default=None, description="such as 30m; left out: as long as the route allows")


class Rule(StrictModel):
    """What a caller may be granted: everything of a token has to fit one rule. What is left out permits anything.

    But no wildcard and no administration: these need a capability.
    """

    _name: str = PrivateAttr("")
    preset: str | None = Field(
        default=None, description="a rule by name, whose keys count where this one leaves them out"
    )
    when: Conditions = Field(
        default_factory=tuple, description="claims with values: the rule applies only to a caller who has these"
    )
    kinds: ItemOrSet[str] = Field(
        default_factory=frozenset, description="kinds of token; left out: all that the app has"
    )
    channel: TemplateText | None = Field(
        default=None,
        description="the channel, in which * is one or more characters and {claims.x} a claim of the caller",
    )
    user: TemplateText | None = Field(default=None, description="the user, written in the same way")
    roles: ItemOrSet[Literal["publisher", "subscriber"]] | None = Field(
        default=None, description="roles that a token may give"
    )
    capabilities: ItemOrSet[Annotated[Capability, Field(strict=False)]] = Field(
        default_factory=frozenset, description="what has to be allowed by name, such as wildcards"
    )
    ttl: RuleTtl | None = Field(default=None, description="bounds of a token's lifetime")

    def model_post_init(self, context: Any) -> None:
        self._name = (context or {}).get("name", "")

    @cached_property  # pydantic's private attributes are slow to read
    def name(self) -> str:
        """Where it stands, such as `demo.web.rules[0]`: what the validation context has under `name`."""
        return self._name

    @cached_property
    def max_ttl(self) -> int | None:
        """Seconds; None: as long as the route allows."""
        return None if self.ttl is None else self.ttl.max


class BoundRestriction(Struct, frozen=True):
    """A restriction with its texts read."""

    restriction: Restriction
    channel: Pattern | None
    user: Pattern | None


class BoundRule(Struct, frozen=True):
    """A rule's patterns with the caller's claims in their places, and what restricts them."""

    channel: Pattern | None
    user: Pattern | None
    max_ttl: int | None
    bound_restrictions: tuple[BoundRestriction, ...]

    @property
    def single_user(self) -> str | None:
        """The one user that is left, if it is one: it fills an ask that names none."""
        patterns = (self.user, *(one.user for one in self.bound_restrictions))
        return next((one.single for one in patterns if one is not None and one.single is not None), None)


def bind(rule: Rule, kind: str, caller: Caller) -> BoundRule | str:
    """Put the caller's claims in; or say why the rule does not apply to this caller or kind."""
    if kind not in rule.kinds:
        return f"kind {kind} is not among kinds {_listed(rule.kinds)}"
    for one in caller.restrictions:
        if one.kinds is not None and kind not in one.kinds:
            return f"{one.source}: kind {kind} is not among kinds {_listed(one.kinds)}"
    for condition in rule.when:
        if not condition.holds(caller.claims):
            return f"when: {condition}"
    try:
        channel = rule.channel.bind(caller.claims) if rule.channel else None
        user = rule.user.bind(caller.claims) if rule.user else None
    except NotApplicable as reason:
        return str(reason)
    if not caller.restrictions:
        return BoundRule(channel, user, rule.max_ttl, ())
    longest = [one for one in (rule.max_ttl, *(one.max_ttl for one in caller.restrictions)) if one is not None]
    return BoundRule(channel, user, min(longest, default=None), tuple(map(_bind_restriction, caller.restrictions)))


def _bind_restriction(one: Restriction) -> BoundRestriction:
    return BoundRestriction(
        one,
        None if one.channel is None else parse_pattern(one.channel),
        None if one.user is None else parse_pattern(one.user),
    )


class Unmet(Struct, frozen=True):
    """What a rule lacks for a grant, in sentences: `capabilities` apart, since they get a code of their own."""

    others: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.others + self.capabilities


_ALL_MET: Final = Unmet()


def unmet_requirements(rule: Rule, filled: BoundRule, grant: Grant) -> Unmet:
    """What is missing for this grant; both parts empty: the rule, and all that restricts it, permit it."""
    reach = reach_of(grant)
    others = _unmet_limits(grant, reach, rule, filled)
    for one in filled.bound_restrictions:
        source = one.restriction.source
        others += [f"{source}: {unmet}" for unmet in _unmet_limits(grant, reach, one.restriction, one)]
        if Capability.APP_ADMIN in reach.capabilities:
            others.append(f"{source}: what is restricted never administers the app")
    missing = reach.capabilities - rule.capabilities
    if not others and not missing:
        return _ALL_MET
    return Unmet(tuple(others), tuple(f"capability {one} is not named" for one in sorted(missing)))


def _unmet_limits(
    grant: Grant, reach: Reach, limit: Rule | Restriction, texts: BoundRule | BoundRestriction
) -> list[str]:
    """What of a grant lies outside the kinds, texts, roles and ttl of a rule or restriction."""
    unmet = []
    if limit.kinds is not None:
        for one in grant.services:
            if one.name not in limit.kinds:
                kinds = _listed(limit.kinds)
                unmet.append(f"kind {one.name}, which the token holds too, is not among kinds {kinds}")
    if texts.channel is not None:
        unmet += [f'channel "{one}" does not match {texts.channel}' for one in _misfits(reach.channels, texts.channel)]
    if texts.user is not None:
        unmet += [f'user "{one}" does not match {texts.user}' for one in _misfits(reach.users, texts.user)]
    if limit.roles is not None and not reach.roles <= limit.roles:
        missing = ", ".join(sorted(reach.roles - limit.roles))
        unmet.append(f"role {missing} is not among roles {_listed(limit.roles)}")
    if limit.max_ttl is None:
        return unmet
    longest = max([grant.ttl, *(seconds for one in grant.services for seconds in one.privileges.values())])
    if longest > limit.max_ttl:
        unmet.append(f"ttl {longest} s is over the max of {limit.max_ttl} s")
    return unmet


def _misfits(ids: frozenset[str], pattern: Pattern) -> list[str]:
    """Wildcards fit `*` and a field left out (their capability is asked for apart); any other pattern must match the text."""
    return sorted([one for one in ids if not pattern.matches(one) and not (pattern.is_any and is_wildcard(one))])


def _listed(names: frozenset[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
