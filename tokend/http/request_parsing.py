"""Reads credentials, host, media type, query and body from an aiohttp request, strictly and within limits."""

from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import BadHttpMessage
from msgspec.structs import replace

from tokend.auth.authenticator import read_credentials
from tokend.auth.contract import Credentials
from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import FORM, JSON
from tokend.dialects.reading import url_encoded
from tokend.http.bodies import BodyReader
from tokend.http.proxies import peer_of
from tokend.issuing.configuration import Route
from tokend.issuing.routing import Match
from tokend.issuing.trusted_proxies import TrustedProxies

MAX_BODY: Final = 64 * 1024
BODY_ERRORS: Final = (ConnectionError, web.RequestPayloadError, BadHttpMessage)
"""What reading a body raises if it is broken off or malformed. Only aiohttp's parser in Python raises the last."""
BROKEN_BODY: Final = "the body is incomplete, or its chunks are malformed"
_NO_CREDENTIALS: Final = Credentials()


def credentials_in(request: web.BaseRequest, found: Match, proxies: TrustedProxies) -> Credentials:
    """The request's credentials."""
    headers, authenticator = request.headers, found.route.authenticator
    url_key = found.url_key if found.endpoint.key_parameter is None else _url_key(request, found)
    if (
        url_key is None
        and authenticator.cookie is None
        and not authenticator.proxy_headers
        and hdrs.AUTHORIZATION not in headers
        and not any(name in headers for name in authenticator.headers)
    ):
        return _NO_CREDENTIALS
    credentials = read_credentials(
        headers.getall(hdrs.AUTHORIZATION, ()),
        {name: headers.getall(name, ()) for name in authenticator.headers},
        url_key,
        _session(request, found),
    )
    return _with_proxied(credentials, request, found.route, proxies) if authenticator.proxy_headers else credentials


def _url_key(request: web.BaseRequest, found: Match) -> str | None:
    """The key in the path, or in the query of an endpoint that has one there. Raises `ApiError` (400) for two keys."""
    keys = [value for name, value in query_of(request) if name == found.endpoint.key_parameter]
    if found.url_key is not None:
        keys.append(found.url_key)
    if len(keys) > 1:
        raise ApiError(Code.CREDENTIAL_AMBIGUOUS, "two keys in the URL: send one")
    return keys[0] if keys else None


def _with_proxied(
    credentials: Credentials, request: web.BaseRequest, route: Route, proxies: TrustedProxies
) -> Credentials:
    """Add the headers of a trusted proxy. The proxy may derive them from cookies, which other pages can send: `_is_foreign`."""
    headers = {
        name: values for name in route.authenticator.proxy_headers if (values := request.headers.getall(name, None))
    }
    peer = peer_of(request)
    if not proxies.trust(peer):
        return replace(credentials, unproxied=f"the peer {peer} is not in server.trusted_proxies" if headers else None)
    if headers and _is_foreign(request, route):
        return replace(credentials, unproxied="a page sent this whose origin is neither the Host nor named by cors")
    return replace(credentials, proxied=headers)


def _is_foreign(request: web.BaseRequest, route: Route) -> bool:
    """Whether a page of another host sends the request, and `cors` does not name that page. `*` names no page."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:  # images and forms of other pages send no Origin; current browsers send Sec-Fetch-Site
        return request.headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin")
    host = _bare_host(origin.partition("://")[2])
    if host is not None and host == host_of(request):
        return False
    return not _is_named(origin, route)


def _is_named(origin: str, route: Route) -> bool:
    """Whether `cors` names the page. `*` names no page."""
    origins = route.app.options.cors.origins
    return "*" not in origins.written and origins.allow(origin)


def _session(request: web.BaseRequest, found: Match) -> str | None:
    """The session cookie of a preset; None unless `cors` names the page, since browsers add cookies to any page's requests."""
    name = found.route.authenticator.cookie
    if name is None:
        return None
    origin = request.headers.get(hdrs.ORIGIN)
    return None if origin is None or not _is_named(origin, found.route) else request.cookies.get(name)


def host_of(request: web.BaseRequest) -> str | None:
    """The Host header in lower case, without its port."""
    return _bare_host(request.headers.get(hdrs.HOST, ""))


def _bare_host(text: str) -> str | None:
    host = text.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0] or None


def media_of(request: web.BaseRequest) -> str:
    """FORM for a form and for a query without a content type; JSON otherwise."""
    written = request.headers.get(hdrs.CONTENT_TYPE)  # aiohttp's `content_type` fails for parameters such as `;x*`
    if written is None:
        return FORM if "?" in request.raw_path else JSON
    return FORM if written.partition(";")[0].strip().lower() == FORM else JSON


def query_of(request: web.BaseRequest) -> tuple[tuple[str, str], ...]:
    raw = request.raw_path.partition("?")[2]
    return url_encoded(raw, "query") if raw else ()


def check_body_headers(request: web.BaseRequest, limit: int) -> None:
    """Raise `ApiError` if the head says that the body cannot be taken: 415 if compressed, 413 if over `limit` bytes."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "send the body uncompressed")
    if (request.content_length or 0) > limit:
        raise ApiError(Code.TOO_LARGE, f"the body is over {limit} bytes")


async def body_of(request: web.BaseRequest, limit: int, seconds: float, body_reader: BodyReader) -> bytes:
    """The whole body, at most `limit` bytes, after `check_body_headers`.

    Raises `ApiError`: 413 for a body that is too long, 400 for one that is broken off, 408 for one that has not arrived
    after `seconds`, 503 for one that had to make room for others.
    """
    try:
        # 100-continue: any other value was rejected before. HTTP/1.0 has no such response (RFC 9110, 10.1.1)
        if hdrs.EXPECT in request.headers and request.version == HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the response itself has not begun
        if request.content.at_eof():  # no body, or a middleware of the embedding application has read it
            body = await request.read()
        else:  # the embedding application's `client_max_size` does not apply
            body = await body_reader.read(request.content, limit, seconds)
    except TimeoutError as error:
        raise ApiError(Code.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:g} s") from error
    except BODY_ERRORS as error:
        raise ApiError(Code.MALFORMED, BROKEN_BODY) from error
    if len(body) > limit:
        raise ApiError(Code.TOO_LARGE, f"the body is over {limit} bytes")
    return body
