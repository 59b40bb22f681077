"""The connection limiter alone: which connections are late, which make room, and that its log stays short. Time is given."""

import asyncio
import io

import pytest

from tokend.http.connection_limiter import LOOK_SECONDS, Caps, ConnectionLimiter, Deadlines, network_of
from tokend.telemetry.log import JsonLog


class _Client:
    def __init__(self, address: str = "192.0.2.1") -> None:
        self.address = address
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class _Watched:
    """A connection limiter with a clock that is set by hand; `look` is what its timer does."""

    def __init__(self, caps: Caps) -> None:
        self.now = 0.0
        self.log = io.BytesIO()
        log = JsonLog(self.log, lambda: 0.0)
        self.connection_limiter = ConnectionLimiter(
            Deadlines(), caps, log, lambda: self.now, lambda address: address == "10.0.0.1"
        )

    def join(self, address: str = "192.0.2.1") -> tuple[_Client, bool]:
        client = _Client(address)
        return client, self.connection_limiter.joined(client)

    def join_busy(self, address: str = "192.0.2.1") -> tuple[_Client, bool]:
        """A connection whose request has no response yet."""
        client, joined = self.join(address)
        self.connection_limiter.begins_request(client)
        return client, joined

    async def look(self, seconds: float, held: float = 0.0) -> None:
        """Let time pass, and the limiter look at it. `held`: seconds for which the event loop is busy with something else."""
        self.now += seconds
        self.connection_limiter.start()
        self.now += held
        await asyncio.sleep(LOOK_SECONDS * 1.5)
        self.connection_limiter.stop()


@pytest.fixture
def watched() -> _Watched:
    return _Watched(Caps(total=3))


async def test_a_head_that_does_not_come_is_closed_and_an_idle_connection_is_not(watched: _Watched) -> None:
    silent, _ = watched.join()
    idle, _ = watched.join()
    watched.connection_limiter.begins_request(idle)
    watched.connection_limiter.answered(idle)
    await watched.look(5.1)
    assert silent.aborted
    assert not idle.aborted
    assert watched.connection_limiter.closed == {"head": 1}


async def test_a_client_is_not_late_where_the_event_loop_is(watched: _Watched) -> None:
    """Thousands of requests in one turn hold the loop for seconds: what arrived meanwhile is read in the next one."""
    silent, _ = watched.join()
    await watched.look(0.0, held=6.0)
    assert not silent.aborted
    await watched.look(0.3)
    assert silent.aborted


async def test_a_loop_that_is_always_late_keeps_nobody_for_ever(watched: _Watched) -> None:
    silent, _ = watched.join()
    for _ in range(4):
        await watched.look(0.0, held=6.0)
    assert not silent.aborted
    await watched.look(0.0, held=7.0)
    assert silent.aborted


async def test_the_second_request_of_a_connection_has_the_same_deadline(watched: _Watched) -> None:
    client, _ = watched.join()
    watched.connection_limiter.begins_request(client)
    watched.connection_limiter.answered(client)
    watched.now = 60.0
    watched.connection_limiter.begins_head(client)
    await watched.look(4.0)
    assert not client.aborted
    await watched.look(1.1)
    assert client.aborted


async def test_a_head_in_pieces_does_not_begin_anew_with_each(watched: _Watched) -> None:
    client, _ = watched.join()
    for _ in range(4):
        await watched.look(1.3)
        watched.connection_limiter.begins_head(client)
    assert client.aborted


async def test_an_answer_that_is_not_taken_is_closed_and_one_that_is_taken_is_not(watched: _Watched) -> None:
    slow, _ = watched.join()
    quick, _ = watched.join()
    for client in (slow, quick):
        watched.connection_limiter.begins_request(client)
        watched.connection_limiter.stalls(client)
    watched.connection_limiter.flows(quick)
    await watched.look(5.1)
    assert (slow.aborted, quick.aborted) == (True, False)
    assert watched.connection_limiter.closed == {"write": 1}


