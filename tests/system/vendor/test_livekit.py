"""The kind and dialect `livekit` against LiveKit's own code: PyPI livekit-api, npm livekit-server-sdk and livekit-client."""

import hashlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from livekit.api import AccessToken, InferenceGrants, SIPGrants, TokenVerifier, VideoGrants
from livekit.protocol.room import RoomConfiguration

from tests.needs import skip_or_fail
from tests.oracle import HERE
from tests.running import serving
from tests.system.vendor.proof_livekit import (
    API_KEY,
    SECRET,
    differences,
    random_fields,
    what_is_expected,
    what_is_read,
)
from tokend.backends.livekit.backend import LiveKit
from tokend.backends.livekit.fields import LiveKitFields, LiveKitOptions
from tokend.plugins import AppCredentials, Issuance, Secret

URL: Final = "wss://media.example.com"
ENVIRONMENT: Final = {"LIVEKIT_API_KEY": API_KEY, "LIVEKIT_API_SECRET": SECRET, "LIVEKIT_URL": URL}
KEY: Final = "tk_web_0123456789abcdef"
CONFIG: Final = f"""
apps:
  demo:
    backends: {{livekit: {{api_key: {API_KEY}, secret: {{env: LIVEKIT_API_SECRET}}, url: "{URL}"}}}}
    callers:
      web:
        api_key: "sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"
        rules: [{{channel: "room-*", user: "*", capabilities: [dispatch]}}]
    routes: [{{path: /demo, dialect: [native, livekit]}}]
"""


def _backend() -> LiveKit:
    options = {"api_key": API_KEY, "secret": Secret(SECRET), "url": URL}
    return LiveKit(LiveKitOptions.model_validate(options), AppCredentials(None, {}))


