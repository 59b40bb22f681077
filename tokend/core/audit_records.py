"""Lines of the audit log: one JSON object for each decision, numbered and linked by hashes.

This module formats and verifies lines; `adapters/audit_file.py` writes them. Each writer (a process or a worker)
starts a hash chain of its own for each file, so that several writers can append to the same file.

    {"writer": …, "sequence": n, "previous": sha256 of the writer's line n-1, …}
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Decision, Issued, TokenRequest
from tokend.core.service_fields import hashed_service_fields, service_fields

FIRST_PREVIOUS: Final = "0" * 64
"""The value of `previous` in the first line of a chain."""
PROBE: Final = b'{"outcome":"probe"}'
"""The body of a line that tests whether the file can be written again."""
BLOCK_SIZE: Final = 4096
"""Bytes. If a process is killed while it writes, a file system keeps such a block completely or not at all."""
_LINE_START: Final = b'{"writer":'
"""Every line starts with these bytes. JSON escapes the quotes, so they occur nowhere else."""


def decision(
    app: str, caller: Caller, token_request: TokenRequest, outcome: Issued | ApiError, issued_at: int, request_id: str
) -> Decision:
    """Return the audit entry for an outcome. `issued_at` is in Unix seconds."""
    if isinstance(outcome, ApiError):
        restricted_by = tuple([restriction.source for restriction in caller.restrictions])
        return Decision(
            app, caller.name, token_request, None, None, None, issued_at, outcome, request_id, caller.url, restricted_by
        )
    digest = hashlib.sha256(outcome.token.encode()).hexdigest()
    return Decision(
        app,
        caller.name,
        token_request,
        outcome.grant,
        outcome.rule,
        digest,
        issued_at,
        None,
        request_id,
        caller.url,
        outcome.restricted_by,
    )


class HashChain:
    """The hash chain of one writer. `lines` changes nothing; `commit` advances the chain once lines are written."""

    def __init__(self, writer: str) -> None:
        self._head = _LINE_START + msgspec.json.encode(writer) + b',"sequence":'
        self._sequence = 0
        self._previous = FIRST_PREVIOUS.encode()

    def lines(self, bodies: Iterable[bytes]) -> list[bytes]:
        """Return the next lines for bodies that are JSON objects. The lines have no newline."""
        head, sequence, previous, lines = self._head, self._sequence, self._previous, []
        for body in bodies:
            line = b'%b%d,"previous":"%b",%b' % (head, sequence, previous, body[1:])
            previous = hashlib.sha256(line).hexdigest().encode()
            sequence += 1
            lines.append(line)
        return lines

    def commit(self, lines: Sequence[bytes]) -> None:
        """Record that these lines are written. They must be the first of those that `lines` returned."""
        if lines:
            self._sequence += len(lines)
            self._previous = hashlib.sha256(lines[-1]).hexdigest().encode()


def body(decision: Decision, *, hash_ids: bool = False) -> bytes:
    """Return a decision as a JSON object. It contains neither the token nor any text of a client that was rejected.

    `hash_ids` replaces users, channels and the texts of details with their SHA-256.
    """
    fields: dict[str, object] = {
        "time": decision.issued_at,
        "request_id": decision.request_id,
        "app": decision.app,
        "caller": decision.caller,
    }
    if decision.url is not None:
        fields["url"] = decision.url
    grant, api_error = decision.grant, decision.api_error
    if grant is None or api_error is not None:
        fields["kind"] = None
        fields["outcome"] = "refused"
        fields["code"] = api_error.code if api_error else Code.INTERNAL
        fields["field"] = api_error.field if api_error and api_error.code != Code.UNKNOWN_FIELD else None
        return msgspec.json.encode(fields)
    fields["kind"] = decision.token_request.kind if decision.token_request else None
    fields["outcome"] = "issued"
    fields["rule"] = decision.rule
    fields["ttl"] = grant.ttl
    fields["format"] = grant.format
    fields["services"] = list(map(hashed_service_fields if hash_ids else service_fields, grant.services))
    fields["token_sha256"] = decision.token_sha256
    if decision.restricted_by:
        fields["restricted_by"] = decision.restricted_by
    return msgspec.json.encode(fields)


def align_to_blocks(lines: Iterable[bytes], start: int) -> bytes:
    """Join lines so that, written at byte `start` of a file, no line crosses the end of a block of `BLOCK_SIZE` bytes.

    Spaces before a line fill the rest of a block. A line longer than a block is not aligned.
    """
    written, end = bytearray(), start
    for line in lines:
        size, left = len(line) + 1, BLOCK_SIZE - end % BLOCK_SIZE
        if left < size <= BLOCK_SIZE:
            written += b" " * left
            end += left
        written += line
        written += b"\n"
        end += size
    return bytes(written)


class AuditProblem(Struct, frozen=True):
    """An error in an audit file: the number of the line, counted from 1, and a sentence."""

    line: int
    sentence: str


def verify(lines: Iterable[bytes]) -> Iterator[AuditProblem]:
    """Find every line that is incomplete, out of sequence, or whose `previous` is not the hash of its writer's last line."""
    chains: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        raw = line.strip(b" \r\n")
        if not raw:
            continue
        link = _link(raw)
        if link is None and (start := raw.rfind(_LINE_START)) > 0:
            yield AuditProblem(number, "begins with a piece of a line that was cut off, and goes on with another line")
            raw = raw[start:]
            link = _link(raw)
        if link is None:
            yield AuditProblem(number, "is torn, or no line of an audit")
            continue
        writer, sequence, previous = link
        expected, last = chains.get(writer, (0, FIRST_PREVIOUS))
        if sequence != expected:
            missing = "a line is missing before it" if sequence > expected else "it stands there twice, or out of order"
            yield AuditProblem(number, f"has sequence {sequence} where {expected} was due: {missing}")
        elif previous != last:
            yield AuditProblem(number, "does not hang on the line before it: that one, or this one, was changed")
        chains[writer] = (sequence + 1, hashlib.sha256(raw).hexdigest())


def _link(line: bytes) -> tuple[str, int, str] | None:
    """Return writer, sequence and the hash of the previous line, or None if `line` is not an audit line."""
    try:
        fields: Any = msgspec.json.decode(line)
        return str(fields["writer"]), int(fields["sequence"]), str(fields["previous"])
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, ValueError):
        return None
