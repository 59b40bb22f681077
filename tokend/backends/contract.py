"""What a backend is: it mints and reads the tokens of one kind, for one app. This screen is the whole interface.

A backend is built once an app, is pure (no I/O, clock or randomness: time and salt come with the stamp) and never
sees callers or rules. It is found through the entry-point group `tokend.backends`; the entry's name is its kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from msgspec import Struct

from tokend.core.model import NOTHING, AppCredentials, Grant, Issuance
from tokend.core.validation import StrictModel

ENTRY_POINT_GROUP: Final = "tokend.backends"


class NoOptions(StrictModel):
    """For a backend that takes no options."""


class Minted(Struct, frozen=True):
    """A signed token. `renew_after`: seconds from the issue time; `extra` joins the native answer."""

    token: str
    renew_after: int
    extra: Mapping[str, object] = NOTHING


class Reading(Struct, frozen=True):
    """What a token says. `signed_by`: the name of the certificate or secret that signed it, None if none of ours did.

    Times in Unix seconds. `hidden` names what the format cannot show (006 holds only checksums of channel and user);
    `differs` names what it cannot show but contradicts (`read_with`).
    """

    grant: Grant
    signed_by: str | None
    issued_at: int
    expires_at: int
    hidden: frozenset[str] = frozenset()
    differs: frozenset[str] = frozenset()


class Mismatch(Struct, frozen=True):
    """What a minted token says differently from its grant, in a sentence for the log."""

    sentence: str


class Unreadable(ValueError):
    """Not a token of this backend's format, with the reason."""


class Backend(ABC):
    """One kind for one app. Subclasses set `Options` and `Fields`, and implement grant, mint and read."""

    api_version: ClassVar[int] = 1
    """The version of `tokend.plugins` that it was written for."""
    Options: ClassVar[type[StrictModel]] = NoOptions
    """What the YAML may say below `backends: {kind: …}`; a field of type `Secret` is `{env: …}` and its like there."""
    Fields: ClassVar[type[StrictModel]]
    """What a caller may ask for."""
    extras: ClassVar[tuple[str, ...]] = ()
    """Names that `Minted.extra` holds, for the answers of custom routes and the documents."""
    needs_app_id: ClassVar[bool] = False
    needs_certificate: ClassVar[bool] = False

    def __init__(self, options: Any, app_credentials: AppCredentials) -> None:
        """`options` is an instance of `Options`, already validated."""
        self.options = options
        self.app_credentials = app_credentials

    @abstractmethod
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        """What the token would give. `user` is what the rule being tried fills in where the fields name none.

        Raises `Refusal` (400) for fields that do not go together, and when there is still no user where one is needed.
        """

    @abstractmethod
    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign it. The same grant and stamp give the same token."""

    @abstractmethod
    def read(self, token: str) -> Reading:
        """Take any text apart without trusting it; `Unreadable` if it is not of this format."""

    def read_with(self, token: str, channel: str | None, user: str | None) -> Reading:
        """The same, helped by what a client joins with: a format that hides these can tell whether they fit."""
        return self.read(token)

    def names_user(self, fields: Any) -> bool:
        """Whether the ask itself says for whom the token is (a rule's user then fills nothing in)."""
        return getattr(fields, "user", None) is not None

    def filled(self, user: str) -> Mapping[str, object]:
        """The field and type in which the native answer tells a user that the rule filled in."""
        return {"user": user}

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        """Hold the minted token against what was granted, before release. None: it says exactly that."""
        try:
            reading = self.read(minted.token)
        except Unreadable as error:
            return Mismatch(f"the token cannot be read: {error}")
        if reading.hidden:
            return Mismatch(f"the token does not show {', '.join(sorted(reading.hidden))}")
        if not same_grant(reading.grant, grant):
            return Mismatch("the token gives something else than was granted")
        if reading.signed_by is None:
            return Mismatch("the token is not signed by this app")
        if reading.issued_at != issuance.issued_at or reading.expires_at != issuance.issued_at + grant.ttl:
            return Mismatch("the token's times are not those of the stamp and the grant")
        return None


def same_grant(one: Grant, other: Grant) -> bool:
    """Equality with types: True equals 1. (Grants and services equal only their own type.)"""
    return type(one) is Grant and one == other and type(one.ttl) is type(other.ttl) is int
