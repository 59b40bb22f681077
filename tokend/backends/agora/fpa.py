"""Kind `fpa`: logging in to the Full-Path Accelerator. No user and no channel; the privilege lasts as the token does."""

from typing import ClassVar

from tokend.backends.agora.base import AgoraBackend
from tokend.core.model import Grant, Service
from tokend.core.validation import StrictModel


class FpaFields(StrictModel):
    """There is nothing to say."""


class Fpa(AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = FpaFields

    def names_user(self, fields: FpaFields) -> bool:
        return True  # it has none, so that no rule fills one in

    def grant(self, fields: FpaFields, ttl: int, user: str | None = None) -> Grant:
        # 0 means the token's lifetime here, as the vendor's builder writes it: the one exception to "never 0" (F10)
        return self.granted(ttl, Service("fpa", None, None, {"login": 0}))
