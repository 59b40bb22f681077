"""The kind `livekit`: the contract, what its tokens say, how tokens of other tools are read, and the mistakes of requests."""

import base64
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from tests.unit.http.running import Serving, configuration_of
from tokend.backends.json_web_tokens import JwtKeys
from tokend.backends.livekit.backend import MAX_CLAIMS, LiveKit
from tokend.backends.livekit.fields import LiveKitFields, LiveKitOptions
from tokend.config.problems import ConfigurationError
from tokend.core.reach import reach_of
from tokend.plugins import ANY, NOT_APPLICABLE, AppCredentials, Issuance, Join, Secret, SecretList, Unreadable
from tokend.testing import BackendConformance

API_KEY: Final = "APIabcdefghijklm"
SECRET: Final = "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e"
OLD_SECRET: Final = "p0Oi9Uy8tR7eW6qAs5Df4gH3jK2lZ1xC"
URL: Final = "wss://media.example.com"
NOW: Final = 1_800_000_000
OPTIONS: Final[Mapping[str, object]] = {"api_key": API_KEY, "secret": [Secret(SECRET)], "url": URL}
_IN_ROOM: Final = {"room": "stage", "identity": "ann"}
_OF_SERVER: Final = {"room_join": False}


class TestLiveKit(BackendConformance):
    backend = LiveKit
    options: ClassVar = {
        **OPTIONS,
        "secret": [Secret(SECRET), Secret("Yt6rEw5qPo4iUy3tGh2jFd1sMn0bVc9x")],
        "old_keys": [{"api_key": "APIold", "secret": Secret(OLD_SECRET)}],
    }
    token_requests = (
        _IN_ROOM,
        {**_IN_ROOM, "role": "publisher"},
        {**_IN_ROOM, "can_publish_data": True},
        {**_IN_ROOM, "can_publish_sources": ["microphone", "screen_share"], "can_publish_data": False},
        {**_IN_ROOM, "can_publish": True, "can_subscribe": False},
        {**_IN_ROOM, "can_subscribe": False},
        {**_IN_ROOM, "name": "Ann Example é", "metadata": '{"a": 1}', "attributes": {"seat": "7", "": ""}},
        {**_IN_ROOM, "can_update_own_metadata": True, "hidden": True, "recorder": True},
        {**_IN_ROOM, "can_subscribe_metrics": True, "can_manage_agent_session": True},
        {**_IN_ROOM, "participant_kind": "agent", "agent": True},
        {**_IN_ROOM, "room_preset": "large"},
        {**_IN_ROOM, "room_config": {"agents": [{"agent_name": "guide", "attributes": {"a_b": "c"}}, {}]}},
        {
            **_IN_ROOM,
            "room_config": {
                "name": "large",
                "empty_timeout": 60,
                "departure_timeout": 4_294_967_295,
                "max_participants": 5,
                "metadata": "m",
                "min_playout_delay": 1,
                "max_playout_delay": 2,
                "sync_streams": True,
                "tags": {"snake_case": "kept"},
                "agents": [{"metadata": "m", "restart_policy": "JRP_NEVER", "deployment": "blue"}],
            },
        },
        {"room": "*a", "identity": "ümlaut *"},
        {**_IN_ROOM, "room_admin": True, "destination_room": "lobby"},
        {**_OF_SERVER, "room": "stage", "room_admin": True},
        {**_OF_SERVER, "identity": "ann", "room_list": True},
        {**_OF_SERVER, "room_create": True, "room_list": True, "room_record": True, "ingress_admin": True},
        {**_OF_SERVER, "agent": True},
        {**_OF_SERVER, "sip_admin": True},
        {**_OF_SERVER, "sip_call": True},
        {**_OF_SERVER, "inference": True, "observability": True},
        {**_OF_SERVER, "agent_admin": True, "agent_simulation_admin": True},
        {**_OF_SERVER, "agent_database_admin": True, "agent_dispatch_admin": True},
        {**_OF_SERVER, "agent_endpoint": {"call": True, "agent_name": "guide", "deployment": "blue"}},
        {**_OF_SERVER, "agent_thread": {"threads_of": "s", "thread_ids": ["t"], "list": True, "read": True}},
        {**_OF_SERVER, "sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
    )
    refused = (
        {},
        _OF_SERVER,
        {"room": "stage"},
        {"identity": "ann"},
        *({**_IN_ROOM, "room": room} for room in ("", "*", "a\nb", "a\x9b", "é" * 129, "\ud800", 7)),
        *({**_IN_ROOM, "identity": identity} for identity in ("", "*", "a\0", "x" * 257, ["ann"])),
        {**_IN_ROOM, "name": ""},
        {**_IN_ROOM, "name": "é" * 129},
        {**_IN_ROOM, "metadata": "x" * MAX_CLAIMS},
        {**_IN_ROOM, "attributes": {"a": 7}},
        {**_IN_ROOM, "attributes": {"a": "\0" * (MAX_CLAIMS // 6)}},
        {**_IN_ROOM, "role": "subscriber", "can_publish": True},
        {**_IN_ROOM, "role": "subscriber", "can_publish_data": True},
        {**_IN_ROOM, "role": "subscriber", "can_publish_sources": ["camera"]},
        {**_IN_ROOM, "role": "publisher", "can_publish": False},
        {**_IN_ROOM, "can_publish": False, "can_publish_sources": ["camera"]},
        {**_IN_ROOM, "can_publish_sources": []},  # LiveKit takes an empty list for every source
        {**_IN_ROOM, "can_publish_sources": ["unknown"]},
        {**_IN_ROOM, "destination_room": "lobby"},
        {**_IN_ROOM, "room_admin": True, "destination_room": "stage"},
        {**_IN_ROOM, "participant_kind": "standard "},
        {**_IN_ROOM, "room_config": {"egress": {}}},
        {**_IN_ROOM, "room_config": {"max_participants": -1}},
        {**_IN_ROOM, "room_config": {"agents": [{"agentName": "guide"}]}},
        {**_OF_SERVER, "room_admin": True},
        {**_OF_SERVER, "room": "stage", "room_list": True},
        {**_OF_SERVER, "room_list": True, "role": "publisher"},
        {**_OF_SERVER, "room_list": True, "can_subscribe": True},
        {**_OF_SERVER, "room_list": True, "hidden": True},
        {**_OF_SERVER, "agent_endpoint": {}},
        {**_OF_SERVER, "sha256": "not a hash"},
    )
    unnamed = ({"room": "stage"}, {"room": "stage", "role": "publisher"})
    users = ("user-1", "ümlaut", "x" * 256)
    refused_users = ("line\nbreak", "\x9b31m", "\ud800", "", "*", "x" * 257)


def backend(**options: object) -> LiveKit:
    return LiveKit(LiveKitOptions.model_validate({**OPTIONS, **options}), AppCredentials(None, {}))


def claims_of(**fields: object) -> dict[str, Any]:
    """The claims of a token that these fields give, as JSON has them."""
    mint = backend()
    token = mint.mint(mint.grant(LiveKitFields.model_validate(fields), 600), Issuance(NOW, 1)).token
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def signed(claims: Mapping[str, object], header: Mapping[str, object] = {}) -> str:
    """A token of another tool."""
    return JwtKeys("HS256", [Secret(SECRET)]).sign(claims, header)


_TIMES: Final = {"iss": API_KEY, "nbf": NOW, "exp": NOW + 600}
_JOIN: Final = {**_TIMES, "sub": "ann", "video": {"room": "stage", "roomJoin": True}}


def test_every_permission_in_a_room_is_written_since_what_is_left_out_is_allowed() -> None:
    assert claims_of(**_IN_ROOM) == {
        **_TIMES,
        "sub": "ann",
        "video": {
            "room": "stage",
            "roomJoin": True,
            "canPublish": False,
            "canPublishData": False,
            "canSubscribe": True,
        },
    }


def test_a_publisher_publishes_tracks_and_data() -> None:
    video = claims_of(**_IN_ROOM, role="publisher")["video"]
    assert video == {
        "room": "stage",
        "roomJoin": True,
        "canPublish": True,
        "canPublishData": True,
        "canSubscribe": True,
    }


def test_sources_stand_beside_the_permission_to_publish() -> None:
    video = claims_of(**_IN_ROOM, can_publish_sources=["screen_share", "camera"], can_publish_data=False)["video"]
    assert (video["canPublish"], video["canPublishData"]) == (True, False)
    assert video["canPublishSources"] == ["camera", "screen_share"]


def test_a_token_of_the_server_api_names_no_identity_and_nothing_of_a_room() -> None:
    assert claims_of(room_join=False, room_create=True, sip_admin=True) == {
        **_TIMES,
        "video": {"roomCreate": True},
        "sip": {"admin": True},
    }


def test_what_a_token_of_another_tool_leaves_out_is_what_livekit_takes_it_for() -> None:
    service = backend().read(signed(_JOIN)).grant.services[0]
    assert set(service.privileges) == {"room_join", "can_publish", "can_publish_data", "can_subscribe"}
    assert service.detail == {"any_source": True}


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ({"canPublish": False}, {"can_subscribe"}),
        ({"canPublish": False, "canPublishData": True}, {"can_publish_data", "can_subscribe"}),
        ({"canPublishData": False}, {"can_publish", "can_subscribe"}),
        ({"canSubscribe": False}, {"can_publish", "can_publish_data"}),
        ({"canPublishSources": []}, {"can_publish", "can_publish_data", "can_subscribe"}),
        ({"canPublishSources": ["camera"]}, {"publish_camera", "can_publish_data", "can_subscribe"}),
        ({"roomCreate": False, "canPublish": False}, {"can_subscribe"}),
    ],
)
def test_permissions_of_other_tools_are_read_as_livekit_reads_them(
    video: Mapping[str, object], expected: set[str]
) -> None:
    token = signed({**_JOIN, "video": {"room": "stage", "roomJoin": True, **video}})
    assert set(backend().read(token).grant.services[0].privileges) == expected | {"room_join"}


def test_a_join_without_a_room_is_one_for_every_room() -> None:
    reading = backend().read(signed({**_JOIN, "video": {"roomJoin": True, "room": ""}}))
    assert reading.grant.services[0].channel is ANY
    assert "wildcard_channel" in reach_of(reading.grant, backend().declarations).capabilities


def test_claims_that_other_tools_write_without_a_meaning_are_read() -> None:
    empty = {"name": "", "metadata": "", "kind": "standard", "sip": {"admin": False}, "roomConfig": {}, "sha256": ""}
    more = {"iat": NOW, "jti": "ann", "identity": "ann", **empty}
    assert backend().read(signed({**_JOIN, **more})).grant == backend().read(signed(_JOIN)).grant
    service = backend().read(signed({**_TIMES, "sub": "", "video": {"roomList": True}})).grant.services[0]
    assert (service.user, service.channel) == (NOT_APPLICABLE, NOT_APPLICABLE)


def test_a_claim_that_is_null_is_as_left_out_since_the_rust_sdk_writes_some() -> None:
    null = dict.fromkeys(("roomConfig", "sip", "name", "attributes", "kind"))
    assert backend().read(signed({**_JOIN, **null})) == backend().read(signed(_JOIN))


@pytest.mark.parametrize(
    "claims",
    [
        {**_JOIN, "scope": "all"},
        {**_JOIN, "kindDetails": ["forwarded"]},
        {**_JOIN, "video": {**_JOIN["video"], "canDoMore": True}},  # type: ignore[dict-item]
        {**_JOIN, "video": {**_JOIN["video"], "hidden": 1}},  # type: ignore[dict-item]
        {**_JOIN, "video": {**_JOIN["video"], "canPublish": False, "canPublishSources": ["camera"]}},  # type: ignore[dict-item]
        {**_JOIN, "video": {"roomJoin": True, "room": "a\nb"}},
        {**_JOIN, "sub": ""},
        {**_JOIN, "sub": "x" * 257},
        {**_JOIN, "jti": "bob"},
        {**_JOIN, "identity": "bob"},
        {**_JOIN, "iat": NOW - 1},
        {**_JOIN, "exp": NOW},
        {**_JOIN, "exp": 10**13},
        {**_JOIN, "nbf": None},
        {**_JOIN, "attributes": {"a": None}},
        {**_JOIN, "roomConfig": {"egress": {}}},
        {**_JOIN, "roomConfig": {"empty_timeout": 5}},
        {"iss": API_KEY, "sub": "ann", "video": {}},
    ],
)
def test_what_would_be_half_understood_is_unreadable(claims: Mapping[str, object]) -> None:
    with pytest.raises(Unreadable):
        backend().read(signed(claims))


def test_another_header_is_unreadable() -> None:
    for token in (signed(_JOIN, {"kid": "1"}), JwtKeys("HS512", [Secret(SECRET)]).sign(_JOIN)):
        with pytest.raises(Unreadable):
            backend().read(token)


def test_a_token_of_another_api_key_is_not_by_this_app_whatever_its_secret() -> None:
    assert backend().read(signed(_JOIN)).signed_by == "secret[0]"
    assert backend().read(signed({**_JOIN, "iss": "APIother"})).signed_by is None


def test_a_token_of_an_old_key_is_recognized_by_key_and_secret_together() -> None:
    old = backend(old_keys=[{"api_key": "APIold", "secret": Secret(OLD_SECRET)}])
    token = JwtKeys("HS256", [Secret(OLD_SECRET)]).sign({**_JOIN, "iss": "APIold"})
    assert old.read(token).signed_by == "old_keys[0]"
    assert old.read(JwtKeys("HS256", [Secret(OLD_SECRET)]).sign(_JOIN)).signed_by is None
    assert old.read(signed({**_JOIN, "iss": "APIold"})).signed_by is None


def test_a_diagnosis_has_the_words_of_livekit() -> None:
    livekit = backend()
    foreign = livekit.read(JwtKeys("HS256", [Secret(OLD_SECRET)]).sign(_JOIN))
    of_server = livekit.read(signed({**_TIMES, "video": {"roomList": True}}))
    listener = livekit.read(signed({**_JOIN, "video": {"room": "stage", "roomJoin": True, "canPublish": False}}))
    assert 'LiveKit answers 401, "invalid API key" or "invalid authorization token".' in (
        livekit.diagnose(foreign, Join(), NOW).problems
    )
    (_, expired) = livekit.diagnose(listener, Join(), NOW + 600).problems
    assert "token is expired" in expired
    assert not livekit.diagnose(of_server, Join(), NOW).problems
    (denied,) = livekit.diagnose(of_server, Join(channel="stage"), NOW).problems
    assert "permissions denied" in denied
    (note,) = livekit.diagnose(listener, Join("stage", "ann"), NOW).notes
    assert "insufficient permissions" in note


@pytest.mark.parametrize(
    ("fields", "roles", "capabilities"),
    [
        (_IN_ROOM, {"subscriber"}, set()),
        ({**_IN_ROOM, "role": "publisher"}, {"publisher"}, set()),
        ({**_IN_ROOM, "can_publish_data": True}, {"publisher"}, set()),
        ({**_IN_ROOM, "can_publish_sources": ["microphone"]}, {"publisher"}, {"publish_microphone"}),
        ({**_IN_ROOM, "hidden": True, "recorder": True}, {"subscriber"}, {"hidden", "recorder"}),
        ({**_IN_ROOM, "can_update_own_metadata": True}, {"subscriber"}, {"update_own_metadata"}),
        ({**_IN_ROOM, "agent": True, "participant_kind": "agent"}, {"subscriber"}, {"app_admin", "participant_kind"}),
        ({**_IN_ROOM, "room_config": {"agents": [{}]}}, {"subscriber"}, {"dispatch"}),
        ({**_IN_ROOM, "room_preset": "large"}, {"subscriber"}, {"dispatch"}),
        ({**_OF_SERVER, "room": "stage", "room_admin": True}, {"publisher"}, {"room_admin"}),
        ({**_OF_SERVER, "room_create": True}, set(), {"app_admin"}),
        ({**_OF_SERVER, "room_list": True}, set(), {"app_admin"}),
        ({**_OF_SERVER, "room_record": True}, set(), {"app_admin"}),
        ({**_OF_SERVER, "ingress_admin": True}, set(), {"app_admin"}),
        ({**_OF_SERVER, "sip_admin": True}, set(), {"app_admin"}),
        ({**_OF_SERVER, "sip_call": True}, set(), {"sip_call"}),
        ({**_OF_SERVER, "inference": True, "observability": True}, set(), {"inference", "observability"}),
        ({**_OF_SERVER, "agent_endpoint": {"call": True}}, set(), {"agent_endpoint"}),
        ({**_OF_SERVER, "agent_thread": {"all": True}}, set(), {"agent_thread"}),
        ({**_OF_SERVER, "sha256": "aGFzaA=="}, set(), {"app_admin"}),
    ],
)
def test_what_rules_must_name(fields: Mapping[str, object], roles: set[str], capabilities: set[str]) -> None:
    livekit = backend()
    reach = reach_of(livekit.grant(LiveKitFields.model_validate(fields), 600), livekit.declarations)
    assert (set(reach.roles), set(reach.capabilities)) == (roles, capabilities)


def test_a_destination_room_is_a_channel_that_rules_see() -> None:
    livekit = backend()
    fields = {**_OF_SERVER, "room": "stage", "room_admin": True, "destination_room": "lobby"}
    reach = reach_of(livekit.grant(LiveKitFields.model_validate(fields), 600), livekit.declarations)
    assert reach.channels == {"stage", "lobby"}


_YAML: Final = f"""
apps:
  demo:
    backends: {{livekit: {{api_key: {API_KEY}, secret: {{env: CERTIFICATE}}, url: "{URL}"}}}}
    callers:
      web:
        anonymous: true
        rules:
          - {{channel: "room-*", user: "*", roles: subscriber, fields: {{name: [Guest], metadata: false}}}}
          - {{channel: "talk-*", user: "*", roles: publisher, capabilities: [publish_microphone], fields: {{any_source: false}}}}
          - {{channel: "own-*", user: ann, roles: [subscriber, publisher]}}
    routes: [{{path: /}}]
"""


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"identity": "ann"}, 400, "invalid_field", "room"),
        ({"room": "room-1"}, 400, "invalid_field", "identity"),
        ({"room": "*", "identity": "ann"}, 400, "invalid_field", "room"),
        ({"room": "room-1", "identity": "*"}, 400, "invalid_field", "identity"),
        ({"room": "room-1", "identity": "x" * 257}, 400, "invalid_field", "identity"),
        ({"room": "room-1", "identity": "ann", "canPublish": True}, 400, "unknown_field", "canPublish"),
        ({"room": "room-1", "identity": "ann", "can_publish": "yes"}, 400, "invalid_field", "can_publish"),
        ({"room": "room-1", "identity": "ann", "can_publish_sources": []}, 400, "invalid_field", "can_publish_sources"),
        (
            {"room": "room-1", "identity": "ann", "room_config": {"egress": {}}},
            400,
            "unknown_field",
            "room_config.egress",
        ),
        ({"room": "room-1", "identity": "ann", "metadata": "é" * 6_500}, 400, "invalid_field", "metadata"),
        ({"room": "room-1", "identity": "ann", "ttl": 86_401}, 400, "ttl_out_of_range", "ttl"),
        ({"room": "room-1", "identity": "ann", "ttl": 0}, 400, "ttl_out_of_range", "ttl"),
        ({"room_join": False, "room": "room-1"}, 400, "invalid_field", "room"),
        ({"room_join": False, "room_create": True, "hidden": True}, 400, "invalid_field", "hidden"),
        ({"room": "other", "identity": "ann"}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "role": "publisher"}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "can_publish_data": True}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "name": "Admin"}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "metadata": "m"}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "hidden": True}, 403, "capability_required", None),
        ({"room": "room-1", "identity": "ann", "room_admin": True}, 403, "not_permitted", None),
        ({"room": "room-1", "identity": "ann", "room_create": True}, 403, "capability_required", None),
        ({"room": "room-1", "identity": "ann", "room_config": {"agents": [{}]}}, 403, "capability_required", None),
        (
            {"room": "room-1", "identity": "ann", "room_admin": True, "destination_room": "x"},
            403,
            "not_permitted",
            None,
        ),
        ({"room_join": False, "room_create": True}, 403, "not_permitted", None),
        ({"room": "talk-1", "identity": "ann", "role": "publisher"}, 403, "not_permitted", None),
        ({"room": "talk-1", "identity": "ann", "can_publish_sources": ["camera"]}, 403, "capability_required", None),
        ({"room": "own-1", "identity": "bob"}, 403, "not_permitted", None),
    ],
)
async def test_a_mistake_mints_nothing(
    fields: Mapping[str, object], status: int, code: str, field: str | None, serving: Serving
) -> None:
    async with serving(_YAML) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "livekit", **fields})
        assert (reply.status, reply.json["code"], reply.json.get("field")) == (status, code, field), reply.json
        assert b"eyJ" not in reply.body


