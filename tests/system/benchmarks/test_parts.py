"""The profile's rows: a sampled stack goes to the right one."""

from typing import Final

import pytest

from benchmarks.parts import OURS, floor, part_of, shares, unknown_places

LOOP: Final = "Runner.run (asyncio/runners.py:118)"
HANDLER: Final = (
    LOOP,
    "RequestHandler.start (aiohttp/web_protocol.py:1)",
    "EndpointHandler.handle (tokend/http/handler.py:33)",
)
ISSUER: Final = (*HANDLER, "answer (tokend/issuing/issuer.py:60)", "_mint (tokend/issuing/issuer.py:230)")


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ((LOOP,), "event loop, sockets, kernel"),
        ((LOOP, "Protocol.data_received (tokend/http/server.py:25)"), "aiohttp: HTTP parser"),
        (HANDLER, "handler, what no other row names"),
        (
            (
                *HANDLER,
                "RequestRecord.write (tokend/telemetry/request_record.py:1)",
                "JsonLog.event (tokend/telemetry/log.py:1)",
            ),
            "log line",
        ),
        (
            (*HANDLER, "_rtc (tokend/dialects/agora_token_service.py:1)", "uid (tokend/dialects/reading.py:1)"),
            "dialect: parse",
        ),
        ((*HANDLER, "tokens_as.<locals>.render (tokend/dialects/rendering.py:1)"), "dialect: render"),
        ((*HANDLER, "split_path (tokend/issuing/routing.py:1)"), "route, and read the request"),
        (ISSUER, "issuer: what no other row names"),
        (
            (*ISSUER, "AgoraBackend.mint (tokend/backends/agora/base.py:1)", "sign (tokend/backends/agora/v007.py:1)"),
            "mint",
        ),
        (
            (*ISSUER, "AgoraBackend.verify (tokend/backends/agora/base.py:1)", "reach_of (tokend/core/reach.py:1)"),
            "verify",
        ),
        (
            (
                *ISSUER[:-1],
                "evaluate (tokend/issuing/policy.py:1)",
                "unmet_requirements (tokend/core/rules.py:1)",
                "<genexpr> (x.py:1)",
            ),
            "rules and reach",
        ),
    ],
)
def test_a_stack_has_a_part(stack: tuple[str, ...], part: str) -> None:
    assert part_of(stack) == part


def test_shares_are_of_all_samples() -> None:
    found = shares(f"{LOOP} 30\n{';'.join(ISSUER)} 10\n")
    assert found["event loop, sockets, kernel"] == 0.75
    assert found["issuer: what no other row names"] == 0.25
    assert sum(found.values()) == 1


def test_a_thread_that_waits_takes_no_time() -> None:
    """The log's thread was a third of all samples on a machine where py-spy does not know that it waits."""
    thread = "Thread._bootstrap (threading.py:995);QueuedStream._run (tokend/telemetry/queued_stream.py:56)"
    waits = f"{thread};Condition.wait (threading.py:320)"
    writes = f"{thread};QueuedStream._write (tokend/telemetry/queued_stream.py:69)"
    resolver = "Thread._bootstrap (threading.py:995);_run_safe_shutdown_loop (pycares/__init__.py:445)"
    raw = f"{LOOP} 30\n{waits} 500\n{writes} 10\n{resolver} 500\n"
    assert shares(raw)["event loop, sockets, kernel"] == 0.75
    assert shares(raw)["log line"] == 0.25
    assert floor(raw)["the log's thread writes"] == 0.25


def test_every_row_names_places_that_exist() -> None:
    assert unknown_places() == []


def test_what_is_not_ours_is_told_by_the_innermost_frame() -> None:
    hmac = ";".join((*ISSUER, "sign (tokend/backends/agora/v007.py:1)", "digest (hmac.py:198)"))
    write = f"{LOOP};_SelectorSocketTransport.write (asyncio/selector_events.py:1057)"
    url = f"{LOOP};URL.build (yarl/_url.py:463)"
    found = floor(f"{LOOP} 30\n{hmac} 20\n{write} 10\n{url} 5\n{';'.join(ISSUER)} 35\n")
    assert found["event loop, and what it reads from sockets"] == 0.3
    assert found["HMAC-SHA256, two for mint and three for verify"] == 0.2
    assert found["the kernel takes the answer, and wakes the client"] == 0.1
    assert found["aiohttp: HTTP parser, connection, request object"] == 0.05
    assert found[OURS] == 0.35
