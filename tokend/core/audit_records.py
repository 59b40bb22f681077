"""What an audit line says, and how lines hang together: one JSON object a decision, numbered and chained by hash.

Pure: making and checking of lines. Writing them is `server/audit.py`'s. Each writer (a process, a worker) begins a chain
of its own for each of its targets, so that several may append to one file.

    {"writer": …, "sequence": n, "previous": sha256 of the writer's line n-1, …}
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from msgspec import Struct
from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Decision, Grant, Issued, Service, TokenRequest

FIRST: Final = "0" * 64
"""What the first line of a chain has for the previous one's hash."""
PROBE: Final = b'{"outcome":"probe"}'
"""The body of a line that only tries whether lines can be written again."""
PAGE: Final = 4096
"""Bytes that a file system takes whole or not at all from a process that is killed; some take more."""
_BEGINNING: Final = b'{"writer":'
"""Inside of a line it would be escaped: wherever it stands, a line begins."""


def decision(
    app: str, caller: Caller, token_request: TokenRequest, outcome: Issued | ApiError, issued_at: int, request_id: str
) -> Decision:
    """The audit's entry for an outcome."""
    if isinstance(outcome, ApiError):
        restricted_by = tuple([one.source for one in caller.restrictions])
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


class Chain:
    """One writer's place in its chain. `lines` is pure; `commit` moves on once lines are written."""

    def __init__(self, writer: str) -> None:
        self._head = _BEGINNING + orjson.dumps(writer) + b',"sequence":'
        self._sequence = 0
        self._previous = FIRST.encode()

    def lines(self, bodies: Iterable[bytes]) -> list[bytes]:
        """The next lines, without their newlines, of bodies that are JSON objects."""
        head, sequence, previous, made = self._head, self._sequence, self._previous, []
        for body in bodies:
            line = b'%b%d,"previous":"%b",%b' % (head, sequence, previous, body[1:])
            previous = hashlib.sha256(line).hexdigest().encode()
            sequence += 1
            made.append(line)
        return made

    def commit(self, lines: Sequence[bytes]) -> None:
        """These, the first of what `lines` gave, are written."""
        if lines:
            self._sequence += len(lines)
            self._previous = hashlib.sha256(lines[-1]).hexdigest().encode()


def body(decision: Decision, *, hash_ids: bool = False) -> bytes:
    """What a line says of a decision, as JSON: never the token, and nothing in the words of a client that was refused."""
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
        return orjson.dumps(fields)
    fields["kind"] = decision.token_request.kind if decision.token_request else None
    fields["outcome"] = "issued"
    fields["rule"] = decision.rule
    fields["ttl"] = grant.ttl
    fields["format"] = grant.format
    fields["services"] = _hashed(grant) if hash_ids else [_service(one) for one in grant.services]
    fields["token_sha256"] = decision.token_sha256
    if decision.restricted_by:
        fields["restricted_by"] = decision.restricted_by
    return orjson.dumps(fields)


def _service(service: Service) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": service.name,
        "user": service.user,
        "channel": service.channel,
        "privileges": _plain(service.privileges),
    }
    if service.detail:
        fields["detail"] = _plain(service.detail)
    return fields


def _plain(mapping: Mapping[str, object]) -> dict[str, object]:
    return mapping if type(mapping) is dict else dict(mapping)


def _hashed(grant: Grant) -> list[dict[str, object]]:
    """Users and channels as their SHA-256; details may hold either, and stay out."""

    def shown(text: str | None) -> str | None:
        return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else text

    return [
        _service(replace(one, user=shown(one.user), channel=shown(one.channel), detail={})) for one in grant.services
    ]


def in_pages(lines: Iterable[bytes], start: int) -> bytes:
    """The lines with their newlines, to be written at byte `start` of a file, none over the end of a page.

    Spaces stand before a line that would be: they belong to no line. One that is longer than a page stands where it may.
    """
    written, end = bytearray(), start
    for line in lines:
        size, room = len(line) + 1, PAGE - end % PAGE
        if room < size <= PAGE:
            written += b" " * room
            end += room
        written += line
        written += b"\n"
        end += size
    return bytes(written)


class AuditProblem(Struct, frozen=True):
    """Something wrong in an audit file: the line's number, from 1, and a sentence."""

    line: int
    sentence: str


def verify(lines: Iterable[bytes]) -> Iterator[AuditProblem]:
    """Every line that is torn, out of sequence or does not hang on its writer's last one."""
    chains: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        raw = line.strip(b" \r\n")
        if not raw:
            continue
        place = _place(raw)
        if place is None and (begins := raw.rfind(_BEGINNING)) > 0:
            yield AuditProblem(number, "begins with a piece of a line that was cut off, and goes on with another line")
            raw = raw[begins:]
            place = _place(raw)
        if place is None:
            yield AuditProblem(number, "is torn, or no line of an audit")
            continue
        writer, sequence, previous = place
        expected, last = chains.get(writer, (0, FIRST))
        if sequence != expected:
            missing = "a line is missing before it" if sequence > expected else "it stands there twice, or out of order"
            yield AuditProblem(number, f"has sequence {sequence} where {expected} was due: {missing}")
        elif previous != last:
            yield AuditProblem(number, "does not hang on the line before it: that one, or this one, was changed")
        chains[writer] = (sequence + 1, hashlib.sha256(raw).hexdigest())


def _place(line: bytes) -> tuple[str, int, str] | None:
    """Writer, sequence and the previous line's hash; None for what is no line."""
    try:
        found: Any = orjson.loads(line)
        return str(found["writer"]), int(found["sequence"]), str(found["previous"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
