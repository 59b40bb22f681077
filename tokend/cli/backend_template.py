"""The files that `tokend plugins new` writes: a backend for tokens that are JWTs, with its tests.

Each text is a `string.Template` with the names of the new package.
"""

import re
from collections.abc import Mapping
from keyword import iskeyword
from string import Template
from typing import Final

_PROJECT: Final = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "$package"
version = "0.1.0"
description = "Tokens of the kind $kind for tokend"
requires-python = ">=3.11"
dependencies = ["tokend>=0.2,<0.3"]

[project.optional-dependencies]
test = ["pytest>=8"]

# the name on the left is the kind, as token requests, rules and the configuration write it
[project.entry-points."tokend.backends"]
$kind = "$module:$class_name"

[tool.setuptools]
py-modules = ["$module"]
"""

_README: Final = """\
# $package

A backend for tokend: it mints and reads tokens of the kind `$kind`.

    pip install -e ".[test]"    # tokend finds the kind through the package's entry point
    pytest                      # the conformance suite of tokend.testing
    tokend plugins              # lists the kind

It works as it is, for tokens that are JWTs. Change in `$module.py`, in this order:

1. `${class_name}Options`: what the configuration says of an account with the vendor.
2. `Claims`: what a token says, in the vendor's own names.
3. `${class_name}Fields`: what a token request may say.
4. `services`, `privileges` and `details`: what each name in a grant means.
5. `grant`, `mint` and `read`.
6. The examples in `test_$module.py`.

The guide to backends is `docs/backends.md` in the source of tokend.

```yaml
apps:
  demo:
    backends: {$kind: {api_key: "the public name of the key", secret: {env: $variable}}}
    callers:
      web: {anonymous: true, rules: [{channel: "lobby-*", user: "guest-*", roles: subscriber}]}
```

`POST /demo/v1/token` with `{"kind": "$kind", "room": "lobby-1", "user": "guest-7"}` returns a token.
"""

_BACKEND: Final = '''\
"""Tokens of the kind `$kind`: JWTs (RFC 7519) that are signed with HMAC-SHA256."""

import re
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError

from tokend.plugins import (
    FREE,
    LISTEN,
    PUBLISH,
    ApiError,
    Backend,
    Code,
    Grant,
    Issuance,
    JwtKeys,
    Minted,
    Reading,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
)

HEADER = {"alg": "HS256", "typ": "JWT"}
ID = re.compile("[A-Za-z0-9_.-]{1,64}")
Seconds = Annotated[int, Field(ge=0, lt=1 << 40)]


class ${class_name}Options(StrictModel):
    """What the configuration says below `backends: {$kind: …}`."""

    api_key: str = Field(description="the public name of the key, which tokens contain")
    secret: SecretList = Field(description="the secret of the key, or a list of secrets: the first signs, all verify")


class ${class_name}Fields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    room: str = Field(examples=["lobby"])
    user: str | None = Field(default=None, examples=["ann"])
    role: Literal["publisher", "subscriber"] = "subscriber"
    name: str | None = Field(default=None, min_length=1, max_length=64, description="the name that others see")


class Claims(StrictModel):
    """What a token says, in the vendor's own names."""

    iss: str
    sub: str = Field(min_length=1)
    room: str = Field(min_length=1)
    publish: bool
    name: str | None = None
    iat: Seconds
    exp: Seconds
    jti: str


