"""Kind `fpa`: log in to the Full-Path Accelerator. The token has no user and no channel."""

from typing import ClassVar

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.names import shapes
from tokend.core.model import Grant, Service
from tokend.core.validation import StrictModel


class FpaFields(StrictModel):
    """This kind has no fields."""


class Fpa(AgoraBackend):
    """Mints tokens for the Full-Path Accelerator."""

    Fields: ClassVar[type[StrictModel]] = FpaFields
    services: ClassVar = shapes("fpa")
    unlimited_privileges: ClassVar = frozenset({"login"})

    def grant(self, fields: FpaFields, ttl: int, user: str | None = None) -> Grant:
        # 0 means the lifetime of the token. Agora's builder for FPA writes 0; no other privilege may be 0
        return self.grant_of(ttl, Service("fpa", privileges={"login": 0}))
