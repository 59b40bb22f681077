"""What tokens of the kind `nats` say: their checks, and the way from claims to fields."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tokend_nats_fields import NatsFields

from tokend.plugins import ApiError, Code, printable_id

UNLIMITED: Final = -1
MAX_USER: Final = 128
"""Characters. No documented limit: ours, so that the claims stay short."""
NANOSECONDS: Final = 1_000_000_000
NUMBERS: Final = {"max_subscriptions": "subs", "max_payload": "payload"}


def checked_user(fields: NatsFields, user: str | None) -> str:
    """The user of a request, or of a rule. `ApiError` for a wrong one, or for an nkey that does not fit `bearer`."""
    user = printable_id("user", fields.user if fields.user is not None else user, MAX_USER)
    if fields.bearer is (fields.public_key is not None):
        sentence = (
            "must be left out of a bearer token"
            if fields.bearer
            else "is missing: the client's U…, unless bearer is true"
        )
        raise ApiError(Code.INVALID_FIELD, sentence, "public_key")
    return user


def check_subjects(fields: NatsFields, subjects: Iterable[str], inbox: str) -> None:
    """`ApiError` for subjects that give nothing, or that the token would not show apart from the inbox."""
    if not subjects:
        raise ApiError(Code.INVALID_FIELD, "needs a subject, or subscribe does", "publish")
    if inbox in fields.subscribe:
        raise ApiError(Code.INVALID_FIELD, "has the user's own inbox: write inbox: true", "subscribe")
    for name, allowed, denied in (
        ("publish_deny", fields.publish, fields.publish_deny),
        ("subscribe_deny", fields.subscribe or fields.inbox, fields.subscribe_deny),
    ):
        if denied and not allowed:
            raise ApiError(
                Code.INVALID_FIELD, f"goes with {name.removesuffix('_deny')} only: what is not allowed is denied", name
            )


def inbox_of(subject: str) -> str:
    """Where a user gets answers: the client's prefix of inboxes is this without `.>`."""
    return f"_INBOX_{subject}.>"


def permission(allowed: list[str], denied: list[str]) -> dict[str, list[str]]:
    """The claim `pub` or `sub`."""
    if not allowed:
        return {"deny": [">"]}
    return {"allow": allowed, "deny": denied} if denied else {"allow": allowed}


def fields_of(claims: Mapping[str, Any]) -> NatsFields:
    """The fields that would give these claims. Claims of another form raise any error of a wrong type or key."""
    nats = claims["nats"]
    bearer, inbox = nats.get("bearer_token") is True, inbox_of(claims["sub"])
    allowed = {name: nats[claim].get("allow", []) for name, claim in (("publish", "pub"), ("subscribe", "sub"))}
    denied = {
        f"{name}_deny": nats[claim].get("deny", [])
        for name, claim in (("publish", "pub"), ("subscribe", "sub"))
        if allowed[name]
    }
    found = {
        "user": claims["name"],
        "bearer": bearer,
        "public_key": None if bearer else claims["sub"],
        **allowed,
        **denied,
    }
    found["inbox"] = allowed["subscribe"][-1:] == [inbox]
    found["subscribe"] = [subject for subject in allowed["subscribe"] if subject != inbox]
    found |= {name: nats[claim] for name, claim in NUMBERS.items() if nats[claim] != UNLIMITED}
    found |= {"connection_types": nats["allowed_connection_types"], "tags": nats.get("tags", [])}
    if "resp" in nats:
        found["respond"] = {"messages": nats["resp"]["max"], "seconds": nats["resp"]["ttl"] // NANOSECONDS}
    return NatsFields.model_validate(found)


def identifier(own: Mapping[str, Any]) -> str:
    """The claim `jti`: as doEncode of nats-io/jwt v2 computes it, from the registered claims in the order of their names."""
    digest = hashlib.new("sha512_256", as_json(own).encode()).digest()
    return base64.b32encode(digest).decode().rstrip("=")


def as_json(content: Mapping[str, Any]) -> str:
    """JSON as Go's encoding/json writes it: with these characters escaped, others not."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def base64url(raw: bytes) -> str:
    """Base64 of RFC 4648, section 5, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
