"""Folds sentences that are the same for many apps into one with a count and a few names."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

NAMES: Final = 3
"""How many names a folded sentence has."""
_OF_APP: Final = re.compile(r"app ([^:]+): (.*)", re.DOTALL)


def fold(sentences: Iterable[str]) -> list[str]:
    """The sentences in their order. Those that begin with `app NAME: ` and are otherwise the same become one."""
    apps: dict[str, dict[str, str]] = {}
    for sentence in sentences:
        found = _OF_APP.fullmatch(sentence)
        if found is None:
            apps.setdefault(sentence, {})
        else:
            apps.setdefault(without_name(sentence, found[1]), {})[found[1]] = sentence
    folded = []
    for common, by_name in apps.items():
        if len(by_name) > 1:
            folded.append(f"{len(by_name)} apps ({listed(tuple(by_name))}): {common.partition(': ')[2]}")
        else:
            folded.append(next(iter(by_name.values()), common))
    return folded


def listed(names: Sequence[str], most: int = NAMES) -> str:
    """The first names, at most so many, and how many others there are."""
    others = len(names) - most
    text = ", ".join(names[:most])
    if others <= 0:
        return text
    return f"{text} and {others} {'other' if others == 1 else 'others'}"


def without_name(sentence: str, app: str) -> str:
    """The sentence with `{app}` for the app's name: at the beginning, in the name of a file, and before a rule's caller."""
    found, begin = "", 0
    at = sentence.find(app)
    while at >= 0:
        end = at + len(app)
        if _is_name(sentence[:at], sentence[end : end + 1]):
            found, begin = f"{found}{sentence[begin:at]}{{app}}", end
        at = sentence.find(app, max(begin, at + 1))
    return found + sentence[begin:]


def _is_name(before: str, after: str) -> bool:
    """Whether the text between these two is the app's name, and not a part of another word."""
    if before.endswith(("/", "_", "-")):
        return not (after.isalnum() or after == "_")
    return (before == "app " and after == ":") or (before.endswith(": ") and after == ".")
