"""User JWTs for NATS servers in operator mode, in version 2 of github.com/nats-io/jwt: v2/claims.go, v2/user_claims.go."""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from tokend_nats_claims import (
    NANOSECONDS,
    NUMBERS,
    UNLIMITED,
    as_json,
    base64url,
    check_subjects,
    checked_user,
    fields_of,
    identifier,
    inbox_of,
    permission,
)
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
    Grant,
    Issuance,
    Minted,
    Reading,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    read_jwt,
    token_times,
)

LARGEST: Final = 2_500
"""Bytes of the claims. The server reads 4,096 bytes of a CONNECT (max_control_line, nats-server 2.15), with the token in it."""
ANSWERS: Final = ("_INBOX", "_R_", "_GR_")
"""How reply subjects begin: a client's own, those of services that an account imports, and those that cross a gateway
(replyPrefix in server/accounts.go and gwReplyPrefix in server/gateway.go, nats-server 2.15)."""
# the words of nats-server 2.15
NO_LOGIN: Final = (
    "The server answers 'Authorization Violation'; to a client whose token ends, 'User Authentication Expired'."
)
NOT_PERMITTED: Final = "The server answers 'Permissions Violation' to the client."


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
        **dict.fromkeys((*NUMBERS, "connection_types"), FREE),
        "tags": Capability("tags"),
    }
    answers: ClassVar = VendorAnswers(unsigned=NO_LOGIN, expired=NO_LOGIN, other=NOT_PERMITTED)

    @cached_property
    def keys(self) -> Mapping[str, AccountKey]:
        """The key pairs by public key, in the order of the configuration."""
        pairs = (AccountKey(seed.reveal()) for seed in self.options.seed)
        return {pair.public: pair for pair in pairs}

    def grant(self, fields: NatsFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. Rules see `>` as `*`, their sign for any text."""
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
            "system_subjects": [subject for subject in subjects if _is_of_system(subject)],
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
            **{claim: detail.get(name, UNLIMITED) for name, claim in NUMBERS.items()},
            "data": UNLIMITED,  # no field: nats-server 2.15 does not enforce it
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
            issued_at, expires_at = token_times(claims)
            grant = self.grant(fields_of(claims), expires_at - issued_at)
            as_ours = self.claims(grant, issued_at, issuer, account)
        except (KeyError, TypeError, AttributeError, ValueError, ApiError) as error:  # pydantic's are ValueErrors too
            raise Unreadable("not a user JWT of NATS") from error
        if content.header != {"typ": "JWT", "alg": "ed25519-nkey"} or as_ours != claims:
            raise Unreadable("it says more than a user JWT of tokend")
        text, _, signature = token.rpartition(".")
        ours = issuer in self.keys and account == self.options.account
        signed = ours and verified(issuer, text, base64.urlsafe_b64decode(signature + "=="))
        return Reading(grant, issuer if signed else None, issued_at, expires_at)


def _is_of_system(subject: str) -> bool:
    """Whether a subject reaches the system's or JetStream's subjects, or answers to requests of other clients."""
    first = subject.partition(".")[0]
    return first[0] in "$*>" or first in ANSWERS or first.startswith("_INBOX_")
