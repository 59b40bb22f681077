"""Finds requests whose credential fails by their head alone, so that their body is not read.

A credential whose check needs the network, such as a JWT of an issuer whose keys are fetched, is checked after the body.
"""

from collections.abc import Sequence
from typing import Any, Final

from tokend.auth.contract import Credentials
from tokend.core.errors import ApiError
from tokend.core.interfaces import Keys, KeySource
from tokend.issuing.configuration import Route


class _NeedsNetworkError(Exception):
    """The head alone does not decide."""


class _NoKeys(Keys):
    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        raise _NeedsNetworkError

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        raise _NeedsNetworkError


_NO_KEYS: Final = _NoKeys()


async def fails_by_head(route: Route, credentials: Credentials, now: int) -> bool:
    """Whether no caller of the route has these credentials, as far as this can be known without the network."""
    try:
        await route.authenticator.authenticate(credentials, now, _NO_KEYS)
    except _NeedsNetworkError:
        return False
    except ApiError:
        return True
    return False
