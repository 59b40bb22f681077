"""What an inspection says of tokens that are not Agora's is true, also where a format hides its times."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
from msgspec.structs import replace

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW, Serving
from tests.unit.issuing.making import CREDENTIALS
from tests.unit.issuing.other_vendors import Relay, RelayOptions, Socket
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import Inspect, Inspection
from tokend.issuing.configuration import Configuration
from tokend.issuing.inspection import inspect
from tokend.plugins import (
    AppCredentials,
    Backend,
    Diagnosis,
    Grant,
    Issuance,
    Join,
    Reading,
    Secret,
    Service,
)

_NO_APP: Final = AppCredentials(None, {})
_ISSUANCE: Final = Issuance(NOW, 7)


def _backend(backend: type[Backend], secret: str = "a test's secret", app: AppCredentials = _NO_APP) -> Backend:
    return backend(RelayOptions(secret=Secret(secret)), app)


def _token(backend: Backend, **fields: str) -> str:
    return backend.mint(backend.grant(backend.Fields.model_validate(fields), 600), _ISSUANCE).token


def _inspected(backend: Backend, token: str, now: int = NOW, **joins: str) -> Inspection:
    return inspect([backend], Inspect(token, **joins), now)


def _texts(inspection: Inspection) -> str:
    return str(inspection.fields())


def test_a_token_without_an_issue_time_has_no_made_up_times() -> None:
    backend = _backend(Relay)
    inspection = _inspected(backend, _token(backend, user="ann"))
    assert inspection.problems == ()
    says = inspection.says
    assert says["ttl"] is says["issued_at"] is None
    assert (says["expires_at"], says["seconds_left"], says["expired"]) == (NOW + 600, 600, False)
    assert says["hidden"] == ["issued_at", "ttl"]
    assert says["gives"] == ['relay user "ann": relay']
    assert says["services"] == [{"name": "relay", "user": "ann", "privileges": {"relay": None}}]
    assert not {"lasts", "app_id"} & says.keys()


def test_an_expired_token_expired_when_it_says() -> None:
    backend = _backend(Relay)
    inspection = _inspected(backend, _token(backend, user="ann"), NOW + 660)
    assert inspection.problems == ("It expired 1 minute ago.",)


def test_a_token_that_is_bound_to_a_connection_never_expires() -> None:
    backend = _backend(Socket)
    inspection = _inspected(backend, _token(backend, user="ann", socket="7"), 4 * NOW)
    assert inspection.problems == ()
    says = inspection.says
    assert says["ttl"] is says["issued_at"] is says["expires_at"] is None
    assert not {"lasts", "expired", "seconds_left"} & says.keys()


@pytest.mark.parametrize("app", [_NO_APP, CREDENTIALS], ids=["without app_id", "with app_id"])
@pytest.mark.parametrize(("kind", "fields"), [(Relay, {"user": "ann"}), (Socket, {"user": "ann", "socket": "7"})])
def test_a_foreign_secret_is_a_problem(kind: type[Backend], fields: dict[str, str], app: AppCredentials) -> None:
    token = _token(_backend(kind, "another secret"), **fields)
    inspection = _inspected(_backend(kind, app=app), token)
    assert inspection.problems == ("No secret of this app signed it.",)
    assert (inspection.says["signed_by"], inspection.says["app"]) == (None, "another")
    assert inspection.says["signature"] == "not by a secret of this app"


@pytest.mark.parametrize("app", [_NO_APP, CREDENTIALS], ids=["without app_id", "with app_id"])
def test_a_token_of_this_app_is_ours(app: AppCredentials) -> None:
    backend = _backend(Relay, app=app)
    says = _inspected(backend, _token(backend, user="ann")).says
    assert (says["signed_by"], says["app"], says["signature"]) == ("secret", "yours", "valid")


@pytest.mark.parametrize("token", ["1:ann:00", "9999999999:ann:00", "s7:ann:00"])
def test_nothing_is_said_of_agora(token: str) -> None:
    for kind in (Relay, Socket):
        try:
            found = _texts(_inspected(_backend(kind, app=CREDENTIALS), token))
        except ApiError as api_error:
            found = api_error.detail
        for word in ("Agora", "App ID", "RTC", "006", "007", "109", "110", "certificate"):
            assert word not in found


def test_a_signature_that_is_hidden_cannot_be_checked() -> None:
    class Hiding(Relay):
        def read(self, token: str) -> Reading:
            reading = super().read(token)
            return replace(reading, signed_by=None, hidden=reading.hidden | {"signed_by"})

    backend = _backend(Hiding)
    says = _inspected(backend, _token(backend, user="ann")).says
    assert (says["signature"], says["app"]) == ("cannot be checked", "unknown")


_YAML: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    backends:
      rtm: {{}}
      relay: {{secret: {{env: RELAY_SECRET}}}}
    callers:
      anybody: {{anonymous: true, rules: [{{}}]}}
    routes: [{{path: /}}]
"""


