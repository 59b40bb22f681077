"""The sender of a request: the peer of its connection or, behind trusted proxies, the client that they name."""

from aiohttp import hdrs, web

from tokend.issuing.trusted_proxies import UNIX, TrustedProxies


def peer_of(request: web.BaseRequest) -> str:
    """The address of the connection's peer: UNIX for a unix socket, empty if the connection is closed already."""
    name = request.get_extra_info("peername")
    if isinstance(name, tuple):
        return str(name[0])
    return "" if name is None else UNIX


def client_of(request: web.BaseRequest, proxies: TrustedProxies) -> str:
    """The address of the client that sent a request."""
    return proxies.client(peer_of(request), request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
