"""Makes redis-py's client for a URL: one server, a Redis Cluster, or the master that Sentinels name.

`redis+cluster://` and `redis+sentinel://` list several hosts, of which one that answers is enough:
`redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT`, `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/SERVICE/DATABASE`.
"""

from collections.abc import Awaitable, Callable
from ssl import SSLCertVerificationError
from typing import Any, Final

from msgspec import Struct
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError, RedisClusterException, RedisError

from tokend.core.secrets import Secret

_CLUSTER: Final = "+cluster"
_SENTINEL: Final = "+sentinel"
_SENTINEL_PASSWORD: Final = "sentinel_password"
_SENTINEL_PORT: Final = 26379
_SENTINEL_SHARE: Final = 0.25
"""A Sentinel may take this part of the timeout, so that there is time for the next one."""


class Client(Struct, frozen=True):
    """What the limiter and the deny list need of redis-py's client. It connects at the first call.

    `script` takes the script's keys and arguments. `reset` closes the connections, so that the next call asks again
    which server is the master. `close` is for the end.
    """

    script: AsyncScript
    reset: Callable[[], Awaitable[object]]
    close: Callable[[], Awaitable[object]]


def client_of(url: Secret, script: str, seconds: float) -> Client:
    """A client of a Lua script, not connected. `seconds`: the timeout of connecting and of an answer.

    `ValueError` if the URL cannot be used.
    """
    text = url.reveal()
    scheme, _, rest = text.partition("://")
    connection: dict[str, Any] = {
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 1, (ConnectionError,)),  # an idle connection may have been closed meanwhile
        "max_connections": 2,
        "driver_info": None,
    }
    try:
        if scheme.endswith(_CLUSTER):
            return _cluster(scheme.removesuffix(_CLUSTER), rest, connection, script)
        if scheme.endswith(_SENTINEL):
            return _sentinel(scheme.removesuffix(_SENTINEL), rest, connection, script)
        server = Redis.from_url(text, **connection)
        _check(server)
        return Client(server.register_script(script), server.connection_pool.disconnect, server.aclose)
    except (ValueError, TypeError, AttributeError, LookupError, RedisError):  # their texts may quote the URL
        raise ValueError(
            "redis.url cannot be used: it must be like redis://USER:PASSWORD@HOST:PORT/DATABASE, "
            "redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT or "
            "redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/SERVICE/DATABASE"
        ) from None


def _cluster(scheme: str, rest: str, connection: dict[str, Any], script: str) -> Client:
    hosts, options, _ = _parts(scheme, rest)
    nodes = [ClusterNode(host, port) for host, port in hosts]
    cluster = RedisCluster(startup_nodes=nodes, **{**connection, **options})
    node = cluster.startup_nodes[0]
    node.connection_class(**node.connection_kwargs)  # see _check

    async def reset() -> None:
        """The client goes on with the nodes that it has found. If all of them are replaced, only the URL still leads there."""
        await cluster.aclose()
        cluster.nodes_manager.startup_nodes.update({node.name: node for node in nodes})

    return Client(cluster.register_script(script), reset, cluster.aclose)


def _sentinel(scheme: str, rest: str, connection: dict[str, Any], script: str) -> Client:
    hosts, options, path = _parts(scheme, rest, _SENTINEL_PORT)
    service, _, database = path.partition("/")
    seconds = connection["socket_timeout"] * _SENTINEL_SHARE
    of_sentinels = {
        **{name: value for name, value in options.items() if name.startswith("ssl")},
        "password": options.pop(_SENTINEL_PASSWORD, None),
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
        "retry": connection["retry"],
        "driver_info": None,
    }
    sentinels = Sentinel(hosts, sentinel_kwargs=of_sentinels, **{**connection, **options})  # type: ignore[no-untyped-call]  # redis-py has no types here
    server: Redis = sentinels.master_for(service, db=int(database or 0))
    _check(server)

    async def close() -> None:
        await server.aclose()
        await sentinels.aclose()

    return Client(server.register_script(script), server.connection_pool.disconnect, close)


def _parts(scheme: str, rest: str, default_port: int = 6379) -> tuple[list[tuple[str, int]], dict[str, Any], str]:
    """Hosts with their ports, redis-py's options of a connection, and the path without its first slash."""
    address, _, query = rest.partition("?")
    address, _, path = address.partition("/")
    user, at, listed = address.rpartition("@")
    hosts = []
    for host in listed.split(","):
        options: dict[str, Any] = dict(parse_url(f"{scheme}://{user}{at}{host}?{query}"))
        hosts.append((options.pop("host"), options.pop("port", default_port)))
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    return hosts, options, path


def _check(server: Redis) -> None:
    """Raise for wrong options: redis-py reports them only when it creates a connection object, so one is created here."""
    pool = server.connection_pool
    pool.connection_class(**pool.connection_kwargs)


def error_name(error: BaseException) -> str:
    """What kind of error it is. Its text is left out, since it may quote the URL."""
    while isinstance(error, RedisClusterException) and (of_node := error.__cause__ or error.__context__):
        error = of_node
    if isinstance(error.__context__, SSLCertVerificationError):  # redis-py raises its own error while it handles this
        return "the TLS certificate is not accepted"
    return type(error).__name__
