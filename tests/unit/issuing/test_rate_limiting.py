"""What counts against which limit, seen from outside: a server in this process with a clock that the tests move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.http.running import APP_ID, KEY, NOW, WORLD, Running, configuration_of, serving
from tests.unit.http.wire import Reply
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.auth.key_digests import digest_of
from tokend.core.interfaces import Interfaces
from tokend.core.rate_limits import Excess

OTHER_KEY = "tk_other_0123456789abcdef"
ADA: dict[str, Any]
BOB: dict[str, Any]
ADA, BOB = {"kind": "rtm", "user": "ada"}, {"kind": "rtm", "user": "bob"}
NOT_PERMITTED: dict[str, Any] = {"kind": "rtc", "channel": "room", "uid": 0}
ANYWHERE = '{listen: "0.0.0.0:8080"}'
TOKEN, BATCH = "/demo/v1/token", "/demo/v1/tokens"


class Clock:
    """Seconds that go where they are told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def config(limits: str, server: str = ANYWHERE) -> str:
    return f"""
server: {server}
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    limits: {limits}
    callers:
      studio: {{api_key: "{digest_of(KEY)}"}}
      other: {{api_key: "{digest_of(OTHER_KEY)}", rules: [{{capabilities: [wildcard_user]}}]}}
  quiet:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    limits: {limits}
    callers:
      studio: {{api_key: "{digest_of(KEY)}"}}
"""


class Served(Running):
    """With its clock, and asks by API key."""

    clock: Clock

    async def get(self, target: str, body: dict[str, Any] | None, key: str = KEY) -> Reply:
        return await self.token_request("POST", target, body, ("X-API-Key", key))


@asynccontextmanager
async def limited(limits: str, server: str = ANYWHERE) -> AsyncIterator[Served]:
    clock = Clock()
    async with serving(
        configuration_of(config(limits, server)), WORLD, Interfaces(limiter=LocalLimiter(clock))
    ) as running:
        served = Served(running.client, running.control, running.log)
        served.clock = clock
        yield served


async def statuses(server: Served, *token_requests: tuple[str, dict[str, Any], str]) -> list[int]:
    return [(await server.get(*one)).status for one in token_requests]


async def test_a_limited_ask_is_429_with_a_true_retry_after() -> None:
    async with limited("{caller: 20/m burst 2}") as server:
        assert await statuses(server, *[(TOKEN, ADA, KEY)] * 2) == [200, 200]
        server.clock.now += 0.4
        reply = await server.get(TOKEN, ADA)
        assert (reply.status, reply.headers["retry-after"], reply.json["code"]) == (429, "3", "rate_limited")
        assert reply.json["retry_after"] == 3
        assert reply.json["detail"] == "this is over the rate limit of the caller: send it again in 3 s"
        assert (server.lines[-1]["outcome"], server.lines[-1]["reason"]) == ("rate_limited", "limits.caller")
        server.clock.now += 2.5
        assert (await server.get(TOKEN, ADA)).headers["retry-after"] == "1"
        server.clock.now += 0.1
        assert (await server.get(TOKEN, ADA)).status == 200


async def test_each_caller_has_its_own() -> None:
    async with limited("{caller: 1/m}") as server:
        token_requests = [(TOKEN, ADA, KEY), (TOKEN, BOB, KEY), (TOKEN, ADA, OTHER_KEY), (TOKEN, ADA, OTHER_KEY)]
        assert await statuses(server, *token_requests) == [200, 429, 200, 429]


async def test_each_user_has_its_own_whoever_asks() -> None:
    async with limited("{user: 1/m}") as server:
        token_requests = [(TOKEN, ADA, KEY), (TOKEN, ADA, OTHER_KEY), (TOKEN, BOB, KEY), (TOKEN, BOB, KEY)]
        assert await statuses(server, *token_requests) == [200, 429, 200, 429]


async def test_wildcards_are_one_user() -> None:
    async with limited("{user: 1/m}") as server:
        any_user: dict[str, Any] = {"kind": "rtc", "channel": "room", "uid": 0}
        starred: dict[str, Any] = {"kind": "rtc", "channel": "room", "account": "*"}
        token_requests = [(TOKEN, any_user, OTHER_KEY), (TOKEN, starred, OTHER_KEY), (TOKEN, ADA, OTHER_KEY)]
        assert await statuses(server, *token_requests) == [200, 429, 200]


async def test_each_app_has_its_own() -> None:
    """P20: a noisy app harms only itself."""
    async with limited("{app: 5/m, user: 5/m, caller: 5/m, address: 5/m}") as server:
        assert await statuses(server, *[(TOKEN, ADA, KEY)] * 50) == [200] * 5 + [429] * 45
        assert await statuses(server, *[("/quiet/v1/token", ADA, KEY)] * 5) == [200] * 5


async def test_what_the_rules_refuse_counts_but_for_the_user() -> None:
    async with limited("{caller: 3/m, user: 1/m}") as server:
        token_requests: list[tuple[str, dict[str, Any], str]]
        token_requests = [
            (TOKEN, NOT_PERMITTED, KEY),
            (TOKEN, {**ADA, "ttl": 9}, KEY),
            (TOKEN, ADA, KEY),
            (TOKEN, BOB, KEY),
        ]
        assert await statuses(server, *token_requests) == [403, 400, 200, 429]


