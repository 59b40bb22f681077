"""The conformance suite with the kind `ably`, and Ably's own library as the reader of its tokens."""

import importlib
from typing import Any

import pytest
from tokend_ably import Ably, AblyFields, AblyOptions
from tokend_ably_auth_url import Options, from_form
from tokend_ably_formats import canonical, compact, jwt_claims, mac_of, request_of

from tokend.plugins import NOT_APPLICABLE, ApiError, AppCredentials, HttpRequest, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-ably.proof_ably")

KEYS = [
    {"name": "xVLyHw.I2jW-w", "secret": Secret("q8Zr0vT3nY6kLw1p")},
    {"name": "xVLyHw.9oldKy", "secret": Secret("u5Hd7gXs2mB4cJe9")},
]
CHAT = {"chat:lobby": ["subscribe", "publish"]}


class TestAbly(BackendConformance):
    """Both formats."""

    backend = Ably
    options = {"keys": KEYS}
    token_requests = (
        {"capability": CHAT, "user": "ann"},
        {"capability": CHAT, "user": "ann", "format": "jwt"},
        {"capability": {"chat:lobby": ["presence", "history"], "Zoë": ["subscribe"]}},
        {"capability": {"*": ["*"], "[meta]log": ["subscribe"]}, "user": "*", "format": "jwt"},
        {"capability": {"chat:*": ["message-delete-any", "channel-metadata"], "a:*:b": ["stats"]}, "user": "*"},
        {"capability": {"[*]*": ["push-admin", "privileged-headers"]}, "user": "Zoë 7"},
        {"capability": CHAT, "user": "ann", "format": "jwt", "revocation_key": "staff"},
        {"capability": CHAT, "format": "jwt", "channel_claims": {"chat:*": "host", "*": "guest"}},
    )
    refused = (
        {},
        {"user": "ann"},
        {"capability": {}, "user": "ann"},
        {"capability": {"": ["subscribe"]}},
        {"capability": {"[meta]": ["subscribe"]}},
        {"capability": {"[other]a": ["subscribe"]}},
        {"capability": {"chat*": ["subscribe"]}},
        {"capability": {"chat:a*": ["subscribe"]}},
        {"capability": {"chat": []}},
        {"capability": {"chat": ["listen"]}},
        {"capability": {"chat": ["qualified-resource"]}},
        {"capability": {"chat": ["*", "publish"]}},
        {"capability": {"chat": "publish"}},
        {"capability": CHAT, "user": ""},
        {"capability": CHAT, "user": "ann*"},
        {"capability": CHAT, "user": 7},
        {"capability": CHAT, "user": "ann", "revocation_key": "staff"},
        {"capability": CHAT, "user": "ann", "channel_claims": {"*": "host"}},
        {"capability": CHAT, "user": "ann", "format": "jwt", "channel_claims": {"a*": "host"}},
        {"capability": CHAT, "user": "ann", "format": "jwt", "channel_claims": {}},
        {"capability": CHAT, "user": "ann", "format": "ably"},
    )


def ably() -> Ably:
    """A backend with two keys."""
    return Ably(AblyOptions.model_validate({"keys": KEYS}), AppCredentials(None, {}))


