"""Tokens for JaaS, the Jitsi that 8x8 hosts: JWTs with an RSA key (RS256), and in their header the id of that key.

Claims: https://developer.8x8.com/jaas/docs/api-keys-jwt (read in November 2026), which states no longest lifetime.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from tokend_jitsi import JitsiBackend, JitsiFields

from tokend.plugins import (
    ApiError,
    Code,
    Grant,
    JwtKeysById,
    Secret,
    StrictModel,
    fits_algorithm,
)


class JaasKey(StrictModel):
    """An API key of the console."""

    # no documented form of a key's id: ours
    key_id: str = Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="what follows / in its kid", examples=["4f3c21"])
    private_key: Annotated[Secret, AfterValidator(fits_algorithm("RS256"))] = Field(
        description="its private key, in PEM"
    )


class JaasOptions(StrictModel):
    """What the configuration says below `backends: {jaas: …}`."""

    app_id: str = Field(pattern="^vpaas-magic-cookie-[0-9a-f]{32}$", description="the AppID of the console")
    keys: list[JaasKey] = Field(min_length=1, description="API keys: the first signs, all verify")


class Jaas(JitsiBackend):
    """Lets a user join a room of JaaS, the Jitsi that 8x8 hosts."""

    Options: ClassVar[type[StrictModel]] = JaasOptions

    def grant(self, fields: JitsiFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. JaaS gives features to moderators only."""
        if fields.features and not fields.moderator:
            raise ApiError(
                Code.INVALID_FIELD, "need moderator: true, as JaaS gives them to moderators only", "features"
            )
        return super().grant(fields, ttl, user)

    @property
    def identity(self) -> Mapping[str, str]:
        """See `JwtBackend`."""
        return {"aud": "jitsi", "iss": "chat", "sub": self.options.app_id}

    @cached_property
    def keys(self) -> JwtKeysById:
        """The keys by their kid."""
        app_id = self.options.app_id
        return JwtKeysById("RS256", ((f"{app_id}/{key.key_id}", key.private_key) for key in self.options.keys))
