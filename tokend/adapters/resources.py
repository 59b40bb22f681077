"""Opens what the issuer awaits for a Setup: audit, keys, deny list, authorizers, limiter. Keeps what the next one wants too."""

import asyncio
import time
from typing import TYPE_CHECKING

from tokend.adapters import webhook
from tokend.adapters.audit_log import Audit
from tokend.adapters.batch_turns import BatchScheduler
from tokend.adapters.deny_file import DenyFile
from tokend.adapters.http_client import client
from tokend.adapters.jwks import KeyCache, over_http
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.core.interfaces import Interfaces, Limiter
from tokend.core.validation import redact_secrets
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import AuditSettings, RedisSettings
from tokend.telemetry.log import JsonLog

if TYPE_CHECKING:
    from tokend.adapters.redis_limiter import RedisLimiter


class CannotStart(Exception):
    """An address cannot be listened on, or a file of the server's own cannot be used, in a sentence."""


class Resources:
    """What one process holds open. `writer` names its chains in the audit and differs at every start."""

    def __init__(self, log: JsonLog, writer: str) -> None:
        """Needs a running loop."""
        self._log = log
        self._writer = writer
        self._session = client()
        self.keys = KeyCache(over_http(self._session), time.monotonic, log)
        self._backends = client(webhook.CONNECTIONS)  # its own: slow backends must not keep keys from being fetched
        self._authorizer = webhook.WebhookClient(webhook.over_http(self._backends, time.time), time.monotonic)
        self._audits: dict[AuditSettings, Audit] = {}
        self._opened = 0
        self._batch_scheduler = BatchScheduler()
        self._local = LocalLimiter(time.monotonic)
        self._limiters: dict[tuple[str, str], RedisLimiter] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, configuration: Configuration) -> Interfaces:
        """What this Setup asks for; `CannotStart` where a file of it cannot be used."""
        deny = _open_deny(configuration, self._log)
        limiter = self._limiter(configuration.redis)
        return Interfaces(self._audit(configuration), self.keys, deny, self._authorizer, limiter, self._batch_scheduler)

    def close_all_except(self, but: Interfaces) -> None:
        """Close what only other Setups asked for. No request may use it any more."""
        for settings, audit in list(self._audits.items()):
            if audit is not but.audit:
                del self._audits[settings]
                audit.close()
        for key, limiter in list(self._limiters.items()):
            if limiter is not but.limiter:
                del self._limiters[key]
                self._closing.add(asyncio.create_task(limiter.close()))

    def redis_counts(self, opened: Interfaces) -> bool | None:
        """Whether Redis counts just now; None where no Redis is asked."""
        found = [one.healthy() for one in self._limiters.values() if one is opened.limiter]
        return found[0] if found else None

    def reopen(self) -> None:
        """After rotation of the audit's files."""
        for audit in self._audits.values():
            audit.reopen()

    async def close(self) -> None:
        self.close_all_except(Interfaces())
        await asyncio.gather(*self._closing)
        await self._session.close()
        await self._backends.close()

    def _audit(self, configuration: Configuration) -> Audit | None:
        if configuration.audit is None:
            return None
        if configuration.audit not in self._audits:
            # a second one may write to the same file: its chains are others
            writer = f"{self._writer}.{self._opened}" if self._opened else self._writer
            self._audits[configuration.audit] = open_audit(configuration.audit, writer, self._log)
            self._opened += 1
        return self._audits[configuration.audit]

    def _limiter(self, settings: RedisSettings | None) -> Limiter:
        """What is counted in this process stays, whatever is configured anew."""
        if settings is None:
            return self._local
        key = (settings.url.reveal(), settings.on_failure)
        if key not in self._limiters:
            self._limiters[key] = open_redis(settings, self._log, self._local)
        return self._limiters[key]


def open_redis(settings: RedisSettings, log: JsonLog, local: Limiter) -> "RedisLimiter":
    """Not connected yet; `CannotStart` where the package is missing, or does not take the URL."""
    try:
        from tokend.adapters.redis_limiter import RedisLimiter  # an extra, which takes a while to import
    except ImportError as error:
        raise CannotStart("redis is configured, but its package is missing: pip install tokend[redis]") from error
    try:
        return RedisLimiter(settings, log, time.monotonic, local)
    except ValueError as error:
        raise CannotStart(str(error)) from error


def open_audit(settings: AuditSettings, writer: str, log: JsonLog) -> Audit:
    """The audit; `CannotStart` where its file cannot be opened."""
    try:
        return Audit(settings, writer, log)
    except OSError as error:
        raise CannotStart(
            f"the audit file cannot be opened: {redact_secrets(str(error.filename))}: {error.strerror}"
        ) from error


def _open_deny(configuration: Configuration, log: JsonLog) -> DenyFile | None:
    if configuration.deny_file is None:
        return None
    try:
        return DenyFile(configuration.deny_file, log, time.time, time.monotonic)
    except OSError as error:
        raise CannotStart(
            f"the deny file cannot be read: {redact_secrets(str(configuration.deny_file))}: {error.strerror}"
        ) from error
    except ValueError as error:
        raise CannotStart(f"the deny file is wrong: {redact_secrets(str(configuration.deny_file))}: {error}") from error
