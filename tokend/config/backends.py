"""An app's credentials and backends. App ID and certificates are 32 hexadecimal digits; options are validated."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.config.entry_points import PluginError
from tokend.config.parts import report_all
from tokend.config.problems import KeyPath, Report
from tokend.config.references import Reference, SecretRef
from tokend.config.secrets import SecretProblem, Secrets
from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret
from tokend.core.validation import field_errors, invalid, redact_secrets

if TYPE_CHECKING:
    from tokend.config.shape import AppShape

DEFAULT_KINDS: Final = ("rtc", "rtm", "chat")
_HEX_32: Final = re.compile(r"[0-9a-fA-F]{32}")


class BuildContext(Struct, frozen=True):
    """What building an app needs: the report, the reader of secrets, and the function that loads a kind's class."""

    report: Report
    secrets: Secrets
    load: Callable[[str], type[Backend]]


def kinds_of(shape: "AppShape") -> Mapping[str, Mapping[str, Any]]:
    """The kinds that an app lists, with their options; `DEFAULT_KINDS` if it lists none."""
    return shape.backends if shape.backends is not None else {kind: {} for kind in DEFAULT_KINDS}


def build_backends(
    shape: "AppShape", path: KeyPath, tools: BuildContext
) -> tuple[AppCredentials, Mapping[str, Backend]]:
    """The app's credentials, and its backends by kind. Wrong ones are reported and left out."""
    requested = kinds_of(shape)
    if not requested:
        tools.report.add_after((*path, "backends"), "is empty: the app could issue nothing")
    classes: dict[str, type[Backend]] = {}
    for kind in requested:
        try:
            classes[kind] = tools.load(kind)
        except PluginError as problem:
            tools.report.add_after((*path, "backends", kind), str(problem))
    app_credentials = _credentials(shape, path, tools, list(classes.items()))
    sound = not any(tools.report.touches((*path, key)) for key in ("app_id", "certificate"))
    built: dict[str, Backend] = {}
    for kind, backend in classes.items():
        try:
            options = backend.Options.model_validate(
                requested[kind], context={"secrets": secret_resolver(tools.secrets)}
            )
        except ValidationError as error:
            report_all(tools.report, (*path, "backends", kind), error, backend.Options)
            continue
        if sound:
            built[kind] = backend(options, app_credentials)
    return app_credentials, built


def secret_resolver(secrets: Secrets, *, public: bool = False) -> Callable[[Mapping[str, Any]], Secret]:
    """The function with which a plug-in's Options read secrets. `public`: for files that anybody may read."""

    def resolve(value: Mapping[str, Any]) -> Secret:
        try:
            ref = SecretRef.model_validate(dict(value))
            return secrets.read(ref, public=public)
        except ValidationError as error:
            first = field_errors(error, SecretRef)[0]
            sentence = f"unknown key{first.sentence}" if first.unknown else first.sentence
            raise invalid(": ".join([*map(redact_secrets, map(str, first.path)), sentence])) from None
        except SecretProblem as problem:
            raise invalid(str(problem)) from problem

    return resolve


def _credentials(
    shape: "AppShape", path: KeyPath, tools: BuildContext, backends: list[tuple[str, type[Backend]]]
) -> AppCredentials:
    app_id = _app_id(shape, path, tools)
    certificates = _certificates(shape, path, tools)
    for kind, backend in backends:
        if backend.needs_app_id and shape.app_id is None:
            tools.report.add_after((*path, "app_id"), f"is missing: backend {kind} needs the project's App ID")
        if backend.needs_certificate and shape.certificate is None:
            tools.report.add_after(
                (*path, "certificate"),
                f"is missing: backend {kind} needs it, as {{env: NAME}}, {{file: PATH}} or {{credential: NAME}}",
            )
    signing = (shape.certificate.sign_with if shape.certificate else None) or "primary"
    return AppCredentials(app_id, certificates, signing)


def _app_id(shape: "AppShape", path: KeyPath, tools: BuildContext) -> str | None:
    if shape.app_id is None:
        return None
    at = (*path, "app_id")
    try:
        text = tools.secrets.variable(shape.app_id.env) if shape.app_id.env else shape.app_id.text or ""
    except SecretProblem as problem:
        tools.report.add_after(at, str(problem))
        return None
    if wrong := _no_hex_32(text):
        source = f"the environment variable {redact_secrets(shape.app_id.env)} " if shape.app_id.env else ""
        tools.report.add_after(at, f"{source}must be {wrong}")
    return text


def _no_hex_32(text: str) -> str | None:
    if _HEX_32.fullmatch(text):
        return None
    many = f"it has {len(text)} characters" if len(text) != 32 else "some of its 32 characters are none"
    return f"exactly 32 hexadecimal digits (0-9 a-f): {many}"


def _certificates(shape: "AppShape", path: KeyPath, tools: BuildContext) -> Mapping[str, Secret]:
    found: dict[str, Secret] = {}
    for name, (steps, ref) in (shape.certificate.refs() if shape.certificate else {}).items():
        found |= _certificate(name, ref, (*path, "certificate", *steps), tools)
    return found


def _certificate(name: str, ref: Reference, at: KeyPath, tools: BuildContext) -> dict[str, Secret]:
    try:
        secret = tools.secrets.read(ref)
    except SecretProblem as problem:
        tools.report.add_after(at, str(problem))
        return {}
    if wrong := _no_hex_32(secret.reveal()):
        tools.report.add_after(at, f"the {ref.source} must hold {wrong}")
    return {name: secret}
