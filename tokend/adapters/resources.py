"""Opens what a configuration needs: audit, keys, deny list, authorizers, rate limiter. A reload keeps what stays in use."""

import asyncio
from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tokend.adapters import webhook
from tokend.adapters.audit_log import Audit
from tokend.adapters.batch_scheduler import BatchScheduler
from tokend.adapters.deny_file import DenyFile, deny_file_problem
from tokend.adapters.deny_source import DenySource, DenySources
from tokend.adapters.http_client import client
from tokend.adapters.jwks import KeyCache, over_http
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.adapters.system import SYSTEM_CLOCK, Clock
from tokend.core.interfaces import Interfaces, Limiter
from tokend.core.secrets import Secret
from tokend.core.validation import redact_secrets
from tokend.installing import install_command
from tokend.issuing.audit_settings import AuditSettings
from tokend.issuing.server_settings import RedisSettings, RootOptions
from tokend.telemetry.log import JsonLog, exception_fields

if TYPE_CHECKING:
    from tokend.adapters.redis_limiter import RedisLimiter

_NO_PACKAGE: Final = f"redis is configured, but its package is missing: {install_command('redis')}"


Key = tuple[str, str]
AuditKey = tuple[AuditSettings | None, str | None]
Opened = tuple[Set[AuditKey], Set[Key], Set[Key | None]]
"""The keys of audits, of sources of the deny list, and of limiters."""


class CannotStart(Exception):
    """Why the server cannot start, in a sentence: an address, a file or a package cannot be used."""


class Resources:
    """What a process holds open. `writer` names its chains in the audit and differs at every start."""

    def __init__(self, log: JsonLog, writer: str, clock: Clock = SYSTEM_CLOCK) -> None:
        """Needs a running loop."""
        self._log = log
        self._writer = writer
        self._clock = clock
        self._session = client()
        self.keys = KeyCache(over_http(self._session), clock.monotonic, log)
        self._backends = client(webhook.CONNECTIONS)  # a pool of its own: slow backends must not delay keys
        self._authorizer = webhook.WebhookClient(webhook.over_http(self._backends, clock.time), clock.monotonic)
        self._audits: dict[AuditKey, Audit] = {}
        self._audits_opened = 0
        self._deny_sources: dict[Key, DenySource] = {}
        self._batch_scheduler = BatchScheduler()
        self._local = LocalLimiter(clock.monotonic)
        self._limiters: dict[Key, RedisLimiter] = {}
        self._closing: set[asyncio.Future[None]] = set()

    def open(self, options: RootOptions) -> Interfaces:
        """What a configuration with these options needs; `CannotStart` if a file or a package cannot be used."""
        deny = self._deny(options)
        limiter = self._limiter(options.redis)
        audit = self._audit(options)
        return Interfaces(audit, self.keys, deny, self._authorizer, limiter, self._batch_scheduler)

    def opened(self) -> Opened:
        """What is open at present."""
        return set(self._audits), set(self._deny_sources), set(self._limiters)

    def close_all_except(self, kept: Opened) -> None:
        """Close what else is open. No request may use it any more."""
        audits, deny_sources, limiters = kept
        for settings_and_instance in self._audits.keys() - audits:
            audit = self._audits.pop(settings_and_instance)
            audit.close_chains()
            audit.log_heads()
            self._finish(asyncio.wrap_future(audit.end()))
        for source in self._deny_sources.keys() - deny_sources:
            self._finish(asyncio.create_task(self._deny_sources.pop(source).close()))
        for key in self._limiters.keys() - limiters:
            self._finish(asyncio.create_task(self._limiters.pop(key).close()))

    def _finish(self, closing: "asyncio.Future[None]") -> None:
        """Keep what closes something until it has ended."""
        self._closing.add(closing)
        closing.add_done_callback(self._finished)

    def _finished(self, closing: "asyncio.Future[None]") -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()) is not None:
            self._log.event("warning", "warning", message="a resource cannot be closed", **exception_fields(error))

    def redis_counts(self, options: RootOptions) -> bool | None:
        """Whether Redis counts at present; None if a configuration with these options uses no Redis."""
        key = _key_of(options.redis)
        return self._limiters[key].healthy() if key in self._limiters else None

    def deny_sources(self, options: RootOptions) -> list[DenySource]:
        """The sources of the deny list of a configuration with these options."""
        return [self._deny_sources[key] for key in _deny_keys_of(options) if key in self._deny_sources]

    async def has_read_deny_list(self, options: RootOptions, present: RootOptions | None) -> bool:
        """Whether each source of the deny list has been read, but for those of `present`. Waits for their first look."""
        known = [] if present is None else self.deny_sources(present)
        sources = [source for source in self.deny_sources(options) if source not in known]
        await asyncio.gather(*(source.first_look() for source in sources))
        return all(source.has_been_read for source in sources)

    def reopen(self) -> None:
        """Reopen the files of the audit, after log rotation."""
        for audit in self._audits.values():
            audit.reopen()

    async def close(self) -> None:
        """Close everything. Waits for a sync of the audit and for Redis."""
        self.close_all_except((set(), set(), set()))
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._session.close()
        await self._backends.close()

    def _audit(self, options: RootOptions) -> Audit | None:
        settings, instance = options.audit, options.server.instance
        if settings is None:
            return None
        if (settings, instance) not in self._audits:
            # it may write to the same file as an earlier one, so that it needs chains of its own
            writer = f"{self._writer}.{self._audits_opened}" if self._audits_opened else self._writer
            self._audits[settings, instance] = open_audit(settings, writer, self._log, instance)
            self._audits_opened += 1
        return self._audits[settings, instance]

    def _deny(self, options: RootOptions) -> DenySources | None:
        """The deny list. A reload that names the same sources reads nothing: they have been read."""
        for key in _deny_keys_of(options):
            if key not in self._deny_sources:
                name, place = key
                opened = _open_deny_redis if name == "redis" else _open_deny_file
                self._deny_sources[key] = opened(place, self._log, self._clock)
                self._deny_sources[key].start()
        return None if options.deny is None else DenySources(self.deny_sources(options))

    def _limiter(self, settings: RedisSettings | None) -> Limiter:
        """The limiter for these settings. The counters of this process survive a reload."""
        key = _key_of(settings)
        if settings is None or key is None:
            return self._local
        if key not in self._limiters:
            with _with_redis():
                from tokend.adapters.redis_limiter import RedisLimiter  # slow to import

                self._limiters[key] = RedisLimiter(settings, self._log, self._clock.monotonic, self._local)
        return self._limiters[key]


