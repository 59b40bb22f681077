"""The options of the kind `jwt`: the template of its claims, and what each field of a request means to the rules."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import InitErrorDetails, SchemaError

from tokend.backends.contract import ANSWER_FIELDS
from tokend.backends.json_web_tokens import JwtKeys
from tokend.backends.jwt.template import EXPIRES_AT, INTEGER, NONCE, TEXT, TIMES, Problem, Template
from tokend.core.declarations import ADMIN, CONNECT, LISTEN, PUBLISH, Capability, Meaning, Role
from tokend.core.durations import Duration
from tokend.core.secrets import SecretList
from tokend.core.validation import StrictModel, invalid

LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps (RFC 8259, section 6)."""
ALWAYS: Final = "always"
"""The name of the privilege that every token of the kind has."""
_WORDS: Final[Mapping[str, Meaning]] = {"connect": CONNECT, "listen": LISTEN, "publish": PUBLISH, "admin": ADMIN}
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED: Final = (ANSWER_FIELDS - {"role"}) | {ALWAYS, NONCE, *TIMES} | {"app"}
"""Also `app`: in any value of a configuration, {app} is the name of the app."""


class _Named(StrictModel):
    """What a privilege gives, by names that rules use: at least one."""

    capability: str | None = None
    role: str | None = None


def _meaning(value: object) -> Meaning:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if not isinstance(value, dict) or not value:
        raise invalid(f"must be {', '.join(_WORDS)}, {{role: NAME}} or {{capability: NAME}}")
    named = _Named.model_validate(dict(value))
    role = None if named.role is None else Role(named.role)
    return role if named.capability is None and role is not None else Capability(named.capability or "", role)


_NAMED_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "capability": {"type": "string", "description": "what a rule must name in `capabilities`"},
        "role": {"type": "string", "description": "the role as `roles` of a rule name it"},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
Gives = Annotated[
    Any, PlainValidator(_meaning), WithJsonSchema({"anyOf": [{"enum": list(_WORDS)}, _NAMED_SCHEMA], "title": "Gives"})
]
"""A `Meaning`, written as a word, or as the names of a capability, a role, or both."""


