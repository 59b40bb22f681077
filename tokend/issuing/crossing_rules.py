"""Rules that together give a caller what belongs to another one, although each of them is sound by itself."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final

from tokend.core.declarations import NEVER, REQUIRED, Declarations
from tokend.core.patterns import STAR, Placeholder, Template
from tokend.core.rules import Rule

Parts = tuple[str | Placeholder | None, ...]
_NOUNS: Final = ("channel", "user")


def longer_rules(rules: Sequence[Rule], declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Return a warning for each rule that goes on where another one still has a claim: `org-{claims.org}-*` crosses
    `org-{claims.org}`, and `org-{claims.org}.*` too.

    Each is unambiguous alone. Together, the claim `acme` reaches what the other rule gives to the claim `acme-eu`.
    """
    logins = {
        kind for kind in declared if any(shape.channel is not REQUIRED for shape in declared[kind].services.values())
    }
    for noun in _NOUNS:
        texts = [(rule, text) for rule in rules if (text := getattr(rule, noun)) is not None]
        known: dict[Parts, dict[str, dict[object, tuple[Rule, Placeholder, Template]]]] = {}
        for rule, text in texts:
            for at, part in enumerate(text.parts):
                if isinstance(part, Placeholder) and part.transform is None:
                    alike = text, rule.kinds, _start(rule)  # of rules that are alike, one is enough
                    known.setdefault(text.parts[:at], {}).setdefault(part.following, {}).setdefault(
                        alike, (rule, part, text)
                    )
        for longer, longer_text in texts:
            for before, follows in _claims_that_go_on(longer_text):
                crossed = next(
                    (
                        (rule, text)
                        for end, found in known[before].items()
                        if end != follows  # a claim holds no character that ends it
                        for rule, claim, text in found.values()
                        if claim.preceding != follows
                        and _share(noun, longer, rule, logins)
                        and _end_alike(longer_text, text)
                    ),
                    None,
                )
                if crossed is not None:
                    yield (  # a rule's name after a colon is known as such, where the warnings of many apps become one
                        f'{longer.name} has the {noun} "{longer_text}", so a claim `a` reaches what another rule gives to a '
                        f'claim `a{follows}b`: {crossed[0].name} has "{crossed[1]}". Write {follows} after the claim in both'
                    )


def any_user_rules(
    anybody: Sequence[Rule], others: Mapping[str, Sequence[Rule]], declared: Mapping[str, Declarations]
) -> Iterator[str]:
    """Return a warning for each rule of an anonymous caller that allows the users of another caller in the same channels."""
    with_users = {
        kind
        for kind, declarations in declared.items()
        if any(shape.user is not NEVER for shape in declarations.services.values())
    }
    reaches = {name: {(_start(rule), rule.kinds & with_users) for rule in rules} for name, rules in others.items()}
    for rule in anybody:
        if rule.user is not None and not rule.user.is_any:
            continue
        start = _start(rule)
        name = next(
            (
                name
                for name, reached in reaches.items()
                for other, kinds in reached
                if _meet(start, other) and kinds & rule.kinds
            ),
            None,
        )
        if name is not None:
            yield (
                f"{rule.name} allows any user, so anybody may use the id of a user of caller {name}, and take that "
                'user\'s place. Name users that only visitors have, such as user: "guest-*"'
            )


def _start(rule: Rule) -> str:
    """Return the text with which every channel of a rule begins, whatever the rule says about fields."""
    return "" if rule.channel is None else rule.channel.start


def _share(noun: str, rule: Rule, other: Rule, logins: Set[str]) -> bool:
    """Whether a token may be of both rules. In channels that differ, one user may be two: only a login has no channel."""
    kinds = rule.kinds & other.kinds
    return bool(kinds if noun == "channel" or _meet(_start(rule), _start(other)) else kinds & logins)


def _end_alike(text: Template, other: Template) -> bool:
    """Whether a text may end as both say, as far as their literal ends tell."""
    ends = text.parts[-1], other.parts[-1]
    if not isinstance(ends[0], str) or not isinstance(ends[1], str):
        return True
    return ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])


def _meet(start: str, other: str) -> bool:
    return start.startswith(other) or other.startswith(start)


def _claims_that_go_on(text: Template) -> Iterator[tuple[Parts, str]]:
    """For each claim that text follows, with a star after it: the parts before the claim, and the character after it."""
    for at, part in enumerate(text.parts[:-1]):
        following = text.parts[at + 1]
        if (
            isinstance(part, Placeholder)
            and part.transform is None
            and isinstance(following, str)
            and STAR in text.parts[at + 1 :]
        ):
            yield text.parts[:at], following[0]
