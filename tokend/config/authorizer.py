"""An app's own backend that is asked before tokens are issued: where, with which secret, for how long."""

from typing import Final
from urllib.parse import urlsplit

from tokend.auth.jwt_options import is_secure_url
from tokend.config.problems import KeyPath, Report
from tokend.config.secrets import Secrets
from tokend.config.shape import AuthorizerShape
from tokend.core.interfaces import AuthorizerSettings

TIMEOUT: Final = 1
"""Seconds, where nothing is said; and no answer is kept."""
MAX_TIMEOUT: Final = 5
MAX_CACHE: Final = 60
_MIN_SECRET: Final = 32
_WHAT_FOR: Final = "questions are signed with it, so that the backend knows who asks"


def build_authorizer(
    shape: AuthorizerShape | None, at: KeyPath, report: Report, secrets: Secrets
) -> AuthorizerSettings | None:
    """What the app says of its authorizer; None where it has none, or a problem keeps it from being known."""
    if shape is None:
        return None
    if shape.url is None:
        report.add_after((*at, "url"), "is missing: where the app's own backend is asked")
    elif not _is_sound(shape.url):
        report.add_after(
            (*at, "url"), "must be an https URL, or http on this machine itself, without a user, password or fragment"
        )
    timeout = TIMEOUT if shape.timeout is None else shape.timeout
    cache = shape.cache or 0
    if not 1 <= timeout <= MAX_TIMEOUT:
        report.add_after((*at, "timeout"), f"must be 1s to {MAX_TIMEOUT}s: a client waits as long as that")
    if cache > MAX_CACHE:
        report.add_after((*at, "cache"), f"must be at most {MAX_CACHE}s: a change in the backend counts only after it")
    secret = secrets.read_or_report(shape.secret, (*at, "secret"), report, _WHAT_FOR)
    if secret is not None and len(secret.reveal()) < _MIN_SECRET:
        report.add_after(
            (*at, "secret"), f"is shorter than {_MIN_SECRET} characters: one as short as that can be guessed"
        )
    return None if shape.url is None or secret is None else AuthorizerSettings(shape.url, secret, timeout, cache)


def _is_sound(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises where it is none
    except ValueError:
        return False
    # blanks and control characters: what is read here and what is sent would differ
    return (
        is_secure_url(url) and "@" not in parts.netloc and not parts.fragment and url.isprintable() and " " not in url
    )
