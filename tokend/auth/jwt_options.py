"""Options of a `jwt` caller: a preset of a provider with its parts, or issuer, audience and keys."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo

from tokend.auth.contract import Place
from tokend.auth.jws import is_public_key
from tokend.auth.presets import PRESETS, Preset
from tokend.core import strict_json
from tokend.core.claims import Condition
from tokend.core.conditions import Conditions
from tokend.core.interfaces import KeySource
from tokend.core.lists import ItemOrList
from tokend.core.secrets import Secret
from tokend.core.urls import has_user, is_secure_url
from tokend.core.validation import StrictModel, invalid, redact_secrets, suggestion

if TYPE_CHECKING:
    from tokend.auth.jwk import Key

ASYMMETRIC: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
SYMMETRIC: Final = ("HS256",)
_MIN_SECRET: Final = 32
_PART: Final = re.compile(r"[^\s/:?#@]+")
_PARTS: Final = tuple(sorted({need for preset in PRESETS.values() for need in preset.needs}))
_BY_HAND: Final = Preset(needs=(), issuer="")


def _preset_name(text: str) -> str:
    if text not in PRESETS:
        raise invalid(f"'{redact_secrets(text)}' is no preset{suggestion(text, PRESETS)}")
    return text


def _signing_secret(secret: Secret) -> Secret:
    text = secret.reveal()
    if is_public_key(text):
        raise invalid("is a public key: whoever has it could make tokens; write it under keys")
    if len(text) < _MIN_SECRET:
        raise invalid(f"is shorter than {_MIN_SECRET} characters: HS256 secrets as short as that can be guessed")
    return secret


def _public_keys(value: object, info: ValidationInfo) -> tuple["Key", ...]:
    """The keys of a PEM or a JWKS document, which anybody may read."""
    resolve = (info.context or {}).get("public")
    if resolve is None or not isinstance(value, dict):
        raise invalid("must be {env: NAME}, {file: PATH} or {credential: NAME}")
    return _imported(resolve(value).reveal())


def _imported(text: str) -> tuple["Key", ...]:
    from tokend.auth.jwk import import_keys, is_for, pem_key  # not above: see that module

    if text.count("-----BEGIN ") > 1:
        raise invalid("has several PEM texts, of which only the first would count: give each an item of its own")
    try:
        found = import_keys(strict_json.loads(text.encode())) if text.lstrip().startswith("{") else (pem_key(text),)
    except ValueError:
        found = ()
    usable = tuple(key for key in found if any(is_for(key, algorithm) for algorithm in ASYMMETRIC))
    if not usable:
        raise invalid(
            "is neither a public key in PEM form nor a JWKS document with one. "
            "RSA takes 2048 bits, and EC the curves P-256, P-384 and P-521"
        )
    return usable


def _some(value: object) -> object:
    if value == []:
        raise invalid("is an empty list: no token could be verified")
    return value


_PublicKeys = Annotated[tuple[Any, ...], PlainValidator(_public_keys, json_schema_input_type=Secret)]


class JwtOptions(StrictModel):
    """Which tokens of an identity provider are accepted: a preset with its parts, or issuer, audience and keys."""

    preset: Annotated[str, AfterValidator(_preset_name)] | None = Field(
        default=None,
        description=f"a well-known provider: {', '.join(PRESETS)}. Default: none; write issuer and audience",
        examples=["keycloak"],
    )
    project: str | None = Field(
        default=None, description="the project's id, for firebase and supabase. Default: none", examples=["my-project"]
    )
    region: str | None = Field(
        default=None, description="the AWS region, for cognito. Default: none", examples=["eu-west-1"]
    )
    pool: str | None = Field(
        default=None, description="the id of the user pool, for cognito. Default: none", examples=["eu-west-1_AbC123"]
    )
    domain: str | None = Field(
        default=None,
        description="the provider's host name, for clerk and auth0. Default: none",
        examples=["demo.eu.auth0.com"],
    )
    url: str | None = Field(
        default=None,
        description="the server's URL, for keycloak: https, or http on this machine. Default: none",
        examples=["https://id.example.com"],
    )
    realm: str | None = Field(default=None, description="the realm, for keycloak. Default: none", examples=["demo"])
    issuer: str | None = Field(
        default=None,
        description="exact value of the tokens' claim iss. Default: the preset's, otherwise required",
        examples=["https://id.example.com/realms/demo"],
    )
    audience: ItemOrList[str] | None = Field(
        default=None,
        description=(
            "expected aud: a text, or a list of which one must match. Default: the preset's, otherwise required"
        ),
        examples=["tokend"],
    )
    algorithms: ItemOrList[str] | None = Field(
        default=None,
        description=(
            "accepted algorithms: RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA, Ed25519, and "
            "HS256 with a secret. Default: all of them"
        ),
        examples=[["RS256"]],
    )
    jwks: str | None = Field(
        default=None,
        description=(
            "the URL of the provider's keys: https, or http on this machine. The log and the metrics show it. "
            "Default: found through OpenID Connect discovery"
        ),
        examples=["https://id.example.com/keys.json"],
    )
    keys: Annotated[list[_PublicKeys], BeforeValidator(_some)] | None = Field(
        default=None,
        repr=False,  # each reading makes other objects: callers with the same keys would not look alike
        description="public keys instead of a URL, each PEM or a JWKS document. Default: none",
        examples=[[{"file": "keys/provider.pem"}]],
    )
    secret: Annotated[Secret, AfterValidator(_signing_secret)] | None = Field(
        default=None,
        description=("the secret of HS256 tokens that your own program signs, at least 32 characters. Default: none"),
        examples=[{"env": "JWT_SECRET"}],
    )
    require: Conditions = Field(
        default_factory=tuple,
        description="claims that the token must have, written like when in a rule. Default: none",
        examples=[{"claims.email_verified": True}],
    )
    shared: bool = Field(
        default=False,
        description="true in each of two apps that trust the same issuer and audience: each accepts the other's tokens",
    )

    @property
    def provider(self) -> Preset:
        """The preset, or an empty one if everything is written out."""
        return PRESETS[self.preset] if self.preset is not None else _BY_HAND

    @property
    def parts(self) -> Mapping[str, str]:
        """The written parts of the preset, by name."""
        return {name: value.rstrip("/") for name in _PARTS if (value := getattr(self, name)) is not None}

    @property
    def trusted(self) -> str:
        """The issuer, empty if none is written. All parts that the preset needs must be written."""
        return (self.issuer or "") if self.preset is None else self.provider.issuer.format_map(self.parts)

    @property
    def audiences(self) -> frozenset[str]:
        """The audiences, empty if none is written."""
        default = self.provider.audience
        return frozenset(self.audience or ([default.format_map(self.parts)] if default else []))

    @property
    def is_complete(self) -> bool:
        """Whether issuer and audiences can be known."""
        return all(name in self.parts for name in self.provider.needs)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of `require`, and those of the preset on other claims."""
        written = {condition.path for condition in self.require}
        return (*(condition for condition in self.provider.require if condition.path not in written), *self.require)

    @property
    def key_source(self) -> KeySource | None:
        """The source of the provider's keys; None if the keys are written out."""
        if self.keys is not None or self.secret is not None:
            return None
        url = self.jwks if self.jwks is not None else self.provider.jwks and self.provider.jwks.format_map(self.parts)
        return KeySource(self.trusted, discovery=True) if url is None else KeySource(url)


