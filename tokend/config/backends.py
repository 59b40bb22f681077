"""An app's credentials and backends: which backend serves a kind, its options, and what the vendors require of credentials."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct
from pydantic import BaseModel, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue

from tokend.backends.contract import Backend
from tokend.config.entry_points import BACKENDS, PluginError
from tokend.config.partly_valid import partly_valid
from tokend.config.problems import KeyPath, Report
from tokend.config.references import Reference, SecretRef
from tokend.config.secrets import SecretProblem, Secrets
from tokend.config.vendor_defaults import DEFAULT_KINDS
from tokend.core.declarations import Declarations
from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, field_errors, invalid, redact_secrets
from tokend.issuing.app_options import DEFAULT_MAX_TTL, TtlBounds
from tokend.issuing.grants import PLUGIN_ERRORS

if TYPE_CHECKING:
    from tokend.config.shape import AppShape

BACKEND: Final = "backend"
"""The key beside a kind's options that names its backend, where the kind has another name."""
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""A name that a placeholder of a custom response can hold, as in `{lobby.token}`."""

M = TypeVar("M", bound=BaseModel)


class BuildContext(Struct, frozen=True):
    """What building an app needs: the report, and the reader of secrets."""

    report: Report
    secrets: Secrets

    def valid_options(self, model: type[M], written: object, at: KeyPath) -> M | None:
        """The options of a plug-in, as `partly_valid` validates them, with the secrets that they name."""
        context = {"secrets": secret_resolver(self.secrets), "public": secret_resolver(self.secrets, public=True)}
        return partly_valid(model, written, at, self.report, context)


def kinds_of(shape: "AppShape") -> Mapping[str, Mapping[str, Any]]:
    """The kinds that an app lists, with their options; `DEFAULT_KINDS` if it lists none."""
    return shape.backends if shape.backends is not None else {kind: {} for kind in DEFAULT_KINDS}


def build_backends(
    shape: "AppShape", path: KeyPath, tools: BuildContext
) -> tuple[AppCredentials, Mapping[str, Backend]]:
    """The app's credentials, and its backends by kind. Wrong ones are reported and left out."""
    requested, report = kinds_of(shape), tools.report
    if not requested:
        report.add_after((*path, "backends"), "is empty: the app could issue nothing")
    found = {kind: _class_of(kind, written, (*path, "backends", kind), tools) for kind, written in requested.items()}
    classes = {kind: backend for kind, backend in found.items() if backend is not None}
    app_credentials = _credentials(shape, path, classes, tools)
    sound = not any(report.touches((*path, key)) for key in ("app_id", "certificate"))
    built: dict[str, Backend] = {}
    for kind, backend in classes.items():
        at = (*path, "backends", kind)
        written = {key: value for key, value in requested[kind].items() if key != BACKEND}
        options = tools.valid_options(backend.Options, written, at)
        if sound and options is not None and not report.touches(at):
            instance = _created(backend, options, app_credentials, at, report)
            if instance is not None:
                instance.kind = kind
                built[kind] = instance
    if len(classes) == len(requested):  # one that is not known may allow more
        _check_lifetimes(shape.ttl, {**classes, **built}, path, report)
    return app_credentials, built


def _created(
    backend: type[Backend], options: StrictModel, app_credentials: AppCredentials, at: KeyPath, report: Report
) -> Backend | None:
    """The backend of an app. None, and a problem, if it cannot be created or its declarations are wrong."""
    try:
        instance = backend(options, app_credentials)
        problem = _problem_of(instance.declarations)
    except PLUGIN_ERRORS as error:
        problem = f"cannot be created: its backend raised {type(error).__name__}"
    if problem is None:
        return instance
    report.add_after(at, problem)
    return None


@lru_cache(maxsize=256)
def _problem_of(declarations: Declarations) -> str | None:
    """What is wrong with declarations, which the instances of all apps may share."""
    return next(declarations.problems(), None)


def _class_of(kind: str, written: Mapping[str, Any], at: KeyPath, tools: BuildContext) -> type[Backend] | None:
    """The backend of a kind: the one that its key `backend` names, else the one of the kind's name."""
    name, place = written.get(BACKEND, kind), (*at, BACKEND) if BACKEND in written else at
    if not isinstance(name, str):
        tools.report.add_broken(place, "must be the name of a backend")
        return None
    if BACKEND in written and _KIND.fullmatch(kind) is None:
        tools.report.add_after(at, "a kind is 1 to 64 of a-z 0-9 _ and begins with a letter")
    try:
        return BACKENDS.load(name)
    except PluginError as problem:
        tools.report.add_after(place, str(problem))
        return None


