"""Templates of a rule: literal text, `*` for one or more characters, and placeholders such as `{claims.x}`.

Binding a template to a caller's claims gives a pattern. A pattern must match the whole text, case-sensitively.
The value of a claim is always literal text.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.core.claims import ClaimPath, parse_claim_path
from tokend.core.validation import invalid, redact_secrets

_PIECE: Final = re.compile(r"""(\*)|\{([^{}]*)\}|([^*{}]+)|([{}])""")


class NotApplicable(Exception):
    """A rule does not apply to a caller, because a claim is missing or cannot be inserted. The message names the claim."""


class Placeholder(Struct, frozen=True):
    """A claim to insert. Its value must not contain `preceding` or `following`, or one value could match as another.

    They are the characters on both sides of the placeholder; empty where there is none. `preceding` counts only if a `*`
    occurs earlier in the template, and is empty otherwise. `transform`: the name of the function that makes a uid of it.
    """

    path: ClaimPath
    transform: str | None
    preceding: str
    following: str

    def __str__(self) -> str:
        transform = "" if self.transform is None else f"|{self.transform}"
        return f"{{{self.path}{transform}}}"


STAR: Final = None


class Pattern(Struct, frozen=True):
    """A bound template: the literal pieces between its stars."""

    pieces: tuple[str, ...]

    @property
    def single(self) -> str | None:
        """The only text that matches, or None if the pattern has a star."""
        return self.pieces[0] if len(self.pieces) == 1 else None

    @property
    def is_any(self) -> bool:
        """Whether the pattern is `*` alone."""
        return self.pieces == ("", "")

    def matches(self, text: str) -> bool:
        """Return whether the whole text matches, case-sensitively. Each star matches one or more characters."""
        first, *rest = self.pieces
        if not rest:
            return text == first
        if not text.startswith(first):
            return False
        end = len(first)
        for piece in rest[:-1]:
            start = text.find(piece, end + 1)
            if start == -1:
                return False
            end = start + len(piece)
        return text.endswith(rest[-1]) and len(text) - len(rest[-1]) > end

    def __str__(self) -> str:
        return f'"{"*".join(self.pieces)}"'


class Template(Struct, frozen=True):
    """Parts in order: literal text, a placeholder, or STAR. `fixed` is the pattern of a template without placeholders.

    `start`: the literal text with which all that matches begins; it may be empty.
    """

    parts: tuple[str | Placeholder | None, ...]
    fixed: Pattern | None = None
    start: str = ""

    @property
    def is_any(self) -> bool:
        """Whether the template is `*` alone."""
        return self.fixed is not None and self.fixed.is_any

    def bind(self, claims: Mapping[str, object]) -> Pattern:
        """Insert claims. Raises `NotApplicable` if a claim is missing or cannot be inserted."""
        if self.fixed is not None:
            return self.fixed
        pieces = [""]
        for part in self.parts:
            if part is STAR:
                pieces.append("")
            else:
                pieces[-1] += part if isinstance(part, str) else _claim_text(part, claims)
        return Pattern(tuple(pieces))

    def __str__(self) -> str:
        return "".join("*" if part is STAR else str(part) for part in self.parts)


def parse_template(text: str) -> Template:
    """Parse a template.

    Raises a pydantic error if it is empty, or if a placeholder is unknown or directly beside another one or a `*`.
    """
    if not text:
        raise invalid('is empty: leave it out, or write "*" for any')
    matches = list(_PIECE.finditer(text))
    parts: list[str | Placeholder | None] = []
    for index, match in enumerate(matches):
        star, inside, literal, brace = match.groups()
        if brace is not None:
            raise invalid("has a brace that is not part of a {claims.…} placeholder")
        if star is not None:
            parts.append(STAR)
        elif literal is not None:
            parts.append(literal)
        else:
            next_match = matches[index + 1] if index + 1 < len(matches) else None
            if next_match is not None and next_match.group(3) is None:
                raise invalid(
                    f"has nothing between {{{redact_secrets(inside)}}} and what follows: one value could run into the next; "
                    "put a character between"
                )
            in_front = parts[-1] if parts else ""
            if in_front is STAR:
                raise invalid(
                    f"has nothing between * and {{{redact_secrets(inside)}}}: one value could be the end of another; "
                    "put a character between"
                )
            preceding = in_front[-1:] if STAR in parts and isinstance(in_front, str) else ""
            parts.append(_placeholder(inside or "", preceding, next_match.group(3)[0] if next_match else ""))
    first = parts[0]
    template = Template(tuple(parts), start=first if isinstance(first, str) else "")
    if any(isinstance(part, Placeholder) for part in parts):
        return template
    return replace(template, fixed=template.bind({}))


def parse_pattern(text: str) -> Pattern:
    """Parse a text in which `*` is a star and everything else is literal."""
    return Pattern(tuple(text.split("*")))


def uid_of(text: str) -> int:
    """Derive a uid from a text, 1..2^32-1: the first four bytes of its SHA-256, modulo 2^32-1, plus one."""
    return _number(_digest(text)[:4])


def screen_uid_of(text: str) -> int:
    """Derive a second uid, for a user's shared screen, 1..2^32-1. It differs from `uid_of` the same text."""
    return _second(_digest(text))


def _second(digest: bytes) -> int:
    """Return the number of bytes 4 to 7. While it equals that of bytes 0 to 3, hash the digest again."""
    first, second = _number(digest[:4]), _number(digest[4:8])
    while second == first:
        digest = hashlib.sha256(digest).digest()
        second = _number(digest[4:8])
    return second


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _number(four_bytes: bytes) -> int:
    return int.from_bytes(four_bytes) % 0xFFFF_FFFF + 1


_TRANSFORMS: Final[Mapping[str, Callable[[str], int]]] = {"uid": uid_of, "screen_uid": screen_uid_of}


def _placeholder(inside: str, preceding: str, following: str) -> Placeholder:
    path, pipe, transform = inside.partition("|")
    if pipe and transform not in _TRANSFORMS:
        raise invalid(f"has {{{redact_secrets(inside)}}}: the transforms are |uid and |screen_uid")
    return Placeholder(parse_claim_path(path), transform if pipe else None, preceding, following)


def _claim_text(placeholder: Placeholder, claims: Mapping[str, object]) -> str:
    value = placeholder.path.of(claims)
    if isinstance(value, list):
        raise NotApplicable(
            f"{placeholder.path} is a list, and a rule inserts one text or whole number: "
            "write a rule with `when` for each value"
        )
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise NotApplicable(f"{placeholder.path} is missing, empty, or neither text nor a whole number")
    text = str(value)
    if "*" in text:
        raise NotApplicable(f"{placeholder.path} holds a *")
    if placeholder.transform is not None:
        text = str(_TRANSFORMS[placeholder.transform](text))
    if placeholder.following and placeholder.following in text:
        raise NotApplicable(
            f"{placeholder.path} holds the character that follows it in the rule, {placeholder.following!r}"
        )
    if placeholder.preceding and placeholder.preceding in text:
        raise NotApplicable(
            f"{placeholder.path} holds the character between a * and it in the rule, {placeholder.preceding!r}"
        )
    return text
