"""P14: no secret in anything that a server says, whatever it is sent: each request of tests/secrecy whole and damaged.

Damaged: bytes changed, left out, said twice, at random places. The tests drive each request once, as it is.
"""

import random
import tempfile
from pathlib import Path
from typing import Final

from tests.long.report import Report
from tests.running import tokend
from tests.system.secrecy.asking import documents, of_the_operator, secrets_in_wrong_places, to_every_endpoint
from tests.system.secrecy.canaries import SECRETS, found
from tests.system.secrecy.system import Gathered, environment, gathering

DAMAGES: Final = 12
"""Of each request."""
AT_ONCE: Final = 2_000
"""Answers that are held before they are searched."""


def run(report: Report) -> None:
    chance, sent, hits = random.Random(14), 0, list[str]()
    with tempfile.TemporaryDirectory() as directory:
        with gathering(Path(directory)) as gathered:
            made = tokend(Path(directory), environment(Path(directory)), *_SIGN).stdout.splitlines()[0].split()[1]
            for name, raw, admin in _requests(made):
                for damaged in (raw, *(_damaged(raw, chance) for _ in range(DAMAGES))):
                    gathered.send(name, damaged, admin, patience=0.2)
                    sent += 1
                if len(gathered.answers) >= AT_ONCE:
                    hits += _searched(gathered, made)
            hits += _searched(gathered, made)
        hits += found(gathered.places, made=made)
        for place, text in gathered.places.items():
            report.figure(place, f"{len(text):,} bytes")
    report.figure("requests", f"{sent:,}")
    report.figure("secrets looked for", len(SECRETS) + 1)
    for hit in hits[:10]:
        report.detail("hit", hit)
    report.bar("secrets found", len(hits), "0", held=not hits)


_SIGN: Final = ("key", "url", "--app", "demo", "--caller", "kit", "--ttl", "1h")


def _requests(signed: str) -> list[tuple[str, bytes, bool]]:
    public = [*to_every_endpoint(signed), *documents(), *secrets_in_wrong_places()]
    # undamaged by chance, it would be a channel of that name, which its answer and the audit rightly repeat
    public = [
        one for one in public if '"channel": "' not in one[0] or "…" not in one[0].partition('"channel": "')[2][:4]
    ]
    return [*((*one, False) for one in public), *((*one, True) for one in of_the_operator())]


def _damaged(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw))
    end = min(len(raw), start + chance.choice((1, 1, 2, 10, 100)))
    between = chance.choice((b"", b"\0", b"\xff", b"\r\n", b" ", b'"', raw[start:end] * 2, chance.randbytes(3)))
    return raw[:start] + between + raw[end:]


def _searched(gathered: Gathered, made: str) -> list[str]:
    # a damaged secret is another text, and its eight bytes may come back to the one who sent them
    hits = found(gathered.answers, made=made)
    gathered.answers.clear()
    return hits
