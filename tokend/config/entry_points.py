"""Finds backends through the entry-point group `tokend.backends` and loads only those that are asked for."""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from tokend.backends.contract import ENTRY_POINT_GROUP, Backend
from tokend.core.validation import StrictModel, redact_secrets, suggestion


class PluginError(Exception):
    """A backend that cannot be used, in one sentence that names the package."""


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Every kind's entry points, by kind; more than one is a duplicate. Nothing is imported."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: (one.name, package_of(one))):
        if not any(package_of(entry) == package_of(other) for other in found.get(entry.name, ())):
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def package_of(entry: EntryPoint) -> str:
    """The distribution that brings it, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"


def load(kind: str, known: Mapping[str, tuple[EntryPoint, ...]] | None = None) -> type[Backend]:
    """The backend class of a kind; `PluginError` if there is none, two, or one that does not work."""
    table = installed() if known is None else known
    entries = table.get(kind, ())
    if not entries:
        raise PluginError(f"there is no backend '{redact_secrets(kind)}'{suggestion(kind, table)}")
    if len(entries) > 1:
        packages = " and ".join(package_of(one) for one in entries)
        raise PluginError(f"backend '{kind}' is brought by {packages}: uninstall one of them")
    return _activated(entries[0])


def _activated(entry: EntryPoint) -> type[Backend]:
    where = f"backend '{entry.name}' of {package_of(entry)}"
    try:
        import_module(entry.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{entry.module}.".startswith(f"{error.name}."):
            raise PluginError(f"{where} is missing: its entry point names {entry.value}, which is not there") from error
        raise PluginError(f"{where} is broken inside: it needs the module {error.name}, which is not there") from error
    except Exception as error:
        raise PluginError(f"{where} is broken inside: importing it raised {type(error).__name__}: {error}") from error
    try:
        found = entry.load()
    except AttributeError as error:
        raise PluginError(f"{where} is missing: its entry point names {entry.value}, which is not there") from error
    if problem := shape_problem(found):
        raise PluginError(f"{where} is no backend: {entry.value} {problem}")
    backend: type[Backend] = found
    return backend


def shape_problem(found: object) -> str | None:
    """What a class lacks to be a backend; None if nothing."""
    if not isinstance(found, type) or not issubclass(found, Backend):
        return "is not a subclass of tokend.plugins.Backend"
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        return f"does not implement {', '.join(missing)}"
    for name in ("Options", "Fields"):
        shape = inspect.getattr_static(found, name, None)
        if not isinstance(shape, type) or not issubclass(shape, StrictModel):
            return f"needs {name}, a subclass of tokend.plugins.Strict"
    return None
