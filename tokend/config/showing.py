"""The configuration for people: apps merged with `defaults`, references to secrets, never their values."""

from typing import Any, Final

from tokend.auth.key_digests import PREFIX

_URLS: Final = frozenset({"url", "jwks"})
"""Keys of URLs that tokend calls. A query may hold the key of a service."""


def plain(value: Any) -> Any:
    """The value as plain dicts and lists, without locations."""
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def redacted(value: Any) -> Any:
    """The value without the digests of keys, since a weak key could be guessed, and without the queries of URLs."""
    if isinstance(value, dict):
        return {key: _redacted_at(key, below) for key, below in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return f"{PREFIX}…" if isinstance(value, str) and value.startswith(PREFIX) else value


def _redacted_at(key: str, below: Any) -> Any:
    if not isinstance(below, str):
        return redacted(below)
    if f"{key}:" == PREFIX:  # the digest of a key that is written as {sha256: …, not_after: …}
        return f"{PREFIX}…"
    return f"{below.partition('?')[0]}?…" if key in _URLS and "?" in below else redacted(below)
