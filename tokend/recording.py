"""What became of an ask, as the audit has it, and that it is written down before anything is released."""

import hashlib
from collections.abc import Iterable

from tokend.model import Ask, Caller, Code, Decision, Issued, Refusal
from tokend.ports import Ports


def decision(
    app: str, caller: Caller, ask: Ask, outcome: Issued | Refusal, issued_at: int, request_id: str
) -> Decision:
    """The audit's entry for an outcome."""
    if isinstance(outcome, Refusal):
        narrowed_by = tuple([one.source for one in caller.narrowings])
        return Decision(
            app, caller.name, ask, None, None, None, issued_at, outcome, request_id, caller.url, narrowed_by
        )
    digest = hashlib.sha256(outcome.token.encode()).hexdigest()
    return Decision(
        app,
        caller.name,
        ask,
        outcome.grant,
        outcome.rule,
        digest,
        issued_at,
        None,
        request_id,
        caller.url,
        outcome.narrowed_by,
    )


async def record(ports: Ports, decisions: Iterable[Decision]) -> None:
    """Audit before release: what cannot be written down is not issued."""
    if ports.audit is None:
        return
    try:
        await ports.audit.record(tuple(decisions))
    except Exception as error:  # whatever keeps the audit from being written, nothing is released
        raise Refusal(Code.UNAVAILABLE, "the audit log cannot be written", operator=repr(error)) from error
