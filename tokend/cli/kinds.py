"""`kinds`: every installed kind of token, its fields, and what rules can say of it. docs/kinds.md is its output."""

import argparse
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tokend.backends.contract import Backend
from tokend.cli.context import Context, fail
from tokend.config import entry_points
from tokend.config.entry_points import BACKENDS, PluginError, package_of
from tokend.config.schema import Lenient
from tokend.core.declarations import (
    APP_ADMIN,
    NEVER,
    OPTIONAL,
    REQUIRED,
    Capability,
    Declarations,
    Freedom,
    Meaning,
    Presence,
    Role,
)
from tokend.core.durations import in_words

_HEAD: Final = """\
# Kinds

This page is the output of `tokend kinds` after `make plugins`: the kinds of all vendors that come with tokend.
[Which kind for which product](vendors/README.md) helps to choose one, and has a page for each vendor.

`POST v1/token` takes `kind`, the fields of that kind and `ttl`, the lifetime in seconds. `tokend token KIND FIELD=VALUE …`
takes the same, with the lifetime as `--ttl`. If a rule allows only one user, a request may leave out its user and gets that one.
A value that reaches any user or many channels requires the capability `wildcard_user` or `wildcard_channel`, and
`wildcard_publish` if such a token may publish.

`Services` says whether each service of a token has a user and a channel: `always`, `or none` (some have none) or `never`.
`Privileges` has the role that each privilege gives, and the capability that it requires. `connect` is neither: a user may
only connect.
The options of some kinds, such as `jwt`, decide more of this: the vendor's page says what.
"""
_PRESENCE: Final[Mapping[Presence, str]] = {REQUIRED: "always", OPTIONAL: "or none", NEVER: "never"}
_BUILT_IN: Final = "tokend"


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command `kinds`."""
    kinds = commands.add_parser(
        "kinds",
        help="list the kinds of tokens with their fields",
        description="Print every installed kind of token as Markdown: its fields, and what rules can say of it.",
    )
    kinds.add_argument("kinds", nargs="*", metavar="KIND", help="only these kinds")
    kinds.set_defaults(run=_kinds)


def _kinds(options: argparse.Namespace, context: Context) -> int:
    installed = entry_points.installed(BACKENDS.name)
    try:
        backends = {kind: BACKENDS.load(kind) for kind in options.kinds or sorted(installed)}
    except PluginError as error:
        fail(str(error))
    packages = {kind: package_of(installed[kind][0]).split()[0] for kind in backends}
    in_order = sorted(backends, key=lambda kind: (packages[kind] != _BUILT_IN, packages[kind], kind))
    head = [] if options.kinds else [_HEAD]
    print("\n".join([*head, *("\n".join(_section(kind, backends[kind], packages[kind])) for kind in in_order)]))
    return 0


def _section(kind: str, backend: type[Backend], package: str) -> Iterator[str]:
    """The lines of a kind, with an empty line at the end."""
    yield f"## {kind}"
    yield ""
    yield inspect.cleandoc(backend.__doc__ or "").partition("\n")[0]
    yield ""
    schema = backend.Fields.model_json_schema(schema_generator=Lenient)
    fields: Mapping[str, Any] = schema.get("properties", {})
    if fields:
        yield "| Field | Value | |"
        yield "|---|---|---|"
        required = schema.get("required", ())
        for name, field in fields.items():
            yield f"| `{name}` | {_cell(_value(field, schema))} | {_cell(_note(field, name in required))} |"
    else:
        yield "It has no fields of its own."
    yield ""
    yield from (f"- {line}" for line in _facts(backend, package))
    yield ""


def _facts(backend: type[Backend], package: str) -> Iterator[str]:
    declarations = _declarations_of(backend)
    services = declarations.services
    if services:
        yield "Services: " + "; ".join(
            f"`{name}` (user: {_PRESENCE[shape.user]}; channel: {_PRESENCE[shape.channel]})"
            for name, shape in services.items()
        )
    if roles := sorted(declarations.roles):
        yield f"Roles: {_names(roles)}"
    capabilities = [*declarations.capabilities]
    if any(
        isinstance(meaning, Capability) and meaning.name == APP_ADMIN for meaning in declarations.privileges.values()
    ):
        capabilities.append(APP_ADMIN)
    if capabilities:
        yield f"Capabilities: {_names(sorted(capabilities))}"
    if declarations.privileges:
        yield "Privileges: " + ", ".join(
            f"`{name}` ({_meaning(meaning)})" for name, meaning in declarations.privileges.items()
        )
    if declarations.details:
        yield "Details, for `fields` in rules: " + ", ".join(
            f"`{name}`" if isinstance(meaning, Freedom) else f"`{name}` (capability `{meaning.name}`)"
            for name, meaning in declarations.details.items()
        )
    if backend.extras:
        yield f"The answer has, too: {_names(backend.extras)}"
    if not backend.expires:
        yield "Its tokens do not expire: each is bound to a connection"
    elif backend.max_ttl is not None:
        yield f"Longest lifetime: {backend.max_ttl} seconds ({in_words(backend.max_ttl)})"
    if package != _BUILT_IN:
        yield f"Package: `{package}`"


def _declarations_of(backend: type[Backend]) -> Declarations:
    """What the class declares. What depends on options is left out."""
    try:
        return backend.__new__(backend).declarations
    except AttributeError:  # it reads its options
        return Declarations(backend.services, backend.privileges, backend.details)


def _meaning(meaning: Meaning) -> str:
    if isinstance(meaning, Role):
        return meaning.name
    if isinstance(meaning, Capability):
        role = "" if meaning.role is None else f"{meaning.role.name}, "
        return f"{role}capability `{meaning.name}`"
    return "connect"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _value(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a field takes, in words: its type, choices and bounds."""
    if (reference := field.get("$ref")) is not None:
        return _value(schema["$defs"][reference.rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " or ".join(_value(choice, schema) for choice in field["anyOf"] if choice.get("type") != "null")
    if "const" in field:
        return f"`{str(field['const']).lower()}`"
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    kind = field.get("type")
    if kind == "array":
        return f"list of {_value(field.get('items', {}), schema)}"
    if kind == "object":
        parts = field.get("properties")
        return f"mapping of {_names(parts)}" if parts else "mapping"
    if kind == "integer":
        return f"number{_bounds(field, 'minimum', 'maximum')}"
    if kind == "string":
        return f"text{_bounds(field, 'minLength', 'maxLength', ' characters')}"
    return {"boolean": "`true` or `false`", "number": "number"}.get(str(kind), "any value")


def _bounds(field: Mapping[str, Any], least: str, most: str, unit: str = "") -> str:
    if least in field and most in field:
        return f", {field[least]} to {field[most]}{unit}"
    if most in field:
        return f", at most {field[most]}{unit}"
    return f", at least {field[least]}{unit}" if field.get(least, 0) > 1 else ""


def _note(field: Mapping[str, Any], required: bool) -> str:
    """Whether a field is required, its default, and its description."""
    choices = [choice for choice in field.get("anyOf", ()) if choice.get("type") != "null"]
    described = field.get("description") or (choices[0].get("description") if len(choices) == 1 else None)
    default = field.get("default")
    first = "Required" if required else "Optional" if default is None else f"Default: `{json.dumps(default)}`"
    return f"{first}. {described[0].upper()}{described[1:].rstrip('.')}." if described else f"{first}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
