"""The whole file as pydantic models, which validate trees and give `tokend schema` its content.

Each part of the settings has its own model. What is wrong in a part is reported and left out.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticUseDefault

from tokend.config.backends import OptionsOfKinds
from tokend.config.callers import CallerShape
from tokend.config.partly_valid import partly_valid
from tokend.config.parts import Listed, Named, Part, mapped
from tokend.config.problems import Report
from tokend.config.references import AppIdOrVariable, Certificate
from tokend.config.vendor_defaults import DEFAULT_KINDS
from tokend.config.yaml_tree import LocatedDict
from tokend.core.interfaces import AuthorizerSettings
from tokend.core.lists import ItemOrList
from tokend.core.rate_limits import NO_LIMITS, Limits
from tokend.issuing.app_options import Cors, RouteOptions, TtlBounds
from tokend.issuing.server_settings import (
    AuditSettings,
    DenySettings,
    RedisSettings,
    SecretSettings,
    ServerSettings,
)


def _by(model: type[BaseModel]) -> BeforeValidator:
    """Validate a mapping by its own model. The key's default replaces one that cannot be used."""

    def read(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, LocatedDict) or info.context is None:
            return value
        found = partly_valid(model, value, value.path, info.context["report"], info.context)
        if found is None:
            raise PydanticUseDefault
        return found

    return BeforeValidator(read)


def _route(value: object, info: ValidationInfo) -> object:
    """The route, at `/` if its path is wrong, so that its other problems are reported too."""
    if not isinstance(value, LocatedDict) or info.context is None:
        return value
    report: Report = info.context["report"]
    if report.is_broken(value.path):
        return RouteOptions(path="/")
    found = partly_valid(RouteOptions, value, value.path, report)
    return found or partly_valid(RouteOptions, {**value, "path": "/"}, value.path, report)


class AppShape(Part):
    """One app; `defaults` has the same shape."""

    app_id: AppIdOrVariable | None = Field(default=None, description="App ID of the vendor's project, or {env: NAME}")
    certificate: Certificate | None = Field(
        default=None, description="what tokens are signed with: one secret, or primary, secondary and sign_with"
    )
    url_signing_key: Certificate | None = Field(
        default=None, description="what signed URLs are signed with, in the same forms"
    )
    ttl: Annotated[TtlBounds, _by(TtlBounds)] = Field(default=TtlBounds(), description="lifetimes of the app's tokens")
    cors: Annotated[Cors, _by(Cors)] = Field(default=Cors(), description="which web pages may read the app's answers")
    limits: Annotated[Limits, _by(Limits)] = Field(
        default=NO_LIMITS, description="rate limits of the app's token requests"
    )
    callers: Named[CallerShape] | None = Field(default=None, description="who may send requests, by name")
    backends: (
        Annotated[
            dict[str, dict[str, Any]],
            BeforeValidator(mapped),
            OptionsOfKinds(),
        ]
        | None
    ) = Field(default=None, description=f"kinds of token with their options; left out, {', '.join(DEFAULT_KINDS)}")
    routes: Listed[Annotated[RouteOptions, BeforeValidator(_route)]] | None = Field(
        default=None, description="where the app is served; left out, at /NAME of the app"
    )
    authorizer: Annotated[AuthorizerSettings | None, _by(AuthorizerSettings)] = Field(
        default=None, description="the app's own backend, asked before a token is issued"
    )


class RootShape(Part):
    """The whole file."""

    server: Annotated[ServerSettings, _by(ServerSettings)] = Field(
        default=ServerSettings(), description="the server itself"
    )
    audit: Annotated[AuditSettings | None, _by(AuditSettings)] = Field(
        default=None, description="where decisions are written before their tokens leave"
    )
    deny: Annotated[DenySettings | None, _by(DenySettings)] = Field(
        default=None, description="who is shut out at present"
    )
    secrets: Annotated[SecretSettings, _by(SecretSettings)] = Field(
        default=SecretSettings(), description="how secret files are kept"
    )
    redis: Annotated[RedisSettings | None, _by(RedisSettings)] = Field(
        default=None, description="where several hosts and workers count rate limits together"
    )
    defaults: AppShape | None = Field(default=None, description="keys for all apps; {app} is the name of each")
    include: ItemOrList[str] | None = Field(
        default=None, description="files, or patterns of files, each of which holds one app"
    )
    apps: Named[AppShape] | None = Field(default=None, description="the apps by name")
