"""A token that is bound to a connection has no times in any answer; what hides its expiry otherwise is not released."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import pytest
from msgspec.structs import replace

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, Serving
from tests.unit.issuing.other_vendors import Relay, Socket
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration
from tokend.plugins import Backend, Grant, Issuance, Minted, Reading, Secret
from tokend.testing import BackendConformance

_YAML: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    backends:
      rtm: {{}}
      socket: {{secret: {{env: SOCKET_SECRET}}}}
    callers:
      anybody: {{anonymous: true, rules: [{{}}]}}
    routes: [{{path: /}}]
"""
_CUSTOM: Final = """
      - path: "/auth/{socket}/{user}"
        kind: socket
        response: {auth: "{token}", until: "{expires_at}", again: "{renew_at}"}
"""
_TIMES: Final = ("ttl", "expires_at", "renew_at")
_REQUEST: Final = {"kind": "socket", "user": "ann", "socket": "7"}


def _configuration(socket: type[Backend] = Socket, text: str = _YAML) -> Configuration:
    secrets = Secrets({"CERTIFICATE": CERTIFICATE, "SOCKET_SECRET": "a test's secret"}, Path())
    return assemble(parse(text, "config.yaml"), "config.yaml", secrets, {"socket": socket})


async def test_no_answer_has_times_of_a_bound_token(serving: Serving) -> None:
    text = _YAML.replace("[{path: /}]", f"\n      - path: /{_CUSTOM}")
    async with serving(_configuration(text=text)) as server:
        native = await server.token_request("POST", "/v1/token", _REQUEST)
        batch = await server.token_request("POST", "/v1/tokens", {"requests": [_REQUEST, {"kind": "rtm", "user": "a"}]})
        bound, usual = batch.json["results"]
        for answer in (native.json, bound):
            assert answer["token"].startswith("s7:ann:")
            assert [answer[name] for name in _TIMES] == [None] * 3
        assert usual["expires_at"] == usual["issued_at"] + usual["ttl"]
        custom = await server.token_request("GET", "/auth/7/ann")
        assert custom.json == {"auth": native.json["token"], "until": None, "again": None}


async def test_no_answer_says_that_a_lifetime_of_a_bound_token_was_shortened(serving: Serving) -> None:
    """It said `ttl: 86400`, or `ttl_asked` beside `ttl: null`."""
    text = _YAML.replace("[{path: /}]", f"\n      - {{path: /, on_excess: clamp}}{_CUSTOM}        on_excess: clamp\n")
    async with serving(_configuration(text=text)) as server:
        native = await server.token_request("POST", "/v1/token", {**_REQUEST, "ttl": 999_999})
        assert native.json["ttl"] is None
        assert "ttl_asked" not in native.json
        custom = await server.token_request("GET", "/auth/7/ann?ttl=999999")
        assert custom.json == {"auth": native.json["token"], "until": None, "again": None}


class _Expires(Socket):
    expires: ClassVar[bool] = True


class _WithPassword(Relay):
    extras: ClassVar[tuple[str, ...]] = ("password",)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        minted = super().mint(grant, issuance)
        return replace(minted, extra={"password": minted.token.rpartition(":")[2]})


class _ReadsPassword(_WithPassword):
    def read(self, token: str) -> Reading:
        return replace(super().read(token), extra={"password": token.rpartition(":")[2]})


class _ReadsAnotherPassword(_WithPassword):
    def read(self, token: str) -> Reading:
        return replace(super().read(token), extra={"password": "x"})


class _HidesItsUser(Socket):
    def read(self, token: str) -> Reading:
        reading = super().read(token)
        return replace(reading, hidden=reading.hidden | {"user"})


WRONG: Final[Mapping[str, type[Backend]]] = {
    "hidden expiry": _Expires,
    "extra is not read back": _WithPassword,
    "extra is read otherwise": _ReadsAnotherPassword,
    "hidden user": _HidesItsUser,
}


def _fields(backend: type[Backend]) -> dict[str, str]:
    return {"user": "ann", "socket": "7"} if issubclass(backend, Socket) else {"user": "ann"}


def _suite(backend: type[Backend]) -> BackendConformance:
    fields = _fields(backend)
    suite: BackendConformance = type(
        "Suite",
        (BackendConformance,),
        {
            "backend": backend,
            "options": {"secret": Secret("a test's secret")},
            "token_requests": (fields, {**fields, "user": "bob"}),
        },
    )()
    return suite


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_what_cannot_be_verified_is_not_released(serving: Serving, wrong: type[Backend]) -> None:
    async with serving(_configuration(wrong)) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "socket", **_fields(wrong)})
        assert (reply.status, reply.json["code"]) == (500, "internal")
        assert b":ann:" not in reply.body


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_the_suite_fails(wrong: type[Backend]) -> None:
    with pytest.raises(AssertionError):
        _suite(wrong).test_what_is_minted_keeps_to_the_contract()


class TestRelay(BackendConformance):
    """A format without an issue time passes the suite."""

    backend: ClassVar[type[Backend]] = Relay
    options: ClassVar[Mapping[str, object]] = {"secret": Secret("a test's secret")}
    token_requests = ({"user": "ann"}, {"user": "bob"})


class TestSocket(TestRelay):
    """So does one that is bound to a connection."""

    backend = Socket
    token_requests = ({"user": "ann", "socket": "7"}, {"user": "ann", "socket": "8"})


class TestPassword(TestRelay):
    """And one with a password beside the token."""

    backend = _ReadsPassword
