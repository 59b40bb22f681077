"""A Redis Cluster and Sentinels count limits, chosen by the URL. tests/long/redis_groups.py has the full size."""

import asyncio
import re
from contextlib import ExitStack

import pytest

from tests.running import ROOT
from tests.system.limits.hosts import host
from tests.system.limits.redis_groups import cluster, cluster_url
from tests.system.limits.redis_server import SECONDS, need_redis, network
from tokend.adapters.redis_client import client_of
from tokend.core.secrets import Secret


async def test_hosts_share_their_limits_through_a_cluster() -> None:
    need_redis()
    limits = "{app: 900/h, caller: 5/h, user: 3/h}"
    with cluster(1) as nodes:
        url = cluster_url(nodes)
        async with host(url, limits) as first, host(url, limits) as second:
            assert await first.statuses(2) == [200, 200]
            assert await second.statuses(3) == [200, 429, 429]
            assert not first.log


async def test_a_cluster_of_which_all_nodes_were_replaced_is_found_again_by_its_url() -> None:
    """Pods that had all got new addresses were never found, although the name in the URL led to them."""
    need_redis()
    with ExitStack() as old, ExitStack() as new:
        (node,) = old.enter_context(cluster(1))
        async with network(node) as way, host(f"redis+cluster{way.url.removeprefix('redis')}", "{caller: 2/h}") as one:
            assert await one.statuses(3) == [200, 200, 429]
            old.close()
            assert await one.statuses(1) == [503]
            (way.server,) = new.enter_context(cluster(1))
            async with asyncio.timeout(SECONDS):
                while not one.limiter.healthy():
                    one.clock.now += 1
                    await one.token_request()
                    await asyncio.sleep(0.02)
            counted = await one.statuses(3)  # a request of the loop may be the first of the two
            assert counted in ([200, 200, 429], [200, 429, 429])


async def test_the_rights_that_the_documentation_names_are_enough_in_a_cluster() -> None:
    need_redis()
    page = (ROOT / "docs/limits.md").read_text("utf-8")
    (rights,) = re.findall(r"`(~tokend:[^`]*)`", page)
    (further,) = re.findall(r"`(\+cluster[^`]*)`", page)
    with cluster(1) as nodes:
        rule = ("ACL", "SETUSER", "tokend", "on", ">pass", "resetchannels", *rights.split())
        nodes[0].command(*rule)
        url = cluster_url(nodes).replace("//", "//tokend:pass@")
        async with host(url, "{caller: 2/h}") as one:
            assert await one.statuses(1) == [503]
            assert '"reason":"NoPermissionError"' in one.log  # not redis-py's RedisClusterException, whatever it is
        nodes[0].command(*rule, *further.split())
        async with host(url, "{caller: 2/h}") as one:
            assert await one.statuses(3) == [200, 200, 429]


@pytest.mark.parametrize("on_failure", ["open", "local", "closed"])
async def test_a_lost_cluster_and_lost_sentinels_are_as_on_failure_says(on_failure: str) -> None:
    expected = {"open": [200] * 3, "local": [200, 429, 429], "closed": [503] * 3}[on_failure]
    for url in ("redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://127.0.0.1:1,127.0.0.1:2/limits"):
        async with host(url, "{caller: 1/h}", on_failure) as lost:
            assert await lost.statuses(3) == expected
            assert lost.log.count("Redis cannot be reached") == 1


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://a:7000",
        "redis+cluster://ann:p%40ss@a:7000,b:7001,c",
        "rediss+cluster://a:7000/0?ssl_cert_reqs=none",
        "redis+sentinel://a:26379/limits",
        "rediss+sentinel://:pass@a,b,[::1]:26380/limits/2?sentinel_password=other&ssl_cert_reqs=none",
    ],
)
async def test_urls_that_can_be_used(url: str) -> None:
    await client_of(Secret(url), "return 1", 1.0).close()


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://:secret-1@a:seven",
        "redis+cluster://:secret-1@a/0?no_such_option=1",
        "redis+sentinel://:secret-1@a:7000/limits/two",
        "redis+sentinel://:secret-1@a:7000/limits?no_such_option=1",
        "redis://a:7000?encoding=secret-1",
        "redis+cluster://a:7000?encoding=secret-1",
    ],
)
async def test_a_url_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\.url cannot be used: it must be like") as failed:
        client_of(Secret(url), "return 1", 1.0)
    assert "secret-1" not in str(failed.value)
