"""Rules that together give a caller what belongs to another one, although each of them is sound by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tokend.core.declarations import NEVER, Declarations
from tokend.core.patterns import STAR, Placeholder, Template
from tokend.core.rules import Rule

Parts = tuple[str | Placeholder | None, ...]
_NOUNS: Final = ("channel", "user")


def longer_rules(rules: Sequence[Rule]) -> Iterator[str]:
    """Return a warning for each rule whose text is that of another rule, and more: `org-{claims.org}` and `org-{claims.org}-*`.

    Each is unambiguous alone. Together, the claim `acme` reaches what the first rule gives to the claim `acme-eu`.
    """
    for noun in _NOUNS:
        texts = [(rule, text) for rule in rules if (text := getattr(rule, noun)) is not None]
        ending: dict[Parts, dict[tuple[Template, frozenset[str]], Rule]] = {}
        for rule, text in texts:
            if _is_free(text.parts[-1]):  # of rules that are alike, one is enough
                ending.setdefault(text.parts[:-1], {}).setdefault((text, rule.kinds), rule)
        for longer, longer_text in texts:
            for before, follows in _claims_that_go_on(longer_text):
                crossed = next(
                    (
                        (rule, text)
                        for (text, kinds), rule in ending.get(before, {}).items()
                        if kinds & longer.kinds and getattr(text.parts[-1], "after", "") != follows
                    ),
                    None,
                )
                if crossed is not None:
                    yield (
                        f'{longer.name} has the {noun} "{longer_text}", so a claim `a` reaches what {crossed[0].name} '
                        f'with "{crossed[1]}" gives to a claim `a{follows}b`; write {follows} after the claim in both'
                    )


def any_user_rules(
    anybody: Sequence[Rule], others: Mapping[str, Sequence[Rule]], declared: Mapping[str, Declarations]
) -> Iterator[str]:
    """Return a warning for each rule of an anonymous caller that allows the users of another caller in the same channels."""
    for rule in anybody:
        if rule.user is not None and not rule.user.is_any:
            continue
        found = [name for name, theirs in others.items() if any(_meet(rule, other, declared) for other in theirs)]
        if found:
            yield (
                f"{rule.name} names no user, so anybody may use the id of a user of caller {found[0]}, and take that "
                'user\'s place; name users that only visitors have, such as user: "guest-*"'
            )


def _is_free(part: str | Placeholder | None) -> bool:
    """Whether a part is a claim that is inserted as it is, and not as a number."""
    return isinstance(part, Placeholder) and part.number is None


def _claims_that_go_on(text: Template) -> Iterator[tuple[Parts, str]]:
    """For each claim that text follows, with a star after it: the parts before the claim, and the character after it."""
    for at, part in enumerate(text.parts[:-1]):
        following = text.parts[at + 1]
        if _is_free(part) and isinstance(following, str) and STAR in text.parts[at + 1 :]:
            yield text.parts[:at], following[0]


def _meet(rule: Rule, other: Rule, declared: Mapping[str, Declarations]) -> bool:
    """Return whether tokens of both rules may have users in the same channel."""
    starts = [text.start if (text := each.channel) is not None else "" for each in (rule, other)]
    if not starts[0].startswith(starts[1]) and not starts[1].startswith(starts[0]):
        return False
    return any(
        shape.user is not NEVER
        for kind in rule.kinds & other.kinds & declared.keys()
        for shape in declared[kind].services.values()
    )