class ${class_name}(Backend):
    """Mints and reads tokens of the kind `$kind`."""

    api_version: ClassVar[int] = 1
    Options: ClassVar[type[StrictModel]] = ${class_name}Options
    Fields: ClassVar[type[StrictModel]] = ${class_name}Fields
    services: ClassVar = {"$kind": ServiceShape()}
    privileges: ClassVar = {"join": LISTEN, "publish": PUBLISH}
    details: ClassVar = {"name": FREE}

    def grant(self, fields: ${class_name}Fields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give."""
        user = checked("user", fields.user if fields.user is not None else user)
        return granted(user, checked("room", fields.room), fields.role == "publisher", fields.name, ttl)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        (service,) = grant.services
        claims = Claims.model_validate(
            {
                "iss": self.options.api_key,
                "sub": service.user,
                "room": service.channel,
                "publish": "publish" in service.privileges,
                "name": service.detail.get("name"),
                "iat": issuance.issued_at,
                "exp": issuance.issued_at + grant.ttl,
                "jti": f"{issuance.nonce:032x}",
            }
        )
        return Minted(self.keys.sign(claims.model_dump(exclude_none=True)), grant.ttl // 2)

    def read(self, token: str) -> Reading:
        """Parse any text. It says which of our secrets signed it, and never fails because of a foreign signature."""
        content = self.keys.read(token)
        try:
            claims = Claims.model_validate(content.claims)
        except ValidationError as error:
            raise Unreadable("not a token of the kind $kind") from error
        if claims.exp <= claims.iat:
            raise Unreadable("it ends before it begins")
        ours = content.header == HEADER and claims.iss == self.options.api_key
        grant = granted(claims.sub, claims.room, claims.publish, claims.name, claims.exp - claims.iat)
        return Reading(grant, content.signed_by if ours else None, claims.iat, claims.exp)

    @cached_property
    def keys(self) -> JwtKeys:
        """The secrets: the first signs, all verify."""
        return JwtKeys("HS256", self.options.secret)


def granted(user: str, room: str, publish: bool, name: str | None, ttl: int) -> Grant:
    """Return the grant of a token that says this. `grant` and `read` share it, so that they agree."""
    privileges = {"join": ttl, "publish": ttl} if publish else {"join": ttl}
    detail = {} if name is None else {"name": name}
    return Grant(None, "jwt", ttl, (Service("$kind", user, room, privileges, detail=detail),))


def checked(field: str, text: str | None) -> str:
    """Check an id. A user may come from a rule, and such a user never went through `Fields`."""
    if text is None or ID.fullmatch(text) is None:
        raise ApiError(Code.INVALID_FIELD, "must be 1 to 64 of A-Z a-z 0-9 _ . and -", field)
    return text
'''

_TESTS: Final = '''\
"""The conformance suite of tokend, with examples of the kind `$kind`."""

from $module import $class_name
from tokend.plugins import Secret
from tokend.testing import BackendConformance


class Test$class_name(BackendConformance):
    """Each of `token_requests` must be granted, each of `refused` rejected."""

    backend = $class_name
    options = {
        "api_key": "test-key",
        "secret": [Secret("0123456789abcdef0123456789abcdef"), Secret("fedcba98765432100123456789abcdef")],
    }
    token_requests = (
        {"room": "lobby", "user": "ann"},
        {"room": "lobby", "user": "ann", "role": "publisher"},
        {"room": "lobby", "user": "ann", "name": "Ann Example"},
    )
    refused = ({"user": "ann"}, {"room": "", "user": "ann"}, {"room": "*", "user": "ann"}, {"room": "lobby", "user": 7})
    unnamed = ({"room": "lobby"},)
'''

FILES: Final[Mapping[str, str]] = {
    "pyproject.toml": _PROJECT,
    "README.md": _README,
    "$module.py": _BACKEND,
    "test_$module.py": _TESTS,
}
"""The text of each file by its name. Both are templates."""


def files(name: str, kind: str) -> dict[str, str]:
    """Return the texts of a new package's files, by file name. `name`: lower case and digits, with `-` between."""
    names = {
        "package": f"tokend-{name}",
        "module": f"tokend_{name.replace('-', '_')}",
        "class_name": _class_name(name),
        "kind": kind,
        "variable": f"{name.replace('-', '_').upper()}_SECRET",
    }
    return {Template(file).substitute(names): Template(text).substitute(names) for file, text in FILES.items()}


def _class_name(name: str) -> str:
    """The name of the backend's class. A vendor may be called like something that the module has already, such as Grant."""
    found = "".join(word.capitalize() for word in name.split("-"))
    return f"{found}Tokens" if iskeyword(found) or re.search(rf"\b{found}\b", _BACKEND) else found
