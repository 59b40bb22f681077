"""Headers that do not do, with the reason that the operator's log gives; docs/identity.md explains these."""

from collections.abc import Mapping
from typing import Final

from tokend.auth.forward_auth import Headers

SECRET: Final = "a-secret-of-your-own"
NAMING: Final[Headers] = {
    "x-auth-request-user": ("álice 爱",),
    "x-auth-request-email": ("a@example.com",),
    "x-auth-request-groups": ("staff, a b,,",),
    "x-tokend-proxy": (SECRET,),
}
"""What does."""


def _with(name: str, *values: str) -> Headers:
    return {**NAMING, name: values}


_USER: Final = "x-auth-request-user"
_GROUPS: Final = "x-auth-request-groups"
_PROXY: Final = "x-tokend-proxy"
_TWICE: Final = "is given twice in the request: the proxy has to replace what a client sends"
_UNSEEN: Final = "is no visible UTF-8 text"
REASONS: Final[Mapping[str, tuple[Headers, str]]] = {
    "empty": (_with(_USER, ""), f"{_USER} is empty"),
    "twice": (_with(_USER, "alice", "mallory"), f"{_USER} {_TWICE}"),
    "twice the same": (_with(_USER, "alice", "alice"), f"{_USER} {_TWICE}"),
    "another twice": (_with(_GROUPS, "staff", "host"), f"{_GROUPS} {_TWICE}"),
    "latin-1": (_with(_USER, "\udce1lice"), f"{_USER} {_UNSEEN}"),
    "a control character": (_with(_USER, "alice\x1b[31m"), f"{_USER} {_UNSEEN}"),
    "a tab": (_with(_USER, "a\tb"), f"{_USER} {_UNSEEN}"),
    "written from right to left": (_with(_USER, "alice\u202e"), f"{_USER} {_UNSEEN}"),
    "of no width": (_with(_USER, "alice\u200b"), f"{_USER} {_UNSEEN}"),
    "a blank that does not break": (_with(_USER, "\u00a0"), f"{_USER} {_UNSEEN}"),
    "another unseen": (_with("x-auth-request-email", "\x7f"), f"x-auth-request-email {_UNSEEN}"),
    "no secret": ({k: v for k, v in NAMING.items() if k != _PROXY}, f"{_PROXY} does not hold the shared secret"),
    "a wrong secret": (_with(_PROXY, "a-secret-of-your-owm"), f"{_PROXY} does not hold the shared secret"),
    "a secret that is no ASCII": (_with(_PROXY, "a-secret-öf-your-own"), f"{_PROXY} does not hold the shared secret"),
    "a secret twice": (_with(_PROXY, SECRET, SECRET), f"{_PROXY} {_TWICE}"),
    "another group": (_with(_GROUPS, "stafff, host"), 'require: claims.groups is not "staff"'),
    "no group": (_with(_GROUPS, " ,"), 'require: claims.groups is not "staff"'),
}
MANY: Final = "remote-user and x-auth-request-user each name a user: have every proxy remove what it does not set"
BEFORE: Final = (
    "an unknown credential goes before the proxy's headers: have the proxy remove Authorization and X-API-Key"
)
UNREAD: Final = (
    "Authorization is not the word Bearer, a blank and a credential, or a credential has characters outside ASCII"
)
UNTRUSTED: Final = "the peer {peer} is not in server.trusted_proxies"
NOBODY: Final = "the proxy names no user"
FOREIGN: Final = "a page sent this whose origin is neither the Host nor named by cors"
