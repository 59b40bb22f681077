"""Which web pages may read the answers of an app: its origins, and the options of `cors`."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import core_schema

from tokend.core.lists import ItemOrList, ItemOrSet
from tokend.core.validation import StrictModel, invalid, redact_secrets


class Origins:
    """The origins whose pages may read an app's responses; `null` never.

    Exact origins, `https://*.example.com` for all subdomains, `http://localhost:*` for any port of the host `localhost`, or `*`.
    """

    __slots__ = ("_any", "_exact", "_longest", "_starred", "written")

    def __init__(self, written: tuple[str, ...] = ()) -> None:
        """`written`: as in the configuration, already checked by `check_origin`."""
        self.written = written
        self._any = "*" in written
        self._starred = frozenset(origin for origin in written if "*" in origin)
        self._exact = frozenset(written) - self._starred
        self._longest = max(map(len, self._starred), default=0)

    def allow(self, origin: str) -> bool:
        """Whether a page with this Origin header may read the response."""
        if origin == "null" or not _ORIGIN.fullmatch(origin):
            return False
        if self._any or origin in self._exact:
            return True
        return bool(self._starred) and (self._is_subdomain(origin) or _PORT.sub("", origin) + ":*" in self._starred)

    def _is_subdomain(self, origin: str) -> bool:
        """By a look-up for each dot: strangers send long origins, and an app may allow thousands of domains."""
        scheme, _, host = origin.partition("://")
        for dot in _DOT.finditer(host, max(0, len(host) - self._longest)):
            if f"{scheme}://*{host[dot.start() :]}" in self._starred:
                return _SUBDOMAINS.fullmatch(host, 0, dot.start()) is not None  # if not, what is longer is none either
        return False

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """An origin or a list of them, as text. Blanks around an origin are ignored."""
        listed = handler.generate_schema(ItemOrList[_Origin])
        return core_schema.no_info_after_validator_function(lambda written: cls(tuple(written)), listed)


_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABELS: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_SUBDOMAINS: Final = re.compile(_LABELS)
_DOT: Final = re.compile(r"\.")
_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:(?![/?#@])[!-~])+")
_WRITTEN: Final = re.compile(rf"[a-z][a-z0-9+.-]*://(\*\.)?({_LABELS}|\[[0-9a-f:]+\])(:([1-9][0-9]{{0,4}}))?")

_ANY_PORT: Final = frozenset({"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"})
"""For pages under development, whose port changes. On another host, each port may belong to someone else."""


_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def check_origin(written: str) -> str | None:
    """What is wrong with an origin in the configuration, or None."""
    if written == "null":
        return "may not be null: any sandboxed page has that origin"
    scheme, _, rest = written.partition("://")
    if (port := _DEFAULT_PORTS.get(scheme)) is not None and rest.endswith(f":{port}"):
        without = redact_secrets(written.removesuffix(f":{port}"))
        return f"names the default port, which browsers leave out: write {without}"
    if written == "*" or written in _ANY_PORT:
        return None
    if (found := _WRITTEN.fullmatch(written)) is not None and int(found[4] or 1) <= 65_535:
        return None
    if written.endswith(":*"):
        return f"any port is only possible on this machine: write {', '.join(sorted(_ANY_PORT))}, or name the port"
    return (
        "must be like https://app.example.com or https://*.example.com, in lower case, without a path; "
        'http://localhost:* for any port; or "*"'
    )


def _origin(written: str) -> str:
    written = written.strip()
    if problem := check_origin(written):
        raise invalid(problem)
    return written


_Origin = Annotated[str, AfterValidator(_origin)]


def _header_name(text: str) -> str:
    if _HEADER_NAME.fullmatch(text) is None:
        raise invalid("must be the name of a header, such as X-Tenant")
    return text.lower()


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
"""A token of RFC 9110, 5.1."""
_HeaderName = Annotated[str, AfterValidator(_header_name)]


class Cors(StrictModel):
    """Which web pages may read the app's answers."""

    origins: Origins = Field(
        default=Origins(),
        description=(
            "exact origins in lower case, https://*.example.com for all subdomains, http://localhost:*, "
            'http://127.0.0.1:* or http://[::1]:* for any port of that host, or "*". Default: no CORS headers'
        ),
        examples=[["https://app.example.com", "http://localhost:*"]],
    )
    headers: ItemOrSet[_HeaderName] = Field(
        default=frozenset(),
        description="further request headers that pages may send. Default: none",
        examples=[["X-Tenant"]],
    )
