"""Random tokens of the kind `jwt`, by the configurations of docs/vendors/jwt.md, read by PyJWT with the checks that it documents.

The expected claims are written from the pages of the vendors, which docs/vendors/jwt.md names, as they were in November 2026.
"""

import random
import re
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import jwt

from tests.running import ROOT
from tokend.config.loading import load
from tokend.plugins import Backend, Issuance

MANY: Final = 1_000_000
PAGE: Final = (ROOT / "docs/vendors/jwt.md").read_text("utf-8")
SECRET: Final = "a secret of the tests, which is long enough for HS512: 0123456789abcdef"
Fields = dict[str, Any]
Expected = Callable[[Fields, int, int], Mapping[str, Any]]
"""The claims that a vendor documents for fields, an issue time and an expiry."""


def backends() -> dict[str, Backend]:
    """Every kind of the page by name."""
    found: dict[str, Backend] = {}
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S):
        with TemporaryDirectory() as directory:
            Path(directory, "config.yaml").write_text(block, "utf-8")
            secrets = dict.fromkeys(re.findall(r"env: (\w+)", block), SECRET)
            found |= load(None, secrets, Path(directory)).apps["demo"].backends
    return found


def differences(count: int, seed: int) -> list[str]:
    """How tokens of random fields differ from what the vendors document, in sentences."""
    choose = random.Random(seed)
    kinds = backends()
    found = []
    for number in range(count):
        kind, (make, expected) = choose.choice(list(VENDORS.items()))
        fields = make(choose)
        issuance = Issuance(choose.randrange(1_600_000_000, 1_900_000_000), choose.getrandbits(128))
        ttl = choose.randrange(1800, 172_801)
        backend = kinds[kind]
        grant = backend.grant(backend.Fields.model_validate(fields), ttl)
        minted = backend.mint(grant, issuance)
        wanted = dict(expected(fields, issuance.issued_at, issuance.issued_at + ttl))
        if "jti" in wanted:
            wanted["jti"] = f"{issuance.nonce:032x}"
        found += [f"{number} {kind}: {problem}" for problem in _problems(minted.token, wanted)]
        if mismatch := backend.verify(minted, grant, issuance):
            found.append(f"{number} {kind}: {mismatch.sentence}")
    return found