class FieldOptions(StrictModel):
    """One field of token requests."""

    means: Literal["user", "channel", "detail", "privilege"] = Field(
        alias="as", description="what the rules see in it: the user, the channel, a detail, or a privilege"
    )
    type: Literal["text", "integer", "number", "boolean", "object", "list"] | None = Field(
        default=None, description="type of its value. Default: boolean for a privilege with `gives`, otherwise text"
    )
    gives: Gives = Field(
        default=None, description="what the privilege gives if the field is true. Default: none", examples=["publish"]
    )
    values: dict[str, Gives] | None = Field(
        default=None,
        min_length=1,
        description="the values that a privilege may have, and what each gives. Default: none",
        examples=[{"host": "admin", "guest": "listen"}],
    )
    capability: str | None = Field(
        default=None, description="the capability that a detail requires. Default: none", examples=["set_name"]
    )
    missing: Literal["error", "none", "any"] | None = Field(
        default=None,
        description="what happens to a request without it. error rejects it. none leaves its claim out. any does so "
        "too, and the token is for any user or channel. Default: error for user, channel and `values`, otherwise none",
    )
    max_length: int | None = Field(
        default=None, ge=1, description="the longest text, in characters. Default: no limit", examples=[64]
    )
    pattern: str | None = Field(
        default=None,
        description="a regular expression that the whole text must match. Default: none",
        examples=["[a-z0-9-]+"],
    )
    description: str | None = Field(
        default=None, description="for the OpenAPI document. Default: none", examples=["the name of the room"]
    )

    @property
    def kind_of_value(self) -> str:
        """The type of its value, with the default."""
        return self.type or ("boolean" if self.means == "privilege" and self.values is None else TEXT)

    @property
    def is_id(self) -> bool:
        """Whether it is the user or the channel."""
        return self.means in ("user", "channel")

    @property
    def if_missing(self) -> str:
        """`missing`, with the default."""
        return self.missing or ("error" if self.is_id or self.values is not None else "none")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Keys that do not go together: the key, and a sentence that continues its name."""
        types = {
            "user": (TEXT, INTEGER),
            "channel": (TEXT, INTEGER, "list"),
            "privilege": ("boolean",) if self.values is None else (TEXT, INTEGER),
        }.get(self.means)
        if types is not None and self.kind_of_value not in types:
            yield "type", f"must be {' or '.join(types)} here"
        if self.means == "privilege" and (self.gives is None) == (self.values is None):
            yield "as", "is privilege: write either `gives` or `values` beside it"
        if self.means != "privilege":
            yield from (
                (key, "belongs to `as: privilege`") for key in ("gives", "values") if getattr(self, key) is not None
            )
        if self.capability is not None and self.means != "detail":
            yield "capability", "belongs to `as: detail`; a privilege has {capability: NAME} in `gives`"
        if self.missing == "any" and not self.is_id:
            yield "missing", "is any only for a user or a channel"
        if self.missing is not None and self.gives is not None:
            yield "missing", "has no meaning beside `gives`: a request without the field counts as false"
        if self.type == INTEGER and self.values is not None and not all(map(is_integer, self.values)):
            yield "values", "must be whole numbers, as the type is integer"
        for key in ("max_length", "pattern"):
            if getattr(self, key) is not None and (self.values is not None or self.kind_of_value not in (TEXT, "list")):
                yield key, "belongs to texts"
        if self.pattern is not None and not _is_pattern(self.pattern):
            yield "pattern", "is no regular expression"


def is_integer(text: str) -> bool:
    """Whether a text is a whole number as JSON writes it, up to `LARGEST`."""
    return re.fullmatch("0|-?[1-9][0-9]{0,15}", text) is not None and abs(int(text)) <= LARGEST


def anchored(pattern: str) -> str:
    """The pattern for a whole text, in the syntax of pydantic, whose search takes linear time."""
    return f"^(?:{pattern})$"


def _is_pattern(pattern: str) -> bool:
    try:
        TypeAdapter(Annotated[str, Field(pattern=anchored(pattern))])
    except SchemaError:
        return False
    return True


class JwtOptions(StrictModel):
    """What the configuration says beside `backend: jwt`."""

    algorithm: Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"] = Field(
        description="the algorithm of the signature (RFC 7518)"
    )
    secret: SecretList = Field(
        description="the shared secret as text for HS*, a private key in PEM for the others; the first signs, all verify"
    )
    always: Gives = Field(
        description="what every token gives: connect (to log in), listen, publish, admin, {role: NAME} or {capability: NAME}",
        examples=["listen"],
    )
    fields: dict[str, FieldOptions] = Field(
        default={}, description="the fields of a token request, and what each means. Default: none"
    )
    claims: dict[str, Any] = Field(
        min_length=1,
        description="the claims: constants, and texts with placeholders: fields, {issued_at}, {expires_at}, {nonce}",
        examples=[{"sub": "{user}", "exp": "{expires_at}"}],
    )
    header: dict[str, str | int | bool] = Field(
        default={}, description="constants of the header beside alg and typ. Default: none", examples=[{"kid": "key-1"}]
    )
    max_ttl: Duration | None = Field(
        default=None, description="the longest lifetime that the vendor allows. Default: no limit", examples=["24h"]
    )

    @field_validator("secret")
    @classmethod
    def _fits_algorithm(cls, secret: SecretList, info: ValidationInfo) -> SecretList:
        algorithm = info.data.get("algorithm")
        if algorithm is None:
            return secret
        JwtKeys(algorithm, secret)
        if algorithm.startswith("HS") and any("-----BEGIN" in entry.reveal() for entry in secret):
            raise invalid(f"is a key in PEM, and {algorithm} takes a shared secret: choose RS256, ES256 or EdDSA")
        return secret

    @field_validator("fields")
    @classmethod
    def _are_usable(cls, fields: dict[str, FieldOptions]) -> dict[str, FieldOptions]:
        _raise(list(_field_problems(fields)))
        return fields

    @field_validator("claims")
    @classmethod
    def _are_complete(cls, claims: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        fields = info.data.get("fields")
        if fields is not None:
            template = template_of(claims, fields)
            _raise(template.problems)
            if EXPIRES_AT not in template.names:
                raise invalid(
                    f'must contain "{{{EXPIRES_AT}}}", such as `exp: "{{{EXPIRES_AT}}}"`: every token has to end'
                )
            if unused := sorted(fields.keys() - template.names):
                raise invalid(f'do not use the field {unused[0]}: write "{{{unused[0]}}}" in one, or remove the field')
        return claims

    @field_validator("header")
    @classmethod
    def _is_constant(cls, header: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        if "alg" in header:
            raise invalid("cannot hold alg: write it as `algorithm`")
        if any(isinstance(value, str) and re.search(r"\{[a-z_]+\}", value) for value in header.values()):
            raise invalid("has a placeholder: these belong to `claims`")
        return header


def template_of(claims: Mapping[str, Any], fields: Mapping[str, FieldOptions]) -> Template:
    """The template of the claims, with the types of the fields."""
    return Template(claims, {name: field.kind_of_value for name, field in fields.items()})


def _field_problems(fields: Mapping[str, FieldOptions]) -> Iterator[Problem]:
    for name, field in fields.items():
        if _FIELD_NAME.fullmatch(name) is None:
            yield (name,), "must be named with a-z, 0-9 and _, and begin with a letter"
        elif name in _RESERVED or hasattr(StrictModel, name):
            yield (name,), "has a name that is reserved: choose another"
        yield from (((name, key), sentence) for key, sentence in field.problems())
    for meaning in ("user", "channel"):
        named = [name for name, field in fields.items() if field.means == meaning]
        yield from (((name, "as"), f"is {meaning}, as {named[0]} is: a token has only one") for name in named[1:])


def _raise(problems: list[Problem]) -> None:
    """Raise all of them at their places."""
    if problems:
        errors = [InitErrorDetails(type=invalid(sentence), loc=path, input=None) for path, sentence in problems]
        raise ValidationError.from_exception_data("JwtOptions", errors, hide_input=True)
