"""Custom routes: one endpoint of the configuration's own, for one kind or several, with its own answer."""

import re
from collections.abc import Collection
from typing import Any, Final

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.config.problems import KeyPath, Report
from tokend.config.shape import RouteShape
from tokend.core.validation import field_errors, redact_secrets, suggestion
from tokend.dialects import custom
from tokend.dialects.contract import Dialect
from tokend.issuing.configuration import App, Parts, Placeholder, TtlBounds, parse_path

OWN_PATHS: Final = ("ping", "healthz", "readyz")
"""First parts of paths that are the server's own."""

_PATH: Final = re.compile(r"(/([^/\s?#%{}]+|\{[a-z_]+\}))+")


def is_custom(shape: RouteShape) -> bool:
    """Whether the route is an endpoint of its own."""
    return shape.kind is not None or shape.kinds is not None


def custom_path(text: str, at: KeyPath, report: Report) -> Parts:
    """The whole path of a custom route, in which `{name}` is a field of its kinds."""
    parts = parse_path(text)
    if _PATH.fullmatch(text) is None:
        report.add_after(at, "must be a path such as /watch/{channel}, without a final slash or escapes")
        return ()
    names = [part.name for part in parts if isinstance(part, Placeholder)]
    if len(set(names)) < len(names):
        report.add_after(at, "has a {placeholder} twice")
    if parts[0] in OWN_PATHS or isinstance(parts[0], Placeholder):
        report.add_after(at, "must begin with a word that is not the server's own (ping, healthz, readyz)")
    return parts


def build_custom(
    shape: RouteShape, at: KeyPath, app: App, wanted: Collection[str], ttl: TtlBounds, report: Report
) -> tuple[Dialect, ...]:
    """The route's dialect; what is wrong goes into the report. `wanted`: the app's kinds, built or not."""
    if shape.kind is not None and shape.kinds is not None:
        report.add_after((*at, "kinds"), "stands beside kind: write one of the two")
    if shape.dialect is not None:
        report.add_after((*at, "dialect"), "stands beside kind: an endpoint of your own has no dialect")
    names = [shape.kind] if shape.kind is not None else list(shape.kinds or ())
    for index, name in enumerate(names):
        if name not in wanted:
            where = (*at, "kind") if shape.kind is not None else (*at, "kinds", index)
            report.add_after(where, f"'{redact_secrets(name)}' is no kind of this app{suggestion(name, wanted)}")
    kinds = {name: _fields(app.backends[name]) for name in names if name in app.backends}
    if len(kinds) < len(set(names)):
        return ()  # what a kind takes and answers that is unknown or not built, nobody can tell
    _check_names(shape, at, custom.known_fields(kinds), report)
    _check_values(shape, at, [app.backends[name] for name in kinds], report)
    _check_ttl(shape, at, ttl, report)
    answer: Any = shape.response if shape.response is not None else {"token": "{token}"}
    if shape.response is None and len(names) > 1:
        report.add_after((*at, "response"), 'is missing: several tokens need names, such as {rtcToken: "{rtc.token}"}')
    _check_answer(answer, at, kinds, [app.backends[name] for name in kinds], report)
    return (custom.dialect(custom.Custom(kinds, shape.set or {}, shape.default or {}, answer)),)


def _fields(backend: type[Backend] | Backend) -> dict[str, custom.Field]:
    found = {}
    for name, schema in backend.Fields.model_json_schema().get("properties", {}).items():
        types = {one.get("type") for one in schema.get("anyOf", [schema])}
        found[name] = custom.Field(numeric="integer" in types, role=name == "role" and "string" in types)
    return found


def _check_names(shape: RouteShape, at: KeyPath, known: set[str], report: Report) -> None:
    in_path = [part.name for part in parse_path(shape.path or "") if isinstance(part, Placeholder)]
    for name in in_path:
        if name not in known:
            report.add_after(
                (*at, "path"), f"{{{redact_secrets(name)}}} is no field of the kind{suggestion(name, known)}"
            )
    for key, values in (("set", shape.set), ("default", shape.default)):
        for name in values or ():
            if name not in known:
                report.add_after((*at, key, name), f"is no field of the kind{suggestion(name, known)}")
            elif name in in_path:
                report.add_after((*at, key, name), "stands in the path, so every request says it")


def _check_values(shape: RouteShape, at: KeyPath, backends: list[Backend], report: Report) -> None:
    """Values that no ask could have are told at load, not to each client."""
    for key, values in (("set", shape.set), ("default", shape.default)):
        for backend in backends:
            given = {name: value for name, value in (values or {}).items() if name in backend.Fields.model_fields}
            try:
                backend.Fields.model_validate(given)
            except ValidationError as error:
                for one in field_errors(error, backend.Fields):
                    if one.path and one.path[0] in given:
                        report.add_after((*at, key, *one.path), one.sentence)


def _check_ttl(shape: RouteShape, at: KeyPath, ttl: TtlBounds, report: Report) -> None:
    for key, values in (("set", shape.set), ("default", shape.default)):
        seconds = (values or {}).get(custom.TTL, ttl.default)
        if type(seconds) is not int or not ttl.min <= seconds <= ttl.max:
            report.add_after((*at, key, custom.TTL), f"must be {ttl.min} to {ttl.max}, in seconds and without a unit")


def _check_answer(
    answer: Any, at: KeyPath, kinds: dict[str, dict[str, custom.Field]], backends: list[Backend], report: Report
) -> None:
    extras = {name for backend in backends for name in backend.extras}
    of_token = {*custom.OF_A_TOKEN, *extras, *(field for of_kind in kinds.values() for field in of_kind)}
    known = of_token if len(kinds) == 1 else set()
    known |= {f"{kind}.{name}" for kind in kinds for name in of_token}
    if report.touches((*at, "response")):
        return
    for name in custom.placeholders(answer):
        if name not in known:
            report.add(
                (*at, "response"),
                f"{{{redact_secrets(name)}}} is nothing that an answer knows{suggestion(name, known)}",
            )
