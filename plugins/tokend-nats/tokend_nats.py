"""User JWTs for NATS servers in operator mode, in version 2 of github.com/nats-io/jwt/v2 (v2.8)."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from tokend_nats_fields import LEAF_NODES, NatsFields, NatsOptions, an_account_key
from tokend_nkeys import USER, AccountKey, encoded, verified

from tokend.plugins import (
    FREE,
    LISTEN,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Diagnosis,
    Grant,
    Issuance,
    Join,
    Minted,
    Reading,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    read_jwt,
)

LARGEST: Final = 2_500
"""Bytes of the claims. The server reads 4,096 bytes of a CONNECT (max_control_line, nats-server 2.15), with the token in it."""
UNLIMITED: Final = -1
NANOSECONDS: Final = 1_000_000_000
_NUMBERS: Final = {"max_subscriptions": "subs", "max_data": "data", "max_payload": "payload"}


class Nats(Backend):
    """The kind `nats`. The user is the name in the token; the public key, which logs in, is a detail."""

    Options: ClassVar[type[StrictModel]] = NatsOptions
    Fields: ClassVar[type[StrictModel]] = NatsFields
    services: ClassVar = {"nats": ServiceShape()}
    privileges: ClassVar = {
        "publish": PUBLISH,
        "subscribe": LISTEN,
        "inbox": LISTEN,
        "respond": Capability("respond", role=PUBLISH),
        "bearer": Capability("bearer"),
        "leaf_node": Capability("leaf_node"),
        "system_subjects": Capability("system_subjects"),
    }
    details: ClassVar = {
        **dict.fromkeys(("public_key", "publish", "subscribe", "publish_deny", "subscribe_deny", "respond"), FREE),
        **dict.fromkeys((*_NUMBERS, "connection_types"), FREE),
        "tags": Capability("tags"),
    }

    @cached_property
    def keys(self) -> Mapping[str, AccountKey]:
        """The key pairs by public key, in the order of the configuration."""
        pairs = (AccountKey(seed.reveal()) for seed in self.options.seed)
        return {pair.public: pair for pair in pairs}

    def grant(self, fields: NatsFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. Rules see `>` as `*`, which is their text for every other."""
        user = checked_user(fields, user)
        said = fields.model_dump(include=set(self.details))
        detail = {name: value for name, value in said.items() if value not in (None, [])}
        if fields.bearer:  # nobody has the private key: it belongs to a digest
            detail["public_key"] = encoded(USER, hashlib.sha256(f"bearer {user}".encode()).digest())
        subjects = list(dict.fromkeys((*fields.publish, *fields.subscribe)))
        check_subjects(fields, subjects, inbox_of(detail["public_key"]))
        given = {
            "publish": fields.publish,
            "subscribe": fields.subscribe,
            "inbox": fields.inbox,
            "respond": fields.respond,
            "bearer": fields.bearer,
            "leaf_node": set(fields.connection_types) & set(LEAF_NODES),
            "system_subjects": [subject for subject in subjects if subject[0] in "$*>"],
        }
        privileges = {name: ttl for name, value in given.items() if value}
        first, *more = (re.sub(r">$", "*", subject) for subject in subjects)
        service = Service("nats", user, first, privileges, more_channels=tuple(more), detail=detail)
        grant = Grant(None, "nats 2", ttl, (service,))
        if len(as_json(self.claims(grant, 1 << 33)).encode()) > LARGEST:
            raise ApiError(Code.INVALID_FIELD, f"and the rest are too long: a token holds {LARGEST} bytes", "publish")
        return grant

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        issuer = next(iter(self.keys))
        return Minted(self.signed(issuer, self.claims(grant, issuance.issued_at)), grant.ttl // 2)

    def claims(
        self, grant: Grant, issued_at: int, issuer: str | None = None, account: str | None = None
    ) -> dict[str, Any]:
        """The claims of a token. An empty list of permissions allows everything, so nothing is written as a denial of all."""
        issuer, account = issuer or next(iter(self.keys)), account or self.options.account
        (service,) = grant.services
        detail: Mapping[str, Any] = service.detail
        given = service.privileges
        subject = str(detail["public_key"])
        inbox = [inbox_of(subject)] if "inbox" in given else []
        nats: dict[str, Any] = {
            "pub": permission(detail.get("publish", []), detail.get("publish_deny", [])),
            "sub": permission([*detail.get("subscribe", []), *inbox], detail.get("subscribe_deny", [])),
            **{claim: detail.get(name, UNLIMITED) for name, claim in _NUMBERS.items()},
            "allowed_connection_types": detail["connection_types"],
            "type": "user",
            "version": 2,
        }
        if "respond" in detail:
            nats["resp"] = {"max": detail["respond"]["messages"], "ttl": detail["respond"]["seconds"] * NANOSECONDS}
        if "bearer" in given:
            nats["bearer_token"] = True
        if "tags" in detail:
            nats["tags"] = detail["tags"]
        if issuer != account:
            nats["issuer_account"] = account
        own = {"exp": issued_at + grant.ttl, "iat": issued_at, "iss": issuer, "name": service.user, "sub": subject}
        return {**own, "jti": identifier(own), "nats": nats}

    def signed(self, issuer: str, claims: Mapping[str, Any]) -> str:
        """A token with these claims, signed by the key pair of this public key."""
        text = ".".join(base64url(as_json(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        return f"{text}.{base64url(self.keys[issuer].sign(text))}"

    def read(self, token: str) -> Reading:
        """Parse any text. What `mint` would not write is unreadable: a claim that is not understood might give more."""
        content = read_jwt(token)
        try:
            claims, nats = content.claims, content.claims["nats"]
            issuer = an_account_key(claims["iss"])
            account = an_account_key(nats.get("issuer_account", issuer))
            issued_at, expires_at = seconds(claims["iat"]), seconds(claims["exp"])
            grant = self.grant(fields_of(claims), expires_at - issued_at)
            as_ours = self.claims(grant, issued_at, issuer, account)
        except (
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            ApiError,
        ) as error:  # pydantic's errors are ValueErrors too
            raise Unreadable("not a user JWT of NATS") from error
        if content.header != {"typ": "JWT", "alg": "ed25519-nkey"} or as_ours != claims or grant.ttl <= 0:
            raise Unreadable("it says more than a user JWT of tokend, or ends before it begins")
        text, _, signature = token.rpartition(".")
        ours = issuer in self.keys and account == self.options.account
        signed = ours and verified(issuer, text, base64.urlsafe_b64decode(signature + "=="))
        return Reading(grant, issuer if signed else None, issued_at, expires_at)

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        """Add the words of nats-server 2.15."""
        usual = super().diagnose(reading, join, now)
        if reading.signed_by is None or (reading.expires_at is not None and reading.expires_at <= now):
            words = "The server answers 'Authorization Violation'; to a client whose token ends, 'User Authentication Expired'."
        else:
            words = "The server answers 'Permissions Violation' to the client."
        return Diagnosis((*usual.problems, *((words,) if usual.problems else ())), usual.notes)


def checked_user(fields: NatsFields, user: str | None) -> str:
    """The user of a request, or of a rule. `ApiError` for a wrong one, or for an nkey that does not fit `bearer`."""
    user = fields.user if fields.user is not None else user
    if user is None or not 1 <= len(user) <= 128 or "*" in user or not user.isprintable():
        raise ApiError(Code.INVALID_FIELD, "must be 1 to 128 printable characters other than *", "user")
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
    """The fields that would give these claims. Any error of a mapping for claims of another form."""
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
    found |= {name: nats[claim] for name, claim in _NUMBERS.items() if nats[claim] != UNLIMITED}
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


def seconds(value: object) -> int:
    """Check a time of a token. Hostile ones have thousands of digits."""
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError("no time")
    return value
