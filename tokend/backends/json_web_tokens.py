"""JSON Web Tokens (RFC 7519) in compact form, for the many vendors whose tokens are such: signed, verified and read strictly."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec.json
from cryptography.exceptions import InvalidSignature
from msgspec import Struct
from msgspec.structs import replace

from tokend.backends.contract import Recognised, Unreadable
from tokend.backends.jwt_keys import jwt_key
from tokend.core import base64url
from tokend.core.errors import ApiError, Code
from tokend.core.secrets import Secret, SecretList
from tokend.core.strict_json import loads

MAX_TOKEN: Final = 16_384
"""The longest token that is signed or read, in characters."""
LATEST: Final = 1 << 40
"""Unix seconds. A time from it on is none: hostile tokens have some of thousands of digits."""
_Secrets = TypeVar("_Secrets", Secret, SecretList)
_JSON_OBJECT: Final = "eyJ"
"""How the base64url of a JSON object begins."""
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class JwtContent(Struct, frozen=True):
    """Header and claims of a token, as JSON gives them. `signed_by`: the name of the secret that signed it, such as `secret[0]`.

    `signed_by` is None if none of the keys did, or if no keys were tried.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed_by: str | None = None


class JwtKeys:
    """The keys of one algorithm. The first signs, all verify. Each key is parsed once."""

    def __init__(self, algorithm: str, secrets: Iterable[Secret], name: str = "secret") -> None:
        """`algorithm`, `secrets` and errors: see `jwt_key`. `name` is that of the option which holds the secrets."""
        self._algorithm = algorithm
        self._name = name
        self._keys = [jwt_key(algorithm, secret) for secret in secrets]

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] = {}) -> str:
        """A signed token. `header`: what its header says beside `alg` and `typ`. Raises `ApiError` (400) if over MAX_TOKEN."""
        whole = {"alg": self._algorithm, "typ": "JWT", **header}
        text = f"{_encoded(msgspec.json.encode(whole))}.{_encoded(msgspec.json.encode(claims))}"
        token = f"{text}.{_encoded(self._keys[0].sign(text.encode()))}"
        if len(token) > MAX_TOKEN:
            raise ApiError(Code.INVALID_FIELD, f"the token would be over {MAX_TOKEN} characters: send shorter fields")
        return token

    def writes(self, header: Mapping[str, Any]) -> bool:
        """Whether `sign` writes this header, without additions."""
        return header == {"alg": self._algorithm, "typ": "JWT"}

    def read(self, token: str) -> JwtContent:
        """The content of any text that has the form of a token, and who signed it. `Unreadable` for all other texts."""
        content, signature = _read(token)
        if content.header.get("alg") == self._algorithm:
            signed = token.rpartition(".")[0].encode()
            for number, key in enumerate(self._keys):
                with suppress(InvalidSignature):
                    key.verify(signed, signature)
                    return replace(content, signed_by=f"{self._name}[{number}]")
        return content


class JwtKeysById:
    """Keys of one algorithm with the ids by which a token's header names them, as its `kid`. The first signs, all verify."""

    def __init__(self, algorithm: str, secrets: Iterable[tuple[str, Secret]], *, required: bool = True) -> None:
        """`secrets`: ids with their secrets, at least one; of two with the same id the first counts. See `JwtKeys`.

        `required`: whether the vendor takes only headers with an id.
        """
        self._algorithm = algorithm
        self._required = required
        self._keys: dict[str, JwtKeys] = {}
        for key_id, secret in secrets:
            self._keys.setdefault(key_id, JwtKeys(algorithm, [secret]))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token whose header says `alg`, `typ` and `kid`. Raises `ApiError` (400) if over MAX_TOKEN."""
        key_id, keys = next(iter(self._keys.items()))
        return keys.sign(claims, {"kid": key_id})

    def writes(self, header: Mapping[str, Any]) -> bool:
        """Whether `sign` writes this header, for whatever id, or for none if it is not required."""
        named = {"kid": str(header.get("kid"))} if self._required or "kid" in header else {}
        return header == {"alg": self._algorithm, "typ": "JWT", **named}

    def read(self, token: str) -> JwtContent:
        """The content of any text that has the form of a token; `signed_by` is the id of its key. `Unreadable` for others."""
        content = read_jwt(token)
        for key_id, keys in self._keys.items():
            named = content.header.get("kid", None if self._required else key_id)
            if named == key_id and keys.read(token).signed_by is not None:
                return replace(content, signed_by=key_id)
        return content


def read_jwt(token: str) -> JwtContent:
    """The content of any text that has the form of a token, unverified. `Unreadable` for all other texts."""
    return _read(token)[0]


def _read(token: str) -> tuple[JwtContent, bytes]:
    """The content and the signature."""
    if len(token) > MAX_TOKEN or _COMPACT.fullmatch(token) is None:
        raise Unreadable("not a JSON Web Token")
    header, claims, signature = token.split(".")
    try:
        return JwtContent(_object(header), _object(claims)), _decoded(signature)
    except Unreadable as reason:
        if not header.startswith(_JSON_OBJECT):
            raise
        raise Recognised(str(reason)) from reason


def token_times(claims: Mapping[str, Any], begins: str = "iat", ends: str = "exp") -> tuple[int, int]:
    """The times that these two claims say, in Unix seconds. `Unreadable` unless the token ends after it begins."""
    begins_at, ends_at = claims.get(begins), claims.get(ends)
    for name in (begins, ends):
        if name not in claims:
            raise Unreadable(f"its claim {name} is missing")
    if type(begins_at) is not int or type(ends_at) is not int or not 0 <= begins_at < ends_at < LATEST:
        raise Unreadable(f"its claims {begins} and {ends} are no times in seconds, or it ends before it begins")
    return begins_at, ends_at


def fits_algorithm(algorithm: str) -> Callable[[_Secrets], _Secrets]:
    """A validator for options: `Annotated[SecretList, AfterValidator(fits_algorithm("RS256"))]`, or with `Secret`."""

    def check(secrets: _Secrets) -> _Secrets:
        JwtKeys(algorithm, [secrets] if isinstance(secrets, Secret) else secrets)
        return secrets

    return check


def _object(part: str) -> dict[str, Any]:
    try:
        found = loads(_decoded(part))
    except ValueError as error:
        raise Unreadable("not a JSON Web Token: a part of it is no JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON Web Token: a part of it is no JSON object")
    return found


def _decoded(part: str) -> bytes:
    try:
        return base64url.decode(part)
    except ValueError as error:
        raise Unreadable(f"not a JSON Web Token: a part of it is {error}") from error


def _encoded(raw: bytes) -> str:
    return base64url.encode(raw).decode()
