"""The shape of the configuration, as pydantic models: the second pass, and the source of `tokend schema`.

Only structure and types. What the values mean (names of backends, merged ttls, templates) is the third pass, so a
key that is left out is None here, whether or not it may be.
"""

import re
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from tokend.auth.api_key import Digest
from tokend.config.problems import Path, Report
from tokend.config.yaml_tree import Map
from tokend.scope import Power
from tokend.validation import Strict, complaints, invalid

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LISTEN: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")


def _seconds(text: object) -> int:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("must be a number with its unit: 90s, 30m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise invalid("must be the name of an environment variable")
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080` or `name:8080` taken apart; a pydantic error otherwise."""
    found = _LISTEN.fullmatch(text)
    if found is None or not 0 <= int(found[3]) <= 65_535:
        raise invalid("must be an address and a port: 127.0.0.1:8080 or [::1]:8080")
    return found[1] or found[2], int(found[3])


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _mapped(value: object) -> object:
    """A list of names is a mapping of names to no options."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(one, str) for one in value) or len(set(value)) < len(value):
        raise invalid("must be a list of different names, or a mapping of names to options")
    return dict.fromkeys(value)


T = TypeVar("T")
OneOrMore = Annotated[list[T], BeforeValidator(_listed, json_schema_input_type=str | list[str]), Field(min_length=1)]
Duration = Annotated[
    int,
    BeforeValidator(_seconds, json_schema_input_type=Annotated[str, Field(pattern="^[0-9]{1,9}[smhd]$")]),
]
Variable = Annotated[str, AfterValidator(_variable)]
Listen = Annotated[tuple[str, int], BeforeValidator(lambda text: host_and_port(str(text)), json_schema_input_type=str)]


class Part(Strict):
    """A mapping that stays usable when some of its keys are wrong: these are reported and left out."""

    @model_validator(mode="wrap")
    @classmethod
    def _report_and_go_on(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if not isinstance(value, Map) or info.context is None:
                raise
            broken = report_all(info.context["report"], value.path, error, cls)
        return handler({key: one for key, one in value.items() if key not in broken})


def report_all(report: Report, path: Path, error: ValidationError, model: type[Strict]) -> set[str]:
    """Put pydantic's complaints into the report; gives the keys at fault, directly below `path`."""
    broken = set()
    for one in complaints(error, model):
        sentence = f"unknown key{one.sentence}" if one.unknown else one.sentence
        report.add((*path, *one.path), f"{sentence}: put it in quotes" if sentence == "must be text" else sentence)
        broken.add(str(one.path[0]) if one.path else "")
    return broken


class SecretRef(Strict):
    """Where a secret comes from: `{env: NAME}` or `{file: PATH}`."""

    env: Variable | None = None
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid("is a secret: write {env: NAME} or {file: PATH}, never the text itself")
        if len(value.keys() & {"env", "file"}) != 1:
            raise invalid("must be one of {env: NAME} and {file: PATH}")
        return value


class Certificate(Strict):
    """One secret, which is the primary; or primary and secondary, and which of them signs."""

    env: Variable | None = None
    file: str | None = None
    primary: SecretRef | None = None
    secondary: SecretRef | None = None
    sign_with: Literal["primary", "secondary"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid("is a secret: write {env: NAME} or {file: PATH}, never the text itself")
        short = value.keys() & {"env", "file"}
        if (len(short) != 1 if "primary" not in value else bool(short)) or (short and len(value) > 1):
            raise invalid("must be {env: NAME}, {file: PATH}, or {primary: …, secondary: …, sign_with: …}")
        if value.get("sign_with") == "secondary" and "secondary" not in value:
            raise invalid("says sign_with: secondary, but has no secondary")
        return value


def _app_id(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


class AppId(Strict):
    """The App ID as text, or `{env: NAME}`."""

    text: str | None = Field(None, exclude=True)
    env: Variable | None = None


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


class CallerShape(Part):
    """Who asks: one auth scheme, and the rules under `may`."""

    api_key: OneOrMore[Digest] | None = None
    anonymous: Literal[True] | None = None
    may: list[RuleShape] | None = None


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
    kinds: Annotated[list[str], Field(min_length=1)] | None = None
    set: dict[str, Any] | None = None
    default: dict[str, Any] | None = None
    answer: str | dict[str, Any] | None = None


class AppShape(Part):
    """One app; `defaults` has the same shape."""

    app_id: Annotated[AppId, BeforeValidator(_app_id, json_schema_input_type=str | AppId)] | None = None
    certificate: Certificate | None = None
    ttl: Ttl | None = None
    cors: Cors | None = None
    callers: dict[str, CallerShape] | None = None
    backends: (
        Annotated[
            dict[str, dict[str, Any] | None],
            BeforeValidator(_mapped, json_schema_input_type=list[str] | dict[str, dict[str, Any] | None]),
        ]
        | None
    ) = None
    routes: list[RouteShape] | None = None


class ServerShape(Part):
    """The server itself."""

    listen: Listen | None = None


class RootShape(Part):
    """The whole file."""

    server: ServerShape | None = None
    defaults: AppShape | None = None
    include: OneOrMore[str] | None = None
    apps: dict[str, AppShape] | None = None
