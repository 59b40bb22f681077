"""Authenticates requests by their head alone, so that the body of one whose credential fails is not read.

A credential whose check needs the network, such as a JWT of an issuer whose keys are fetched, is checked after the body.
"""

from collections.abc import Sequence
from typing import Any, Final

from tokend.auth.contract import Credentials
from tokend.core.interfaces import Keys, KeySource
from tokend.core.model import Caller
from tokend.issuing.configuration import Route


class _NeedsNetworkError(BaseException):
    """The head alone does not decide. A scheme that catches every `Exception` does not catch this."""


class _NoKeys(Keys):
    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        raise _NeedsNetworkError

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        raise _NeedsNetworkError


_NO_KEYS: Final = _NoKeys()


async def caller_by_head(route: Route, credentials: Credentials, now: int) -> Caller | None:
    """The caller; None if the network is needed to know. Raises `ApiError` if no caller of the route has the credentials."""
    try:
        return await route.authenticator.authenticate(credentials, now, _NO_KEYS)
    except _NeedsNetworkError:
        return None
