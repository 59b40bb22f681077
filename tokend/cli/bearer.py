"""Authenticates a JWT from the command line, by an app's own authenticators and its identity provider's keys.

A token is never an argument of the command: other users of the machine can see those.
"""

import time

from tokend.adapters.http_client import client
from tokend.adapters.jwks import KeyCache, over_http
from tokend.auth.authenticator import read_credentials
from tokend.cli.context import MAX_CREDENTIAL, fail, read_file
from tokend.core.errors import ApiError
from tokend.core.model import Caller
from tokend.issuing.configuration import App, Configuration
from tokend.telemetry.log import standard_error


def read_token(source: str) -> str:
    """The token in a file (`@FILE`) or on standard input (`@-`). Exits with code 2 if there is none."""
    if not source.startswith("@"):
        fail("do not pass the token on the command line (other users can see it): use --bearer @FILE or @-")
    try:
        text = read_file(source.removeprefix("@"), MAX_CREDENTIAL).decode("ascii").strip()
    except OSError as error:
        fail(f"the token cannot be read: {error.strerror}")
    except UnicodeError:
        fail("the token cannot be read: it is not ASCII text")
    except ValueError as error:
        fail(f"the token cannot be read: {error}")
    if not text:
        fail("the token cannot be read: it is empty")
    return text.removeprefix("Bearer ").strip()  # as it stands in the header


async def authenticate(configuration: Configuration, app: App, token: str, now: int) -> Caller:
    """The caller, by the first of the app's routes that accepts the token; else the most specific `ApiError`.

    `now`: Unix seconds.
    """
    authenticators = dict.fromkeys(route.authenticator for route in configuration.routes if route.app is app)
    async with client() as session:
        keys = KeyCache(over_http(session), time.monotonic, standard_error(time.time))
        errors: list[ApiError] = []
        for authenticator in authenticators:
            try:
                return await authenticator.authenticate(read_credentials([f"Bearer {token}"]), now, keys)
            except ApiError as error:
                errors.append(error)
    raise max(errors, key=lambda error: error.operator is not None)