def _configuration(relay: type[Backend]) -> Configuration:
    secrets = Secrets({"CERTIFICATE": CERTIFICATE, "RELAY_SECRET": "a test's secret"}, Path())
    return assemble(parse(_YAML, "config.yaml"), "config.yaml", secrets, {"relay": relay})


def _raise(error: BaseException) -> NoReturn:
    raise error


def _changed(**methods: Callable[..., Any]) -> type[Backend]:
    return type("Changed", (Relay,), methods)


_READS: Final[Mapping[str, type[Backend]]] = {
    **{
        f"{name} raises {type(error).__name__}": _changed(**{name: lambda *_, error=error: _raise(error)})
        for name in ("read", "read_with")
        for error in (
            RecursionError(CERTIFICATE),
            MemoryError(),
            ApiError(Code.INTERNAL, ""),
            SystemExit(1),
            KeyError(1),
        )
    },
    "read returns None": _changed(read=lambda *_: None),
    "read returns no grant": _changed(read=lambda *_: Reading(None, None, 1, 2)),  # type: ignore[arg-type]
    "read returns no services": _changed(read=lambda *_: Reading(Grant(None, "x", 1, None), None, 1, 2)),  # type: ignore[arg-type]
    "read returns a surrogate": _changed(read=lambda *_: Reading(Grant(None, "\ud800", 1, ()), None, 1, 2)),
    "read returns a text as a time": _changed(read=lambda *_: Reading(Grant(None, "x", 1, ()), None, "1", 2)),  # type: ignore[arg-type]
    "read returns an object": _changed(
        read=lambda *_: Reading(Grant(None, "x", 1, (Service("x", detail={"a": object()}),)), None, 1, 2)
    ),
}


@pytest.mark.parametrize("relay", _READS.values(), ids=_READS)
async def test_a_read_that_fails_leaves_the_other_kinds(serving: Serving, relay: type[Backend]) -> None:
    async with serving(_configuration(relay)) as server:
        issued = await server.token_request("POST", "/v1/token", {"kind": "rtm", "user": "ann"})
        ours = await server.token_request("POST", "/v1/inspect", {"token": issued.json["token"]})
        assert (ours.status, ours.json["signature"], ours.json["problems"]) == (200, "valid", [])
        junk = await server.token_request("POST", "/v1/inspect", {"token": "1:ann:00"})
        assert (junk.status, junk.json["code"], junk.json["field"]) == (400, "invalid_field", "token")
        assert CERTIFICATE.encode() not in junk.body + server.log.getvalue()


_DIAGNOSES: Final[Mapping[str, type[Backend]]] = {
    **{
        type(error).__name__: _changed(diagnose=lambda *_, error=error: _raise(error))
        for error in (RecursionError(CERTIFICATE), MemoryError(), ApiError(Code.INTERNAL, ""), SystemExit(1))
    },
    "None": _changed(diagnose=lambda *_: None),
    "an object": _changed(diagnose=lambda *_: Diagnosis((object(),))),  # type: ignore[arg-type]
    "a number": _changed(diagnose=lambda *_: Diagnosis((7,))),  # type: ignore[arg-type]
    "a text": _changed(diagnose=lambda *_: Diagnosis("no tuple")),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("relay", _DIAGNOSES.values(), ids=_DIAGNOSES)
async def test_a_diagnosis_that_fails_is_left_out(serving: Serving, relay: type[Backend]) -> None:
    token = _token(_backend(Relay), user="ann")
    async with serving(_configuration(relay)) as server:
        reply = await server.token_request("POST", "/v1/inspect", {"token": token})
        assert (reply.status, reply.json["signature"], reply.json["problems"]) == (200, "valid", [])
        assert reply.json["notes"] == ["The backend could not say whether a client can join with it."]
        assert CERTIFICATE.encode() not in reply.body + server.log.getvalue()


def test_a_diagnosis_gets_what_the_client_joins_with() -> None:
    joins: list[Join] = []

    class Asked(Relay):
        def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
            joins.append(join)
            return Diagnosis(())

    backend = _backend(Asked)
    _inspected(backend, _token(backend, user="ann"), channel="lobby", user="ann", product="relay")
    assert joins == [Join("lobby", "ann", "relay")]