def _problems(token: str, wanted: Mapping[str, Any]) -> Iterator[str]:
    """What PyJWT finds wrong with a token. Times are compared below, not with today."""
    try:
        whole = jwt.decode_complete(
            token,
            SECRET,
            algorithms=["HS256"],
            audience=wanted.get("aud"),
            issuer=wanted.get("iss"),
            subject=wanted.get("sub"),
            options={
                "require": [name for name in ("exp", "iat", "sub", "aud", "iss", "jti", "nbf") if name in wanted],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError as error:
        yield f"{type(error).__name__}: {error}"
        return
    if whole["header"] != {"alg": "HS256", "typ": "JWT"}:
        yield f"header {whole['header']}"
    if repr(sorted(whole["payload"].items())) != repr(sorted(wanted.items())):  # repr tells 1 from true
        yield f"claims {whole['payload']}, expected {wanted}"


def _text(choose: random.Random, letters: str = "", longest: int = 20) -> str:
    return "".join(
        choose.choices(letters or string.ascii_letters + string.digits + " -_.:@/é語", k=choose.randint(1, longest))
    )


def _value(choose: random.Random, depth: int = 2) -> Any:
    plain = (choose.randrange(-9, 10**9), choose.random(), _text(choose), True, False, None)
    if not depth or choose.random() < 0.5:
        return choose.choice(plain)
    if choose.random() < 0.5:
        return [_value(choose, depth - 1) for _ in range(choose.randrange(3))]
    return _object(choose, depth - 1)


def _object(choose: random.Random, depth: int = 2) -> Fields:
    return {_text(choose): _value(choose, depth) for _ in range(choose.randrange(4))}


def _some(choose: random.Random, required: Fields, optional: Fields) -> Fields:
    """The required fields, and some of the others."""
    return required | {name: value for name, value in optional.items() if choose.random() < 0.6}


def _without_missing(**claims: Any) -> Fields:
    return {name: value for name, value in claims.items() if value is not None}


_SLUG: Final = string.ascii_lowercase + string.digits + "-_"


def _topics(choose: random.Random, letters: str) -> list[str]:
    return [_text(choose, letters) for _ in range(choose.randint(1, 4))]


VENDORS: Final[Mapping[str, tuple[Callable[[random.Random], Fields], Expected]]] = {
    "centrifugo": (
        lambda choose: _some(choose, {"user": _text(choose)}, {"info": _object(choose), "meta": _object(choose)}),
        lambda fields, iat, exp: _without_missing(
            sub=fields["user"], info=fields.get("info"), meta=fields.get("meta"), iat=iat, exp=exp, jti=""
        ),
    ),
    "centrifugo_channel": (
        lambda choose: _some(choose, {"user": _text(choose), "channel": _text(choose)}, {"info": _object(choose)}),
        lambda fields, iat, exp: _without_missing(
            sub=fields["user"], channel=fields["channel"], info=fields.get("info"), iat=iat, exp=exp, jti=""
        ),
    ),
    "daily": (
        lambda choose: _some(
            choose,
            {},
            {
                "room": _text(choose),
                "user": _text(choose),
                "name": _text(choose),
                "send": choose.random() < 0.5,
                "owner": choose.random() < 0.5,
                "recording": choose.choice(("cloud", "local")),
            },
        ),
        lambda fields, iat, exp: _without_missing(
            r=fields.get("room"),
            d="30f866c3-9123-452a-8723-ff58322d09c5",
            ud=fields.get("user"),
            u=fields.get("name"),
            o=fields.get("owner", False),
            er=fields.get("recording"),
            p={"cs": fields.get("send", False)},
            iat=iat,
            exp=exp,
        ),
    ),
    "zoom": (
        lambda choose: _some(
            choose,
            {
                "session": _text(choose, _SLUG + " !#$%&()+:;<=.>?@[]^{}|~,\\", 200),
                "user": _text(choose, longest=36),
                "role": choose.choice((0, 1)),
            },
            {"session_key": _text(choose, longest=36)},
        ),
        lambda fields, iat, exp: _without_missing(
            app_key="YourSdkKey",
            version=1,
            tpc=fields["session"],
            role_type=fields["role"],
            user_key=fields["user"],
            session_key=fields.get("session_key"),
            iat=iat,
            exp=exp,
        ),
    ),
    "stream": (
        lambda choose: {"user": _text(choose, _SLUG + "@")},
        lambda fields, iat, exp: {"user_id": fields["user"], "iat": iat - 5, "exp": exp},
    ),
    "stream_call": (
        lambda choose: {"user": _text(choose, _SLUG), "call": _text(choose, _SLUG)},
        lambda fields, iat, exp: {
            "user_id": fields["user"],
            "call_cids": [f"default:{fields['call']}"],
            "iat": iat - 5,
            "exp": exp,
        },
    ),
    "meet": (
        lambda choose: _some(
            choose,
            {"room": _text(choose, _SLUG), "user": _text(choose)},
            {"name": _text(choose), "moderator": choose.random() < 0.5},
        ),
        lambda fields, iat, exp: {
            "aud": "jitsi",
            "iss": "my_app_id",
            "sub": "meet.example.com",
            "room": fields["room"],
            "nbf": iat - 10,
            "iat": iat,
            "exp": exp,
            "context": {
                "user": {
                    "id": fields["user"],
                    **({"name": fields["name"]} if "name" in fields else {}),
                    "moderator": fields.get("moderator", False),
                }
            },
        },
    ),
    "mqtt": (
        lambda choose: {"user": _text(choose, _SLUG), "topics": _topics(choose, _SLUG + "/ *")},
        lambda fields, iat, exp: {
            "username": fields["user"],
            "iat": iat,
            "exp": exp,
            "acl": {"pub": fields["topics"], "sub": fields["topics"], "all": []},
        },
    ),
    "updates": (
        lambda choose: {"user": _text(choose), "topics": _topics(choose, _SLUG + "/:.*")},
        lambda fields, iat, exp: {
            "mercure": {"subscribe": fields["topics"], "payload": {"user": fields["user"]}},
            "iat": iat,
            "exp": exp,
        },
    ),
    "publish_updates": (
        lambda choose: {"topics": _topics(choose, _SLUG + "/:.")},
        lambda fields, iat, exp: {"mercure": {"publish": fields["topics"]}, "iat": iat, "exp": exp},
    ),
    "graphql": (
        lambda choose: {"user": _text(choose), "role": choose.choice(("user", "editor", "admin"))},
        lambda fields, iat, exp: {
            "sub": fields["user"],
            "iat": iat,
            "exp": exp,
            "https://hasura.io/jwt/claims": {
                "x-hasura-user-id": fields["user"],
                "x-hasura-default-role": fields["role"],
                "x-hasura-allowed-roles": [fields["role"]],
            },
        },
    ),
}
"""By kind of the page: random fields, and the claims that the vendor documents for them."""
