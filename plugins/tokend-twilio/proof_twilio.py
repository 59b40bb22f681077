"""Random access tokens, read by PyPI twilio 9.13.0, whose own tokens of the same grants have the same payload and header."""

import time
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from tokend_twilio import Twilio, TwilioOptions
from tokend_twilio_grants import TwilioFields
from twilio.jwt.access_token import AccessToken  # type: ignore[import-untyped]
from twilio.jwt.access_token.grants import (  # type: ignore[import-untyped]
    ChatGrant,
    SyncGrant,
    VideoGrant,
    VoiceGrant,
)

from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
ACCOUNT: Final = "AC" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
KEY: Final = "SK" + "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
SECRET: Final = "Zq3vT8mKx2WcB7nLp5RdH9sYfJ4gUe1a"


def sid(random: Random, prefix: str) -> str:
    """A random SID."""
    return prefix + random.randbytes(16).hex()


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    fields: dict[str, Any] = {"user": "".join(random.choices("abcXYZ019_", k=random.randint(1, 60)))}
    if random.random() < 0.5:
        fields["room"] = random.choice(("*", "daily-standup", "Zoë's room", "会议 7", sid(random, "RM")))
    if random.random() < 0.4:
        fields["incoming"] = True
        fields |= {"voice_push_credential_sid": sid(random, "CR")} if random.random() < 0.5 else {}
        fields |= {"voice_endpoint_id": "phone:1"} if random.random() < 0.3 else {}
    if random.random() < 0.4:
        fields["outgoing_application_sid"] = sid(random, "AP")
        fields |= (
            {"outgoing_params": {"to": "+15005550006", "greeting": "Günaydın 🎉"}} if random.random() < 0.5 else {}
        )
    if random.random() < 0.4:
        fields["chat_service_sid"] = sid(random, "IS")
        fields |= {"chat_push_credential_sid": sid(random, "CR")} if random.random() < 0.5 else {}
        fields |= {"chat_endpoint_id": "app:web"} if random.random() < 0.3 else {}
    if random.random() < 0.4 or len(fields) == 1:
        fields["sync_service_sid"] = random.choice(("default", sid(random, "IS")))
        fields |= {"sync_endpoint_id": "browser"} if random.random() < 0.3 else {}
    if not fields.keys() & {"incoming", "outgoing_application_sid"}:
        fields["user"] = random.choice(
            (fields["user"], "ann@example.com", "Zoë 用户", "u" * (128 if "room" in fields else 256))
        )
    return fields


def of_twilio(fields: Mapping[str, Any], issued_at: int, ttl: int, region: str | None) -> AccessToken:
    """The token that Twilio's library makes for the same grants."""
    grants = []
    if "room" in fields:
        grants.append(VideoGrant(room=None if fields["room"] == "*" else fields["room"]))
    if "incoming" in fields or "outgoing_application_sid" in fields:
        grants.append(
            VoiceGrant(
                incoming_allow=fields.get("incoming"),
                outgoing_application_sid=fields.get("outgoing_application_sid"),
                outgoing_application_params=fields.get("outgoing_params"),
                push_credential_sid=fields.get("voice_push_credential_sid"),
                endpoint_id=fields.get("voice_endpoint_id"),
            )
        )
    if "chat_service_sid" in fields:
        chat = (fields["chat_service_sid"], fields.get("chat_endpoint_id"))
        grants.append(ChatGrant(*chat, push_credential_sid=fields.get("chat_push_credential_sid")))
    if "sync_service_sid" in fields:
        grants.append(SyncGrant(fields["sync_service_sid"], fields.get("sync_endpoint_id")))
    identity, ends_at = fields["user"], issued_at + ttl
    return AccessToken(ACCOUNT, KEY, SECRET, grants, identity, nbf=issued_at, valid_until=ends_at, region=region)


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that Twilio's library reads otherwise than the request says. `count`: how many tokens are made."""
    random, found = Random(seed), []
    keys = [{"sid": KEY, "secret": Secret(SECRET)}]
    backends = {
        region: Twilio(
            TwilioOptions.model_validate({"account_sid": ACCOUNT, "keys": keys, "region": region}),
            AppCredentials(None, {}),
        )
        for region in (None, "ie1", "au1")
    }
    for _ in range(count):
        fields, ttl = fields_of(random), random.randint(60, 86_400)
        region = random.choice(list(backends))
        issued_at = int(time.time()) - random.randint(0, 50)
        grant = backends[region].grant(TwilioFields.model_validate(fields), ttl)
        token = backends[region].mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        read, own = AccessToken.from_jwt(token, SECRET), of_twilio(fields, issued_at, ttl, region)
        # the library's jti ends with the time at which it is called
        if read.payload != {**own.payload, "jti": f"{KEY}-{issued_at}"} or read.headers != own.headers:
            found.append(f"{fields}: {read.headers} {read.payload}, not {own.headers} {own.payload}")
    return found