def _check_lifetimes(
    ttl: TtlBounds, backends: Mapping[str, Backend | type[Backend]], path: KeyPath, report: Report
) -> None:
    """Report bounds of an app outside what its kinds allow. Over 24 hours, one of them must allow it.

    `backends`: the instance of each kind, whose options may limit it; the class of one that could not be created.
    """
    maxima = {kind: backend.max_ttl for kind, backend in backends.items() if backend.max_ttl is not None}
    limited = bool(maxima) and len(maxima) == len(backends)
    if limited and ttl.max > max(DEFAULT_MAX_TTL, *maxima.values()):
        every = ", ".join(f"{kind} {maximum} s" for kind, maximum in maxima.items())
        report.add_after((*path, "ttl", "max"), f"is over the maximum of every kind: {every}")
    for kind, maximum in maxima.items():
        if maximum < ttl.min:
            report.add_after(
                (*path, "ttl", "min"), f"is over the maximum of kind {kind}, {maximum} s: it could issue nothing"
            )


def secret_resolver(secrets: Secrets, *, public: bool = False) -> Callable[[Mapping[str, Any]], Secret]:
    """The function with which a plug-in's Options read secrets. `public`: for files that anybody may read."""

    def resolve(value: Mapping[str, Any]) -> Secret:
        return secrets.read(_reference(value), public=public)

    return resolve


def unread(value: Mapping[str, Any]) -> Secret:
    """The function for `defaults`: it checks the reference. Each app that inherits it reads it, with its own name in it."""
    _reference(value)
    return Secret("not read: " + "-" * 64)


def _reference(value: Mapping[str, Any]) -> SecretRef:
    try:
        return SecretRef.model_validate(dict(value))
    except ValidationError as error:
        first = field_errors(error, SecretRef)[0]
        sentence = f"unknown key{first.sentence}" if first.unknown else first.sentence
        raise invalid(": ".join([*map(redact_secrets, map(str, first.path)), sentence])) from None


def _credentials(
    shape: "AppShape", path: KeyPath, classes: Mapping[str, type[Backend]], tools: BuildContext
) -> AppCredentials:
    """The credentials that can be read. What the app's backends find wrong with them is reported."""
    report = tools.report
    app_id, places = None, {"app_id": ((*path, "app_id"), "")}
    if shape.app_id is not None and shape.app_id.env:
        places["app_id"] = (*path, "app_id"), f"the environment variable {redact_secrets(shape.app_id.env)} "
        try:
            app_id = tools.secrets.read(Reference(env=shape.app_id.env)).reveal()
        except SecretProblem as problem:
            report.add_after((*path, "app_id"), str(problem))
    elif shape.app_id is not None:
        app_id = shape.app_id.text
    certificates: dict[str, Secret] = {}
    for name, (steps, ref) in (shape.certificate.refs() if shape.certificate else {}).items():
        places[name] = (*path, "certificate", *steps), f"the {ref.source} "
        secret = tools.secrets.read_or_report(ref, places[name][0], report)
        if secret is not None:
            certificates[name] = secret
    signing = (shape.certificate.sign_with if shape.certificate else None) or "primary"
    app_credentials = AppCredentials(app_id, certificates, signing)
    for key, sentence in _problems_of(app_credentials, classes):
        at, source = places.get(key, (path, ""))
        report.add_after(at, f"{source}{sentence}")
    for kind, backend in classes.items():
        if backend.needs_app_id and shape.app_id is None:
            report.add_after((*path, "app_id"), f"is missing: backend {kind} needs the project's App ID")
        if backend.needs_certificate and shape.certificate is None:
            report.add_after(
                (*path, "certificate"),
                f"is missing: backend {kind} needs it, as {{env: NAME}}, {{file: PATH}} or {{credential: NAME}}",
            )
    return app_credentials


def _problems_of(app_credentials: AppCredentials, classes: Mapping[str, type[Backend]]) -> Iterator[tuple[str, str]]:
    for backend in dict.fromkeys(classes.values()):
        try:
            yield from tuple(backend.check_app_credentials(app_credentials))
        except PLUGIN_ERRORS as error:
            yield "", f"the credentials cannot be checked: {backend.__module__} raised {type(error).__name__}"


class OptionsOfKinds:
    """In the JSON Schema of `backends`: the options of every installed kind. Other kinds name their backend."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A list of kinds, or a mapping of kinds to options."""
        backends = BACKENDS.load_all()
        named = {
            "type": "string",
            "description": "the backend that serves this kind. Default: the one with the kind's name",
            "examples": sorted(backends),
        }
        other = {"type": ["object", "null"], "properties": {BACKEND: named}}
        kinds = {}
        for name, backend in backends.items():
            options = handler.resolve_ref_schema(handler(backend.Options.__pydantic_core_schema__))
            own = {
                **options,
                "type": ["object", "null"],
                "properties": {BACKEND: named} | options.get("properties", {}),
            }
            kinds[name] = {
                "description": f"kind {name}",
                "if": {"required": [BACKEND]},
                "then": other,
                "else": own,
            }
        listed = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
        return {"anyOf": [listed, {"type": "object", "properties": kinds, "additionalProperties": other}]}
