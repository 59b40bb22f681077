"""The conformance suite with the kind `nats`, and a real NATS server."""

import importlib
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, Final

import nats.errors
import pytest
from nacl.signing import VerifyKey
from nats.aio.client import Client
from nats.errors import ConnectionClosedError
from pydantic import ValidationError
from tokend_nats import LARGEST, Nats
from tokend_nats_claims import as_json
from tokend_nats_fields import NatsFields

from tokend.plugins import ApiError, Issuance, Join, Secret, Unreadable
from tokend.testing import BackendConformance

proof: Any = importlib.import_module("plugins.tokend-nats.proof_nats")

RANDOM: Final = Random(15)
ACCOUNT, SIGNING, OLD = (proof.KeyPair(proof.ACCOUNT, RANDOM) for _ in range(3))
PAIR: Final = proof.KeyPair(proof.USER, RANDOM)
ANN: Final = {"user": "ann", "public_key": PAIR.public}
CHAT: Final = {**ANN, "publish": ["chat.eu"], "subscribe": ["chat.eu"]}


class TestNats(BackendConformance):
    """An account with two signing keys."""

    backend = Nats
    options = {"account": ACCOUNT.public, "seed": [Secret(SIGNING.seed), Secret(OLD.seed)]}
    other_options = {
        "account": proof.KeyPair(proof.ACCOUNT, RANDOM).public,
        "seed": [Secret(proof.KeyPair(proof.ACCOUNT, RANDOM).seed)],
    }
    token_requests = (
        CHAT,
        {**ANN, "publish": ["chat.eu"]},
        {**ANN, "subscribe": ["chat.*", "news.>"], "subscribe_deny": ["chat.us"], "inbox": True},
        {**ANN, "publish": [">"], "publish_deny": ["$SYS.>"], "tags": ["team:blue"]},
        {**ANN, "subscribe": ["work"], "respond": {"messages": 2, "seconds": 30}},
        {"user": "Zoë <&> 用户", "bearer": True, "publish": ["a"], "connection_types": ["WEBSOCKET"]},
        {**ANN, "publish": ["a"], "max_subscriptions": 1, "max_payload": 100},
        {**ANN, "publish": ["a"], "connection_types": ["LEAFNODE"]},
    )
    refused = (
        ANN,
        {**CHAT, "public_key": None},
        {**CHAT, "public_key": ACCOUNT.public},
        {**CHAT, "public_key": PAIR.public[:-1] + ("A" if PAIR.public[-1] != "A" else "B")},
        {**CHAT, "bearer": True},
        {**CHAT, "user": "*"},
        {**CHAT, "user": ""},
        {**CHAT, "publish": "chat.eu"},
        *(
            {**CHAT, "publish": [subject]}
            for subject in ("", "a..b", "a b", ".a", "a.", "a.>.b", "a*", "a.b>", "a\n", "a\x9b")
        ),
        {**ANN, "publish": ["a"], "subscribe_deny": ["b"]},
        {**ANN, "subscribe": ["a"], "publish_deny": ["b"]},
        {**ANN, "subscribe": [f"_INBOX_{PAIR.public}.>"]},
        {**CHAT, "connection_types": []},
        {**CHAT, "connection_types": ["TELNET"]},
        {**CHAT, "max_payload": -1},
        {**CHAT, "respond": {"messages": 0}},
        {**CHAT, "tags": ["Team"]},
        {**CHAT, "publish": [f"{number}." + "x" * 100 for number in range(30)]},
    )
    unnamed = ({"public_key": PAIR.public, "publish": ["chat.eu"]},)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A real server, with an account of its own."""
    with proof.running(Random(16)) as running:
        yield running


def token(backend: Nats, fields: dict[str, Any], ttl: int = 600, issued_at: int | None = None) -> str:
    """A token for these fields, issued now unless another time is given."""
    now = int(time.time()) if issued_at is None else issued_at
    return backend.mint(backend.grant(NatsFields.model_validate(fields), ttl), Issuance(now, 7)).token


def of_account(account: Any, *seeds: str) -> Nats:
    """A backend for an account."""
    secrets = [Secret(seed) for seed in seeds]
    return Nats(
        Nats.Options.model_validate({"account": account.public, "seed": secrets}), proof.AppCredentials(None, {})
    )


def test_nats_server_accepts_what_is_granted() -> None:
    assert proof.differences(20, 1) == []


@pytest.mark.parametrize(
    ("subject", "required"),
    [
        ("_INBOX.>", True),
        ("_INBOX_UOTHER.>", True),
        ("_INBOX_UOTHER.7", True),
        ("_R_.>", True),
        ("_R_.JEpdXO.pfGnSm", True),
        ("_GR_.*.*.>", True),
        ("_INBOXES.7", False),
        ("_R.7", False),
        ("chat.7", False),
    ],
)
def test_answers_to_requests_of_other_clients_require_a_capability(subject: str, required: bool) -> None:
    """The inbox of a client whose token says `inbox: true` did not."""
    fields = NatsFields.model_validate({**ANN, "subscribe": [subject], "inbox": True})
    (service,) = of_account(ACCOUNT, ACCOUNT.seed).grant(fields, 60).services
    assert ("system_subjects" in service.privileges) is required


IMPORTED: Final = """
accounts {
  one: {users: [{user: one, password: one}], imports: [{service: {account: two, subject: ask}}]}
  two: {users: [{user: two, password: two}], exports: [{service: ask}]}
}
"""


async def test_a_server_delivers_answers_to_other_accounts_at_subjects_that_begin_with_r() -> None:
    """So `_R_.` needs the capability, as an inbox does."""

    async def answer(message: Any) -> None:
        await message.respond(b"an answer")

    asking, answering = Client(), Client()
    with proof.started(IMPORTED) as url:
        try:
            for client, name in ((asking, "one"), (answering, "two")):
                await client.connect(url, user=name, password=name, allow_reconnect=False, connect_timeout=5)
            seen = await answering.subscribe("_R_.>")
            await answering.subscribe("ask", cb=answer)
            await proof.settled(answering)
            assert (await asking.request("ask", b"", timeout=5)).data == b"an answer"
            assert (await seen.next_msg(timeout=5)).data == b"an answer"
        finally:
            await asking.close()
            await answering.close()


def test_pynacl_verifies_the_signature() -> None:
    text, _, signature = token(of_account(ACCOUNT, ACCOUNT.seed), CHAT).rpartition(".")
    VerifyKey(bytes(ACCOUNT.key.verify_key)).verify(text.encode(), proof.base64.urlsafe_b64decode(signature + "=="))


async def test_a_server_refuses_who_may_not_log_in(server: Any) -> None:
    ours, foreign = server.backend(), of_account(server.account, OLD.seed)
    stranger = proof.KeyPair(proof.USER, RANDOM)
    bearer = {"user": "ann", "bearer": True, "publish": ["a"]}
    cases = (
        ("another's key", token(ours, CHAT), stranger),
        ("no signature", token(ours, CHAT), None),
        ("another account's seed", token(foreign, CHAT), PAIR),
        ("ended", token(ours, CHAT, 60, int(time.time()) - 61), PAIR),
        ("not this connection", token(ours, {**CHAT, "connection_types": ["WEBSOCKET"]}), PAIR),
        ("a bearer with another connection", token(ours, {**bearer, "connection_types": ["MQTT"]}), None),
    )
    for name, text, pair in cases:
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            async with proof.connected(server, text, pair):
                pytest.fail(f"the server accepts {name}")
    for text, pair in ((token(ours, CHAT), PAIR), (token(ours, bearer), None)):
        async with proof.connected(server, text, pair) as (client, _):
            assert client.is_connected


async def test_answers_come_to_the_inbox_and_need_the_right_to_respond(server: Any) -> None:
    ours, other = server.backend(), proof.KeyPair(proof.USER, RANDOM)
    asking = token(ours, {**ANN, "publish": ["work"], "inbox": True})
    for respond, answered in (({"messages": 1, "seconds": 5}, True), (None, False)):
        answering = {"user": "bob", "public_key": other.public, "subscribe": ["work"], "respond": respond}
        async with (
            proof.connected(server, asking, PAIR, inbox_prefix=f"_INBOX_{PAIR.public}") as (client, _),
            proof.connected(server, token(ours, answering), other) as (worker, errors),
        ):

            async def answer(message: Any) -> None:
                await message.respond(b"done")

            await worker.subscribe("work", cb=answer)
            await proof.settled(worker)
            if answered:
                assert (await client.request("work", b"", timeout=5)).data == b"done"
            else:
                with pytest.raises(nats.errors.TimeoutError):
                    await client.request("work", b"", timeout=0.3)
            assert bool(errors) is not answered


async def test_the_number_of_subscriptions_is_limited(server: Any) -> None:
    fields = {**ANN, "subscribe": ["a", "b"], "max_subscriptions": 1}
    async with proof.connected(server, token(server.backend(), fields), PAIR) as (client, _):
        await client.subscribe("a")
        await client.subscribe("b")
        with suppress(ConnectionClosedError):  # nats-py may close before it has flushed
            await proof.settled(client)
        assert "maximum subscriptions exceeded" in str(client.last_error)


async def test_a_token_with_the_smallest_limits_logs_in(server: Any) -> None:
    fields = {**CHAT, "max_subscriptions": 1, "max_payload": 0}
    async with proof.connected(server, token(server.backend(), fields), PAIR) as (client, errors):
        await client.subscribe("chat.eu")
        await proof.settled(client)
        assert (client.is_connected, errors) == (True, [])


@pytest.mark.parametrize("limit", ["max_subscriptions", "max_data"])
def test_a_limit_that_the_server_does_not_keep_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError, match=limit):
        NatsFields.model_validate({**CHAT, limit: 0})


async def test_the_longest_token_still_logs_in(server: Any) -> None:
    backend, publish = server.backend(server.signing.seed), ["x" * 100]
    while True:
        try:
            grant = backend.grant(
                NatsFields.model_validate({**ANN, "publish": [*publish, f"{len(publish)}." + "y" * 40]}), 600
            )
        except ApiError as error:
            assert error.field == "publish"
            break
        publish.append(grant.services[0].more_channels[-1])
    assert len(as_json(backend.claims(grant, int(time.time())))) > LARGEST - 90
    async with proof.connected(server, token(backend, {**ANN, "publish": publish}), PAIR) as (client, _):
        assert client.is_connected


def test_a_token_of_another_account_is_not_ours() -> None:
    ours = of_account(ACCOUNT, SIGNING.seed)
    for backend in (of_account(OLD, SIGNING.seed), of_account(ACCOUNT, ACCOUNT.seed)):
        reading = ours.read(token(backend, CHAT))
        assert (reading.grant.services[0].user, reading.signed_by) == ("ann", None)
    assert ours.read(token(ours, CHAT)).signed_by == SIGNING.public


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "NATS"},
        {"nbf": 5},
        {"exp": 10**40},
        {"exp": 100},
        {"iat": True},
        {"jti": "A"},
        {"name": "*"},
        {"sub": ACCOUNT.public},
        {"iss": PAIR.public},
        {"nats": "user"},
        {"type": "account"},
        {"version": 1},
        {"pub": {}},
        {"sub": {"allow": []}},
        {"pub": {"allow": ["chat.eu"], "deny": []}},
        {"subs": -2},
        {"subs": 0},
        {"data": 10},
        {"src": ["10.0.0.0/8"]},
        {"bearer_token": False},
        {"resp": {"max": 1, "ttl": 1}},
        {"allowed_connection_types": []},
        {"issuer_account": "A"},
    ],
    ids=str,
)
def test_what_would_not_be_minted_is_unreadable(change: dict[str, Any]) -> None:
    backend = of_account(ACCOUNT, ACCOUNT.seed)
    claims = backend.claims(backend.grant(NatsFields.model_validate(CHAT), 60), 100)
    assert backend.read(backend.signed(ACCOUNT.public, claims)).signed_by == ACCOUNT.public
    registered = {name: value for name, value in change.items() if name in (*claims, "aud", "nbf")}
    of_nats = {name: value for name, value in change.items() if name not in registered}
    changed = {**claims, **registered} if registered else {**claims, "nats": {**claims["nats"], **of_nats}}
    with pytest.raises(Unreadable):
        backend.read(backend.signed(ACCOUNT.public, changed))


def test_the_words_of_the_server_stand_in_a_diagnosis() -> None:
    backend = of_account(ACCOUNT, ACCOUNT.seed)
    reading = backend.read(token(backend, CHAT, 60, 1000))
    for join, now, words in (
        (Join(), 1060, "User Authentication Expired"),
        (Join(channel="b"), 1000, "Permissions Violation"),
    ):
        assert words in backend.diagnose(reading, join, now).problems[-1]
    assert backend.diagnose(reading, Join(channel="chat.eu", user="ann"), 1000).problems == ()
