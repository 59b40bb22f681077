"""Mint, read and verify Agora tokens in a Python program, without a server.

    from tokend import agora
    token = agora.build("rtc", app_id=APP_ID, certificate=CERTIFICATE, channel="room", uid=7, role="publisher", ttl=600)

No rules apply, since the caller of `build` has the certificate. Fields and limits are those of the kinds. This module
imports no aiohttp.
"""

import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pydantic import ValidationError

from tokend.backends.agora import v006, v007
from tokend.backends.agora.base import MAX_SALT, MAX_TTL, AgoraBackend
from tokend.backends.agora.base import read as _read
from tokend.backends.agora.combined import PARTS, Combined
from tokend.backends.agora.credentials import not_hex_32
from tokend.backends.agora.packing import WireError
from tokend.backends.agora.rtc_rtm import RtcRtm
from tokend.backends.contract import Reading, Unreadable
from tokend.core.errors import ApiError
from tokend.core.model import AppCredentials, Issuance
from tokend.core.secrets import Secret
from tokend.core.validation import first_field_error, redact_secrets

KINDS: Final[Mapping[str, type[AgoraBackend]]] = {**PARTS, "rtc_rtm": RtcRtm, "combined": Combined}
"""The backend of each kind. docs/vendors/agora.md lists their fields."""


_LATEST: Final = 2**32 - 1 - 2 * 86_400
"""Unix seconds, in 2106: both formats have 32-bit times, and 006 adds a day to the issue time."""


class TokenError(ValueError):
    """A token cannot be built or read. The message never contains the certificate."""


def build(
    kind: str,
    *,
    app_id: str,
    certificate: str,
    ttl: int = 3600,
    issued_at: int | None = None,
    salt: int | None = None,
    **fields: object,
) -> str:
    """Return a signed token. `ttl` is in seconds, 1 to 86400; `fields` are those of the native API.

    `issued_at` is in whole Unix seconds, by default now. `salt` is 1..99999999, by default random. Raises `TokenError`.
    """
    _check("ttl", ttl, 1, MAX_TTL, " seconds from now, not a point in time")
    if issued_at is not None:
        _check("issued_at", issued_at, 0, _LATEST, " in Unix seconds")
    if salt is not None:
        _check("salt", salt, 1, MAX_SALT)
    _check_texts(kind=kind, app_id=app_id, certificate=certificate)
    backend = _backend(kind, app_id, certificate)
    try:
        grant = backend.grant(backend.Fields.model_validate(fields), ttl)
    except ValidationError as error:
        first = first_field_error(error, backend.Fields)
        sentence = f"is no field of {kind}{first.sentence}" if first.unknown else first.sentence
        raise TokenError(f"{'.'.join(redact_secrets(str(step)) for step in first.path)} {sentence}") from None
    except ApiError as api_error:
        raise TokenError(api_error.detail) from None
    now = int(time.time()) if issued_at is None else issued_at
    return backend.mint(grant, Issuance(now, secrets.randbits(128) if salt is None else salt - 1)).token


def _check(name: str, number: int, least: int, most: int, what: str = "") -> None:
    """Raise `TokenError` for what is no whole number of this range, such as the float of `time.time()`."""
    if type(number) is not int:
        raise TokenError(f"{name} must be a whole number")
    if not least <= number <= most:
        raise TokenError(f"{name} must be {least} to {most}{what}")


def _check_texts(**texts: object) -> None:
    for name, text in texts.items():
        if not isinstance(text, str):  # None: a variable that is not set
            raise TokenError(f"{name} must be text")


def read(token: str) -> Reading:
    """Read a 006 or 007 token without verifying it (`signed_by` is None). Raises `TokenError` for any other text."""
    try:
        return _read(token, AppCredentials(None, {}))
    except Unreadable as error:
        raise TokenError(str(error)) from None


def verify(token: str, *, app_id: str, certificate: str, channel: str = "", user: str = "") -> bool:
    """Return whether the certificate of this App ID signed the token. It does not check the expiry; `read` returns it.

    The signature of a 006 token covers channel and user, which the token does not contain, so pass both. For RTM, pass
    the user as `channel`.
    """
    try:
        if token.startswith(v006.VERSION):
            decoded_006 = v006.decode(token)
            return decoded_006.app_id == app_id and v006.verifies(decoded_006, certificate, channel, user)
        decoded = v007.decode(token)
        return decoded.content.app_id == app_id and v007.verifies(decoded, certificate)
    except WireError:
        return False


@lru_cache(maxsize=256)
def _backend(kind: str, app_id: str, certificate: str) -> AgoraBackend:
    if kind not in KINDS:
        raise TokenError(f"there is no kind {redact_secrets(kind)!r}; there are {', '.join(sorted(KINDS))}")
    for name, text in (("app_id", app_id), ("certificate", certificate)):
        if wrong := not_hex_32(text):
            raise TokenError(f"{name} must be {wrong}")
    backend = KINDS[kind]
    return backend(backend.Options(), AppCredentials(app_id, {"primary": Secret(certificate)}))