def needed_by(options: RootOptions) -> Opened:
    """What a configuration with these options needs."""
    return {(options.audit, options.server.instance)}, set(_deny_keys_of(options)), {_key_of(options.redis)}


def _key_of(settings: RedisSettings | None) -> Key | None:
    """What tells two settings of Redis apart: secrets cannot be compared."""
    return None if settings is None else (settings.url.reveal(), settings.on_failure)


@contextmanager
def _with_redis() -> Iterator[None]:
    """Raise `CannotStart` if the optional package is missing, or the URL cannot be used."""
    try:
        yield
    except ImportError as error:
        raise CannotStart(_NO_PACKAGE) from error
    except ValueError as error:
        raise CannotStart(str(error)) from error


def open_audit(settings: AuditSettings, writer: str, log: JsonLog, instance: str | None) -> Audit:
    """The audit; `CannotStart` if its file, or a thread, cannot be opened. `instance`: in each line if it is set."""
    try:
        return Audit(settings, writer, log, instance=instance)
    except OSError as error:
        raise CannotStart(
            f"the audit file cannot be opened: {redact_secrets(str(error.filename))}: {error.strerror}"
        ) from error
    except RuntimeError as error:
        raise CannotStart(f"the audit cannot be opened: {error}") from error


def _deny_keys_of(options: RootOptions) -> list[Key]:
    """The name of each source of the deny list, and its path or URL. The file is first: it can always be read."""
    if options.deny is None:
        return []
    file = [] if options.deny.file is None else [("file", options.deny.file)]
    if not options.deny.redis or options.redis is None:
        return file
    return [*file, ("redis", options.redis.url.reveal())]


def _open_deny_file(path: str, log: JsonLog, clock: Clock) -> DenySource:
    try:
        return DenyFile(path, log, clock.time, clock.monotonic)
    except (OSError, ValueError) as error:
        raise CannotStart(deny_file_problem(path, error)) from error


def _open_deny_redis(url: str, log: JsonLog, clock: Clock) -> DenySource:
    with _with_redis():
        from tokend.adapters.deny_redis import DenyRedis  # slow to import

        return DenyRedis(Secret(url), log, clock.time, clock.monotonic)
