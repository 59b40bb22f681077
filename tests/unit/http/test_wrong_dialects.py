"""What a client sees of a dialect or an auth scheme that breaks its contract: 500 with a code, and the server goes on."""

import asyncio
from typing import Any, Final

import pytest

from tests.unit.http.running import DEMO, KEY, Serving
from tokend.auth.api_key import ApiKey
from tokend.config.entry_points import DIALECTS
from tokend.core.errors import ApiError
from tokend.core.model import Caller
from tokend.plugins import Dialect, Endpoint, HttpResponse, Issue, TokenRequest

_KEY: Final = ("X-API-Key", KEY)
_TEXT: Final = f"{DEMO}    routes: [{{path: /, dialect: broken}}]\n"


def _parse(request: Any) -> Issue:
    return Issue((TokenRequest("rtm", {"user": "ada"}),))


def _render(request: Any, outcomes: Any) -> HttpResponse:
    return HttpResponse(200, b"{}")


def _render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    return HttpResponse(api_error.status, b'{"code": "%s"}' % api_error.code.value.encode())


def _raising(error: BaseException) -> Any:
    def member(*arguments: object) -> Any:
        raise error

    return member


def _returning(response: HttpResponse) -> Any:
    return lambda *arguments: response


class _Panic(BaseException):
    """As of a library in Rust."""


@pytest.mark.parametrize(
    "error",
    [RuntimeError("x"), SystemExit(3), asyncio.CancelledError(), _Panic()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("member", ["parse", "render", "render_error"])
async def test_whatever_a_dialect_raises_is_an_internal_error(
    member: str, error: BaseException, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SystemExit` ended the server, and `CancelledError` or a panic the connection, without an answer."""
    members = {"parse": _parse, "render": _render, "render_error": _render_error, member: _raising(error)}
    if member == "render_error":
        members["parse"] = _raising(RuntimeError("x"))
    await _check(members, serving, monkeypatch)


@pytest.mark.parametrize(
    "response",
    [HttpResponse(1000, b"x"), HttpResponse(-1, b"x"), HttpResponse(200, b"x", "text/plain\r\nSet-Cookie: a=b")],
    ids=["1000", "-1", "content type"],
)
async def test_a_response_that_http_does_not_have_is_an_internal_error(
    response: HttpResponse, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {"parse": _parse, "render": _returning(response), "render_error": _render_error}
    await _check(members, serving, monkeypatch)


async def test_an_issue_without_a_token_request_is_an_internal_error_and_the_log_names_the_dialect(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raised `IndexError`. A client reaches it by an empty list, if the dialect does not check."""
    endpoint = Endpoint("GET", "token", lambda request: Issue(()), _render)
    monkeypatch.setattr(DIALECTS, "load", lambda name: Dialect("broken", (endpoint,), _render_error))
    async with serving(_TEXT) as server:
        reply = await server.token_request("GET", "/token", None, _KEY)
        assert (reply.status, reply.json["code"]) == (500, "internal")
        assert server.lines[-1]["reason"] == "dialect broken returned an Issue without a token request"


async def _check(members: dict[str, Any], serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint("GET", "token", members["parse"], members["render"])
    broken = Dialect("broken", (endpoint,), members["render_error"])
    monkeypatch.setattr(DIALECTS, "load", lambda name: broken)
    async with serving(_TEXT) as server:
        for _ in range(2):
            reply = await server.token_request("GET", "/token", None, _KEY)
            assert (reply.status, reply.json["code"]) == (500, "internal")
        assert (await server.token_request("GET", "/ping", None)).status in (200, 404)


async def test_a_scheme_may_not_return_the_caller_of_another_one(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of that caller would decide, on a route that may exclude it."""

    async def authenticate(*arguments: object) -> Caller:
        return Caller("somebody-else", {})

    monkeypatch.setattr(ApiKey, "authenticate", authenticate)
    async with serving(DEMO) as server:
        reply = await server.token_request("GET", "/demo/rtm/ada", None, _KEY)
        assert reply.status == 500
        assert "returned a caller that it does not authenticate" in server.lines[-1]["reason"]
