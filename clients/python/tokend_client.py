"""Tokens of a tokend server that renew themselves, for bots, recorders and back ends. Needs Python 3.11 and aiohttp.

    async with TokenSource("https://tokens.example.com/demo", "rtc", {"channel": "room", "uid": 7}) as source:
        async for token in source.tokens():
            connection.renew_token(token.token)

Lifetimes are measured on this machine's clocks, from the moment at which the request was sent: whether its wall clock
agrees with that of the server does not matter. Without a usable token a call waits until the server answers, however
long that takes; `asyncio.timeout` limits it. The logger `tokend_client` has a line for each attempt that failed.
"""

import asyncio
import errno
import json
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self, TypeAlias

import aiohttp
from yarl import URL

__all__ = ["ApiKey", "Bearer", "Token", "TokenError", "TokenSource"]

_ATTEMPT: Final = aiohttp.ClientTimeout(total=10)
"""Seconds for a request and its answer."""
_LONGEST_AUTH: Final = 30.0
"""Seconds for the function `auth`. Without a limit, one call that never returns would end all renewals."""
_FIRST_BACK_OFF: Final = 0.5
_LONGEST_BACK_OFF: Final = 30.0
"""Seconds. The wait after a failure is random, between nothing and a limit that doubles with each failure."""
_LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds: a longer `Retry-After` of a server or proxy is cut."""
_SLICE: Final = 15.0
"""Seconds: the longest sleep before the clocks are read again. A machine that was suspended is noticed so soon."""
_REPAIRABLE: Final = frozenset({408, 425, 429})
"""Statuses below 500 for which the same request may succeed later."""
_UNKNOWN: Final = "unknown"
_log: Final = logging.getLogger("tokend_client")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A caller's API key, sent as `X-API-Key`. Raises `ValueError` for what no header can hold."""

    key: str = field(repr=False)

    def __post_init__(self) -> None:
        _check_header(self.key, "the API key")

    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


@dataclass(frozen=True, slots=True)
class Bearer:
    """A user's JWT, sent as `Authorization: Bearer`. Raises `ValueError` for what no header can hold."""

    jwt: str = field(repr=False)

    def __post_init__(self) -> None:
        _check_header(self.jwt, "the bearer token")

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.jwt}"}


Credential: TypeAlias = ApiKey | Bearer
Auth: TypeAlias = Credential | Callable[[], Awaitable[Credential]]


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the server's whole answer. Times are Unix seconds by the server's clock; None: it never expires."""

    token: str = field(repr=False)
    kind: str
    issued_at: int
    expires_at: int | None
    renew_at: int | None
    answer: Mapping[str, Any] = field(repr=False, compare=False)


class TokenError(Exception):
    """The server does not issue this token, and asking again would not help.

    `code`: the error code (docs/reference/errors.md), or `unknown` if the answer is not tokend's.
    `detail`: a sentence; `field`: the field of the request at fault; `status`: the HTTP status; `request_id`: what the
    server's log has; `retry_after`: seconds.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        field: str | None,
        status: int,
        request_id: str | None,
        retry_after: float | None,
    ) -> None:
        super().__init__(code, detail, field, status, request_id, retry_after)
        self.code, self.detail, self.field = code, detail, field
        self.status, self.request_id, self.retry_after = status, request_id, retry_after

    def __str__(self) -> str:
        named = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.detail}{named}"