def token(format: str = "token_request", **fields: object) -> str:
    """A token for the channel `chat:lobby`."""
    backend = ably()
    grant = backend.grant(AblyFields.model_validate({"capability": CHAT, "format": format, **fields}), 60)
    return backend.mint(grant, Issuance(1000, 7)).token


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"iat": 1000.0},
        {"iat": True},
        {"exp": 10**40},
        {"exp": 1000},
        {"x-ably-capability": "{}"},
        {"x-ably-capability": '{"chat:lobby": ["publish"]}'},
        {"x-ably-capability": '{"chat:lobby":["subscribe","publish"]}'},
        {"x-ably-capability": '{"chat:lobby":["subscribe"],"chat:lobby":["publish"]}'},
        {"x-ably-capability": {"chat:lobby": ["publish"]}},
        {"x-ably-clientId": ""},
        {"x-ably-clientId": None},
        {"x-ably-revocation-key": 7},
        {"ably.channel.a*": "host"},
        {"ably.limits.publish.perAttachment.maxRate.chat": 5},
    ],
    ids=str,
)
def test_a_jwt_that_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = ably()
    claims = jwt_claims(backend.read(token("jwt")).grant, 1000)
    assert backend.read(backend.jwt_keys.sign(claims)).signed_by == "xVLyHw.I2jW-w"
    with pytest.raises(Unreadable):
        backend.read(backend.jwt_keys.sign({**claims, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"ttl": 0},
        {"ttl": 60_001},
        {"ttl": "60000"},
        {"timestamp": 1_000_001},
        {"timestamp": True},
        {"capability": '{"chat:lobby": ["publish"]}'},
        {"capability": CHAT},
        {"clientId": None},
        {"clientId": "ann*"},
        {"keyName": "xVLyHw.I2jW-w:"},
        {"nonce": "short"},
        {"nonce": 7},
    ],
    ids=str,
)
def test_a_token_request_that_would_not_be_minted_is_unreadable(change: dict[str, object]) -> None:
    backend = ably()
    values = {**request_of(backend.read(token()).grant, 1000, f"{7:032x}", "xVLyHw.I2jW-w")}
    assert compact({**values, "mac": mac_of(values, Secret("q8Zr0vT3nY6kLw1p"))}) == token()
    values |= change
    with pytest.raises(Unreadable):
        backend.read(compact({**values, "mac": mac_of(values, Secret("q8Zr0vT3nY6kLw1p"))}))


def test_all_operations_need_what_each_needs() -> None:
    grant = ably().grant(AblyFields.model_validate({"capability": {"*": ["*"]}}), 60)
    assert {*grant.services[0].privileges} == {*Ably.privileges} - {"qualified-resource"}
    assert canonical(grant) == '{"*":["*"]}'


def test_a_rule_may_supply_the_client_and_none_is_anonymous() -> None:
    fields = AblyFields.model_validate({"capability": CHAT})
    assert [ably().grant(fields, 60, user).services[0].user for user in ("ann", None)] == ["ann", NOT_APPLICABLE]


def test_a_json_body_is_refused_and_not_read_as_an_empty_form() -> None:
    body = b'{"clientId": "ann"}'
    with pytest.raises(ApiError) as caught:
        from_form(HttpRequest({}, (), body, "application/json", Options(), 0))
    assert caught.value.status == 415
    for media in (None, "application/x-www-form-urlencoded; charset=UTF-8"):
        (request,) = from_form(HttpRequest({}, (), b"clientId=ann", media, Options(), 0)).token_requests
        assert not isinstance(request, ApiError)
        assert request.fields["user"] == "ann"


def test_the_codes_of_ably_stand_in_a_diagnosis() -> None:
    backend = ably()
    reading = backend.read(token("jwt", user="ann"))
    for join, now, code in ((Join(), 1060, "40142"), (Join(channel="chat:other"), 1000, "40160")):
        assert code in backend.diagnose(reading, join, now).problems[-1]
    assert backend.diagnose(reading, Join(channel="chat:lobby", user="ann"), 1000).problems == ()
    foreign = Ably(AblyOptions.model_validate({"keys": [{**KEYS[0], "secret": Secret("7")}]}), AppCredentials(None, {}))
    words = foreign.diagnose(foreign.read(token()), Join(), 1000).problems[-1]
    assert "40101" in words
    assert "40144" in words


def test_the_library_of_ably_reads_what_was_requested() -> None:
    assert proof.differences(2_000, 1) == []


async def test_the_library_of_ably_makes_the_same_token_request() -> None:
    assert await proof.differences_from_created(200, 2) == []
