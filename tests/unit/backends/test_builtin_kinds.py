"""Every kind with a file `vectors/<kind>.json` passes the conformance suite and the vendor's vectors in it.

A new kind of Agora is picked up from its entry point; without a vector file it fails here. Others may have modules of their own.
"""

import base64
import json
import tomllib
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tokend.config.entry_points import BACKENDS
from tokend.plugins import ANY, NOT_APPLICABLE, Backend, Grant, Issuance, Secret, Service
from tokend.testing.backends import BackendConformance

_ROOT: Final = Path(__file__).parents[3]
_VECTORS: Final = Path(__file__).parent / "vectors"
_INSTALLED: Final[Mapping[str, str]] = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "entry-points"
]["tokend.backends"]
_ENTRIES: Final = {
    kind: value
    for kind, value in _INSTALLED.items()
    if value.startswith("tokend.backends.agora.") or (_VECTORS / f"{kind}.json").exists()
}
_GROUP: Final = {kind: (EntryPoint(kind, value, "tokend.backends"),) for kind, value in _ENTRIES.items()}


@cache
def _file(kind: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((_VECTORS / f"{kind}.json").read_text("utf-8"))
    secrets = {name: list(map(Secret, texts)) for name, texts in found.get("options", {}).items() if name == "secret"}
    return {**found, "options": {**found.get("options", {}), **secrets}}


def _conformance(kind: str) -> type[BackendConformance]:
    told = _file(kind)
    attributes = {
        name: told[name]
        for name in ("options", "token_requests", "refused", "unnamed", "users", "refused_users")
        if name in told
    }
    return type(f"Test_{kind}", (BackendConformance,), {"backend": BACKENDS.load(kind, _GROUP), **attributes})


for _kind in _ENTRIES:
    if (_VECTORS / f"{_kind}.json").exists():
        globals()[f"Test_{_kind}"] = _conformance(_kind)

_VECTORS_OF: Final = [(kind, case) for kind in _ENTRIES for case in _file(kind)["vectors"]]
_CASES: Final = [pytest.param(kind, case, id=case["name"]) for kind, case in _VECTORS_OF]
_REQUESTED: Final = [pytest.param(kind, case, id=case["name"]) for kind, case in _VECTORS_OF if "fields" in case]


def _backend(kind: str) -> Backend:
    backend = BACKENDS.load(kind, _GROUP)
    return backend(backend.Options.model_validate(_file(kind).get("options", {})), BackendConformance.app_credentials)


def _grant(kind: str, case: Mapping[str, Any]) -> Grant:
    backend = _backend(kind)
    if "fields" not in case:  # no request may lead to such a token; the vendor's tests make it nevertheless
        services = tuple(_service(**fields) for fields in case["services"])
        return Grant(backend.app_credentials.app_id, "007", case["ttl"], services)
    grant: Grant = backend.grant(backend.Fields.model_validate(case["fields"]), case["ttl"])
    return grant


def _service(user: str | None = None, channel: str | None = None, **fields: Any) -> Service:
    """A service as a vector has it: null is not applicable, an empty id is any, and JSON has no tuples."""
    ids = [NOT_APPLICABLE if name is None else name or ANY for name in (user, channel)]
    return _as_json(Service(user=ids[0], channel=ids[1], **fields))


def _as_json(service: Service) -> Service:
    """The service with plain lists in its detail, as JSON has them, and tuples of further ids."""
    return replace(
        service,
        more_users=tuple(service.more_users),
        more_channels=tuple(service.more_channels),
        detail=json.loads(json.dumps(dict(service.detail))),
    )


def test_every_kind_has_its_vector_file_and_every_file_its_kind() -> None:
    assert {path.stem for path in _VECTORS.glob("*.json")} == set(_ENTRIES)


@pytest.mark.parametrize(("kind", "case"), _REQUESTED)
def test_the_fields_of_a_vector_grant_its_services(kind: str, case: Mapping[str, Any]) -> None:
    grant = _grant(kind, case)
    assert [_as_json(service) for service in grant.services] == [_service(**fields) for fields in case["services"]]
    app_id = BackendConformance.app_credentials.app_id if _backend(kind).needs_app_id else None
    assert (grant.app_id, grant.ttl) == (app_id, case["ttl"])


@pytest.mark.parametrize(("kind", "case"), _CASES)
def test_the_grant_of_a_vector_is_minted_as_the_vendor_prints_it(kind: str, case: Mapping[str, Any]) -> None:
    issuance = Issuance(**case["issuance"])
    minted = _backend(kind).mint(_grant(kind, case), issuance)
    if "token" in case:
        assert minted.token == case["token"]
    else:
        # the text differs between builds of zlib, what it inflates to does not
        assert zlib.decompress(base64.b64decode(minted.token[3:])).hex() == case["inflated_hex"]
    assert _backend(kind).verify(minted, _grant(kind, case), issuance) is None
