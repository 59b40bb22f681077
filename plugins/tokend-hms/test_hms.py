"""The conformance suite with the kind `hms`, and the vendor's package of npm."""

import importlib
import os
import shutil
from typing import Any, Final

import jwt
import pytest
from tokend_hms import Hms, HmsFields

from tokend.plugins import ApiError, Code, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-hms.proof_hms")

ROOM: Final = "64b5a1f0c3d2e1f4a5b6c7d9"
ANN: Final = {"room": ROOM, "role": "guest", "user": "ann"}


class TestHms(BackendConformance):
    """A template with three roles."""

    backend = Hms
    options = {
        "access_key": proof.ACCESS_KEY,
        "secret": [Secret(proof.SECRET), Secret("hB7w-2Zq9Xc4Vn6Mk1Lp8Tr3Ys5Gd0Fj")],
        "roles": {"host": "moderator", "guest": "publisher", "viewer": "subscriber"},
    }
    token_requests = (ANN, {**ANN, "role": "host"}, {**ANN, "role": "viewer"}, {**ANN, "user": "Zoë 用户"})
    refused = (
        {"role": "guest", "user": "ann"},
        *({**ANN, "room": room} for room in ("", "*", "lobby", ROOM.upper(), ROOM + "0", 7)),
        *({**ANN, "user": user} for user in ("", "*", "x" * 129, "a\n", "a\x9b", 7)),
        *({**ANN, "role": role} for role in ("", "*", "a b", None)),
    )
    unnamed = ({"room": ROOM, "role": "guest"},)


def token(backend: Hms, issued_at: int = 1000) -> str:
    """A token for a minute."""
    return backend.mint(backend.grant(HmsFields.model_validate(ANN), 60), Issuance(issued_at, 7)).token


def test_the_vendors_package_makes_and_reads_the_same() -> None:
    if shutil.which("node") is None or not (proof.NODE / "node_modules/@100mslive/server-sdk").is_dir():
        skip = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        skip("no node, or tests/node has no @100mslive/server-sdk: `npm install` there")
    assert proof.differences(500, 1) == []


def test_a_token_of_another_workspace_is_not_ours() -> None:
    for change in ({"access_key": "another"}, {"secret": [Secret("hB7w-2Zq9Xc4Vn6Mk1Lp8Tr3Ys5Gd0Fj")]}):
        reading = proof.backend().read(token(proof.backend(**change)))
        assert (reading.grant.services[0].user, reading.signed_by) == ("ann", None)


def test_a_token_of_the_vendors_library_for_node_is_read() -> None:
    """npm @100mslive/server-sdk 0.3.0 writes the same time as `iat` and `nbf`."""
    backend = proof.backend()
    claims = backend.keys.read(token(backend)).claims
    reading = backend.read(jwt.encode({**claims, "nbf": claims["iat"]}, proof.SECRET))
    assert reading == backend.read(token(backend))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "management"},
        {"version": 1},
        {"room_id": "*"},
        {"user_id": ""},
        {"role": 7},
        {"nbf": 995},
        {"exp": 1000},
        {"exp": 10**40},
        {"iat": True},
        {"admin": True},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = proof.backend()
    claims = backend.keys.read(token(backend)).claims
    assert backend.read(jwt.encode(dict(claims), proof.SECRET)).signed_by == "secret[0]"
    with pytest.raises(Unreadable):
        backend.read(jwt.encode({**claims, **change}, proof.SECRET))


def test_a_role_that_the_options_do_not_list_is_named_and_still_read() -> None:
    backend, smaller = proof.backend(), proof.backend(roles={"host": "moderator"})
    smaller.kind = "hms"
    with pytest.raises(ApiError) as caught:
        smaller.grant(HmsFields.model_validate(ANN), 60)
    assert (caught.value.code, caught.value.field) == (Code.NOT_PERMITTED, "role")
    assert caught.value.sentence == "is 'guest', which the option `roles` of the kind hms does not list"
    assert smaller.read(token(backend)).grant == backend.grant(HmsFields.model_validate(ANN), 60)


def test_a_diagnosis_says_what_the_sdk_reports() -> None:
    backend = proof.backend()
    reading = backend.read(token(backend))
    assert "the token is invalid" in backend.diagnose(reading, Join(), 1060).problems[-1]
    assert backend.diagnose(reading, Join(user="ann", channel=ROOM), 1000).problems == ()
