"""The interface of backends. A backend mints and reads the tokens of one kind, for one app.

There is one instance for each kind of an app. It is pure: it does no I/O, and time and nonce are arguments. It never sees
callers or rules. Backends are found through the entry-point group `tokend.backends`. The name of the entry is the kind,
unless the configuration gives a kind another name: `backends: {NAME: {backend: ENTRY}}`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.core.declarations import Capability, Declarations, Freedom, Meaning, ServiceShape
from tokend.core.durations import in_words
from tokend.core.model import NOT_APPLICABLE, NOTHING, AppCredentials, Extent, Grant, Issuance
from tokend.core.reach import is_wildcard, text_of
from tokend.core.validation import StrictModel

ANSWER_FIELDS: Final = frozenset(
    ("token", "kind", "app_id", "role", "ttl", "ttl_asked", "issued_at", "expires_at", "renew_at", "error")
)
"""Fields of an answer that no backend may set in `Minted.extra`."""


class NoOptions(StrictModel):
    """The options of a backend that has none."""


class Minted(Struct, frozen=True):
    """A signed token. `renew_after` is in seconds from the issue time. `extra` is added to the native answer.

    `extra` holds plain JSON data; its keys are among the backend's `extras`.
    """

    token: str
    renew_after: int
    extra: Mapping[str, object] = NOTHING


TIMES: Final = frozenset({"issued_at", "expires_at", "ttl"})
"""Fields that a format may hide from `read`, and that a token can have nevertheless."""


class Reading(Struct, frozen=True):
    """The content of a token. Times are in Unix seconds; None if the format hides them.

    `signed_by` names the certificate or secret that signed the token, or is None if no secret of the app did.
    `hidden` names what the format does not contain: of TIMES, "user", "channel", "signed_by" or "services". If it hides
    the ttl, the seconds of the grant and its privileges are 0. `extra`: what `Minted.extra` must be, computed from the
    token and the secrets.
    """

    grant: Grant
    signed_by: str | None
    issued_at: int | None
    expires_at: int | None
    hidden: frozenset[str] = frozenset()
    extra: Mapping[str, object] = NOTHING


class Join(Struct, frozen=True):
    """How a client uses a token, as far as it is known. `product` is the name of a service."""

    channel: str | None = None
    user: str | None = None
    product: str | None = None


class Diagnosis(Struct, frozen=True):
    """Sentences for a person: why a client could not join with a token, and other facts worth knowing."""

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


class VendorAnswers(Struct, frozen=True):
    """What a vendor answers to a token that does not work. A diagnosis that has problems adds the first sentence that applies.

    `unsigned`: no secret of this app signed it. `early`: it is issued in the future. `expired`: it has ended. `other`: it has
    any problem. None adds nothing.
    """

    unsigned: str | None = None
    early: str | None = None
    expired: str | None = None
    other: str | None = None


class Mismatch(Struct, frozen=True):
    """A minted token differs from its grant. The sentence is for the log."""

    sentence: str


class Unreadable(ValueError):
    """A text is not a token of this backend's format. The message gives the reason."""


class Recognised(Unreadable):
    """A text is of this format but damaged, or is known not to be a token. Then only this reason is shown."""


CLOCK_SKEW: Final = 60
"""Seconds that the clocks of two computers may differ."""


