"""The conformance suite with the kind `trtc`, and the vendor's packages of PyPI and npm."""

import base64
import importlib
import json
import os
import shutil
import subprocess
import zlib
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from tokend_tlssig import packed
from tokend_trtc import Trtc, TrtcFields

from tokend.plugins import ANY, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-trtc.proof_trtc")

OTHER_KEY: Final = "c0ffee50a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829304152"
KEYS: Final = [Secret(proof.KEY), Secret(OTHER_KEY)]
NODE: Final = Path(__file__).parents[2] / "tests/node"
SCRIPT: Final = """
const { Api } = require("tls-sig-api-v2");
const cases = JSON.parse(require("fs").readFileSync(0, "utf-8"));
Date.now = () => 1800000000000;
console.log(JSON.stringify(cases.map(([id, key, user, ttl, room, isText, bits]) => {
  const api = new Api(id, key);
  if (room === null) return api.genUserSig(user, ttl);
  if (isText) return api.genPrivateMapKeyWithStringRoomID(user, ttl, room, bits);
  return api.genPrivateMapKey(user, ttl, Number(room), bits);
})));
"""


class TestRooms(BackendConformance):
    """The console has advanced permission control."""

    backend = Trtc
    options = {"sdk_app_id": 1_400_000_000, "secret_key": KEYS, "advanced_permission_control": True}
    token_requests = (
        {"user": "ann"},
        {"user": "administrator"},
        {"user": "ann", "room": "class 7,{a}"},
        {"user": "ann", "room": "7"},
        {"user": "ann", "room": "7", "room_type": "number"},
        {"user": "ann", "room": "4294967294", "room_type": "number", "permissions": ["join"]},
        {"user": "ann", "room": "class", "permissions": ["send_screen", "join", "create_room"]},
    )
    refused = (
        {"room": "class"},
        *({"user": user} for user in ("", "*", "a b", "Zoë", "x" * 33, 7)),
        *({"user": "ann", "room": room} for room in ("", "*", "a/b", "Zoë", "x" * 65, 7)),
        *({"user": "ann", "room": room, "room_type": "number"} for room in ("0", "07", "-1", "4294967295", "class")),
        {"user": "ann", "room_type": "number"},
        {"user": "ann", "permissions": ["join"]},
        {"user": "ann", "room": "class", "permissions": []},
        {"user": "ann", "room": "class", "permissions": ["send_audio"]},
        {"user": "ann", "room": "class", "permissions": ["join", "fly"]},
    )
    unnamed = ({"room": "class"}, {})


class TestLogin(BackendConformance):
    """The console has none: a UserSig enters every room."""

    backend = Trtc
    options = {"sdk_app_id": 1_400_000_000, "secret_key": Secret(OTHER_KEY)}
    token_requests = ({"user": "ann"}, {"user": "administrator"})
    refused = ({"user": "ann", "room": "class"},)
    unnamed = ({},)


def grant(backend: Trtc, fields: dict[str, Any], ttl: int = 600) -> Any:
    """What a token for these fields would give."""
    return backend.grant(TrtcFields.model_validate(fields), ttl)


def test_the_vendors_package_of_pypi_makes_the_same_tokens() -> None:
    assert proof.differences(2_000, 1) == []


def test_the_vendors_package_of_npm_says_the_same() -> None:
    if shutil.which("node") is None or not (NODE / "node_modules/tls-sig-api-v2").is_dir():
        skip = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        skip("no node, or tests/node has no tls-sig-api-v2: `npm install` there")
    random, cases, ours = Random(2), [], []
    for _ in range(500):
        fields, ttl = proof.fields_of(random), random.randint(60, 86_400)
        bits = proof.privilege_map(fields) if "room" in fields else None
        is_text = fields.get("room_type") != "number"
        cases.append([proof.SDK_APP_ID, proof.KEY, fields["user"], ttl, fields.get("room"), is_text, bits])
        backend = proof.backend()
        ours.append(backend.mint(grant(backend, fields, ttl), Issuance(1_800_000_000, 7)).token)
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=NODE,
        timeout=60,
    )
    assert [said(text) for text in json.loads(done.stdout)] == [said(text) for text in ours]


def said(token: str) -> Any:
    """What a token says."""
    return json.loads(zlib.decompress(base64.b64decode(token.translate(str.maketrans("*-_", "+/=")))))


def test_a_login_without_advanced_permission_control_reaches_every_room() -> None:
    services = grant(proof.backend(advanced_permission_control=False), {"user": "ann"}).services
    assert (services[1].channel, len(services[1].privileges)) == (ANY, 8)
    assert len(grant(proof.backend(), {"user": "ann"}).services) == 1


@pytest.mark.parametrize(
    "change", [{"sdk_app_id": 1_400_000_001}, {"secret_key": [Secret(OTHER_KEY)]}], ids=["id", "key"]
)
def test_a_token_of_another_application_is_not_ours(change: dict[str, object]) -> None:
    other, ours = proof.backend(**change), proof.backend()
    for fields in ({"user": "ann"}, {"user": "ann", "room": "class"}):
        reading = ours.read(other.mint(grant(other, fields), Issuance(1000, 7)).token)
        assert (reading.grant.services[0].user, reading.signed_by) == ("ann", None)
        assert "70003" in ours.diagnose(reading, Join(), 1000).problems[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"TLS.ver": "1.0"},
        {"TLS.identifier": "*"},
        {"TLS.identifier": 7},
        {"TLS.expire": 0},
        {"TLS.expire": 10**12},
        {"TLS.time": 1000.0},
        {"TLS.time": True},
        {"TLS.sdkappid": "1400000000"},
        {"TLS.userbuf": ""},
        {"TLS.userbuf": "AAAA"},
        {
            "TLS.userbuf": base64.b64encode(
                proof.userbuf_of({"user": "bob", "room": "a", "permissions": ["join"]}, 1600)
            ).decode()
        },
        {
            "TLS.userbuf": base64.b64encode(
                proof.userbuf_of({"user": "ann", "room": "a", "permissions": ["join"]}, 9)
            ).decode()
        },
        {"TLS.account": "x"},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = proof.backend()
    content = said(backend.mint(grant(backend, {"user": "ann", "room": "class"}), Issuance(1000, 7)).token)
    assert backend.read(packed(content)).signed_by == "secret_key[0]"
    with pytest.raises(Unreadable):
        backend.read(packed({**content, **change}))


def test_a_text_that_inflates_to_much_more_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        proof.backend().read(packed({"TLS.ver": "a" * 10_000_000}))
    with pytest.raises(Unreadable):
        proof.backend().read(packed({"TLS.ver": "2.0"})[:-8])


def test_the_codes_of_the_sdk_stand_in_a_diagnosis() -> None:
    backend = proof.backend()
    reading = backend.read(backend.mint(grant(backend, {"user": "ann", "room": "class"}), Issuance(1000, 7)).token)
    assert "70001" in backend.diagnose(reading, Join(), 1600).problems[-1]
    assert "70013" in backend.diagnose(reading, Join(user="bob"), 1000).problems[-1]
    assert backend.diagnose(reading, Join(user="ann", channel="class"), 1000).problems == ()
