"""Custom tokens for Firebase Authentication and Identity Platform: JWTs with the key of a service account (RS256).

Claims: https://firebase.google.com/docs/auth/admin/create-custom-tokens (read in November 2026), and
`TokenGenerator.create_custom_token` in `_token_gen.py` of PyPI firebase_admin 7.7.0.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from tokend.plugins import (
    CONNECT,
    NEVER,
    ApiError,
    Capability,
    Code,
    Declarations,
    Grant,
    Issuance,
    JwtBackend,
    JwtKeysById,
    Secret,
    Service,
    ServiceShape,
    StrictModel,
    VendorAnswers,
    fits_algorithm,
    invalid,
    printable_id,
)

AUDIENCE = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"
MAX_TTL = 3600
"""Seconds, as the page says of `exp`."""
MAX_UID = 128
"""Characters, as `create_custom_token` checks."""
RESERVED = frozenset(
    "acr amr at_hash aud auth_time azp cnf c_hash exp firebase iat iss jti nbf nonce sub".split()  # noqa: SIM905
)
"""RESERVED_CLAIMS of firebase_admin."""
FIELDS = ("user", "claims", "tenant_id")
MAX_CLAIMS = 1000
"""Characters of all developer claims as JSON: the limit of custom user claims, MAX_CLAIMS_PAYLOAD_SIZE of firebase_admin."""
# no documented limits of key ids, tenants and names of claims: ours; numbers as every reader of JSON keeps them (RFC 8259)
LARGEST = 1 << 53
Scalar = str | Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | bool


def claim_name(name: str) -> str:
    """Check the name of a developer claim while the configuration is read."""
    if name in RESERVED:
        raise invalid("is a name that Firebase reserves")
    if name in FIELDS:
        raise invalid("is the name of a field of the kind: choose another for the claim")
    return name


def claim_value(value: object) -> object:
    """Check the value of a developer claim. The members of a union would each be an error of their own."""
    for item in value if isinstance(value, list) else [value]:
        if type(item) not in (str, bool) and not (type(item) is int and abs(item) <= LARGEST):
            raise invalid("must be a text, a whole number up to 2^53, true, false, or a list of these")
    return value


class FirebaseKey(StrictModel):
    """A key of the service account."""

    key_id: str = Field(
        pattern="^[A-Za-z0-9_-]{1,128}$",
        description="`private_key_id` in the account's JSON file",
        examples=["0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"],
    )
    private_key: Annotated[Secret, AfterValidator(fits_algorithm("RS256"))] = Field(
        description="`private_key` in that file, in PEM"
    )


class FirebaseOptions(StrictModel):
    """What the configuration says below `backends: {firebase: …}`."""

    service_account: str = Field(
        pattern=r"^[^@\s*]+@[^@\s*]+$",
        description="`client_email` in the account's JSON file",
        examples=["tokens@demo.iam.gserviceaccount.com"],
    )
    keys: list[FirebaseKey] = Field(min_length=1, description="keys of the account: the first signs, all verify")
    claims: list[Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$"), AfterValidator(claim_name)]] = Field(
        default=[], description="developer claims that requests may have. Default: none", examples=[["premium"]]
    )


class FirebaseFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    user: str | None = Field(default=None, description="the uid", examples=["ann"])
    claims: dict[str, Annotated[Scalar | list[Scalar], BeforeValidator(claim_value)]] | None = Field(
        default=None, min_length=1, description="developer claims, which security rules see as request.auth.token"
    )
    tenant_id: str | None = Field(default=None, description="a tenant of Identity Platform")


class Firebase(JwtBackend):
    """Mints and reads custom tokens."""

    Options: ClassVar[type[StrictModel]] = FirebaseOptions
    Fields: ClassVar[type[StrictModel]] = FirebaseFields
    services: ClassVar = {"firebase": ServiceShape(channel=NEVER)}
    privileges: ClassVar = {"sign_in": CONNECT}
    details: ClassVar = {"tenant_id": Capability("tenant")}
    max_ttl: ClassVar[int | None] = MAX_TTL
    product_names: ClassVar[Mapping[str, str]] = {"firebase": "Firebase Authentication"}
    # the codes that SDKs show: https://firebase.google.com/docs/auth/flutter/custom-auth
    answers: ClassVar = VendorAnswers(
        unsigned="Firebase answers auth/invalid-custom-token, or auth/custom-token-mismatch for another project.",
        other="Firebase answers auth/invalid-custom-token.",
    )

    @property
    def declarations(self) -> Declarations:
        """Every developer claim is a detail, so rules can limit each, and needs the capability `claims`."""
        claims = dict.fromkeys(self.options.claims, Capability("claims"))
        return Declarations(self.services, self.privileges, {**self.details, **claims})

    def grant(self, fields: FirebaseFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        user = printable_id("user", fields.user if fields.user is not None else user, MAX_UID)
        if fields.tenant_id is not None and re.fullmatch("[A-Za-z0-9-]{1,64}", fields.tenant_id) is None:
            raise ApiError(Code.INVALID_FIELD, "must be 1 to 64 of A-Z a-z 0-9 and -", "tenant_id")
        for name in fields.claims or {}:
            if name not in self.options.claims:
                sentence = (
                    "is not in `claims` of the kind's options" if name not in RESERVED else "is reserved by Firebase"
                )
                raise ApiError(Code.INVALID_FIELD, sentence, f"claims.{name}"[:80])
        if len(json.dumps(fields.claims)) > MAX_CLAIMS:
            raise ApiError(Code.INVALID_FIELD, f"must be at most {MAX_CLAIMS} characters of JSON in all", "claims")
        detail: dict[str, object] = {**(fields.claims or {})}
        if fields.tenant_id is not None:
            detail["tenant_id"] = fields.tenant_id
        return Grant(None, "jwt", ttl, (Service("firebase", user, privileges={"sign_in": ttl}, detail=detail),))

    @property
    def identity(self) -> Mapping[str, object]:
        """The service account."""
        return {"iss": self.options.service_account, "sub": self.options.service_account}

    def claims(self, grant: Grant, issuance: Issuance) -> dict[str, Any]:
        """See `JwtBackend`."""
        (service,) = grant.services
        claims = {name: value for name, value in service.detail.items() if name != "tenant_id"}
        tenant = {name: value for name, value in service.detail.items() if name == "tenant_id"}
        times = {"iat": issuance.issued_at, "exp": issuance.issued_at + grant.ttl}
        return {"aud": AUDIENCE, "uid": service.user, **times, **tenant, **({"claims": claims} if claims else {})}

    def fields_of(self, claims: Mapping[str, Any]) -> dict[str, object]:
        """See `JwtBackend`."""
        return {"user": claims["uid"], **{name: claims[name] for name in ("claims", "tenant_id") if name in claims}}

    @cached_property
    def keys(self) -> JwtKeysById:
        """The keys by their ids, which npm firebase-admin does not write."""
        secrets = ((key.key_id, key.private_key) for key in self.options.keys)
        return JwtKeysById("RS256", secrets, required=False)
