"""Who may use the admin listener: the Host header, the Origin header, and the key of `server.admin`."""

import stat
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tokend.auth.key_digests import digest_of
from tokend.http.request_parsing import host_of
from tokend.http.responses import json_error

_WRONG_HOST: Final = (
    "the Host header must be localhost, an address, or the host of server.admin.listen: "
    "a page of a browser can have any other name lead here"
)
_NO_KEY: Final = (
    "server.admin has no key: add key: to it, as `tokend key new` prints it, "
    "or listen on a unix socket that not everybody may open"
)
_WRONG_KEY: Final = "the key of server.admin is needed, as Authorization: Bearer"
_FOREIGN: Final = "no page of another origin may do this"


class Access:
    """Decides for each request. `key`: the digest of the admin key. `host`: that of `server.admin.listen`, or None."""

    def __init__(self, key: str | None, host: str | None) -> None:
        self._key = key
        self._host = None if host is None else host.lower()

    def by_own_name(self, handler: Handler) -> Handler:
        """The handler, for requests that no page of another origin sends and that, on loopback, name this machine.

        Probes (`/healthz`, `/readyz`) go without, since they may come by any name.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            if _is_on_loopback(request) and not self._is_named(request):
                return json_error(403, _WRONG_HOST)
            if _is_foreign(request):
                return json_error(403, _FOREIGN)
            return await handler(request)

        return handle

    def only_operator(self, handler: Handler) -> Handler:
        """The handler, for the operator alone: whoever has the key or, without one, opens the unix socket."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._key is not None:
                if digest_of(_bearer(request)) != self._key:
                    return json_error(401, _WRONG_KEY)
            elif not _is_on_protected_socket(request):
                return json_error(403, _NO_KEY)
            elif not self._is_named(request):  # `ssh -L` lets a browser reach a unix socket
                return json_error(403, _WRONG_HOST)
            return await handler(request)

        return self.by_own_name(handle)

    def _is_named(self, request: web.BaseRequest) -> bool:
        host = host_of(request)
        return host == self._host or _names_this_machine(host)


def _bearer(request: web.BaseRequest) -> str:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _is_foreign(request: web.BaseRequest) -> bool:
    """Whether a page of another origin sends it. Browsers say so; programs send neither header."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and origin.partition("://")[2] != request.headers.get(hdrs.HOST)


def _names_this_machine(host: str | None) -> bool:
    """`localhost` or an address. A page may have any other name lead here (DNS rebinding), and then sends no Origin."""
    if host is None or host == "localhost":
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_on_loopback(request: web.BaseRequest) -> bool:
    """Whether the connection came to a loopback address."""
    end = request.get_extra_info("sockname")
    if not isinstance(end, tuple):
        return False
    address = ip_address(end[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_on_protected_socket(request: web.BaseRequest) -> bool:
    """Whether it came over a unix socket that not everybody may open. systemd makes sockets of mode 0666 by default."""
    path = request.get_extra_info("sockname")
    if not isinstance(path, str):  # bytes: an abstract socket, which has no mode; None: the connection has gone
        return False
    try:
        return not Path(path).stat().st_mode & stat.S_IWOTH
    except OSError:
        return False
