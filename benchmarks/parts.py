"""Which part of a request a sampled stack was in: the deepest frame that a row of PARTS names decides."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

TOKEND: Final = Path(__file__).parents[1] / "tokend"

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "event loop, sockets, kernel": ("asyncio/runners.py:run",),
    "aiohttp: HTTP parser": ("aiohttp/web_protocol.py:data_received", "http/server.py:data_received"),
    "aiohttp: connection, request object": (
        "aiohttp/web_protocol.py:start",
        "aiohttp/web_protocol.py:_handle_request",
        "aiohttp/web_protocol.py:finish_response",
        "http/server.py:*",
        "http/connection_limiter.py:*",
    ),
    "handler, what no other row names": ("http/handler.py:*", "http/middlewares.py:*", "telemetry/request_record.py:*"),
    "route, and read the request": (
        "issuing/routing.py:*",
        "http/pages.py:own_page",
        "http/request_parsing.py:*",
        "http/routes.py:*",
        "issuing/configuration.py:*",
    ),
    "dialect: parse": ("dialects/*:*",),
    "nonces, request id, clock": ("adapters/system.py:*",),
    "credentials and caller": ("http/request_parsing.py:credentials_in", "auth/*:*"),
    "issuer: what no other row names": ("issuing/issuer.py:*", "issuing/policy.py:*", "issuing/rate_limiting.py:*"),
    "fields (pydantic)": ("issuing/token_requests.py:*",),
    "grant": ("backends/*:grant",),
    "rules and reach": ("core/rules.py:*", "core/reach.py:*", "core/patterns.py:*"),
    "mint": ("backends/*:mint",),
    "verify": ("backends/*:verify",),
    "audit": ("issuing/issuer.py:_record", "adapters/audit_log.py:*", "tokend/core/audit_records.py:*"),
    "dialect: render": (
        "dialects/rendering.py:*",
        "dialects/native.py:_render_single",
        "dialects/native.py:_render_batch",
    ),
    "response: headers and write": (
        "http/responses.py:*",
        "http/cors.py:*",
        "aiohttp/web_response.py:*",
        "aiohttp_cors/*:*",
    ),
    "metrics": ("telemetry/metrics.py:*",),
    "log line": ("telemetry/request_record.py:write", "telemetry/log.py:*", "telemetry/queued_stream.py:*"),
}
"""Rows in the order in which a request meets them; `FILE:FUNCTION` with `*` for any function or any file of a folder."""

FLOOR: Final[Mapping[str, tuple[str, ...]]] = {
    "the kernel takes the answer, and wakes the client": ("asyncio/selector_events.py:write",),
    "event loop, and what it reads from sockets": ("asyncio/*:*", "selectors.py:*", "process/event_loop.py:*"),
    "aiohttp: HTTP parser, connection, request object": ("aiohttp/*:*", "yarl/*:*", "_weakrefset.py:*"),
    "the log's thread writes": ("telemetry/queued_stream.py:_write",),
    "zlib: compress": ("backends/agora/v007.py:_deflated",),
    "zlib: decompress": ("backends/agora/v007.py:_inflate",),
    "HMAC-SHA256, two for mint and three for verify": ("hmac.py:digest",),
    "pydantic": ("pydantic/*:*",),
}
"""Where the innermost frame is one of these, the time is that of a library or the kernel."""
OURS: Final = "this project's Python"

_BELOW: Final = {"mint", "verify"}
"""Parts that call functions of other rows: what is deeper is theirs still."""
_OF_TOKEND: Final = tuple(f"{path.name}/" for path in TOKEND.iterdir() if path.is_dir())
_THREAD: Final = "(threading.py:"
"""The outermost frame of a thread other than the main one."""


@lru_cache(maxsize=4096)
def _known(frame: str) -> str | None:
    """The row of one frame as py-spy writes it: `name (path:line)`."""
    name, _, place = frame.rpartition(" (")
    return _row(PARTS, place.rpartition(":")[0], name.rpartition(".")[2])


def part_of(frames: Iterable[str]) -> str:
    """The part of a stack, from its outermost frame on."""
    found = "event loop, sockets, kernel"
    for frame in frames:
        found = _known(frame) or found
        if found in _BELOW:
            break
    return found


def shares(raw: str) -> dict[str, float]:
    """Of all samples, the part in each row."""
    counts = dict.fromkeys(PARTS, 0)
    for frames, count in _samples(raw):
        counts[part_of(frames)] += count
    total = sum(counts.values())
    return {row: count / total for row, count in counts.items()}


def floor(raw: str) -> dict[str, float]:
    """Of all samples, the part that libraries and the kernel took, and what is left."""
    counts = dict.fromkeys((*FLOOR, OURS), 0)
    for frames, count in _samples(raw):
        name, _, place = frames[-1].rpartition(" (")
        counts[_row(FLOOR, place.rpartition(":")[0], name.rpartition(".")[2]) or OURS] += count
    total = sum(counts.values())
    return {row: count / total for row, count in counts.items()}


def _samples(raw: str) -> Iterator[tuple[list[str], int]]:
    """Stacks, each from its outermost frame on, with their counts.

    Without threads that wait inside of a library: py-spy leaves those out on some machines only.
    """
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if _THREAD not in frames[0] or "(tokend/" in frames[-1]:
            yield frames, int(count)


def unknown_places() -> list[str]:
    """The places of the rows that tokend does not have: a function that was renamed leaves its row empty."""
    rows = (*PARTS.values(), *FLOOR.values())
    return [place for places in rows for place in places if not _exists(place)]


def _exists(place: str) -> bool:
    file, _, function = place.rpartition(":")
    if not file.startswith(_OF_TOKEND):
        return True
    pattern = file.removeprefix("tokend/")
    sources = sorted(TOKEND.glob(f"{pattern.removesuffix('/*')}/**/*.py" if pattern.endswith("*") else pattern))
    if function in ("*", "<lambda>"):
        return bool(sources)
    return any(re.search(rf"def {function}\(", source.read_text()) for source in sources)


def _row(rows: Mapping[str, tuple[str, ...]], path: str, name: str) -> str | None:
    """The row of the narrowest place: a function before a whole file, a file before a folder."""
    fitting = [
        ((function == "*") + file.endswith("/*"), row)
        for row, places in rows.items()
        for file, _, function in (place.rpartition(":") for place in places)
        if function in (name, "*") and _is_in(path, file)
    ]
    return min(fitting)[1] if fitting else None


def _is_in(path: str, file: str) -> bool:
    if file.endswith("/*"):
        return f"/{file[:-1]}" in f"/{path}"
    return f"/{path}".endswith(f"/{file}") if "/" in file else path in (file, f"tokend/{file}")
