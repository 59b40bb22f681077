"""The shape of the configuration, as pydantic models: the second pass, and the source of `tokend schema`.

Only structure and types. What the values mean (names of backends, merged ttls, templates) is the third pass, so a
key that is left out is None here, whether or not it may be.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from tokend.config.callers import CallerShape
from tokend.config.parts import Listed, Named, Part, mapped
from tokend.config.references import AppIdOrVariable, Certificate, SecretRef
from tokend.config.server import ServerShape
from tokend.config.values import File, OneOrMore, Rate
from tokend.core.durations import Duration
from tokend.core.validation import StrictModel, invalid


class Ttl(Part):
    """Lifetimes of tokens: where none is asked for, and the bounds, both allowed."""

    default: Duration | None = None
    min: Duration | None = None
    max: Duration | None = None


class Cors(Part):
    """Web pages that may read the answers: exact origins, `https://*.example.com`, or `*`."""

    origins: OneOrMore[str] | None = None


class LimitsShape(Part):
    """Rates that the app's asks are held to."""

    app: Rate | None = None
    caller: Rate | None = None
    user: Rate | None = None
    address: Rate | None = None


def _response(value: object) -> object:
    if not isinstance(value, str | dict):
        raise invalid("must be text or a mapping")
    return value


class RouteShape(Part):
    """Where the app answers: a prefix with dialects below it, or, with kind or kinds, one endpoint of its own."""

    path: str | None = None
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
    response: Annotated[Any, BeforeValidator(_response, json_schema_input_type=str | dict[str, Any])] | None = None


class AuthorizerShape(Part):
    """The app's own backend, asked before a token is issued: it may refuse or narrow, never widen."""

    url: str | None = None
    secret: SecretRef | None = None
    timeout: Duration | None = None
    cache: Duration | None = None


_Options = Annotated[Any, WithJsonSchema({"type": ["object", "null"]})]


class RestShape(Part):
    """Access to the vendor's REST API."""

    customer_id: str | None = None
    customer_secret: SecretRef | None = None
    url: str | None = None


class AppShape(Part):
    """One app; `defaults` has the same shape."""

    app_id: AppIdOrVariable | None = None
    certificate: Certificate | None = None
    url_signing_key: Certificate | None = None
    ttl: Ttl | None = None
    cors: Cors | None = None
    limits: LimitsShape | None = None
    callers: Named[CallerShape] | None = None
    backends: (
        Annotated[
            dict[str, dict[str, Any]],
            BeforeValidator(mapped, json_schema_input_type=list[str] | dict[str, _Options]),
        ]
        | None
    ) = None
    routes: Listed[RouteShape] | None = None
    rest: RestShape | None = None
    authorizer: AuthorizerShape | None = None


class AuditFile(StrictModel):
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


class SecretsShape(Part):
    """How secret files are kept."""

    readable_files: bool | None = None


class RedisShape(Part):
    """Where several hosts and workers count together."""

    url: SecretRef | None = None
    on_failure: Literal["open", "local", "closed"] | None = None


class RootShape(Part):
    """The whole file."""

    server: ServerShape | None = None
    audit: AuditShape | None = None
    deny: DenyShape | None = None
    secrets: SecretsShape | None = None
    redis: RedisShape | None = None
    defaults: AppShape | None = None
    include: OneOrMore[str] | None = None
    apps: Named[AppShape] | None = None
