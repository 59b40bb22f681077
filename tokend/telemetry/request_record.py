"""What is written down about one request: its log line, its counts and its span. No text of a client is in it.

The caller's name is the configuration's. Of the client's headers only the trace id of `traceparent` is used: 32 hex digits.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, TokenRequest
from tokend.dialects.contract import Issue, Outcome
from tokend.issuing.routing import Match
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.metrics import Failure, Metrics

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Tracing

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""
METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


class RequestRecord(Struct, eq=False):
    """Filled in on the way of a request. `began`: Unix seconds; `started`: seconds of the monotonic clock.

    `decisions`: kind and code of each token request; `endpoint`: the template without the app's part, for metrics.
    `detail`: the error's sentence, which may hold ids: only the console may show it. `operator`: why, for the log alone.
    `cors`: why the page that sent it cannot read the response.
    """

    request_id: str
    method: str
    began: float
    started: float
    app: str | None = None
    caller: str | None = None
    kinds: list[str] = []
    decisions: list[tuple[str, str]] = []
    template: str | None = None
    endpoint: str | None = None
    code: str = "ok"
    cors: str | None = None
    operator: str | None = None
    detail: str | None = None
    exception: BaseException | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            self.method = "other"

    @property
    def kind(self) -> str | None:
        """The kinds that were requested, as one text; None if there are none."""
        return "+".join(self.kinds) or None

    @property
    def _is_internal_error(self) -> bool:
        """Whether the request, or a token of a batch, failed by a fault of this server: only the log has the reason."""
        return Code.INTERNAL in (self.code, *(code for _, code in self.decisions))

    def note_caller(self, caller: Caller) -> None:
        """Note who was authenticated, by the name in the configuration."""
        self.caller = caller.name

    def add_token_requests(self, parsed: Issue, match: Match) -> None:
        """Note the kinds that were requested, as far as the app has them."""
        known = match.route.app.backends
        self.kinds = sorted(
            {item.kind for item in parsed.token_requests if isinstance(item, TokenRequest) and item.kind in known}
        )

    def add_unread_token_request(self) -> None:
        """Note that a token was requested in a body that is not read, so its kind is not known."""
        self.kinds = [""]

    def add_outcomes(self, parsed: Issue, outcomes: Sequence[Outcome], match: Match) -> None:
        """Note what became of each token request."""
        self.code = "issued"
        known = match.route.app.backends
        for item, outcome in zip(parsed.token_requests, outcomes, strict=True):
            kind = item.kind if isinstance(item, TokenRequest) and item.kind in known else ""
            if not isinstance(outcome, ApiError):
                self.decisions.append((kind, "ok"))
                continue
            self.decisions.append((kind, outcome.code))
            if self.code == "issued":
                self.code = outcome.code
            self.detail = self.detail or outcome.detail
            self.operator = self.operator or outcome.operator

    def write(
        self,
        status: int,
        seconds: float,
        metrics: Metrics,
        log: JsonLog,
        tracing: "Tracing | None" = None,
        parent: str | None = None,
        *,
        trusted: bool = False,
    ) -> None:
        """Count the request, log it and export its span. `seconds`: how long it took; `parent`: its traceparent header.

        `trusted`: whether a trusted proxy sent the header.
        """
        metrics.request(self.app, self.endpoint, status, seconds)
        for kind, code in self.decisions or ([(kind, self.code) for kind in self.kinds] if status >= 400 else ()):
            metrics.decision(self.app or "", kind, code)
        failed = status >= 400 or self.code not in ("ok", "issued")
        if failed:
            detail = self.detail if metrics.keeps_details else None
            metrics.failure(
                Failure(
                    self.began,
                    self.app,
                    self.template,
                    self.kind,
                    self.code,
                    status,
                    self.request_id,
                    self.caller,
                    detail,
                )
            )
        tracing_id = _tracing_id(parent)
        if tracing is not None:
            tracing_id = tracing.request(self, status, seconds, parent, trusted=trusted)
        requests = log.settings.requests
        if (requests == "none" and not self._is_internal_error) or (requests == "errors" and not failed):
            return
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "method": self.method,
            "route": self.template,
            "app": self.app,
            "kind": self.kind,
            "outcome": self.code,
            "status": status,
            "duration_ms": int(seconds * 1_000_000) / 1000,
        }
        if self.caller is not None:
            fields["caller"] = self.caller
        if tracing_id is not None:
            fields["trace_id"] = tracing_id
        if self.operator:
            fields["reason"] = self.operator
        if self.cors is not None:
            fields["cors"] = self.cors
        if self.exception is not None:
            fields |= exception_fields(self.exception)
        log.event("request", "error" if status >= 500 else "info", **fields)


def _tracing_id(parent: str | None) -> str | None:
    """The trace id of a traceparent header; None if the header is invalid."""
    found = None if parent is None else _TRACEPARENT.fullmatch(parent)
    return None if found is None else found[1]
