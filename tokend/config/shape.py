"""The whole file as pydantic models, which validate trees and give `tokend schema` its content.

Options that are used as they are written stand in `issuing/`. Here are only the keys that `config/` makes something of.
What is wrong in a part of the file is reported and left out.
"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PrivateAttr, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic.json_schema import JsonSchemaValue

from tokend.config.backends import OptionsOfKinds, unread
from tokend.config.callers import CallerShape
from tokend.config.entry_points import DIALECTS
from tokend.config.partly_valid import Part, part_of, partly_valid
from tokend.config.parts import Listed, Named, mapped, report_of
from tokend.config.references import AppIdOrVariable, Certificate
from tokend.config.secrets import Read
from tokend.config.vendor_defaults import DEFAULT_KINDS
from tokend.config.yaml_tree import LocatedDict
from tokend.core.lists import ItemOrList
from tokend.dialects import custom
from tokend.issuing.app_options import AppOptions, RouteOptions
from tokend.issuing.server_settings import RootOptions


def _route(value: LocatedDict, info: ValidationInfo) -> object:
    """The route, at `/` if its path is wrong, so that its other problems are reported too."""
    report = report_of(info)
    if report.is_broken(value.path):
        return RouteOptions(path="/")
    found = partly_valid(RouteOptions, value, value.path, report)
    return found or partly_valid(RouteOptions, {**value, "path": "/"}, value.path, report)


class _DialectOptions:
    """Adds the options of every installed dialect, and of custom endpoints, to the JSON Schema of a route."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        own = handler.resolve_ref_schema(found)
        options = {name: dialect.Options for name, dialect in DIALECTS.load_all().items()}
        options[custom.NAME] = custom.CustomOptions
        properties = {
            name: {"description": f"options of the dialect {name}", **handler(model.__pydantic_core_schema__)}
            for name, model in options.items()
            if model.model_fields
        }
        mapping = {
            "type": "object",
            "properties": properties,
            "additionalProperties": {"type": ["object", "null"], "maxProperties": 0},
            "minProperties": 1,
        }
        choice = {"anyOf": [{"type": "string"}, mapping]}
        plain = own["properties"]["dialect"]
        own["properties"]["dialect"] = {
            "description": plain["description"],
            "examples": plain["examples"],
            "anyOf": [*choice["anyOf"], {"type": "array", "items": choice, "minItems": 1}],
        }
        return found


class AppShape(Part, AppOptions):
    """One app; `defaults` has the same shape."""

    app_id: AppIdOrVariable | None = Field(
        default=None,
        description=(
            "App ID of the vendor's project in quotes, or {env: NAME}; Agora's is 32 hexadecimal digits. "
            "Default: none; required if a kind of the app needs it"
        ),
        examples=["970CA35de60c44645bbae8a215061b33", {"env": "APP_ID"}],
    )
    certificate: Certificate | None = Field(
        default=None,
        description=(
            "what tokens are signed with: one secret, or primary, secondary and sign_with for rotation. "
            "Default: none; required if a kind of the app needs it"
        ),
        examples=[{"env": "APP_CERTIFICATE"}],
    )
    url_signing_key: Certificate | None = Field(
        default=None,
        description=(
            "what signed URLs are signed with, written like certificate: a random text of at least 32 "
            "bytes. Default: no signed URLs"
        ),
        examples=[{"env": "URL_SIGNING_KEY"}],
    )
    callers: Named[CallerShape] | None = Field(
        default=None, description="who may request tokens, by name. Default: none; each app needs at least one"
    )
    backends: (
        Annotated[
            dict[str, dict[str, Any]],
            BeforeValidator(mapped),
            OptionsOfKinds(),
        ]
        | None
    ) = Field(
        default=None,
        description=f"kinds of token with their options. Default: {', '.join(DEFAULT_KINDS)}",
        examples=[["rtc", "rtm"]],
    )
    routes: Listed[Annotated[RouteOptions, BeforeValidator(_route), _DialectOptions()]] | None = Field(
        default=None, description="where the app is served. Default: one route, whose path is / and the app's name"
    )

    _reads: tuple[Read, ...] = PrivateAttr(())

    @property
    def reads(self) -> tuple[Read, ...]:
        """The secrets that its options hold."""
        return self._reads

    @model_validator(mode="wrap")
    @classmethod
    def _take_reads(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Keep what was read for this app, and leave what was read outside the apps in the context's `reads`.

        Of `defaults` nothing is read.
        """
        context: Any = info.context
        reads, read = context["reads"], context["secrets"]
        before = len(reads)
        if isinstance(value, LocatedDict) and value.path == ("defaults",):
            context["secrets"] = unread
        try:
            shape = handler(value)
            shape._reads = tuple(reads[before:])
            return shape
        finally:
            del reads[before:]
            context["secrets"] = read

    @property
    def options(self) -> AppOptions:
        """The options that are used as they are written."""
        return part_of(self, AppOptions)


class RootShape(Part, RootOptions):
    """The whole file."""

    defaults: AppShape | None = Field(
        default=None, description="keys that all apps inherit. In any value, {app} is the app's name. Default: none"
    )
    include: ItemOrList[str] | None = Field(
        default=None,
        description=(
            "files, or patterns of files with *, ? or **, each of which holds one app named after the "
            "file. Default: none"
        ),
        examples=["apps.d/*.yaml"],
    )
    apps: Named[AppShape] | None = Field(
        default=None, description="the apps by name. Default: none; required unless include names one"
    )

    @property
    def options(self) -> RootOptions:
        """The options that are used as they are written."""
        return part_of(self, RootOptions)
