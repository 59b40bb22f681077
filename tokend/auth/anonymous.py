"""Requests without any credential, where a caller is written as `anonymous: true`."""

from typing import ClassVar

from tokend.auth.contract import AuthScheme, Credentials
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class Anonymous(AuthScheme):
    name: ClassVar[str] = "anonymous"

    def __init__(self, caller: str) -> None:
        self._caller = Caller(caller)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        return None if credentials.total else self._caller
