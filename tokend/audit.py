"""What an audit line says, and how lines hang together: one JSON object a decision, numbered and chained by hash.

Pure: making and checking of lines. Writing them is `server/audit.py`'s. Each writer (a process, a worker) begins a chain
of its own, so that several may append to one file.

    {"writer": …, "sequence": n, "previous": sha256 of the writer's line n-1, …}
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from tokend.model import Code, Decision, Grant, Service

FIRST: Final = "0" * 64
"""What the first line of a chain has for the previous one's hash."""


class Chain:
    """One writer's place in its chain. `line` is pure; `commit` moves on once lines are written."""

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self._sequence = 0
        self._previous = FIRST

    def lines(self, entries: Iterable[dict[str, object]]) -> tuple[bytes, int, str]:
        """The next lines with their newlines, and what to `commit` once they are written."""
        sequence, previous, written = self._sequence, self._previous, []
        for entry in entries:
            line = orjson.dumps({"writer": self.writer, "sequence": sequence, "previous": previous, **entry})
            previous = hashlib.sha256(line).hexdigest()
            sequence += 1
            written.append(line + b"\n")
        return b"".join(written), sequence, previous

    def commit(self, sequence: int, previous: str) -> None:
        self._sequence, self._previous = sequence, previous


def entry(decision: Decision, *, hash_ids: bool = False) -> dict[str, object]:
    """What a line says of a decision: never the token, and nothing that a refused client sent but its kind."""
    fields: dict[str, object] = {
        "time": decision.issued_at,
        "request_id": decision.request_id,
        "app": decision.app,
        "caller": decision.caller,
        "kind": decision.ask.kind if decision.grant is not None else None,
    }
    if decision.url is not None:
        fields["url"] = decision.url
    if decision.refusal is not None:
        refusal = decision.refusal
        field = (
            None if refusal.code == Code.UNKNOWN_FIELD else refusal.field
        )  # an unknown name is the client's own word
        return fields | {"outcome": "refused", "code": refusal.code, "field": field}
    grant = decision.grant
    return fields | {
        "outcome": "issued",
        "rule": decision.rule,
        "ttl": grant.ttl if grant else None,
        "format": grant.format if grant else None,
        "services": _services(grant, hash_ids),
        "token_sha256": decision.token_sha256,
    }


def _services(grant: Grant | None, hash_ids: bool) -> list[dict[str, object]]:
    def shown(text: str | None) -> str | None:
        if text is None or not hash_ids or not text:
            return text
        return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def one(service: Service) -> dict[str, object]:
        detail = {} if hash_ids else dict(service.detail)
        fields: dict[str, object] = {
            "name": service.name,
            "user": shown(service.user),
            "channel": shown(service.channel),
            "privileges": dict(service.privileges),
        }
        return fields | ({"detail": detail} if detail else {})

    return [one(service) for service in grant.services] if grant else []


class Finding(NamedTuple):
    """Something wrong in an audit file: the line's number, from 1, and a sentence."""

    line: int
    sentence: str


def verify(lines: Iterable[bytes]) -> Iterator[Finding]:
    """Every line that is torn, out of sequence or does not hang on its writer's last one."""
    chains: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        raw = line.rstrip(b"\n")
        if not raw:
            continue
        try:
            found: Any = orjson.loads(raw)
            writer, sequence, previous = str(found["writer"]), int(found["sequence"]), str(found["previous"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            yield Finding(number, "is torn, or no line of an audit")
            continue
        expected, last = chains.get(writer, (0, FIRST))
        if sequence != expected:
            missing = "a line is missing before it" if sequence > expected else "it stands there twice, or out of order"
            yield Finding(number, f"has sequence {sequence} where {expected} was due: {missing}")
        elif previous != last:
            yield Finding(number, "does not hang on the line before it: that one, or this one, was changed")
        chains[writer] = (sequence + 1, hashlib.sha256(raw).hexdigest())