async def test_rules_name_sources_fill_in_names_and_identities(serving: Serving) -> None:
    async with serving(_YAML) as server:

        async def granted(**fields: object) -> dict[str, Any]:
            reply = await server.token_request("POST", "/v1/token", {"kind": "livekit", **fields})
            assert reply.status == 200, reply.body
            found: dict[str, Any] = reply.json
            return found

        guest = await granted(room="room-1", identity="ann")
        assert (guest["name"], guest["role"], guest["server_url"]) == ("Guest", "subscriber", URL)
        speaker = await granted(room="talk-1", identity="ann", can_publish_sources=["microphone"])
        assert speaker["role"] == "publisher"
        own = await granted(room="own-1", role="publisher")
        assert own["identity"] == "ann"


@pytest.mark.parametrize(
    ("options", "path", "sentence"),
    [
        ("secret: {env: CERTIFICATE}, url: wss://a.example", "api_key", "is missing"),
        ("api_key: API, secret: {env: CERTIFICATE}", "url", "such as wss://media.example.com"),
        ("api_key: API, url: wss://a.example", "secret", "is missing"),
        ("api_key: API, secret: plain, url: wss://a.example", "secret", "{env: NAME}"),
        ('api_key: "API x", secret: {env: CERTIFICATE}, url: wss://a.example', "api_key", "without blanks"),
        ("api_key: API, secret: {env: CERTIFICATE}, url: a.example", "url", "such as wss://"),
        ("api_key: API, secret: {env: CERTIFICATE}, url: wss://user:word@a.example", "url", "without user"),
        ("api_key: API, secret: {env: CERTIFICATE}, url: wss://a.example:port", "url", "such as wss://"),
    ],
)
def test_wrong_options_are_named(options: str, path: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        configuration_of(
            f"apps: {{demo: {{backends: {{livekit: {{{options}}}}}, callers: {{a: {{anonymous: true}}}}}}}}"
        )
    (problem, *_) = [str(problem) for problem in error.value.problems if problem.path[-1] == path]
    assert sentence in problem


def test_secrets_are_a_list_or_a_secret() -> None:
    assert backend(secret=SecretList([Secret(SECRET)])).read(signed(_JOIN)).signed_by == "secret[0]"


def test_the_names_of_claims_are_not_derived_for_each_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each flag of a token took ten microseconds."""
    derived: list[str] = []
    monkeypatch.setattr("tokend.backends.livekit.backend.to_camel", derived.append)
    livekit = backend()
    fields = LiveKitFields.model_validate({**_IN_ROOM, "hidden": True, "can_update_own_metadata": True})
    livekit.mint(livekit.grant(fields, 60), Issuance(NOW, 7))
    assert derived == []
