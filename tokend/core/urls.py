"""URLs that the configuration names: which are safe to send secrets to, or to take keys from."""

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_secure_url(url: str) -> bool:
    """Whether a URL is https, or http on this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  # raises where it is no port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def has_user(url: str) -> bool:
    """Whether a URL names a user, or a password."""
    return "@" in urlsplit(url).netloc


def is_plain_url(url: str) -> bool:
    """Whether a URL is secure, and has no user, password, fragment, blank or control character.

    What is read here and what is sent would differ with these.
    """
    if not is_secure_url(url):
        return False
    parts = urlsplit(url)
    return not has_user(url) and not parts.fragment and url.isprintable() and " " not in url
