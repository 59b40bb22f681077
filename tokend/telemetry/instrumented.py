"""Counts the outcomes of calls to the audit and the rate limiter, which themselves know no metrics."""

from collections.abc import Sequence

from msgspec.structs import replace

from tokend.core.errors import ApiError
from tokend.core.interfaces import AuditSink, Interfaces, Limiter
from tokend.core.model import Decision
from tokend.core.rate_limits import BucketGroup, Excess
from tokend.telemetry.metrics import Metrics


def counted_in(metrics: Metrics, interfaces: Interfaces) -> Interfaces:
    """The same interfaces, whose audit and limiter count in `metrics`."""
    return replace(
        interfaces,
        audit=None if interfaces.audit is None else _CountedAudit(interfaces.audit, metrics),
        limiter=None if interfaces.limiter is None else _CountedLimiter(interfaces.limiter, metrics),
    )


class _CountedAudit:
    """Counts decisions that were written, and those that could not be."""

    def __init__(self, audit: AuditSink, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        try:
            await self._audit.record(decisions)
        except Exception:
            self._metrics.count("tokend_audit_records", "failed", by=len(decisions))
            raise
        self._metrics.count("tokend_audit_records", "ok", by=len(decisions))

    def healthy(self) -> bool:
        return self._audit.healthy()


class _CountedLimiter:
    """Counts token requests: admitted, over a limit, or rejected because the limits could not be checked."""

    def __init__(self, limiter: Limiter, metrics: Metrics) -> None:
        self._limiter = limiter
        self._metrics = metrics

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        try:
            answers = await self._limiter.take(groups)
        except ApiError:
            self._metrics.count("tokend_limiter_calls", "unavailable", by=len(groups))
            raise
        admitted = answers.count(None)
        if admitted:
            self._metrics.count("tokend_limiter_calls", "admitted", by=admitted)
        if admitted < len(answers):
            self._metrics.count("tokend_limiter_calls", "limited", by=len(answers) - admitted)
        return answers
