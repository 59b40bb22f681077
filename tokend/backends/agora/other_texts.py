"""Texts that people take for a token of today's formats: what they are, in a sentence."""

import re
from typing import Final

_HEX_32: Final = r"[0-9a-fA-F]{32}"
_SENTENCES: Final = (
    (
        re.compile(rf"00[345][0-9a-zA-Z+/=]{{40,}}|[0-9a-f]{{40}}{_HEX_32}[0-9]{{10}}[0-9a-f]{{8}}.*"),
        "an old Dynamic Key (before 006), not an access token: the server that made it needs a builder of 006 or 007",
    ),
    (
        re.compile(_HEX_32),
        "an App ID or a certificate, not a token. If it is the certificate, keep it on the server and replace it if it got out",
    ),
)


def sentence(text: str) -> str | None:
    """Return what a text is that begins with neither 006 nor 007, or None if it is nothing known."""
    for pattern, words in _SENTENCES:
        if pattern.fullmatch(text):
            return words
    return None
