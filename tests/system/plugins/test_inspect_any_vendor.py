"""An app with the kinds of all vendors: an inspection recognises each one's token without being told the vendor."""

from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.running import APP_ID, CERTIFICATE
from tests.system.plugins.vendor_apps import configuration
from tokend.config import entry_points
from tokend.config.entry_points import BACKENDS
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect
from tokend.plugins import Backend, Issuance

NOW: Final = 1_800_000_000
RSA_KEY: Final = (
    generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
)
SECRETS: Final = {"CERTIFICATE": CERTIFICATE, "SECRET": "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4eUi6a", "RSA_KEY": RSA_KEY}
JAAS: Final = "vpaas-magic-cookie-1fc542a3e4414a44b2611668195e2bfe"
ACCOUNT: Final = "tokens@demo-1.iam.gserviceaccount.com"
APP: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{}}
    backends:
      rtc: {{}}
      rtm: {{}}
      livekit: {{api_key: APIabcdefghijklm, secret: {{env: SECRET}}, url: "wss://media.example.com"}}
      turn: {{secret: {{env: SECRET}}, uris: ["turn:turn.example.com:3478"]}}
      pusher: {{keys: [{{key: demo-key, secret: {{env: SECRET}}}}]}}
      centrifugo:
        backend: jwt
        algorithm: HS256
        secret: {{env: SECRET}}
        always: listen
        fields: {{user: {{as: user}}, channel: {{as: channel}}}}
        claims: {{sub: "{{user}}", channel: "{{channel}}", exp: "{{expires_at}}", iat: "{{issued_at}}"}}
      jitsi: {{app_id: my_client, secret: {{env: SECRET}}, domain: meet.example.com}}
      jaas: {{app_id: {JAAS}, keys: [{{key_id: 4f4910, private_key: {{env: RSA_KEY}}}}]}}
      stream: {{api_key: abcdefghijkl, secret: {{env: SECRET}}}}
      ably: {{keys: [{{name: xVLyHw.I2jW-w, secret: {{env: SECRET}}}}]}}
      ably_jwt: {{backend: ably, keys: [{{name: xVLyHw.I2jW-x, secret: {{env: SECRET}}}}]}}
      firebase: {{service_account: {ACCOUNT}, keys: [{{key_id: 7f3a, private_key: {{env: RSA_KEY}}}}]}}
      trtc: {{sdk_app_id: 1400000000, secret_key: {{env: SECRET}}, advanced_permission_control: true}}
    callers: {{web: {{anonymous: true, rules: [{{user: "guest-*"}}]}}}}
"""
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "rtc": {"channel": "lobby", "uid": 7},
    "rtm": {"user": "ann"},
    "livekit": {"room": "lobby", "identity": "ann"},
    "turn": {"user": "ann"},
    "pusher": {"socket_id": "1234.5678", "channel": "private-lobby"},
    "centrifugo": {"user": "ann", "channel": "lobby"},
    "jitsi": {"room": "lobby", "user": "ann"},
    "jaas": {"room": "lobby", "user": "ann"},
    "stream": {"user": "ann"},
    "ably": {"user": "ann", "capability": {"lobby": ["subscribe"]}},
    "ably_jwt": {"format": "jwt", "user": "ann", "capability": {"lobby": ["subscribe"]}},
    "firebase": {"user": "ann"},
    "trtc": {"user": "ann"},
}


@pytest.fixture(scope="module")
def backends() -> dict[str, Backend]:
    return dict(configuration(APP, SECRETS).apps["demo"].backends)


@pytest.mark.parametrize("kind", FIELDS)
def test_a_token_is_recognised_among_the_kinds_of_all_vendors(kind: str, backends: dict[str, Backend]) -> None:
    backend = backends[kind]
    grant = backend.grant(backend.Fields.model_validate(FIELDS[kind]), 600)
    token = backend.mint(grant, Issuance(NOW, 2**100 + 7)).token
    found = inspect(backends.values(), Inspect(token), NOW + 10)
    assert found == inspect([backend], Inspect(token), NOW + 10)
    assert found.says["signed_by"] is not None
    assert found.problems == ()


def test_every_vendor_with_simple_options_is_here(backends: dict[str, Backend]) -> None:
    """Those that are not: NATS needs an account, Twilio, Vonage and 100ms ids of many parts. Their own tests inspect them."""
    modules = {type(backend).__module__ for backend in backends.values()}
    installed = {BACKENDS.load(kind).__module__ for kind in entry_points.installed(BACKENDS.name)}
    missing = {name for name in installed - modules if not name.startswith("tokend.backends.agora.")}
    assert missing == {"tokend_nats", "tokend_twilio", "tokend_vonage", "tokend_hms"}
