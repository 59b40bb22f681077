"""The configuration for people: apps merged with `defaults`, references to secrets, never their values."""

from typing import Any

from tokend.auth.key_digests import PREFIX


def plain(value: Any) -> Any:
    """The value as plain dicts and lists, without locations."""
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def redacted(value: Any) -> Any:
    """The value without the digests of keys, since a weak key could be guessed from its digest."""
    if isinstance(value, dict):
        return {key: f"{PREFIX}…" if _is_digest(key, below) else redacted(below) for key, below in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return f"{PREFIX}…" if isinstance(value, str) and value.startswith(PREFIX) else value


def _is_digest(key: str, below: Any) -> bool:
    """Whether it is the digest of a key that is written as {sha256: …, not_after: …}."""
    return f"{key}:" == PREFIX and isinstance(below, str)