class Backend(ABC):
    """One kind for one app. Subclasses set `Options` and `Fields`, and implement grant, mint and read."""

    api_version: ClassVar[int] = 1
    """The version of `tokend.plugins` that it was written for."""
    Options: ClassVar[type[StrictModel]] = NoOptions
    """The options in YAML, at `backends: {kind: …}`. A field of type `Secret` is written `{env: …}`, `{file: …}` there."""
    Fields: ClassVar[type[StrictModel]]
    """The fields of a token request. A backend whose options declare them sets `self.Fields` in `__init__`."""
    extras: ClassVar[tuple[str, ...]] = ()
    """The keys of `Minted.extra`, for custom routes and the generated documentation."""
    services: ClassVar[Mapping[str, ServiceShape]] = {}
    """The services that its grants may hold, by name."""
    privileges: ClassVar[Mapping[str, Meaning]] = {}
    """The meaning of every privilege that its services may hold. A privilege that is not here is never granted."""
    details: ClassVar[Mapping[str, Freedom | Capability]] = {}
    """The meaning of every key that `Service.detail` may hold. A detail that is not here is never granted."""
    wildcards: ClassVar[bool] = True
    """Whether `*` in an id matches other ids at the vendor. If so, it needs a capability, as ANY does."""
    unlimited_privileges: ClassVar[frozenset[str]] = frozenset()
    """Privileges for which 0 seconds mean "as long as the token" in the vendor's format."""
    expires: ClassVar[bool] = True
    """Whether its tokens expire. Without expiry, a token must be bound to a connection; its answer has no times."""
    vendor: ClassVar[str | None] = None
    """Backends of one vendor read the same tokens in the same way. An inspection uses one of them."""
    example_token: ClassVar[str | None] = None
    """A token that belongs to nobody and that `read` takes, for the request to inspect in the API reference."""
    test_client: ClassVar[str | None] = None
    """The vendor's own page into which a token can be pasted to join: the console offers it. None if there is none."""
    product_names: ClassVar[Mapping[str, str]] = {}
    """Names of services for people, where they differ from the name of the service."""
    answers: ClassVar[VendorAnswers] = VendorAnswers()
    """What the vendor answers to a token that does not work: its error codes."""
    needs_app_id: ClassVar[bool] = False
    """Whether an app with this kind must have `app_id`. Then each grant must name that App ID."""
    needs_certificate: ClassVar[bool] = False
    """Whether an app with this kind must have `certificate`."""
    max_ttl: ClassVar[int | None] = None
    """The longest lifetime that the vendor allows, in seconds; None if it sets no limit.

    A longer one is never granted. An inspection reads a token that says more as one that ends then.
    """

    kind: str = ""
    """The kind that this instance serves, by its name in the configuration. It is set after `__init__`."""

    def __init__(self, options: Any, app_credentials: AppCredentials) -> None:
        """Create the backend of an app. `options` is a valid instance of `Options`."""
        self.options = options
        self.app_credentials = app_credentials

    @classmethod
    def check_app_credentials(cls, app_credentials: AppCredentials) -> Iterable[tuple[str, str]]:
        """Return what is wrong with an app's credentials: `app_id` or the name of a certificate, and a sentence.

        The sentence follows the name of the source, such as `must be a UUID`. It never contains a secret.
        """
        return ()

    @cached_property
    def declarations(self) -> Declarations:
        """Services, privileges and details, for the rules. A subclass whose options declare them overrides the attributes."""
        return Declarations(self.services, self.privileges, self.details, self.wildcards, self.unlimited_privileges)

    @abstractmethod
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        """Return what the token would give. `user` comes from the rule, for fields that name no user.

        `ttl` is in seconds. Raises `ApiError` (400) for fields that contradict each other, or if a user is missing.
        """

    @abstractmethod
    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. The same grant and issuance give the same token."""

    @abstractmethod
    def read(self, token: str) -> Reading:
        """Parse any text, without trusting it. Raises `Unreadable` if it is not a token of this format."""

    def read_with(self, token: str, channel: str | None, user: str | None) -> Reading:
        """Parse a token and compare fields that the format hides with the channel and user of a client."""
        return self.read(token)

    def names_user(self, fields: Any) -> bool:
        """Return whether the fields name a user. If so, and if `Fields` has no `user`, the user of a rule is not used."""
        return getattr(fields, "user", True) is not None

    def filled(self, user: str) -> Mapping[str, object]:
        """Return a user that came from a rule as a field of the native answer, with its type."""
        return {"user": user}

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        """Compare a minted token with its grant, before it is released. Returns None if they agree."""
        try:
            reading = self.read(minted.token)
        except Unreadable as error:
            return Mismatch(f"the token cannot be read: {error}")
        if reading.hidden:
            if hidden := reading.hidden - TIMES:
                return Mismatch(f"the token does not show {', '.join(sorted(hidden))}")
            if "expires_at" in reading.hidden and self.expires:
                return Mismatch("the token does not show when it expires")
        if not same_grant(reading.grant, without_seconds(grant) if "ttl" in reading.hidden else grant):
            return Mismatch("the token gives something else than was granted")
        if reading.signed_by is None:
            return Mismatch("the token is not signed by this app")
        if reading.issued_at != (None if "issued_at" in reading.hidden else issuance.issued_at):
            return Mismatch("the token's issue time is not that of the issuance")
        if reading.expires_at != (None if "expires_at" in reading.hidden else issuance.issued_at + grant.ttl):
            return Mismatch("the token does not expire when the grant does")
        if reading.extra != minted.extra:
            return Mismatch("what accompanies the token is not what was read back")
        return None

    def ends_at(self, reading: Reading) -> int | None:
        """Return when the vendor ends a token, in Unix seconds: at its expiry, or earlier if that exceeds `max_ttl`."""
        if reading.expires_at is None or reading.issued_at is None or self.max_ttl is None:
            return reading.expires_at
        return min(reading.expires_at, reading.issued_at + self.max_ttl)

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        """Return why a client could not join with a token of this backend. `now` is in Unix seconds.

        Override it to add the vendor's own checks; `answers` has its error codes.
        """
        problems: list[str] = []
        answers: list[str | None] = []
        if reading.signed_by is None and "signed_by" not in reading.hidden:
            problems.append("No secret of this app signed it.")
            answers.append(self.answers.unsigned)
        if reading.issued_at is not None and reading.issued_at > now + CLOCK_SKEW:
            problems.append(f"It is issued {in_words(reading.issued_at - now)} in the future: a clock is wrong.")
            answers.append(self.answers.early)
        ends_at = self.ends_at(reading)
        if ends_at is not None and ends_at <= now:
            problems.append(f"It expired {in_words(now - ends_at)} ago.")
            answers.append(self.answers.expired)
        services = [service for service in reading.grant.services if join.product in (None, service.name)]
        if not services:
            problems.append(f"It has no service {join.product}.")
        channels = [channel for service in services for channel in (service.channel, *service.more_channels)]
        users = [user for service in services for user in (service.user, *service.more_users)]
        for name, ids, joined in (("channel", channels, join.channel), ("user", users, join.user)):
            allowed = [allowed for allowed in ids if allowed is not NOT_APPLICABLE]
            if allowed and joined is not None and not any(self._allows(entry, joined) for entry in allowed):
                problems.append(f'Its {name} is "{text_of(allowed[0])}", but the client joins with "{joined}".')
        if problems:
            problems += [answer for answer in (*answers, self.answers.other) if answer is not None][:1]
        return Diagnosis(tuple(problems))

    def _allows(self, entry: str | Extent, joined: str) -> bool:
        """Whether an id of a token allows this one. A pattern counts as allowing every id."""
        return entry == joined or entry is Extent.ANY or (self.wildcards and is_wildcard(entry))


def without_seconds(grant: Grant) -> Grant:
    """The grant as a format without a ttl shows it. A privilege that ends before the token keeps its seconds."""
    services = tuple(
        replace(
            service,
            privileges={name: 0 if seconds == grant.ttl else seconds for name, seconds in service.privileges.items()},
        )
        for service in grant.services
    )
    return replace(grant, ttl=0, services=services)


def same_grant(grant: Grant, other: Grant) -> bool:
    """Return whether two grants are equal, including the type of `ttl`: True equals 1, but is no int."""
    return type(grant) is Grant and grant == other and type(grant.ttl) is type(other.ttl) is int
