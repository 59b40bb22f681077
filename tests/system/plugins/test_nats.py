"""The kind `nats` in a running application: its page, mistakes, and a real NATS server as the reader of an answer."""

import importlib
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.system.plugins.vendor_apps import (
    Mistake,
    check_configurations,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    inspected,
    issued,
    page,
    server_of,
    short,
)
from tests.unit.http.running import Serving

proof: Any = importlib.import_module("plugins.tokend-nats.proof_nats")

PAGE: Final = page("nats")
RANDOM: Final = Random(17)
ACCOUNT: Final = proof.KeyPair(proof.ACCOUNT, RANDOM)
GUEST: Final = proof.KeyPair(proof.USER, RANDOM)
SECRETS: Final = {"NATS_SEED": ACCOUNT.seed}
APP: Final = f"""
apps:
  demo:
    backends: {{nats: {{account: {ACCOUNT.public}, seed: {{env: NATS_SEED}}}}}}
    callers:
      web:
        anonymous: true
        rules: [{{channel: "chat.*", user: "guest-*"}}, {{channel: "*", user: "monitor-*", roles: subscriber}}]
    routes: [{{path: /}}]
"""
FIELDS: Final = {"user": "guest-7", "public_key": GUEST.public, "publish": ["chat.eu"]}
MISTAKES: Final[list[Mistake]] = [
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "guest-*"}, 400, "user", "other than *"),
    ({"public_key": None}, 400, "public_key", "is missing"),
    ({"public_key": ACCOUNT.public}, 400, "public_key", "must be the public key of a user's nkey"),
    ({"bearer": True}, 400, "public_key", "must be left out of a bearer token"),
    ({"publish": []}, 400, "publish", "needs a subject"),
    ({"publish": ["chat..eu"]}, 400, "publish.0", "must be a subject"),
    ({"publish": ["chat.>.eu"]}, 400, "publish.0", "must be a subject"),
    ({"publish": ["chat." + "x" * 251]}, 400, "publish.0", "255"),
    ({"publish": [f"chat.{number}." + "x" * 100 for number in range(30)]}, 400, "publish", "are too long"),
    ({"subscribe_deny": ["chat.us"]}, 400, "subscribe_deny", "goes with subscribe only"),
    ({"connection_types": ["TELNET"]}, 400, "connection_types.0", "must be 'STANDARD'"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"account": ACCOUNT.public}, 400, "account", "is not a field of"),
    ({"publish": ["news.eu"]}, 403, None, "no rule of this caller permits this"),
    ({"publish": ["chat.eu", "news.eu"]}, 403, None, "no rule of this caller permits this"),
    ({"publish": ["chat.>"]}, 403, None, "wildcard_channel, wildcard_publish"),
    ({"publish": [], "subscribe": ["chat.*"]}, 403, None, "wildcard_channel"),
    ({"user": "monitor-1", "publish": [], "subscribe": ["$SYS.ACCOUNT"]}, 403, None, "system_subjects"),
    ({"user": "monitor-1", "publish": [], "subscribe": [">"]}, 403, None, "system_subjects"),
    ({"user": "monitor-1", "publish": [], "subscribe": ["_INBOX.7"]}, 403, None, "system_subjects"),
    ({"user": "monitor-1"}, 403, None, "no rule of this caller permits this"),
    ({"public_key": None, "bearer": True}, 403, None, "bearer"),
    ({"respond": {"messages": 1}}, 403, None, "respond"),
    ({"connection_types": ["LEAFNODE"]}, 403, None, "leaf_node"),
    ({"tags": ["admin"]}, 403, None, "tags"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), {"kind": "nats", **FIELDS}, mistake)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"account: {ACCOUNT.public}", f"account: {GUEST.public}", "must be the public key of an account"),
        (f"account: {ACCOUNT.public}, ", "", "account"),
        ("{env: NATS_SEED}", "{env: USER_SEED}", "must be the seed of an account or of its signing key"),
        ("{env: NATS_SEED}", "{env: OTHER}", "must be the seed of an account or of its signing key"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    secrets = {**SECRETS, "USER_SEED": GUEST.seed, "OTHER": "kq3v9x7p2m"}
    check_wrong_option(APP, secrets, old, new, words)


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


async def test_a_server_answers_tokens_that_log_in_to_nats(tmp_path: Path) -> None:
    with proof.running(Random(18)) as nats_server:
        text = APP.replace(ACCOUNT.public, nats_server.account.public)
        secrets = {"NATS_SEED": nats_server.signing.seed}
        with server_of(tmp_path, text, secrets) as url:
            answer = issued(url, {"kind": "nats", **FIELDS})
            read = inspected(url, answer["token"])
        assert read["services"][0]["name"] == "nats"
        async with proof.connected(nats_server, answer["token"], GUEST) as (client, errors):
            await client.publish("chat.eu", b"")
            await client.publish("chat.us", b"")
            await proof.settled(client)
            assert errors == ['nats: permissions violation for publish to "chat.us"']