def node(requests: Iterable[Mapping[str, object]]) -> list[dict[str, Any]]:
    """What LiveKit's packages for JavaScript answer. Without node or the packages the test is skipped; in CI it fails."""
    reason = None
    if shutil.which("node") is None:
        reason = "node is not on the PATH (install it; make test then installs LiveKit's packages)"
    for package in ("livekit-client", "livekit-server-sdk"):
        if not (HERE / "node_modules" / package).is_dir():
            reason = reason or f"tests/node lacks {package} (make test installs it where npm is)"
    skip_or_fail(reason)
    done = subprocess.run(
        ["node", str(HERE / "livekit.mjs")],
        input=json.dumps(list(requests)) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_the_vendors_verifier_reads_random_tokens_as_they_were_requested() -> None:
    assert differences(2_000, 1) == []


def test_tokens_of_the_vendors_builder_are_read_as_the_vendor_reads_them() -> None:
    token = (
        AccessToken(API_KEY, SECRET)
        .with_identity("ann")
        .with_name("Ann")
        .with_kind("agent")
        .with_grants(VideoGrants(room_join=True, room="stage", can_publish_sources=["camera"], hidden=True))
        .with_sip_grants(SIPGrants(call=True))
        .with_inference_grants(InferenceGrants(perform=True))
        .with_room_config(RoomConfiguration(max_participants=5, metadata="m"))
        .to_jwt()
    )
    reading = _backend().read(token)
    (service,) = reading.grant.services
    assert (reading.signed_by, service.user, service.channel) == ("secret[0]", "ann", "stage")
    assert set(service.privileges) == {
        *("room_join", "publish_camera", "can_publish_data", "can_subscribe", "hidden", "sip_call", "inference")
    }
    assert service.detail == {
        "name": "Ann",
        "participant_kind": "agent",
        "room_config": {"max_participants": 5, "metadata": "m"},
    }


def test_the_vendor_rejects_another_secret_and_a_changed_token() -> None:
    backend = _backend()
    grant = backend.grant(LiveKitFields.model_validate({"room": "stage", "identity": "ann"}), 600)
    token = backend.mint(grant, Issuance(int(time.time()), 1)).token
    assert TokenVerifier(API_KEY, SECRET).verify(token).identity == "ann"
    head, claims, signature = token.split(".")
    for key, secret, changed in (
        (API_KEY, SECRET[::-1], token),
        ("APIother", SECRET, token),
        (API_KEY, SECRET, f"{head}.{claims[:-2]}AA.{signature}"),
    ):
        with pytest.raises(Exception, match=r"."):
            TokenVerifier(key, secret).verify(changed)


def test_the_server_sdk_for_node_reads_the_same_claims() -> None:
    backend, rng = _backend(), random.Random(5)
    fields = [random_fields(rng) for _ in range(200)]
    tokens = [
        backend.mint(backend.grant(LiveKitFields.model_validate(request), 600), Issuance(int(time.time()), 1)).token
        for request in fields
    ]
    answers = node({"op": "verify", "token": token, "key": API_KEY, "secret": SECRET} for token in tokens)
    for request, token, answer in zip(fields, tokens, answers, strict=True):
        claims = answer["value"]
        video = claims.get("video", {})
        assert claims["iss"] == API_KEY
        assert claims["exp"] - claims["nbf"] == 600
        assert (claims.get("sub"), video.get("room")) == (request.get("identity"), request.get("room"))
        if request.get("room_join", True):
            expected = what_is_expected(request)
            for claim, name in (("canPublish", "can_publish"), ("canSubscribe", "can_subscribe")):
                assert video[claim] is bool(expected.get(f"video.{name}")), (request, token)
    (wrong,) = node([{"op": "verify", "token": tokens[0], "key": API_KEY, "secret": SECRET[::-1]}])
    assert "signature verification failed" in wrong["error"]


def _read(token: str) -> Mapping[str, Any]:
    return what_is_read(TokenVerifier(API_KEY, SECRET), token)


def test_token_source_of_the_client_gets_its_token_from_a_running_server(tmp_path: Path) -> None:
    with serving(tmp_path, ENVIRONMENT, lines=1) as running:
        everything = {
            "roomName": "stage",
            "participantName": "Ada",
            "participantIdentity": "ada",
            "participantMetadata": "m",
            "participantAttributes": {"seat": "7"},
            "agentName": "guide",
            "agentMetadata": "{}",
            "deployment": "blue",
        }
        paths = ("/createToken", "/api/connection-details")
        requests = [
            {"op": "fetch", "url": running.url + path, "options": options, "headers": {}}
            for path in paths
            for options in (everything, {})
        ]
        answers = [answer["value"] for answer in node(requests)]
    for named, made_up in (answers[:2], answers[2:]):
        assert named["serverUrl"] == made_up["serverUrl"] == URL
        assert _read(named["participantToken"]) == {
            "identity": "ada",
            "name": "Ada",
            "metadata": "m",
            "attributes": {"seat": "7"},
            "room_config": {"agents": [{"agent_name": "guide", "metadata": "{}", "deployment": "blue"}]},
            "video.room": "stage",
            **{f"video.{name}": True for name in ("room_join", "can_publish", "can_publish_data", "can_subscribe")},
        }
        guest = _read(made_up["participantToken"])
        assert guest["identity"].startswith("guest-")
        assert guest["video.room"].startswith("room-")
    assert len({_read(answer["participantToken"])["identity"] for answer in answers}) == 3


def test_token_source_sends_a_callers_key_and_shows_errors(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    with serving(tmp_path, ENVIRONMENT, lines=1) as running:
        url = f"{running.url}/demo/createToken"
        options = {"roomName": "room-1", "participantIdentity": "ada"}
        key = {"X-API-Key": KEY}
        good, without, elsewhere, empty = node(
            {"op": "fetch", "url": url, "headers": headers, "options": said}
            for headers, said in (
                (key, options),
                ({}, options),
                (key, {**options, "roomName": "other"}),
                (key, {"participantIdentity": "ada"}),
            )
        )
    assert _read(good["value"]["participantToken"])["video.room"] == "room-1"
    assert "received 401" in without["error"]
    assert "received 403" in elsewhere["error"]
    assert "received 400" in empty["error"]
    assert "room_name is missing" in empty["error"]


async def test_from_a_request_to_the_vendors_reader(tmp_path: Path) -> None:
    with serving(tmp_path, ENVIRONMENT, lines=1) as running:
        async with aiohttp.ClientSession() as session:
            body = {"kind": "livekit", "room": "stage", "identity": "ann", "role": "publisher", "ttl": 600}
            async with session.post(f"{running.url}/v1/token", json=body) as response:
                answer = await response.json()
            assert (response.status, answer["server_url"], answer["role"]) == (200, URL, "publisher")
            assert _read(answer["token"])["video.can_publish"] is True
            async with session.post(f"{running.url}/createToken", json={}) as response:
                assert response.status == 201
            async with session.get(f"{running.url}/api/connection-details") as response:
                details = await response.json()
            assert details.keys() == {"serverUrl", "roomName", "participantName", "participantToken"}
            async with session.post(
                f"{running.url}/v1/inspect", json={"token": details["participantToken"]}
            ) as response:
                inspection = await response.json()
            assert inspection["problems"] == []
