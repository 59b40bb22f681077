"""Who a JWT makes of its bearer: an app's own gates, with keys from its provider, asked from the command line.

A token is never an argument: arguments are seen by every user of a machine.
"""

import sys
import time
from pathlib import Path

from tokend.adapters.http_client import client
from tokend.adapters.jwks import KeyCache, over_http
from tokend.auth.authenticator import Authenticator, read_credentials
from tokend.cli.context import fail
from tokend.core.errors import ApiError
from tokend.core.model import Caller
from tokend.issuing.configuration import App, Configuration
from tokend.telemetry.log import standard_error


def read_token(written: str) -> str:
    """The token of `@FILE`, or of standard input (`@-`); leaves with exit code 2 where there is none."""
    if not written.startswith("@"):
        fail("a token is no argument, since others can see it: write --bearer @FILE, or @- for standard input")
    name = written.removeprefix("@")
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("ascii")
    except OSError as error:
        fail(f"the token cannot be read: {error.strerror}")
    except ValueError:
        fail("the token cannot be read: it is not ASCII text")
    if not text.strip():
        fail("the token cannot be read: there is nothing")
    return text.strip()


async def authenticate(configuration: Configuration, app: App, token: str, now: int) -> Caller:
    """The caller by the first of the app's routes that knows the token; else the `Refusal` that says most."""
    authenticators = dict.fromkeys(route.authenticator for route in configuration.routes if route.app is app)
    async with client() as session:
        keys = KeyCache(over_http(session), time.monotonic, standard_error(time.time))
        api_errors = []
        for authenticator in authenticators:
            found = await _asked(authenticator, token, now, keys)
            if isinstance(found, Caller):
                return found
            api_errors.append(found)
    raise max(api_errors, key=lambda api_error: api_error.operator is not None)


async def _asked(authenticator: Authenticator, token: str, now: int, keys: KeyCache) -> Caller | ApiError:
    try:
        return await authenticator.authenticate(read_credentials([f"Bearer {token}"]), now, keys)
    except ApiError as api_error:
        return api_error
