"""What is told of a request once it is answered: its log line and its counts. No words of a client's are in either."""

from typing import Final

from tokend.core.errors import ApiError
from tokend.core.model import TokenRequest
from tokend.dialects.contract import Issue, Outcome
from tokend.issuing.routing import Match
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.metrics import Metrics

METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


class RequestRecord:
    """Filled in on a request's way. `lines` are header lines that its answer gets besides the usual ones."""

    __slots__ = ("app", "code", "decisions", "exception", "kinds", "lines", "operator", "request_id", "template")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.app: str | None = None
        self.kinds: list[str] = []
        self.decisions: list[tuple[str, str]] = []
        self.template: str | None = None
        self.code = "ok"
        self.operator: str | None = None
        self.exception: BaseException | None = None
        self.lines = ""

    def wants(self, parsed: Issue, found: Match) -> None:
        """The kinds asked for, as far as the app has them."""
        known = found.route.app.backends
        self.kinds = [one.kind for one in parsed.token_requests if isinstance(one, TokenRequest) and one.kind in known]
        if len(self.kinds) > 1:
            self.kinds = sorted(set(self.kinds))

    def decided(self, parsed: Issue, outcomes: list[Outcome], found: Match) -> None:
        """What became of each ask."""
        self.code = "issued"
        known = found.route.app.backends
        for token_request, outcome in zip(parsed.token_requests, outcomes, strict=True):
            kind = token_request.kind if isinstance(token_request, TokenRequest) and token_request.kind in known else ""
            if not isinstance(outcome, ApiError):
                self.decisions.append((kind, "ok"))
                continue
            self.decisions.append((kind, outcome.code))
            if self.code == "issued":
                self.code = outcome.code
            self.operator = self.operator or outcome.operator

    def tell(self, method: str, status: int, seconds: float, metrics: Metrics, log: JsonLog) -> None:
        """`seconds`: how long it took."""
        metrics.request(self.app, status, seconds)
        for kind, code in self.decisions or ([(kind, self.code) for kind in self.kinds] if status >= 400 else ()):
            metrics.decision(self.app or "", kind, code)
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "method": method if method in METHODS else "other",
            "route": self.template,
            "app": self.app,
            "kind": "+".join(self.kinds) or None,
            "outcome": self.code,
            "status": status,
            "duration_ms": int(seconds * 1_000_000) / 1000,
        }
        if self.operator:
            fields["reason"] = self.operator
        if self.exception is not None:
            fields |= exception_fields(self.exception)
        log.event("request", "error" if status >= 500 else "info", **fields)