class TokenSource:
    """Fetches a token, keeps it until it is due for renewal, and sends one request for any number of waiters.

    `url`: the app's address, such as `https://tokens.example.com/demo`. `kind` and `fields`: as in `POST v1/token`.
    `ttl`: seconds. `auth`: a credential, or an async function that returns one. It is called before each request, and
    again if the server rejects its credential.
    `session`: an aiohttp session to use, which stays open; without it the source has its own, until `close`.
    `clock` and `wall_clock` return seconds; `random` returns 0 to 1. Raises `ValueError` for an argument that cannot work,
    `TypeError` for an `auth` of another type.
    """

    def __init__(
        self,
        url: str,
        kind: str,
        fields: Mapping[str, Any],
        *,
        ttl: int | None = None,
        auth: Auth | None = None,
        session: aiohttp.ClientSession | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        _check_auth(auth)
        self._url, self._kind = _address(url), kind
        for name in ("kind", "ttl"):
            if name in fields:
                raise ValueError(f"fields may not hold {name}: it is an argument of its own")
        self._body = json.dumps({"kind": kind, **fields, **({} if ttl is None else {"ttl": ttl})}).encode()
        self._auth = auth
        self._session, self._owns_session = session, session is None
        self._clock, self._wall_clock, self._sleep, self._random = clock, wall_clock, sleep, random
        self._held: _Held | None = None
        self._in_flight: _SharedRequest | None = None
        self._failures = 0
        self._last_failure: _Moment | None = None
        self._back_off = 0.0
        self._closed = False
        self._closing = asyncio.Event()

    def __repr__(self) -> str:
        return f"TokenSource({_without_key(str(self._url))!r}, {self._kind!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the request in flight, and the session unless it was given. Waiters get `RuntimeError`."""
        self._closed = True
        self._closing.set()
        if self._in_flight is not None:
            self._in_flight.cancel()
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def get(self) -> Token:
        """Return the token that is held, or a new one if that is due for renewal.

        While the server cannot be reached, the held token is returned until it expires. Raises `TokenError`.
        """
        held = self._held
        if held is None or self._has_ended(held):
            return await self.renew()
        if self._is_due(held) and self._wait_left() <= 0 and (renewed := await self._attempt()) is not None:
            return renewed
        return held.token if not self._has_ended(held) else await self.renew()

    async def renew(self) -> Token:
        """Return a new token, however long the held token lasts: for an SDK that says that its token will expire.

        Raises `TokenError`.
        """
        while (token := await self._attempt()) is None:
            pass
        return token

    async def tokens(self) -> AsyncIterator[Token]:
        """Yield the token, and each renewed token when it has arrived. Raises `TokenError`.

        Ends after a token that never expires, and when the source is closed.
        """
        token: Token | None = await self.get()
        while token is not None:
            yield token
            token = await self._newer_than(token)

    async def _newer_than(self, token: Token) -> Token | None:
        """Wait until another token is held. None: the source was closed, or the token never expires."""
        while not self._closed and (held := self._held) is not None:
            if held.token is not token and not self._has_ended(held):
                return held.token
            if held.renew_after is None:
                return None
            if self._is_due(held):
                await self._attempt()
            else:
                await self._pause(min(_SLICE, held.renew_after - self._since(held.sent)))
        return None

    async def _pause(self, seconds: float) -> None:
        """Sleep until then, or until the source is closed."""
        sleep, closing = map(asyncio.ensure_future, (self._sleep(seconds), self._closing.wait()))
        try:
            done, _ = await asyncio.wait({sleep, closing}, return_when=asyncio.FIRST_COMPLETED)
            for wait in done:
                wait.result()  # raises what `sleep` did
        finally:
            sleep.cancel()
            closing.cancel()

    def _now(self) -> "_Moment":
        return _Moment(self._clock(), self._wall_clock())

    def _since(self, moment: "_Moment") -> float:
        """Seconds since then. A monotonic clock may stop while the machine is suspended, the wall clock does not."""
        return max(self._clock() - moment.monotonic, self._wall_clock() - moment.wall)

    def _is_due(self, held: "_Held") -> bool:
        return held.renew_after is not None and self._since(held.sent) >= held.renew_after

    def _has_ended(self, held: "_Held") -> bool:
        return held.lasts is not None and self._since(held.sent) >= held.lasts

    def _wait_left(self) -> float:
        """Seconds until the next attempt may begin."""
        return 0.0 if self._last_failure is None else self._back_off - self._since(self._last_failure)

    async def _attempt(self) -> Token | None:
        """Join the request in flight, or begin one. None: it failed, and another attempt may succeed."""
        if self._closed:
            raise RuntimeError("the token source is closed")
        if self._in_flight is None or self._in_flight.is_over:
            self._in_flight = _SharedRequest(self._request())
        return await self._in_flight.result()

    async def _request(self) -> Token | None:
        while (seconds := self._wait_left()) > 0:
            await self._sleep(min(_SLICE, seconds))
        try:
            token, sent = await self._fetch()
        except TokenError as error:
            if not self._may_pass(error):
                raise
            self._fail(str(error), error.retry_after)
            return None
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            self._fail(_no_answer(error), None)
            return None
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            self._fail("what the request waited for was cancelled", None)  # such as a shared task of `auth`
            return None
        renew_after, lasts = (
            None if until is None else max(1, until - token.issued_at) for until in (token.renew_at, token.expires_at)
        )
        held = _Held(token, sent, renew_after if lasts is None else min(renew_after or lasts, lasts), lasts)
        if self._has_ended(held):
            self._fail("the token ended before it arrived", None)  # the machine was suspended
            return None
        self._failures, self._last_failure, self._held = 0, None, held
        return token

    def _may_pass(self, error: TokenError) -> bool:
        """Whether another attempt may succeed."""
        if error.code == _UNKNOWN and self._held is not None:
            return True  # the address was right before: this is the answer of a proxy
        return error.status >= 500 or error.status in _REPAIRABLE

    def _fail(self, reason: str, retry_after: float | None) -> None:
        """Note a failure, and how long to wait: what the server said, and the back-off with full jitter on top."""
        limit = min(_LONGEST_BACK_OFF, _FIRST_BACK_OFF * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self._last_failure = self._now()
        self._back_off = min(retry_after or 0.0, _LONGEST_RETRY_AFTER) + self._random() * limit
        text = _without_key(f"no token from {self._url}: {reason}")
        _log.warning("%s; the next attempt is in %.1f s", text, self._back_off)

    async def _fetch(self) -> "tuple[Token, _Moment]":
        credential = await self._credential()
        try:
            return await self._post(credential)
        except TokenError as error:
            if error.status != 401 or (fresh := await self._credential()) == credential:
                raise
        return await self._post(fresh)  # the other has just ended, or its key was rotated

    async def _credential(self) -> Credential | None:
        if not callable(self._auth):
            return self._auth
        limit = asyncio.timeout(_LONGEST_AUTH)
        try:
            async with limit:
                credential = await self._auth()
        except TimeoutError:
            if not limit.expired():
                raise
            raise OSError(f"the function auth did not return within {_LONGEST_AUTH:g} s") from None
        returned: object = credential  # what another program's function returns is not checked before
        if not (returned is None or isinstance(returned, ApiKey | Bearer)):
            raise TypeError('the function auth must return ApiKey("…") or Bearer("…")')
        return credential

    async def _post(self, credential: Credential | None) -> "tuple[Token, _Moment]":
        """Return the token, and when its request was sent."""
        sent = self._now()
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(
            self._url,
            data=self._body,
            headers={"Content-Type": "application/json", **({} if credential is None else credential.headers())},
            timeout=_ATTEMPT,
            allow_redirects=False,  # an API key must not follow a redirect to another host
        ) as response:
            content = await response.read()
        answer = _json_object(content)
        if response.status != 200:
            raise _error(response.status, response.headers, answer, self._wall_clock())
        try:
            return _token(answer), sent
        except (KeyError, TypeError):
            detail = "the answer is not tokend's: is url the app's address?"
            raise TokenError(_UNKNOWN, detail, None, response.status, None, None) from None


class _Moment(NamedTuple):
    """A moment on both clocks, in seconds."""

    monotonic: float
    wall: float


class _Held(NamedTuple):
    """A token, when its request was sent, and for how many seconds from then on it lasts. None: for ever."""

    token: Token
    sent: _Moment
    renew_after: int | None
    lasts: int | None


class _SharedRequest:
    """A request with several waiters, each of which may be cancelled. It is cancelled when the last of them is."""

    def __init__(self, request: Coroutine[Any, Any, Token | None]) -> None:
        self._task = asyncio.create_task(request)
        self._waiters = 0

    @property
    def is_over(self) -> bool:
        """A closed event loop ends no task, but it never runs one again."""
        return self._task.done() or self._task.get_loop().is_closed()

    def cancel(self) -> None:
        if not self._task.get_loop().is_closed():
            self._task.cancel()

    async def result(self) -> Token | None:
        """Wait for what the request returns; None if it was cancelled."""
        if self._task.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError("the token source is in use in another event loop")  # which would not wake this one
        self._waiters += 1
        try:
            await asyncio.wait({self._task})
        finally:
            self._waiters -= 1
            if self._waiters == 0:
                self.cancel()
        return None if self._task.cancelled() else self._task.result()


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task; else a `CancelledError` comes from what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _check_auth(auth: object) -> None:
    if not (auth is None or isinstance(auth, ApiKey | Bearer) or callable(auth)):
        raise TypeError('auth must be ApiKey("…"), Bearer("…") or an async function that returns one of them')


def _check_header(text: str, name: str) -> None:
    if not text.isascii() or not text.isprintable() or " " in text or not text:
        raise ValueError(f"{name} must be visible ASCII without spaces: is there a line break at its end?")


def _address(url: str) -> URL:
    """Return the URL at which tokens are requested, from an app's address."""
    try:
        address = URL(url)
    except ValueError:  # its text may quote a password
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError("url must be the app's address, such as https://tokens.example.com/demo")
    if address.raw_user or address.raw_password or address.raw_query_string or address.raw_fragment:
        raise ValueError("url must have no user, password, query or fragment: pass a credential as auth")
    return address.with_path(f"{address.raw_path.rstrip('/')}/v1/token", encoded=True)


def _without_key(text: str) -> str:
    """Hide the keys of addresses: signed URLs have them after `/k/`."""
    return re.sub(r"/k/[^/\s]+", "/k/…", text)


def _no_answer(error: Exception) -> str:
    """Return why there is no answer, and what to check."""
    match error:
        case TimeoutError():
            return "no answer in time: is the server busy, or does a firewall drop the connection?"
        case aiohttp.ClientConnectorCertificateError():
            return f"the server's TLS certificate is not accepted: {error.certificate_error}"
        case aiohttp.ClientConnectorDNSError():
            return f"the host {error.host} has no address: is its name right, and is this machine online?"
        case aiohttp.ClientConnectorError(errno=errno.ECONNREFUSED):
            return f"nothing listens at {error.host}:{error.port}: is the server running, and is the port right?"
    return f"{type(error).__name__}: {error}"


def _json_object(content: bytes) -> dict[str, Any]:
    """Return what an answer holds; nothing for what is not a JSON object."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _token(answer: dict[str, Any]) -> Token:
    """Raises `KeyError` or `TypeError` for what is no token."""
    for name, types in (("token", str), ("kind", str), ("issued_at", int)):
        if not isinstance(answer[name], types):
            raise TypeError
    for name in ("expires_at", "renew_at"):
        if not isinstance(answer[name], int | None):
            raise TypeError
    times = (answer["issued_at"], answer["expires_at"], answer["renew_at"])
    return Token(answer["token"], answer["kind"], *times, MappingProxyType(answer))


def _error(status: int, headers: Mapping[str, str], answer: dict[str, Any], now: float) -> TokenError:
    """Return the error of an answer, which may be a proxy's. `now`: Unix seconds."""

    def text(name: str) -> str | None:
        value = answer.get(name)
        return value if isinstance(value, str) else None

    detail = f"the server answered with status {status}"
    if 300 <= status < 400:
        detail += ", a redirect: write the address to which it leads as url"
    return TokenError(
        text("code") or _UNKNOWN,
        text("detail") or detail,
        text("field"),
        status,
        text("request_id"),
        _retry_after(headers, now),
    )


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `Retry-After` says (RFC 9110), None without it.

    An HTTP date is compared with the `Date` of the same answer, if it has it: the clocks may differ.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    until = _unix_seconds(text)
    if until is None:
        return None
    sent = _unix_seconds(headers.get("Date", ""))
    return max(0.0, until - (now if sent is None else sent))


def _unix_seconds(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
