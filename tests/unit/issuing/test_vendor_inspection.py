"""An inspection reads a token once per vendor, however many of its kinds an app has."""

from typing import Any

import pytest

from tests.unit.core.any_kind import AnyKind
from tests.unit.issuing.making import CREDENTIALS, ISSUANCE, app, backends, permitted, rtc, rule
from tokend.backends.agora.apaas import Apaas
from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.rtm2 import Rtm2
from tokend.backends.contract import Backend, NoOptions, Reading
from tokend.core.errors import ApiError
from tokend.core.model import Grant, Service
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect


class _HiddenTtl(AnyKind):
    """Reads any text as a token that does not show its ttl."""

    def read(self, token: str) -> Reading:
        privileges = {"listen": 0, "speak": 0, "log_in": 60}
        grant = Grant(None, "any", 0, (Service("call", "ann", "lobby", privileges),))
        return Reading(grant, "secret", None, ISSUANCE.issued_at + 60, frozenset({"issued_at", "ttl"}))


def _kinds() -> dict[str, Backend]:
    return {**backends(), "apaas": Apaas(NoOptions(), CREDENTIALS), "rtm2": Rtm2(NoOptions(), CREDENTIALS)}


@pytest.mark.parametrize("valid", [True, False])
def test_a_token_is_read_once_for_all_kinds_of_a_vendor(valid: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    permit = permitted(app(rule()), rtc())
    token = permit.backend.mint(permit.grant, ISSUANCE).token if valid else "007" + "x" * 200
    reads = []
    read_with = AgoraBackend.read_with

    def counted(backend: AgoraBackend, *arguments: Any) -> Reading:
        reads.append(type(backend))
        return read_with(backend, *arguments)

    monkeypatch.setattr(AgoraBackend, "read_with", counted)
    if valid:
        assert inspect(_kinds().values(), Inspect(token), ISSUANCE.issued_at).says["app"] == "yours"
    else:
        with pytest.raises(ApiError, match="cannot be read"):
            inspect(_kinds().values(), Inspect(token), ISSUANCE.issued_at)
    assert len(reads) == 1


def test_each_backend_without_a_vendor_reads_it_and_one_that_fails_stops_no_other() -> None:
    permit = permitted(app(rule()), rtc())
    token = permit.backend.mint(permit.grant, ISSUANCE).token
    failing = [AnyKind(NoOptions(), CREDENTIALS), AnyKind(NoOptions(), CREDENTIALS)]
    kinds = [*failing, *_kinds().values()]
    assert inspect(kinds, Inspect(token), ISSUANCE.issued_at).says["signature"] == "valid"


def test_a_hidden_ttl_is_null_and_never_0_and_its_privileges_have_no_seconds() -> None:
    says = inspect([_HiddenTtl(NoOptions(), CREDENTIALS)], Inspect("a token"), ISSUANCE.issued_at).says
    assert says["ttl"] is None
    assert "lasts" not in says
    services: Any = says["services"]
    assert services[0]["privileges"] == {"listen": None, "speak": None, "log_in": 60}
    assert says["gives"] == ['call "lobby" user "ann" as publisher: listen, speak, log_in 1 minute']