async def test_a_request_that_never_ends_is_closed(watched: _Watched) -> None:
    client, _ = watched.join()
    watched.connection_limiter.begins_request(client)
    await watched.look(30.1)
    assert client.aborted


def test_the_longest_silent_makes_room_then_the_longest_idle_and_the_busy_never(watched: _Watched) -> None:
    idle, _ = watched.join()
    watched.connection_limiter.begins_request(idle)
    watched.connection_limiter.answered(idle)
    busy, _ = watched.join()
    watched.connection_limiter.begins_request(busy)
    silent, _ = watched.join()
    fourth, joined = watched.join()
    assert joined
    assert (silent.aborted, idle.aborted, busy.aborted) == (True, False, False)
    watched.connection_limiter.begins_request(fourth)
    fifth, joined = watched.join()
    assert joined
    assert (idle.aborted, busy.aborted) == (True, False)
    watched.connection_limiter.begins_request(fifth)
    assert watched.join()[1] is False
    assert watched.connection_limiter.open == 3


def test_one_address_has_its_share_and_a_proxy_none() -> None:
    watched = _Watched(Caps(total=100, per_address=2))
    assert [watched.join_busy()[1] for _ in range(3)] == [True, True, False]
    assert all(watched.join("192.0.2.2")[1] for _ in range(2))
    assert all(watched.join("10.0.0.1")[1] for _ in range(10))
    assert watched.connection_limiter.closed == {"address_cap": 1}


def test_an_address_over_its_share_makes_room_among_its_own_connections() -> None:
    watched = _Watched(Caps(total=100, per_address=2))
    other, _ = watched.join("192.0.2.2")
    idle, _ = watched.join_busy()
    watched.connection_limiter.answered(idle)
    silent, _ = watched.join()
    assert watched.join_busy()[1]
    assert (silent.aborted, idle.aborted, other.aborted) == (True, False, False)
    assert watched.join_busy()[1]
    assert (idle.aborted, other.aborted) == (True, False)
    assert not watched.join()[1]


def test_an_ipv6_network_counts_as_one_address() -> None:
    watched = _Watched(Caps(total=100, per_address=2))
    addresses = ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1")
    assert [watched.join_busy(address)[1] for address in addresses] == [True, True, False, True]
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")


def test_the_oldest_awaited_body_makes_room(watched: _Watched) -> None:
    first, second, whole = (watched.join_busy()[0] for _ in range(3))
    watched.connection_limiter.awaits_body(first)
    watched.connection_limiter.awaits_body(second)
    watched.connection_limiter.awaits_body(whole)
    watched.connection_limiter.body_arrived(whole)
    assert watched.join_busy()[1]
    assert (first.aborted, second.aborted, whole.aborted) == (True, False, False)
    assert watched.join_busy()[1]
    assert second.aborted
    assert not watched.join()[1]


def test_an_idle_connection_makes_room_before_a_body_that_has_just_begun(watched: _Watched) -> None:
    body, _ = watched.join_busy()
    watched.connection_limiter.awaits_body(body)
    for _ in range(2):
        watched.connection_limiter.answered(watched.join_busy()[0])
    assert watched.join_busy()[1]
    assert not body.aborted
    watched.now += 1.0
    assert watched.join_busy()[1]
    assert body.aborted


def test_a_connection_that_leaves_gives_its_share_back() -> None:
    watched = _Watched(Caps(total=100, per_address=1))
    client, _ = watched.join()
    watched.connection_limiter.left(client)
    assert watched.connection_limiter.open == 0
    assert watched.join()[1]


async def test_a_flood_of_closed_connections_is_one_log_line_in_ten_seconds(watched: _Watched) -> None:
    for _ in range(50):
        watched.join()
    await watched.look(0.3)
    for _ in range(50):
        watched.join()
    await watched.look(5.0)
    assert watched.log.getvalue().count(b"\n") == 1
    await watched.look(6.0)
    assert watched.log.getvalue().count(b"\n") == 2
