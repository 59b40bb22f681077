"""Rules: what a caller may be granted. A single rule must fit the whole grant; rules are not combined."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final

from msgspec import Struct
from pydantic import Field, PlainValidator, PrivateAttr

from tokend.core.conditions import Conditions
from tokend.core.declarations import APP_ADMIN
from tokend.core.durations import Duration
from tokend.core.field_limits import BoundLimit, FieldLimits, bind_limits, unmet_fields
from tokend.core.lists import ItemOrSet
from tokend.core.model import ANY, ANY_TEXT, Caller, Grant, Restriction
from tokend.core.patterns import NotApplicable, Pattern, Template, parse_pattern, parse_template
from tokend.core.reach import Reach
from tokend.core.validation import StrictModel, invalid


def _template(value: object) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise invalid("must be text")
    return parse_template(value)


TemplateText = Annotated[Template, PlainValidator(_template, json_schema_input_type=str)]


class RuleTtl(StrictModel):
    """The longest lifetime that a rule permits."""

    max: Duration | None = Field(
        default=None, description="the longest lifetime that this rule allows. Default: the route's", examples=["30m"]
    )


class Rule(StrictModel):
    """What a caller may be granted: everything of a token has to fit one rule.

    What is left out permits anything, except wildcards and administration: these need a capability.
    """

    _name: str = PrivateAttr("")
    preset: str | None = Field(
        default=None,
        description="what a well-known participant needs; keys that are written override it. Default: none",
        examples=["recorder"],
    )
    when: Conditions = Field(
        default_factory=tuple,
        description=(
            "the rule applies only to callers with these claims. Each claim equals, or is a list that contains, "
            "the value or one of a list of values. Default: all callers"
        ),
        examples=[{"claims.roles": "host"}],
    )
    kinds: ItemOrSet[str] = Field(
        default_factory=frozenset,
        description="kinds of the token and of each service in it. Default: all kinds of the app",
        examples=[["rtc", "rtm"]],
    )
    channel: TemplateText | None = Field(
        default=None,
        description=(
            "the channel: * is one or more characters, {claims.x} a claim of the caller. Default: any but a wildcard"
        ),
        examples=["room-{claims.org}-*"],
    )
    user: TemplateText | None = Field(
        default=None,
        description=(
            "the user, written like channel; without a *, it is used for requests without a user. "
            "Default: any but a wildcard; required for jwt and forward_auth callers"
        ),
        examples=["{claims.sub|uid}"],
    )
    roles: ItemOrSet[str] | None = Field(
        default=None,
        description=(
            "roles that a token may give: publisher, subscriber, or another that a kind of the rule "
            "declares. Default: all"
        ),
        examples=[["publisher"]],
    )
    capabilities: ItemOrSet[str] = Field(
        default_factory=frozenset,
        description=(
            "what has to be allowed by name: wildcard_user, wildcard_channel, wildcard_publish, "
            "app_admin, or another that a kind declares. Default: none"
        ),
        examples=[["wildcard_user"]],
    )
    fields: FieldLimits = Field(
        default_factory=dict,
        description=(
            "limits of what else a token says, by name. A limit is a text, a whole number, a list of allowed values, "
            "true for any value, or false for none. Default: any value"
        ),
        examples=[{"name": "{claims.name}", "metadata": False}],
    )
    ttl: RuleTtl | None = Field(
        default=None, description="the longest lifetime, such as {max: 30m}. Default: the route's"
    )

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

    @cached_property
    def channel_start(self) -> str:
        """The text with which each channel that this rule permits begins; empty if that depends on the request."""
        return "" if self.channel is None or self.fields else self.channel.start

    @cached_property
    def fixed(self) -> "BoundRule | None":
        """The rule for each caller without restrictions; None if claims decide or are inserted."""
        texts = [text for text in (self.channel, self.user) if text is not None]
        if self.when or self.fields or any(text.fixed is None for text in texts):
            return None
        channel, user = (None if text is None else text.fixed for text in (self.channel, self.user))
        return BoundRule(channel, user, self.max_ttl, (), {})


class BoundRestriction(Struct, frozen=True):
    """A restriction with its texts parsed as patterns."""

    restriction: Restriction
    channel: Pattern | None
    user: Pattern | None


class BoundRule(Struct, frozen=True):
    """A rule with the caller's claims inserted, and the caller's restrictions. `max_ttl` (seconds) is the lowest of all."""

    channel: Pattern | None
    user: Pattern | None
    max_ttl: int | None
    bound_restrictions: tuple[BoundRestriction, ...]
    fields: Mapping[str, BoundLimit]

    @property
    def single_user(self) -> str | None:
        """The only user that the rule allows, or None. It is used for a token request that names no user."""
        patterns = (self.user, *(bound.user for bound in self.bound_restrictions))
        return next(
            (pattern.single for pattern in patterns if pattern is not None and pattern.single is not None), None
        )


class UnmetLimit(Struct, frozen=True):
    """What of a grant a rule does not allow. `sentence` repeats the rule and the request, for `explain`.

    `short` may stand in the error of any response: it has no text of the request, and of the rule no channel, user, value of
    a detail or value of a claim, since each of them may be what a stranger has to guess.
    """

    sentence: str
    short: str


def _alike(sentence: str) -> UnmetLimit:
    return UnmetLimit(sentence, sentence)


def bind(rule: Rule, kind: str, caller: Caller) -> BoundRule | UnmetLimit:
    """Insert the caller's claims. Returns what is unmet if the rule does not apply to this caller or kind."""
    if kind not in rule.kinds:
        return _alike(f"kind {kind} is not among kinds {_listed(rule.kinds)}")
    if rule.fixed is not None and not caller.restrictions:
        return rule.fixed
    for restriction in caller.restrictions:
        if restriction.kinds is not None and kind not in restriction.kinds:
            return _alike(f"{restriction.source}: kind {kind} is not among kinds {_listed(restriction.kinds)}")
    for condition in rule.when:
        if not condition.holds(caller.claims):
            return UnmetLimit(f"when: {condition}", f"it applies only with another value of {condition.path}")
    try:
        channel = rule.channel.bind(caller.claims) if rule.channel else None
        user = rule.user.bind(caller.claims) if rule.user else None
        fields = bind_limits(rule.fields, caller.claims)
    except NotApplicable as reason:
        return UnmetLimit(str(reason), "a claim that it inserts is missing, or has a form that it does not take")
    if not caller.restrictions:
        return BoundRule(channel, user, rule.max_ttl, (), fields)
    limits = (rule.max_ttl, *(restriction.max_ttl for restriction in caller.restrictions))
    max_ttl = min((seconds for seconds in limits if seconds is not None), default=None)
    return BoundRule(channel, user, max_ttl, tuple(map(_bind_restriction, caller.restrictions)), fields)


