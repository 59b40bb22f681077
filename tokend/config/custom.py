"""Custom routes: an endpoint that the configuration defines, for one kind or several, with its own response."""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.config.problems import KeyPath, Report
from tokend.core.validation import field_errors, redact_secrets, suggestion
from tokend.dialects import custom
from tokend.dialects.contract import Dialect
from tokend.issuing.app_options import Placeholder, RouteOptions
from tokend.issuing.configuration import App


def build_custom(
    route: RouteOptions, at: KeyPath, app: App, known: Collection[str], report: Report
) -> tuple[Dialect, ...]:
    """The dialect of the route; problems go into the report. `known`: the app's kinds, built or not."""
    names = [route.kind] if route.kind is not None else list(route.kinds or ())
    for index, name in enumerate(names):
        if name not in known:
            where = (*at, "kind") if route.kind is not None else (*at, "kinds", index)
            report.add_after(where, f"'{redact_secrets(name)}' is no kind of this app{suggestion(name, known)}")
    kinds = {name: _fields(app.backends[name]) for name in names if name in app.backends}
    if len(kinds) < len(set(names)):
        return ()  # the fields of an unknown kind are not known
    _check_names(route, at, custom.known_fields(kinds), report)
    _check_values(route, at, [app.backends[name] for name in kinds], report)
    _check_ttl(route, at, [app.backends[name] for name in kinds], report)
    answer: Any = route.response if route.response is not None else {"token": "{token}"}
    if route.response is None and len(names) > 1:
        report.add_after((*at, "response"), 'is missing: several tokens need names, such as {rtcToken: "{rtc.token}"}')
    _check_answer(answer, at, kinds, [app.backends[name] for name in kinds], report)
    return (custom.dialect(custom.Custom(kinds, route.set, route.default, answer)),)


def _fields(backend: type[Backend] | Backend) -> dict[str, custom.Field]:
    found = {}
    for name, schema in backend.Fields.model_json_schema().get("properties", {}).items():
        types = {form.get("type") for form in schema.get("anyOf", [schema])}
        found[name] = custom.Field(numeric="integer" in types, role=name == "role" and "string" in types)
    return found


def _check_names(route: RouteOptions, at: KeyPath, known: set[str], report: Report) -> None:
    in_path = [part.name for part in route.parts if isinstance(part, Placeholder)]
    for name in in_path:
        if name not in known:
            report.add_after(
                (*at, "path"), f"{{{redact_secrets(name)}}} is no field of the kind{suggestion(name, known)}"
            )
    for key, values in (("set", route.set), ("default", route.default)):
        for name in values:
            if name not in known:
                report.add_after((*at, key, name), f"is no field of the kind{suggestion(name, known)}")
            elif name in in_path:
                report.add_after((*at, key, name), "stands in the path, so every request says it")


def _check_values(route: RouteOptions, at: KeyPath, backends: list[Backend], report: Report) -> None:
    """Report values that no request could have: they are errors of the configuration, not of each client."""
    for key, values in (("set", route.set), ("default", route.default)):
        for backend in backends:
            given = {name: value for name, value in values.items() if name in backend.Fields.model_fields}
            try:
                backend.Fields.model_validate(given)
            except ValidationError as error:
                for field_error in field_errors(error, backend.Fields):
                    if field_error.path and field_error.path[0] in given:
                        report.add_after((*at, key, *field_error.path), field_error.sentence)


def _check_ttl(route: RouteOptions, at: KeyPath, backends: list[Backend], report: Report) -> None:
    ttl, longest = route.ttl, min(route.ttl.longest(backend.max_ttl) for backend in backends)
    for key, values in (("set", route.set), ("default", route.default)):
        seconds = values.get(custom.TTL, ttl.min)
        if type(seconds) is not int or not ttl.min <= seconds <= longest:
            report.add_after((*at, key, custom.TTL), f"must be {ttl.min} to {longest}, in seconds and without a unit")


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
