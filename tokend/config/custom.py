"""Custom routes: an endpoint that the configuration defines, for one kind or several, with its own response."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.config.problems import KeyPath, Report
from tokend.core.validation import field_errors, redact_secrets, suggestion
from tokend.dialects import custom
from tokend.dialects.contract import Dialect, FieldTypes
from tokend.issuing.app_options import Placeholder, RouteOptions
from tokend.issuing.configuration import App
from tokend.issuing.field_types import field_types
from tokend.issuing.grants import PLUGIN_ERRORS

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""A name in a request. With a hyphen it cannot be a placeholder of a response."""


def build_custom(route: RouteOptions, at: KeyPath, app: App, known: Collection[str], report: Report) -> list[Dialect]:
    """The dialect of the route; problems go into the report. `known`: the app's kinds, built or not."""
    names = [route.kind] if route.kind is not None else list(route.kinds or ())
    for index, name in enumerate(names):
        if name not in known:
            where = (*at, "kind") if route.kind is not None else (*at, "kinds", index)
            report.add_after(where, f"'{redact_secrets(name)}' is no kind of this app{suggestion(name, known)}")
    backends = {name: app.backends[name] for name in names if name in app.backends}
    if len(backends) < len(set(names)):
        return []  # the fields of an unknown kind are not known
    kinds = {name: field_types(backend.Fields) for name, backend in backends.items()}
    renamed = _renamed(route, at, kinds, report)
    _check_ignored(route, at, kinds, report)
    _check_names(route, at, kinds, renamed, report)
    _check_values(route, at, list(backends.values()), report)
    _check_ttl(route, at, list(backends.values()), report)
    answer: Any = route.response if route.response is not None else {"token": "{token}"}
    if route.response is None and len(names) > 1:
        report.add_after((*at, "response"), 'is missing: several tokens need names, such as {rtcToken: "{rtc.token}"}')
    _check_answer(answer, at, kinds, renamed, list(backends.values()), report)
    ignored = frozenset(route.ignore)
    return [custom.dialect(custom.Custom(kinds, route.set, route.default, answer, renamed, ignored, route.status))]


def _renamed(route: RouteOptions, at: KeyPath, kinds: Mapping[str, FieldTypes], report: Report) -> Mapping[str, str]:
    """The names of the request that are not the kinds', each with the kind's field. Wrong ones are reported and left out."""
    fields = custom.fields_of(kinds)
    requestable = custom.names_in_requests(kinds, {})
    found: dict[str, str] = {}
    for name, field in route.fields.items():
        where = (*at, "fields", name)
        if _NAME.fullmatch(name) is None:
            report.add_after(where, "must be a name of letters, digits, _ and -, as a request writes it")
        elif field not in fields:
            report.add_after(
                where, f"'{redact_secrets(field)}' is no field of the kind{suggestion(field, requestable)}"
            )
        elif field not in requestable:
            report.add_after(where, f"{field} is not for a request to choose: write it under set or default")
        elif field in route.set:
            report.add_after(where, f"{field} is fixed by set, so no request can say it")
        elif field in found.values():
            first = next(other for other in found if found[other] == field)
            report.add_after(where, f"{field} is called {redact_secrets(first)} already: a field has one name")
        elif name in fields and name != field and name not in route.fields.values():
            report.add_after(where, "is a field of the kind itself: give that field another name too")
        else:
            found[name] = field
    return found


def _check_ignored(route: RouteOptions, at: KeyPath, kinds: Mapping[str, FieldTypes], report: Report) -> None:
    known = custom.fields_of(kinds) | route.fields.keys()
    for name in route.ignore:
        if name in known:
            where = "has under `fields`" if name in route.fields else "has"
            report.add_after((*at, "ignore"), f"names {redact_secrets(name)}, which this endpoint {where}: take it out")


def _check_names(
    route: RouteOptions, at: KeyPath, kinds: Mapping[str, FieldTypes], renamed: Mapping[str, str], report: Report
) -> None:
    """Report placeholders of the path, and keys of `set` and `default`, that are no fields."""
    in_requests = custom.names_in_requests(kinds, renamed)
    in_path = [part.name for part in route.parts if isinstance(part, Placeholder)]
    for name in in_path:
        if name not in in_requests and name not in route.ignore and not report.touches((*at, "fields")):
            sentence = f"{{{redact_secrets(name)}}} is no field of the kind{suggestion(name, in_requests)}"
            report.add_after((*at, "path"), sentence)
    fields, fields_in_path = custom.fields_of(kinds), {renamed.get(name, name) for name in in_path}
    for key, values in (("set", route.set), ("default", route.default)):
        for name in values:
            if name not in fields:
                report.add_after((*at, key, name), f"is no field of the kind{suggestion(name, fields)}")
            elif name in fields_in_path:
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
            except PLUGIN_ERRORS as error:
                module = backend.Fields.__module__
                report.add_after((*at, key), f"cannot be checked: {module} raised {type(error).__name__}")


def _check_ttl(route: RouteOptions, at: KeyPath, backends: list[Backend], report: Report) -> None:
    ttl, longest = route.ttl, min(route.ttl.longest(backend.max_ttl) for backend in backends)
    for key, values in (("set", route.set), ("default", route.default)):
        seconds = values.get(custom.TTL, ttl.min)
        if type(seconds) is not int or not ttl.min <= seconds <= longest:
            report.add_after((*at, key, custom.TTL), f"must be {ttl.min} to {longest}, in seconds and without a unit")


def _check_answer(
    answer: Any,
    at: KeyPath,
    kinds: Mapping[str, FieldTypes],
    renamed: Mapping[str, str],
    backends: list[Backend],
    report: Report,
) -> None:
    extras = {name for backend in backends for name in backend.extras}
    of_token = {*custom.OF_A_TOKEN, *extras, *renamed, *(field for types in kinds.values() for field in types)}
    known = of_token if len(kinds) == 1 else set()
    known |= {f"{kind}.{name}" for kind in kinds for name in of_token}
    if report.touches((*at, "response")) or report.touches((*at, "fields")):
        return
    for name in _without_quotes(answer):
        if name in known:
            report.add(
                (*at, "response"), f'holds {{{name}}} without quotes, which YAML reads as a mapping: write "{{{name}}}"'
            )
    for name in custom.placeholders(answer):
        if name not in known:
            report.add(
                (*at, "response"),
                f"{{{redact_secrets(name)}}} is no placeholder of this route's response{suggestion(name, known)}",
            )


def _without_quotes(answer: object) -> list[str]:
    """What may be placeholders that lack their quotes: YAML reads `{token}` as a mapping with an empty value.

    `data: {channel: null}` is the same to YAML, and may be meant. So only the token counts, and what has its key's name.
    """
    if isinstance(answer, list):
        return [name for value in answer for name in _without_quotes(value)]
    found: list[str] = []
    for key, value in answer.items() if isinstance(answer, dict) else ():
        if isinstance(value, dict) and list(value.values()) == [None]:
            found += [name for name in map(str, value) if name == key or name.rpartition(".")[2] == "token"]
        else:
            found += _without_quotes(value)
    return found
