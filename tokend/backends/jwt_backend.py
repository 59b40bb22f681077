"""The base of backends whose tokens are JWTs that the grant determines: `read` accepts what `mint` would write, nothing else."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from tokend.backends.contract import Backend, Minted, Reading, Unreadable
from tokend.backends.json_web_tokens import JwtKeys, JwtKeysById, token_times
from tokend.core.errors import ApiError
from tokend.core.model import Grant, Issuance

_LONGEST_NAME: Final = 60


class JwtBackend(Backend):
    """Mints and reads JWTs. A subclass has `keys`, `claims`, `fields_of` and `grant`."""

    @property
    @abstractmethod
    def keys(self) -> JwtKeys | JwtKeysById:
        """The keys: the first signs, all verify. Make it a `cached_property`, since keys are parsed."""

    @abstractmethod
    def claims(self, grant: Grant, issuance: Issuance) -> Mapping[str, Any]:
        """The claims of a token. `identity` is added, so it may be left out. `iat` and `exp` are the issue time and the end."""

    @abstractmethod
    def fields_of(self, claims: Mapping[str, Any]) -> Mapping[str, object]:
        """The fields of a request that leads to these claims. For others: any fields, or an error of a wrong type or key."""

    @property
    def identity(self) -> Mapping[str, object]:
        """The claims that say whose token it is. A token with other values of them can be read, and counts as not signed."""
        return {}

    def nonce_of(self, claims: Mapping[str, Any]) -> int:
        """The nonce that a token contains, if its claims contain one. Errors as of `fields_of`."""
        return 0

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        return Minted(self.keys.sign({**self.identity, **self.claims(grant, issuance)}), grant.ttl // 2)

    def read(self, token: str) -> Reading:
        """Parse any text. A claim or header that `mint` would not write is unreadable: it might give more."""
        content = self.keys.read(token)
        claims = content.claims
        issued_at, expires_at = token_times(claims)
        try:
            grant = self.grant(self.Fields.model_validate(self.fields_of(claims)), expires_at - issued_at)
            written = self.claims(grant, Issuance(issued_at, self.nonce_of(claims)))
        except (KeyError, TypeError, AttributeError, ValueError, ApiError) as error:  # pydantic's are ValueErrors too
            raise Unreadable(f"not a token of the kind {self.kind}") from error
        as_ours, expected = {**claims, **self.identity}, {**self.identity, **written}
        if as_ours != expected:
            raise Unreadable(f"not as a token of the kind {self.kind}: {_difference(as_ours, expected)}")
        if not self.keys.writes(content.header):
            raise Unreadable(f"its header is not that of a token of the kind {self.kind}")
        return Reading(grant, content.signed_by if as_ours == claims else None, issued_at, expires_at)


def _difference(claims: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """The first claim that differs, without its value. A name that is no short printable text is not repeated."""
    for name, value in claims.items():
        shown = name if len(name) <= _LONGEST_NAME and name.isprintable() else "with a long or unprintable name"
        if name not in expected:
            return f"it has a further claim {shown}"
        if value != expected[name]:
            return f"its claim {shown} has another form or value"
    return f"its claim {next(name for name in expected if name not in claims)} is missing"