def _bind_restriction(restriction: Restriction) -> BoundRestriction:
    return BoundRestriction(
        restriction,
        None if restriction.channel is None else parse_pattern(restriction.channel),
        None if restriction.user is None else parse_pattern(restriction.user),
    )


class Unmet(Struct, frozen=True):
    """Why a rule does not allow a grant. Missing capabilities are separate: they have an error code."""

    limits: tuple[UnmetLimit, ...] = ()
    capabilities: tuple[str, ...] = ()
    """Their names, in order."""

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence for each capability."""
        return tuple(f"capability {capability} is not named" for capability in self.capabilities)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, in sentences."""
        return (*(limit.sentence for limit in self.limits), *self.missing)


_ALL_MET: Final = Unmet()


def unmet_requirements(rule: Rule, bound: BoundRule, grant: Grant, reach: Reach) -> Unmet:
    """Return why the rule or a restriction does not allow the grant. Both parts are empty if they allow it.

    `reach` is that of the grant.
    """
    limits = _unmet_limits(grant, reach, rule, bound)
    if bound.fields:
        limits += [
            UnmetLimit(sentence, f"field {name} does not match")
            for name, sentence in unmet_fields(bound.fields, grant.services).items()
        ]
    for bound_restriction in bound.bound_restrictions:
        restriction = bound_restriction.restriction
        source = restriction.source
        limits += [
            UnmetLimit(f"{source}: {limit.sentence}", f"{source}: {limit.short}")
            for limit in _unmet_limits(grant, reach, restriction, bound_restriction)
        ]
        if APP_ADMIN in reach.capabilities:
            limits.append(_alike(f"{source}: a restricted caller never administers the app"))
    missing = reach.capabilities - rule.capabilities
    if not limits and not missing:
        return _ALL_MET
    return Unmet(tuple(limits), tuple(sorted(missing)))


def _unmet_limits(
    grant: Grant, reach: Reach, limit: Rule | Restriction, texts: BoundRule | BoundRestriction
) -> list[UnmetLimit]:
    """Return what of a grant exceeds the kinds, texts, roles and ttl of a rule or restriction."""
    kinds = limit.kinds
    unmet = [
        _alike(f"kind {kind}, which the token also contains, is not among kinds {_listed(kinds)}")
        for kind in sorted(reach.kinds)
        if kinds is not None and kind not in kinds
    ]
    if texts.channel is not None:
        unmet += _unmatched("channel", reach.channels, texts.channel, grant)
        unmet += [
            UnmetLimit(
                f"service {name} has no channel, so it does not match channel {texts.channel}",
                f"service {name} has no channel, so it does not match",
            )
            for name in sorted(reach.omits_channel)
        ]
        if texts.user is None:
            unmet += [
                _alike(
                    f'service {name} never has a channel: where channel is limited, user must be, too ("*" allows any)'
                )
                for name in sorted(reach.no_channel)
            ]
    if texts.user is not None:
        unmet += _unmatched("user", reach.users, texts.user, grant)
        if not texts.user.is_any:
            unmet += [
                UnmetLimit(
                    f"service {name} has no user, so it does not match user {texts.user}",
                    f"service {name} has no user, so it does not match",
                )
                for name in sorted(reach.omits_user)
            ]
    if limit.roles is not None and (missing := reach.roles - limit.roles):
        unmet.append(_alike(f"role {', '.join(sorted(missing))} is not among roles {_listed(limit.roles)}"))
    if limit.max_ttl is None:
        return unmet
    longest = max([grant.ttl, *(seconds for service in grant.services for seconds in service.privileges.values())])
    if longest > limit.max_ttl:
        sentence = f"a ttl of at most {limit.max_ttl} seconds is allowed, and {longest} seconds were requested"
        unmet.append(_alike(sentence))
    return unmet


def _unmatched(noun: str, ids: frozenset[str], pattern: Pattern, grant: Grant) -> list[UnmetLimit]:
    """Return the ids that do not match. Any id matches the pattern `*`; a wildcard needs its capability, too."""
    if pattern.is_any:
        return []
    return [
        UnmetLimit(f"{_in_words(noun, text, grant)} does not match {pattern}", f"{noun} does not match")
        for text in sorted(ids)
        if not pattern.matches(text)
    ]


def _in_words(noun: str, text: str, grant: Grant) -> str:
    """Return a user or channel that a grant reaches, in words. `*` may stand for any."""
    if text == ANY_TEXT and any(getattr(service, noun) is ANY for service in grant.services):
        return f"any {noun}"
    return f'{noun} "{text}"'


def _listed(names: frozenset[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
