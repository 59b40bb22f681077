"""Users whom a backend of your own names: `X-Signed-User: <user>.<Unix time>.<HMAC-SHA256 of both, in hex>`."""

import hmac
from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field

from tokend.plugins import (
    AppContext,
    AuthScheme,
    Caller,
    Credentials,
    Header,
    Keys,
    Secret,
    StrictModel,
    not_known,
)

HEADER = "x-signed-user"
MIN_SECRET = 32


class SignedUserOptions(StrictModel):
    """What the YAML says below `signed_user:` of a caller."""

    secret: Secret = Field(description="a random text that your backend and tokend alone know")
    max_age: int = Field(default=60, ge=1, le=3600, description="seconds for which a signature counts")


class SignedUser(AuthScheme):
    name: ClassVar[str] = "signed_user"
    api_version: ClassVar[int] = 1
    Options = SignedUserOptions
    reads = (Header(HEADER),)
    priority: ClassVar[int] = 40
    brings_claims: ClassVar[bool] = True

    @classmethod
    def problems(
        cls, app: AppContext, callers: Mapping[str, SignedUserOptions]
    ) -> Iterable[tuple[tuple[str, ...], str]]:
        seen: dict[str, str] = {}
        for name, options in callers.items():
            text = options.secret.reveal()
            if len(text) < MIN_SECRET:
                yield (name, "secret"), f"is shorter than {MIN_SECRET} characters: `openssl rand -hex 32` makes one"
            if text in seen:
                yield (name, "secret"), f"is the secret of caller {seen[text]} too: each caller needs its own"
            seen.setdefault(text, name)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        text = credentials.headers.get(HEADER)
        if text is None:
            return None
        signed, _, signature = text.rpartition(".")
        user, _, time = signed.rpartition(".")
        for name, options in self.callers.items():
            if hmac.compare_digest(signature.encode(), signature_of(signed, options.secret).encode()):
                if not time.isdecimal() or not 0 <= now - int(time) <= options.max_age:
                    raise not_known(f"{HEADER}: the signature is older than {options.max_age} s, or not of the past")
                if not user:
                    raise not_known(f"{HEADER}: the user is empty")
                return Caller(name, {"sub": user, "iat": int(time)})
        raise not_known(f"{HEADER}: the signature is by none of the secrets")


def signature_of(text: str, secret: Secret) -> str:
    """What your backend sends after `<user>.<Unix time>.`"""
    return hmac.digest(secret.reveal().encode(), text.encode(), "sha256").hex()