class TrustedIssuer(Struct, frozen=True):
    """The issuer that a caller trusts. `keys`: those written in the configuration; `source`: where other keys come from.

    `audiences`: compared with `aud` and, if `by_azp`, also with `azp` or the claim `client_id`.
    """

    caller: str
    issuer: str
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    keys: tuple["Key", ...] = ()
    source: KeySource | None = None
    require: tuple[Condition, ...] = ()
    by_azp: bool = False
    cookie: str | None = None


def trusted_issuer(caller: str, options: JwtOptions) -> TrustedIssuer:
    """The issuer that a caller with these options trusts. The options have passed all checks."""
    keys = tuple(key for document in options.keys or () for key in document)
    if options.secret is not None:
        from tokend.auth.jwk import secret_key  # not above: see that module

        keys = (secret_key(options.secret.reveal()),)
    return TrustedIssuer(
        caller=caller,
        issuer=options.trusted,
        audiences=options.audiences,
        algorithms=tuple(options.algorithms or _algorithms(options)),
        keys=keys,
        source=options.key_source,
        require=options.conditions,
        by_azp=options.provider.by_azp,
        cookie=options.provider.cookie,
    )


def option_problems(options: JwtOptions) -> Iterator[tuple[Place, str]]:
    """Problems of a caller's options taken together: the key, and a sentence that follows it."""
    if options.preset is None:
        for name in options.parts:
            yield (name,), "needs a preset: without one, write issuer and audience"
    else:
        yield from _preset_problems(options, options.preset)
    if not options.is_complete:
        return
    if not options.trusted:
        yield ("issuer",), "is missing: the `iss` of the tokens, as the provider writes it"
    if not options.audiences or "" in options.audiences:
        yield ("audience",), "is missing: without it a token for any other service would do"
    written = [name for name in ("jwks", "keys", "secret") if getattr(options, name) is not None]
    if len(written) > 1:
        yield (written[1],), f"cannot be combined with {written[0]}: keys come from one of them"
    source = options.key_source
    by_name = options.preset is not None and "url" not in options.provider.needs  # the preset itself has https
    if source is not None and not by_name:
        key = "jwks" if options.jwks is not None else "issuer" if options.preset is None else "url"
        if not is_secure_url(source.url):
            yield (key,), "must be an https URL, since the keys come from there"
        elif has_user(source.url):
            yield (key,), "must be without user and password: the log and the metrics show it"
    known = _algorithms(options)
    for index, name in enumerate(options.algorithms or ()):
        if name not in known:
            needs = f"; {name} needs a secret" if name in SYMMETRIC else ""
            yield ("algorithms", index), f"must be one of {', '.join(known)}{needs}"


def _algorithms(options: JwtOptions) -> tuple[str, ...]:
    return SYMMETRIC if options.secret is not None else ASYMMETRIC


def _preset_problems(options: JwtOptions, name: str) -> Iterator[tuple[Place, str]]:
    needs, given = options.provider.needs, options.parts
    for part in needs:
        if part not in given:
            yield (part,), f"is missing: preset {name} needs {', '.join(needs)}"
        elif part != "url" and _PART.fullmatch(given[part]) is None:
            yield (part,), "must be the bare name, without https:// and without a slash"
    for key in ("issuer", "jwks", "keys", "secret"):
        if getattr(options, key) is not None:
            yield (key,), "cannot be combined with a preset, which sets it"
    for part in given:
        if part not in needs:
            yield (part,), f"is nothing that preset {name} takes; it takes {', '.join(needs)}"
