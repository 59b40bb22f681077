"""Lines of the audit log: one JSON object for each decision, numbered and linked by hashes.

This module formats and verifies lines; `adapters/audit_file.py` writes them. Each writer (a process or a worker) starts a hash
chain of its own for each file, so that several writers can append to the same file.

    {"writer": …, "sequence": n, "previous": sha256 of the writer's line n-1, "after": sha256 of the line before it,
     "instance": …, …}

`after` is there if the line before it in the file is another writer's, or the file was empty. So every line of a file names the
one before it, and no writer's lines can be removed unnoticed. It is null if the writer could not lock the file; lines that
go to a pipe have none.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tokend.core.deny_entries import DenyChange
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOTHING, Caller, Decision, Grant, Issued, TokenRequest
from tokend.core.service_fields import hashed_service_fields, hashed_text, service_fields

FIRST_PREVIOUS: Final = "0" * 64
"""The value of `previous` in the first line of a chain, and of `after` in the first line of a file."""
OPERATOR: Final = "(operator)"
"""The caller of what is done by the operator: at the command line, or in the console of the admin listener."""
PROBE: Final = b'{"outcome":"probe"}'
"""The body of a line that tests whether the file can be written again."""
CLOSED: Final = b'{"outcome":"closed"}'
"""The body of the last line of a chain whose writer has ended normally."""
ROTATED: Final = b'{"outcome":"rotated"}'
"""The body of a line that binds the lines of others before it, when its writer leaves a file that was rotated."""
BLOCK_SIZE: Final = 4096
"""Bytes. If a process is killed while it writes, a file system keeps such a block completely or not at all."""
_UNLOCKED_LINES: Final = 10_000
"""How many lines of writers without a lock may stand between a line and the one that it names: more than one write has."""
_LINE_START: Final = b'{"writer":'
"""Every line starts with these bytes. JSON escapes the quotes, so they occur nowhere else."""


def decision(
    app: str,
    caller: Caller,
    token_request: TokenRequest | None,
    outcome: Issued | ApiError,
    issued_at: int,
    request_id: str,
    grant: Grant | None = None,
) -> Decision:
    """Return the audit entry for an outcome. `issued_at` is in Unix seconds.

    `token_request` is None if the app has no such kind. `grant`: what a rejected request would have given, if known.
    """
    if isinstance(outcome, ApiError):
        return Decision(app, caller.name, token_request, grant, None, None, issued_at, outcome, request_id, caller.url)
    return Decision(
        app,
        caller.name,
        token_request,
        outcome.grant,
        outcome.rule,
        hashlib.sha256(outcome.token.encode()).hexdigest(),
        issued_at,
        None,
        request_id,
        caller.url,
        outcome.restricted_by,
        expires=outcome.expires_at is not None,
    )


class HashChain:
    """The hash chain of one writer. `lines` changes nothing; `commit` advances the chain once lines are written."""

    def __init__(self, writer: str, instance: str | None = None) -> None:
        """`instance`: `server.instance`, in each line if it is set."""
        self._head = _LINE_START + msgspec.json.encode(writer) + b',"sequence":'
        self._instance = b"" if instance is None else b'"instance":%b,' % msgspec.json.encode(instance)
        self._sequence = 0
        self._previous = FIRST_PREVIOUS.encode()

    @property
    def head(self) -> tuple[int, str] | None:
        """The sequence and the hash of the last line; None before the first."""
        return (self._sequence - 1, self._previous.decode()) if self._sequence else None

    def lines(self, bodies: Iterable[bytes], after: str | None = None, *, unlocked: bool = False) -> list[bytes]:
        """Return the next lines for bodies that are JSON objects. The lines have no newline.

        `after`: the hash of the file's last line, unless that is this chain's. `unlocked`: others may write meanwhile.
        """
        head, sequence, previous, lines = self._head, self._sequence, self._previous, []
        link = b'"after":null,' if unlocked else b"" if after is None else b'"after":"%b",' % after.encode()
        for body in bodies:
            line = b'%b%d,"previous":"%b",%b%b%b' % (head, sequence, previous, link, self._instance, body[1:])
            if not unlocked:
                link = b""
            previous = hashlib.sha256(line).hexdigest().encode()
            sequence += 1
            lines.append(line)
        return lines

    def commit(self, lines: Sequence[bytes]) -> None:
        """Record that these lines are written. They must be the first of those that `lines` returned."""
        if lines:
            self._sequence += len(lines)
            self._previous = hashlib.sha256(lines[-1]).hexdigest().encode()


def body(entry: Decision | DenyChange, *, hash_ids: bool = False) -> bytes:
    """Return an entry as a JSON object. It contains no token, and no text of a client whose credential was rejected.

    Of another rejected request it contains the kind, and the ids that the token would have had, once the backend has
    found their form correct. `hash_ids` replaces users, channels and the texts of details with their SHA-256.
    """
    return _deny_body(entry, hash_ids) if isinstance(entry, DenyChange) else _decision_body(entry, hash_ids)


def _deny_body(change: DenyChange, hash_ids: bool) -> bytes:
    entry = change.entry
    if hash_ids:
        hashed = {
            name: hashed_text(text) for name in ("user", "sub", "channel") if (text := getattr(entry, name)) is not None
        }
        entry = replace(entry, **hashed)
    fields: dict[str, object] = {
        "time": change.time,
        "request_id": change.request_id,
        "app": entry.app,
        "caller": OPERATOR,
        "outcome": "denied" if change.is_added else "allowed",
        "source": change.source,
        "entry": entry,
    }
    return msgspec.json.encode(fields if change.reason is None else {**fields, "reason": change.reason})


def _decision_body(decision: Decision, hash_ids: bool) -> bytes:
    fields: dict[str, object] = {
        "time": decision.issued_at,
        "request_id": decision.request_id,
        "app": decision.app,
        "caller": decision.caller,
    }
    if decision.url is not None:
        fields["url"] = decision.url
    grant, api_error = decision.grant, decision.api_error
    fields["kind"] = decision.token_request.kind if decision.token_request else None
    shown = hashed_service_fields if hash_ids else service_fields
    if grant is None or api_error is not None:
        fields["outcome"] = "refused"
        fields["code"] = api_error.code if api_error else Code.INTERNAL
        fields["field"] = None if api_error is None else _known_field(api_error)
        if grant is not None:  # without the details: they are free text, of which nothing was allowed
            fields["services"] = [shown(replace(service, detail=NOTHING)) for service in grant.services]
        return msgspec.json.encode(fields)
    fields["outcome"] = "issued"
    fields["rule"] = decision.rule
    services = [
        shown(service) if decision.expires else {**shown(service), "privileges": dict.fromkeys(service.privileges)}
        for service in grant.services
    ]
    fields["ttl"] = grant.ttl if decision.expires else None
    fields["format"] = grant.format
    fields["services"] = services
    fields["token_sha256"] = decision.token_sha256
    if decision.restricted_by:
        fields["restricted_by"] = decision.restricted_by
    return msgspec.json.encode(fields)


def _known_field(api_error: ApiError) -> str | None:
    """The field of an error, without what is below it: keys of a mapping, such as LiveKit's attributes, are a client's words."""
    if api_error.field is None or api_error.code == Code.UNKNOWN_FIELD:
        return None
    return api_error.field.partition(".")[0]


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


class ChainState(Struct):
    """A chain as far as it was read: the sequence, hash and number of its last line, and whether it was closed.

    `linked`: its lines name the line before them in the file, also if that is another writer's.
    """

    sequence: int = -1
    hash: str = FIRST_PREVIOUS
    closed: bool = False
    linked: bool = False
    number: int = 0


class _Line(Struct):
    """What verification reads of a line."""

    writer: str
    sequence: int
    previous: str
    after: str | UnsetType | None = UNSET
    outcome: Any = None


_DECODER: Final = msgspec.json.Decoder(_Line)


def verify(
    lines: Iterable[bytes], chains: dict[str, ChainState] | None = None, *, continued: bool = False
) -> Iterator[AuditProblem]:
    """Find every line that is incomplete, out of sequence, changed, or does not follow the line that it names.

    `chains` is filled with the state of each writer's chain. `continued`: older lines were deleted, so chains may begin in
    them.
    """
    chains = {} if chains is None else chains
    last = FIRST_PREVIOUS
    unlocked: deque[str] = deque(maxlen=_UNLOCKED_LINES)
    begins = True  # until a line of a writer with a lock was read
    links = False  # whether lines name those of other writers
    unproven: list[int] = []  # lines that are wrong if a later one shows that lines name those of other writers
    for number, found in enumerate(lines, 1):
        raw = found.strip(b" \r\n")
        if not raw:
            continue
        line = _decoded(raw)
        if line is None:
            unlocked.append(_hash(raw))
            start = raw.rfind(_LINE_START)
            if start > 0:
                yield AuditProblem(
                    number, "begins with a piece of a line that was cut off, and goes on with another line"
                )
                raw = raw[start:]
                line = _decoded(raw)
        if line is None:
            yield AuditProblem(number, "is cut off, or is no line of an audit")
            continue
        chain = chains.setdefault(line.writer, ChainState())
        continues = continued and not chain.number and line.sequence > 0
        names = isinstance(line.after, str)
        linked = chain.linked or names or (continues and links)
        sentence = _chain_problem(line, chain, continued=continued)
        if sentence is not None:
            yield AuditProblem(number, sentence)
        # a line whose chain began in lines that are missing is still compared with the line before it, if that is there
        began_before = not chain.number and (continued or sentence is not None)
        compared = not begins if began_before else sentence is None
        if compared and not _follows(line, linked=linked, last=last, unlocked=unlocked):
            yield AuditProblem(number, _NOT_AFTER)
        if continues and line.after is UNSET and not (begins or linked):  # of a pipe, or the one before it was removed
            unproven.append(number)
        if names:
            links = True
            if unproven and line.after != FIRST_PREVIOUS:
                yield from (AuditProblem(place, _NOT_AFTER) for place in unproven)
            unproven = []
        if begins:
            begins = line.after is None
        hashed = _hash(raw)
        chains[line.writer] = ChainState(line.sequence, hashed, line.outcome == "closed", linked, number)
        if line.after is None or not linked:
            unlocked.append(hashed)
        else:
            last = hashed
            unlocked.clear()


_NOT_AFTER: Final = "does not follow the line that it names: lines before it were removed, changed or moved"


def _follows(line: _Line, *, linked: bool, last: str, unlocked: Collection[str]) -> bool:
    """Whether the line before it is the one that it names."""
    if isinstance(line.after, str):
        return line.after in (FIRST_PREVIOUS, last) or line.after in unlocked
    return line.after is None or not linked or line.previous == last or line.previous in unlocked


def _chain_problem(line: _Line, chain: ChainState, *, continued: bool) -> str | None:
    """What is wrong with a line as the next one of its chain; None if nothing is."""
    expected = chain.sequence + 1
    if continued and not chain.number and line.sequence > 0:
        return None
    if line.sequence != expected:
        missing = (
            "a line is missing before it" if line.sequence > expected else "it stands there twice, or out of order"
        )
        return f"has sequence {line.sequence} where {expected} was due: {missing}"
    if line.previous != chain.hash:
        if not chain.number:
            return "was changed: it is the first line of its writer, and names one before it"
        return f"does not name line {chain.number}, the one of its writer before it: that one, or this one, was changed"
    if chain.closed:
        return "goes on with a chain that was closed"
    return None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _decoded(line: bytes) -> _Line | None:
    """The line, or None if it is not an audit line."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
