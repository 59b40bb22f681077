"""The conformance suite with the kinds `vonage` and `vonage_client`, and opentok as another maker of tokens."""

import base64
import importlib
from typing import Any

import jwt
import pytest
from tokend_vonage import PATHS, Client, ClientFields, Video, VideoFields, VonageOptions

from tokend.plugins import ApiError, AppCredentials, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance, new_rsa_key

proof: Any = importlib.import_module("plugins.tokend-vonage.proof_vonage")
client_proof: Any = importlib.import_module("plugins.tokend-vonage.proof_vonage_client")

OLD, NEW, FOREIGN = (Secret(new_rsa_key()) for _ in range(3))
SESSION = proof.session(7)
OPTIONS: dict[str, object] = {"application_id": proof.APPLICATION, "private_key": [NEW]}
OTHER: dict[str, object] = {"application_id": proof.APPLICATION, "private_key": [FOREIGN]}


class TestVideo(BackendConformance):
    """Each character of a token costs a check of RSA: so there are few examples and one lifetime."""

    backend = Video
    options = OPTIONS
    other_options = OTHER
    token_requests = (
        {"session_id": SESSION},
        {
            "session_id": SESSION,
            "role": "moderator",
            "connection_data": "Zoë 🎉",
            "initial_layout_class_list": ["focus", "wide"],
        },
    )
    refused = (
        {},
        {"session_id": ""},
        {"session_id": "*"},
        {"session_id": "2_abc"},
        {"session_id": proof.session(7, "00000000-0000-0000-0000-000000000000")},
        {"session_id": SESSION, "role": "admin"},
        {"session_id": SESSION, "user": "ann"},
        {"session_id": SESSION, "connection_data": ""},
        {"session_id": SESSION, "connection_data": "x" * 1001},
        {"session_id": SESSION, "initial_layout_class_list": []},
        {"session_id": SESSION, "initial_layout_class_list": ["a b"]},
        {"session_id": SESSION, "initial_layout_class_list": [""]},
        {"session_id": SESSION, "initial_layout_class_list": ["x" * 600, "y" * 600]},
    )
    ttls = (3600,)

    def test_the_example_of_the_api_reference_is_granted(self) -> None:
        """A session names its application, so that no example fits every app: this suite grants one of its own."""
        assert self._grant({"session_id": SESSION}, self.ttls[0])


class TestClient(BackendConformance):
    """Tokens of the Client SDK."""

    backend = Client
    options = OPTIONS
    other_options = OTHER
    token_requests = ({"user": "Zoë 7"}, {"user": "ann", "acl": ["users", "sessions"]})
    refused = (
        {},
        {"user": ""},
        {"user": "*"},
        {"user": 7},
        {"user": "ann", "acl": []},
        {"user": "ann", "acl": ["applications"]},
        {"user": "ann", "acl": ["/**"]},
    )
    unnamed = ({"acl": ["users"]},)
    ttls = (3600,)


def video(*private_keys: Secret) -> Video:
    """A backend with these keys."""
    options = VonageOptions.model_validate({**OPTIONS, "private_key": [*private_keys]})
    return Video(options, AppCredentials(None, {}))


def client() -> Client:
    """A backend for the Client SDK."""
    return Client(VonageOptions.model_validate(OPTIONS), AppCredentials(None, {}))


def test_a_rule_for_one_user_supplies_none_since_the_token_has_no_user() -> None:
    """Signed-in users have such rules: `user: "{claims.sub}"`. The answer was 500."""
    assert video(NEW).names_user(VideoFields(session_id=SESSION))


def test_a_session_id_has_at_most_255_characters() -> None:
    backend, parts = video(NEW), f"1~{proof.APPLICATION}~".encode()
    longest = "2_" + base64.urlsafe_b64encode(parts + b"x" * (189 - len(parts))).decode() + "~"
    assert len(longest) == 255
    assert backend.grant(VideoFields(session_id=longest), 60).services[0].channel == longest
    with pytest.raises(ApiError, match="session"):
        backend.grant(VideoFields(session_id=longest + "~"), 60)


