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
                if (start.startswith(other) or other.startswith(start)) and kinds & rule.kinds
            ),
            None,
        )
        if name is not None:
            yield (
                f"{rule.name} allows any user, so anybody may use the id of a user of caller {name}, and take that "
                'user\'s place; name users that only visitors have, such as user: "guest-*"'
            )


def _start(rule: Rule) -> str:
    """Return the text with which every channel of a rule begins, whatever the rule says about fields."""
    return "" if rule.channel is None else rule.channel.start


def _is_free(part: str | Placeholder | None) -> bool:
    """Whether a part is a claim that is inserted as it is, and not as a number."""
    return isinstance(part, Placeholder) and part.number is None


def _claims_that_go_on(text: Template) -> Iterator[tuple[Parts, str]]:
    """For each claim that text follows, with a star after it: the parts before the claim, and the character after it."""
    for at, part in enumerate(text.parts[:-1]):
        following = text.parts[at + 1]
        if _is_free(part) and isinstance(following, str) and STAR in text.parts[at + 1 :]:
            yield text.parts[:at], following[0]
