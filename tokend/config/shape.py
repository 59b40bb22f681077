"""The shape of the configuration, as pydantic models: the second pass, and the source of `tokend schema`.

Only structure and types. What the values mean (names of backends, merged ttls, templates) is the third pass, so a
key that is left out is None here, whether or not it may be.
"""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from tokend.auth import Digest
from tokend.config.problems import Path, Report
from tokend.config.references import AppIdOrVariable, Certificate, SecretRef
from tokend.config.values import Duration, File, Listen, OneOrMore
from tokend.config.yaml_tree import Map, Mark, Seq
from tokend.scope import Power
from tokend.validation import Strict, complaints, invalid


def _named(value: Any, info: ValidationInfo) -> Any:
    """What is no mapping is reported, and an empty one stands in its place: its name is still known."""
    if info.context is None or not isinstance(value, Map):
        return value
    return {key: _mapping(one, (*value.path, key), info) for key, one in value.items()}


def _listed(value: Any, info: ValidationInfo) -> Any:
    """The same in a list: the others keep their places."""
    if info.context is None or not isinstance(value, Seq):
        return value
    return [_mapping(one, (*value.path, index), info) for index, one in enumerate(value)]


def _mapping(value: object, path: Path, info: ValidationInfo) -> Map:
    if isinstance(value, Map):
        return value
    info.context["report"].add_broken(path, "must be a mapping")  # type: ignore[index]  # asked for by its callers
    empty = Map(Mark(""))
    empty.path = path
    return empty


def _mapped(value: Any, info: ValidationInfo) -> Any:
    """A list of names, and a name that nothing follows, is a mapping of names to no options."""
    if isinstance(value, Map):
        options = Map(value.mark)
        options.path = value.path
        for key, one in value.items():
            options.put(key, Map(value.marks[key]) if one is None else one, value.marks[key])
        return _named(options, info)
    listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if not listed or len(set(value)) < len(value):
        raise invalid("must be a list of different names, or a mapping of names to options")
    return {kind: {} for kind in value}


T = TypeVar("T")
Named = Annotated[dict[str, T], BeforeValidator(_named)]
Listed = Annotated[list[T], BeforeValidator(_listed)]


class Part(Strict):
    """A mapping that stays usable when some of its keys are wrong: these are reported and left out."""

    @model_validator(mode="wrap")
    @classmethod
    def _report_and_go_on(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, Map) or info.context is None:
            return handler(value)
        report: Report = info.context["report"]
        empty = {key for key, one in value.items() if one is None and key in cls.model_fields}
        for key in empty:  # read as left out, an empty `may` or `channel` would permit more than it seems to
            report.add_broken((*value.path, key), "has no value: write one, or leave the key out")
        written = {key: one for key, one in value.items() if key not in empty}
        try:
            return handler(written)
        except ValidationError as error:
            broken = report_all(report, value.path, error, cls)
        return handler({key: one for key, one in written.items() if key not in broken})


def report_all(report: Report, path: Path, error: ValidationError, model: type[Strict]) -> set[str]:
    """Put pydantic's complaints into the report; gives the keys at fault, directly below `path`."""
    broken = set()
    for one in complaints(error, model):
        sentence = f"unknown key{one.sentence}" if one.unknown else one.sentence
        report.add_broken(
            (*path, *one.path), f"{sentence}: put it in quotes" if sentence == "must be text" else sentence
        )
        broken.add(str(one.path[0]) if one.path else "")
    return broken


class Ttl(Part):
    """Lifetimes of tokens: where none is asked for, and the bounds, both allowed."""

    default: Duration | None = None
    min: Duration | None = None
    max: Duration | None = None


class RuleTtl(Part):
    """The longest lifetime that a rule permits."""

    max: Duration | None = None


class Cors(Part):
    """Web pages that may read the answers: exact origins, `https://*.example.com`, or `*`."""

    origins: OneOrMore[str] | None = None


