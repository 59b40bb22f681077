"""Options of a `forward_auth` caller: the headers of a proxy that it reads, from a preset or written out."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from tokend.auth.contract import Place
from tokend.auth.presets import FORWARD_PRESETS, ForwardPreset
from tokend.core.conditions import Conditions
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, invalid, redact_secrets, satisfying, suggestion

_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key"})
_CLAIM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _header(text: str) -> str:
    if _HEADER.fullmatch(text) is None or text.lower() in _CREDENTIALS:
        raise invalid("must be the name of a header, other than Authorization and X-API-Key")
    return text.lower()


_shared_secret = satisfying(
    lambda secret: re.fullmatch("[!-~]{16,}", secret.reveal()) is not None,
    "must be 16 visible ASCII characters or more, none of them blank",
)


def _preset_name(text: str) -> str:
    if text not in FORWARD_PRESETS:
        raise invalid(f"'{redact_secrets(text)}' is no preset{suggestion(text, FORWARD_PRESETS)}")
    return text


HeaderName = Annotated[str, AfterValidator(_header)]
"""The name of a header, in lower case."""


class SecretHeader(StrictModel):
    """A header with a secret, which only the proxy can send."""

    name: HeaderName = Field(description="the header's name", examples=["X-Proxy-Secret"])
    secret: Annotated[Secret, AfterValidator(_shared_secret)] = Field(
        description="its value: at least 16 visible ASCII characters", examples=[{"env": "PROXY_SECRET"}]
    )


class ForwardAuthOptions(StrictModel):
    """The headers in which a proxy in front names the user: a preset, or user, claims and lists."""

    preset: Annotated[str, AfterValidator(_preset_name)] | None = Field(
        default=None,
        description=f"a well-known proxy: {', '.join(FORWARD_PRESETS)}. Default: none; write user",
        examples=["authelia"],
    )
    user: HeaderName | None = Field(
        default=None,
        description=(
            "the header with the user's id, which becomes claims.sub. Default: the preset's, otherwise required"
        ),
        examples=["Remote-User"],
    )
    claims: dict[str, HeaderName] | None = Field(
        default=None,
        description="other claims, each with its header. Default: the preset's, otherwise none",
        examples=[{"email": "X-Auth-Request-Email"}],
    )
    lists: dict[str, HeaderName] | None = Field(
        default=None,
        description=(
            "claims from comma-separated headers, each of which becomes a list. Default: the preset's, otherwise none"
        ),
        examples=[{"groups": "X-Auth-Request-Groups"}],
    )
    secret_header: SecretHeader | None = Field(
        default=None, description="a header with a secret that only the proxy knows. Default: none"
    )
    require: Conditions = Field(
        default_factory=tuple,
        description="claims that the user must have, written like when in a rule. Default: none",
        examples=[{"claims.groups": "staff"}],
    )

    @property
    def proxy(self) -> ForwardPreset:
        """The headers that become claims, in lower case: those of the preset, or those that are written out."""
        if self.preset is not None:
            return FORWARD_PRESETS[self.preset]
        return ForwardPreset(self.user or "", self.claims or {}, self.lists or {})

    @property
    def headers(self) -> frozenset[str]:
        """All headers that it reads, in lower case."""
        return self.proxy.headers | ({self.secret_header.name} if self.secret_header is not None else frozenset())


def option_problems(options: ForwardAuthOptions) -> Iterator[tuple[Place, str]]:
    """Problems of a caller's options taken together: the key, and a sentence that follows it."""
    if options.preset is not None:
        for key in ("user", "claims", "lists"):
            if getattr(options, key) is not None:
                yield (key,), "cannot be combined with a preset, which sets it"
    else:
        yield from _problems_by_hand(options)
    secret = options.secret_header
    if secret is not None and secret.name in options.proxy.headers:
        yield ("secret_header", "name"), "is read as a claim already: the secret would be one"


def _problems_by_hand(options: ForwardAuthOptions) -> Iterator[tuple[Place, str]]:
    claims, lists = options.claims or {}, options.lists or {}
    for key, names in (("claims", claims), ("lists", lists)):
        for name in names:
            if _CLAIM.fullmatch(name) is None or name == "sub":
                yield (key, name), "must be a name of A-Z a-z 0-9 _ -; and sub is what user gives"
    for name in lists.keys() & claims.keys():
        yield ("lists", name), "stands under claims too"
    if options.user is None:
        yield ("user",), "is missing: the header in which the proxy names the user"