@pytest.mark.parametrize("role", proof.ROLES)
def test_every_role_is_read_back(role: Any) -> None:
    backend = video(NEW, OLD)
    grant = backend.grant(VideoFields(session_id=SESSION, role=role), 60)
    assert backend.read(backend.mint(grant, Issuance(1000, 7)).token).grant == grant
    assert backend.read(video(OLD).mint(grant, Issuance(1000, 7)).token).signed_by == "private_key[1]"


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"role": "admin"},
        {"role": ["publisher"]},
        {"scope": "session.create"},
        {"acl": {"paths": {"/**": {}}}},
        {"session_id": proof.session(7, "00000000-0000-0000-0000-000000000000")},
        {"initial_layout_class_list": ["focus"]},
        {"initial_layout_class_list": ""},
        {"connection_data": None},
        {"jti": "7"},
        {"jti": 7},
        {"iat": True},
        {"exp": 10**40},
        {"exp": 1000},
    ],
    ids=str,
)
def test_what_would_not_be_minted_for_video_is_unreadable(change: dict[str, object]) -> None:
    backend = video(NEW)
    grant = backend.grant(VideoFields(session_id=SESSION), 60)
    claims = jwt.decode(backend.mint(grant, Issuance(1000, 7)).token, options={"verify_signature": False})
    assert backend.read(backend.keys.sign(claims)).signed_by == "private_key[0]"
    with pytest.raises(Unreadable):
        backend.read(backend.keys.sign({**claims, **change}))
    assert backend.read(backend.keys.sign({**claims, "application_id": "another"})).signed_by is None


@pytest.mark.parametrize(
    "change",
    [
        {"sub": ""},
        {"acl": {}},
        {"acl": {"paths": {}}},
        {"acl": {"paths": {"/**": {}}}},
        {"acl": {"paths": {"/*/users/**": {"methods": ["GET"]}}}},
        {"acl": {"paths": {"/*/users/**": {}, "users": {}}}},
        {"acl": None},
        {"nbf": 1000},
    ],
    ids=str,
)
def test_what_would_not_be_minted_for_a_client_is_unreadable(change: dict[str, object]) -> None:
    backend = client()
    claims = {**backend.identity, **backend.claims(backend.grant(ClientFields(user="ann"), 60), Issuance(1000, 7))}
    assert [*claims["acl"]["paths"]] == [f"/*/{name}/**" for name in sorted(PATHS)]
    assert backend.read(backend.keys.sign(claims)).signed_by == "private_key[0]"
    for changed in ({**claims, **change}, {name: claims[name] for name in claims if name != "acl"}):
        with pytest.raises(Unreadable):
            backend.read(backend.keys.sign(changed))


def test_the_error_of_the_client_stands_in_a_diagnosis() -> None:
    backend = video(NEW)
    reading = backend.read(backend.mint(backend.grant(VideoFields(session_id=SESSION), 60), Issuance(1000, 7)).token)
    for join, now in ((Join(), 1060), (Join(channel=proof.session(8)), 1000)):
        assert "OT_AUTHENTICATION_ERROR" in backend.diagnose(reading, join, now).problems[-1]
    assert backend.diagnose(reading, Join(channel=SESSION), 1000).problems == ()


def test_a_token_of_an_opentok_account_is_recognised_and_never_taken_for_ours() -> None:
    backend = video(NEW)
    token = proof.opentok_account_token(data="Zoë & co.", initial_layout_class_list=["wide", "focus"])
    reading = backend.read(token)
    (service,) = reading.grant.services
    assert (reading.grant.format, reading.signed_by) == ("OpenTok T1", None)
    assert reading.expires_at is not None
    assert reading.issued_at == reading.expires_at - 86_400
    assert str(service.channel).startswith("1_")
    assert service.privileges.keys() == {"publish", "subscribe"}
    assert service.detail == {"connection_data": "Zoë & co.", "initial_layout_class_list": "wide focus"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "partner_id=7&sig=abc:session_id=s",
        "partner_id=7&sig={sig}:session_id=&create_time=1&expire_time=2&role=moderator&nonce=1",
        "partner_id=7&sig={sig}:session_id=s&create_time=2&expire_time=1&role=moderator&nonce=1",
        "partner_id=7&sig={sig}:session_id=s&create_time=1&expire_time=x&role=moderator&nonce=1",
        "partner_id=7&sig={sig}:session_id=s&create_time=1&expire_time=2&role=admin&nonce=1",
        "partner_id=7&sig={sig}:session_id=s&create_time=1&expire_time=2&nonce=1",
        "partner_id=7&sig={sig}:session_id=s&create_time=1&expire_time=" + "9" * 5000 + "&role=moderator",
    ],
)
def test_what_only_begins_as_a_token_of_an_opentok_account_is_named_so(content: str) -> None:
    token = "T1==" + base64.b64encode(content.replace("{sig}", "0a" * 20).encode()).decode()
    for text in (token, "T1==%", "T1==/w=="):
        with pytest.raises(Unreadable, match="OpenTok"):
            video(NEW).read(text)


def test_opentok_makes_the_same_claims() -> None:
    assert proof.differences(200, 1) == []


def test_vonage_jwt_makes_the_same_claims() -> None:
    assert client_proof.differences(200, 1) == []