class RuleShape(Part):
    """What a caller may be granted: everything of a token has to fit one rule."""

    when: dict[str, Any] | None = None
    kinds: OneOrMore[str] | None = None
    channel: str | None = None
    user: str | None = None
    roles: OneOrMore[Literal["publisher", "subscriber"]] | None = None
    powers: OneOrMore[Annotated[Power, Field(strict=False)]] | None = None
    ttl: RuleTtl | None = None


class JwtShape(Part):
    """Which tokens of an identity provider are proof: a preset with its parts, or issuer, audience and keys."""

    preset: str | None = None
    project: str | None = None
    region: str | None = None
    pool: str | None = None
    domain: str | None = None
    url: str | None = None
    realm: str | None = None
    issuer: str | None = None
    audience: OneOrMore[str] | None = None
    algorithms: OneOrMore[str] | None = None
    jwks: str | None = None
    keys: Listed[SecretRef] | None = None
    secret: SecretRef | None = None
    require: dict[str, Any] | None = None
    shared: bool | None = None


class CallerShape(Part):
    """Who asks: one auth scheme, and the rules under `may`."""

    api_key: OneOrMore[Digest] | None = None
    url_key: OneOrMore[Digest] | None = None
    jwt: JwtShape | None = None
    anonymous: Literal[True] | None = None
    may: Listed[RuleShape] | None = None


def _answer(value: object) -> object:
    if not isinstance(value, str | dict):
        raise invalid("must be text or a mapping")
    return value


class RouteShape(Part):
    """Where the app answers: a prefix with dialects below it, or, with kind or kinds, one endpoint of its own."""

    at: str | None = None
    host: str | None = None
    dialect: OneOrMore[str] | None = None
    callers: OneOrMore[str] | None = None
    ttl: Ttl | None = None
    on_excess: Literal["refuse", "clamp"] | None = None
    token_version: Literal["auto", "006", "007"] | None = None
    signed_uid: bool | None = None
    strict_006: bool | None = None
    kind: str | None = None
    kinds: OneOrMore[str] | None = None
    set: dict[str, Any] | None = None
    default: dict[str, Any] | None = None
    answer: Annotated[Any, BeforeValidator(_answer, json_schema_input_type=str | dict[str, Any])] | None = None


_Options = Annotated[Any, WithJsonSchema({"type": ["object", "null"]})]


class AppShape(Part):
    """One app; `defaults` has the same shape."""

    app_id: AppIdOrVariable | None = None
    certificate: Certificate | None = None
    ttl: Ttl | None = None
    cors: Cors | None = None
    callers: Named[CallerShape] | None = None
    backends: (
        Annotated[
            dict[str, dict[str, Any]],
            BeforeValidator(_mapped, json_schema_input_type=list[str] | dict[str, _Options]),
        ]
        | None
    ) = None
    routes: Listed[RouteShape] | None = None


class AuditFile(Strict):
    """A file that lines are appended to."""

    file: File


def _targets(value: object) -> object:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(one == "stdout" or (isinstance(one, dict) and one.keys() == {"file"}) for one in listed):
        raise invalid("must be stdout, {file: PATH}, or a list of both")
    return listed


class AuditShape(Part):
    """Where each decision is written before its token leaves."""

    to: (
        Annotated[
            list[Literal["stdout"] | AuditFile],
            BeforeValidator(
                _targets, json_schema_input_type=Literal["stdout"] | AuditFile | list[Literal["stdout"] | AuditFile]
            ),
        ]
        | None
    ) = None
    sync: Literal["os", "batch", "off"] | None = None
    hash_ids: bool | None = None


class DenyShape(Part):
    """Who is shut out for the time being: one JSON object a line."""

    file: File | None = None


class ServerShape(Part):
    """The server itself."""

    listen: Listen | None = None


class RootShape(Part):
    """The whole file."""

    server: ServerShape | None = None
    audit: AuditShape | None = None
    deny: DenyShape | None = None
    defaults: AppShape | None = None
    include: OneOrMore[str] | None = None
    apps: Named[AppShape] | None = None
