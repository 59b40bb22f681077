"""Folds sentences that are the same for many apps into one line, which names the other apps."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from tokend.core.validation import redact_secrets

NAMES: Final = 3
"""How many names a sentence lists."""
OTHER_APPS: Final = 20
"""How many further apps a line names that stands for several: each of them needs the same correction."""
_OF_APP: Final = re.compile("app ([^:]+): ")


def fold(sentences: Iterable[str]) -> list[str]:
    """The sentences in their order. Those that begin with `app NAME: ` and are otherwise the same become one."""
    return fold_alike((*_of_any_app(sentence), sentence) for sentence in sentences)


def _of_any_app(sentence: str) -> tuple[str, str]:
    """The sentence without its app's name, and that name; empty if it is about no app."""
    found = _OF_APP.match(sentence)
    return (sentence, "") if found is None else (without_name(sentence, found[1]), found[1])


def fold_alike(entries: Iterable[tuple[object, str, object]]) -> list[str]:
    """A line for each group of entries with the same key: the first of them, and the names of the other apps.

    An entry has a key, the name of its app, and what its `str()` says.
    """
    groups: dict[object, dict[str, object]] = {}
    times = Counter[tuple[object, str]]()  # each further entry of an app with the same key begins another group
    for key, app, said in dict.fromkeys(entries):
        groups.setdefault((key, times[key, app]), {})[app] = said
        times[key, app] += 1
    lines = []
    for by_app in groups.values():
        first, *others = by_app
        line = str(by_app[first])
        if others:
            # thousands of apps may be alike: only the names that are shown are searched
            shown = [*map(redact_secrets, others[:OTHER_APPS]), *others[OTHER_APPS:]]
            apps = "app" if len(others) == 1 else "apps"
            line += f" (the same for {len(others)} more {apps}: {listed(shown, OTHER_APPS)})"
        lines.append(line)
    return lines


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