@pytest.mark.parametrize("limits", ["{app: 2/m}", "{address: 2/m}"])
async def test_a_refused_credential_counts_against_app_and_address(limits: str) -> None:
    async with limited(limits) as server:
        token_requests = [(TOKEN, ADA, "wrong"), (TOKEN, ADA, "wrong"), (TOKEN, ADA, "wrong"), (TOKEN, ADA, KEY)]
        assert await statuses(server, *token_requests) == [401, 401, 429, 429]


async def test_a_refused_credential_counts_against_no_caller_and_no_user() -> None:
    async with limited("{caller: 1/m, user: 1/m}") as server:
        assert await statuses(server, *[(TOKEN, ADA, "wrong")] * 5, (TOKEN, ADA, KEY)) == [401] * 5 + [200]


async def test_explain_and_inspect_count_as_one_ask_for_no_user() -> None:
    async with limited("{caller: 3/m, user: 1/m}") as server:
        token = (await server.get(TOKEN, ADA)).json["token"]
        assert (await server.get("/demo/v1/explain", ADA)).status == 200
        assert (await server.get("/demo/v1/inspect", {"token": token})).status == 200
        for target, body in (("/demo/v1/explain", ADA), ("/demo/v1/inspect", {"token": token})):
            reply = await server.get(target, body)
            assert (reply.status, reply.headers["retry-after"]) == (429, "20")


async def test_what_cannot_be_read_and_documents_count_against_nothing() -> None:
    async with limited("{app: 1/m}") as server:
        assert await statuses(server, *[(TOKEN, {"kind": 7}, KEY)] * 3) == [400] * 3
        for target in ("/demo/v1/nothing", "/demo/openapi.json", "/demo/docs", "/healthz", "/"):
            await server.token_request("GET", target)
        assert await statuses(server, (TOKEN, ADA, KEY), (TOKEN, ADA, KEY)) == [200, 429]


async def test_each_ask_of_a_batch_counts_and_stands_or_falls_by_itself() -> None:
    async with limited("{caller: 4/m, user: 2/m}") as server:
        reply = await server.get(BATCH, {"requests": [ADA, NOT_PERMITTED, ADA, ADA, BOB, BOB]})
        assert (reply.status, "retry-after" in reply.headers) == (200, False)
        codes = [one.get("error", {}).get("code") for one in reply.json["results"]]
        assert codes == [None, "capability_required", None, "rate_limited", None, "rate_limited"]
        assert reply.json["results"][3]["error"] == {
            "code": "rate_limited",
            "detail": "this is over the rate limit of the user: send it again in 30 s",
            "retry_after": 30,
        }
        assert reply.json["results"][5]["error"]["retry_after"] == 15


async def test_two_tokens_of_one_answer_count_as_one() -> None:
    async with limited("{caller: 1/m, user: 1/m}") as server:
        replies = [
            await server.token_request("GET", f"/demo/rte/room/publisher/uid/{uid}", None, ("X-API-Key", KEY))
            for uid in (7, 8)
        ]
        assert [one.status for one in replies] == [200, 429]
        assert {"rtcToken", "rtmToken"} <= replies[0].json.keys()


async def test_on_loopback_limits_by_address_are_off_with_one_warning() -> None:
    async with limited("{address: 1/m}", '{listen: "127.0.0.1:8080"}') as server:
        assert await statuses(server, *[(TOKEN, ADA, KEY)] * 3) == [200] * 3
        (warning,) = server.control.active.configuration.warnings_at(NOW)
        assert "limits by address are off" in warning
    async with limited("{address: 1/m}") as server:
        forwarded = [("X-API-Key", KEY), ("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7")]
        assert (await server.get(TOKEN, ADA)).status == 200
        assert (await server.token_request("POST", TOKEN, ADA, *forwarded)).status == 429, (
            "no header gets a client out of it"
        )
        assert server.control.active.configuration.warnings_at(NOW) == ()


async def test_behind_a_trusted_proxy_each_client_has_its_own() -> None:
    async with limited("{address: 1/m}", '{trusted_proxies: ["127.0.0.1"]}') as server:
        assert server.control.active.configuration.warnings_at(NOW) == ()
        for client, status in (
            ("192.0.2.7", 200),
            ("192.0.2.8", 200),
            ("192.0.2.7", 429),
            ("10.9.9.9, 192.0.2.8", 429),
        ):
            reply = await server.token_request("POST", TOKEN, ADA, ("X-API-Key", KEY), ("X-Forwarded-For", client))
            assert reply.status == status


async def test_without_limits_nobody_is_asked() -> None:
    class Never:
        async def take(self, groups: object) -> list[Excess | None]:
            raise AssertionError

    async with serving(configuration_of(config("{}")), WORLD, Interfaces(limiter=Never())) as server:
        for key in (KEY, "wrong"):
            assert (await server.token_request("POST", TOKEN, ADA, ("X-API-Key", key))).status in (200, 401)
    async with serving(configuration_of(config("{user: 1/m}")), WORLD, Interfaces(limiter=Never())) as server:
        assert (await server.token_request("POST", "/demo/v1/explain", ADA, ("X-API-Key", KEY))).status == 200
