"""Finds the token in a text that is almost one: in quotes, after `Bearer`, in a JSON answer or a URL, on several lines."""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from tokend.core import strict_json

T = TypeVar("T")
_MAX_STEPS: Final = 5
"""Steps from the text to the token: a URL in a JSON text in quotes takes three."""
_MAX_TEXTS: Final = 24
"""Texts that are read at most, since each costs as much as a token."""
_SHORTEST: Final = 16
"""Characters. No part of a text that is shorter is taken for a token."""
_QUOTES: Final[Mapping[str, str]] = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\u201c": "\u201d",
    "\u2018": "\u2019",
    "\u00ab": "\u00bb",
    "<": ">",
    "(": ")",
}
_INVISIBLE: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_SCHEME: Final = re.compile(r"(?:(?:proxy-)?authorization\s*:\s*)?(bearer|token|agora)[ \t]+(?=\S)", re.IGNORECASE)
_NAMED: Final = re.compile(r"""["']?([A-Za-z_][\w.-]{0,60})["']?\s*[:=]\s*(?=\S)""")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_RUN: Final = re.compile(rf"[\w+/=.-]{{{_SHORTEST},}}", re.ASCII)
"""What may be a token in a word such as `Optional("…")`, `**…**` or `<token>…</token>`."""
_ESCAPE: Final = re.compile(r"\\(?:u((?![dD][89a-fA-F])[0-9a-fA-F]{4})|(.))", re.DOTALL)
"""Not half of a surrogate pair: no answer can hold it, and no token does."""


class Found(Struct, Generic[T], frozen=True):
    """A text that could be read. `place`: where it stood, empty for the whole text. `notes`: what surrounded it."""

    text: str
    read: T
    place: str
    notes: tuple[str, ...]


class _Candidate(Struct, frozen=True):
    text: str
    place: str = ""
    notes: tuple[str, ...] = ()

    def derived(self, text: str, note: str, place: str = "") -> "_Candidate":
        return _Candidate(text, place or self.place, (*self.notes, note))


def find_tokens(text: str, read: Callable[[str], T | None]) -> list[Found[T]]:
    """Return the tokens in a text; `read` returns None for other text. Several if they stand side by side.

    The text itself is tried first, then what each step of removing harmless things leaves.
    """
    level = [_Candidate(text.strip())]
    seen = {level[0].text}
    for _ in range(_MAX_STEPS):
        found = [
            Found(candidate.text, content, candidate.place, candidate.notes)
            for candidate in level
            if (content := read(candidate.text)) is not None
        ]
        if found:
            return found
        following = []
        for candidate in level:
            for inner in list(_inner_texts(candidate)) or _only_run(candidate):
                if len(seen) < _MAX_TEXTS and len(inner.text) >= _SHORTEST and inner.text not in seen:
                    seen.add(inner.text)
                    following.append(inner)
        if not following:
            break
        level = following
    return []


def _inner_texts(candidate: _Candidate) -> Iterator[_Candidate]:
    """What one step leaves of a text."""
    text = candidate.text
    yield from _without_wrapping(candidate)
    yield from _members(candidate)
    if "\\" in text:
        yield candidate.derived(
            _ESCAPE.sub(_unescaped, text), "It was escaped with backslashes, as in JSON: they are no part of the token."
        )
    if _PERCENT.search(text):
        yield candidate.derived(unquote(text), "It was percent-encoded, as in a URL: a client must send it decoded.")
    if "&#" in text:
        yield candidate.derived(html.unescape(text), "It was escaped as in HTML: a client must send it unescaped.")
    words = text.split()
    if len(words) > 1:
        for word in words:
            yield candidate.derived(word, "Other text stood around it.", "a word of the text")
        yield candidate.derived(
            "".join(words), "It was broken into several lines or parts: a token has no white space."
        )
        if "\n" not in text:
            yield candidate.derived(
                text.replace(" ", "+"), "It had spaces instead of +: a URL or form was decoded once too often."
            )


def _only_run(candidate: _Candidate) -> list[_Candidate]:
    runs = _RUN.findall(candidate.text)
    return [candidate.derived(runs[0].rstrip("."), "Other text stood around it.")] if len(runs) == 1 else []


def _without_wrapping(candidate: _Candidate) -> Iterator[_Candidate]:
    text = candidate.text
    bare = text.strip(",; \t\r\n")
    if bare != text:
        yield candidate.derived(bare, "A comma or semicolon stood beside it: it is no part of the token.")
    if (visible := _INVISIBLE.sub("", text).strip()) != text:
        yield candidate.derived(visible, "It held invisible characters: a client that sends them is rejected.")
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        yield candidate.derived(text[1:-1].strip(), "It was in quotes or brackets: they are no part of the token.")
    elif text[:1] in ("'", '"', "`") or text[-1:] in ("'", '"', "`"):
        yield candidate.derived(text.strip("'\"`"), "A quote stood beside it: it is no part of the token.")
    if scheme := _SCHEME.match(text):
        yield candidate.derived(
            text[scheme.end() :].strip(), f'It stood after "{scheme[1]}": that word is no part of the token.'
        )


def _members(candidate: _Candidate) -> Iterator[_Candidate]:
    """The texts in a JSON text, a URL, a form, or after a name."""
    text = candidate.text
    if text[:1] in ("{", "["):
        for name, value in _json_texts(text):
            yield candidate.derived(value, f"It stood in {name} of a JSON text.", name)
        return
    if "?" in text or "#" in text or "&" in text:
        for name, value in _url_texts(text):
            yield candidate.derived(value, f"It stood in {name} of a URL or form.", name)
    if named := _NAMED.match(text):
        yield candidate.derived(text[named.end() :].strip(), f'It stood after "{named[1]}".', named[1])


def _json_texts(text: str) -> Iterator[tuple[str, str]]:
    try:
        tree = strict_json.loads(text.encode())
    except ValueError:
        return
    yield from _leaves(tree, "")


def _leaves(tree: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(tree, str):
        yield path, tree.strip()
    elif depth < _MAX_STEPS:
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
        for name, value in pairs:
            yield from _leaves(value, f"{path}.{name}" if path else str(name), depth + 1)


def _url_texts(text: str) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(text)
    except ValueError:
        return
    query_texts = (parts.query, parts.fragment) if parts.query or parts.fragment else (text,)
    for query_text in query_texts:
        # a raw + is part of a token: only %20 is a space
        for name, value in parse_qsl(query_text.replace("+", "%2B"), max_num_fields=None):
            yield name[:60], value.strip()


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is not None:
        return chr(int(match[1], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(match[2], match[2])
