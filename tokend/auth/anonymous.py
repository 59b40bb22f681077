"""Requests without any credential, where a caller is written as `anonymous: true`."""

from typing import ClassVar

from tokend.auth.contract import Presented, Scheme
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class Anonymous(Scheme):
    name: ClassVar[str] = "anonymous"

    def __init__(self, caller: str) -> None:
        self._caller = Caller(caller)

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        return None if presented.total else self._caller
