"""`limits` of an app and `redis` of the file -> what the issuer and the server count with. Nothing is connected to."""

import re
from typing import Final

from tokend.config.problems import Report
from tokend.config.secrets import Secrets
from tokend.config.shape import LimitsShape, RedisShape
from tokend.core.rate_limits import NO_LIMITS, Limits
from tokend.issuing.configuration import RedisSettings

_URL: Final = re.compile(r"(rediss?|unix)://[!-~]+")


def build_limits(shape: LimitsShape | None) -> Limits:
    """The rates that are written; none for the rest."""
    return NO_LIMITS if shape is None else Limits(shape.app, shape.caller, shape.user, shape.address)


def build_redis(shape: RedisShape | None, report: Report, secrets: Secrets) -> RedisSettings | None:
    """Where Redis is. The URL is a secret, since it may hold a password: no problem repeats it."""
    if shape is None:
        return None
    path = ("redis", "url")
    url = secrets.read_or_report(shape.url, path, report, "{env: NAME} or {file: PATH} that holds redis://HOST:PORT")
    if url is None:
        return None
    if _URL.fullmatch(url.reveal()) is None:
        sentence = "must hold the URL of a Redis server: redis://HOST:PORT, rediss://… with TLS, or unix://PATH"
        report.add_after(path, sentence)
        return None
    return RedisSettings(url, shape.on_failure or "local")
