"""Finds plug-ins, built-in ones included, through three entry-point groups. Loads only those that are named.

`tokend.backends` has subclasses of `Backend`, `tokend.auth` subclasses of `AuthScheme`, `tokend.dialects` instances of
`Dialect`. The name of an entry is the kind, the scheme's key or the dialect in the configuration.
"""

import inspect
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from tokend.auth.contract import AuthScheme, Source
from tokend.backends.contract import Backend
from tokend.core.declarations import Declarations
from tokend.core.plugin_api import API_VERSION, OLDEST_API_VERSION
from tokend.core.validation import StrictModel, known_keys, redact_secrets, suggestion
from tokend.dialects.contract import Dialect, Endpoint
from tokend.installing import plugin_command
from tokend.issuing.grants import PLUGIN_ERRORS

Entries = Mapping[str, tuple[EntryPoint, ...]]
"""The entry points of a group by name. Several with the same name are an error."""

T = TypeVar("T")


_METHODS: Final = ("GET", "POST")
"""The methods of endpoints. A body is read of POST alone, and CORS allows no others."""


class PluginError(Exception):
    """A plug-in cannot be used. The message is a sentence that names the package."""


class PluginGroup(Generic[T]):
    """The plug-ins of one entry-point group. `noun`: the word for such a plug-in in messages."""

    def __init__(self, name: str, noun: str) -> None:
        self.name = name
        self.noun = noun
        self._loaded: dict[str, tuple[EntryPoint, T]] = {}
        """What worked, since thousands of apps load the same plug-ins."""

    def load(self, name: str, known: Entries | None = None) -> T:
        """The plug-in of this name. Raises `PluginError` if there is none, if there are two, or if it does not work.

        `known`: the entry points to search; None for the installed ones.
        """
        table = installed(self.name) if known is None else known
        entries = table.get(name, ())
        if not entries:
            command = plugin_command(name) if self.noun == "backend" and name.isidentifier() else None
            hint = suggestion(name, table) if command is None else f", its package is not installed: {command}"
            raise PluginError(f"there is no {self.noun} '{redact_secrets(name)}'{hint}")
        if len(entries) > 1:
            packages = " and ".join(map(package_of, entries))
            raise PluginError(f"{self.noun} '{name}' is brought by {packages}: uninstall one of them")
        (entry,) = entries
        if name in self._loaded and self._loaded[name][0] is entry:
            return self._loaded[name][1]
        where = f"{self.noun} '{name}' of {package_of(entry)}"
        plugin: T = _object_of(entry, where)
        problem = _version_problem(plugin)  # first: one of another version may lack what this one needs
        if problem is None and (unmet := _contract_problem(self.name, name, plugin)) is not None:
            problem = f"is no {self.noun}: {entry.value} {unmet}"
        if problem is None and self.name == BACKENDS.name:
            problem = _declaration_problem(plugin)
        if problem is not None:
            raise PluginError(f"{where} {problem}")
        self._loaded[name] = entry, plugin
        return plugin

    def broken(self, name: str, error: BaseException) -> str:
        """The problem for an exception of a plug-in's code, without its text, which may contain a secret."""
        packages = " and ".join(map(package_of, installed(self.name).get(name, ()))) or "no package"
        return f"the {self.noun} {name} of {packages} is broken inside: it raised {type(error).__name__}"

    def load_all(self) -> dict[str, T]:
        """Every installed plug-in by name, without those that do not work."""
        found = {}
        for name in installed(self.name):
            try:
                found[name] = self.load(name)
            except PluginError:
                continue
        return found


BACKENDS: Final = PluginGroup[type[Backend]]("tokend.backends", "backend")
AUTH_SCHEMES: Final = PluginGroup[type[AuthScheme]]("tokend.auth", "auth scheme")
DIALECTS: Final = PluginGroup[Dialect]("tokend.dialects", "dialect")
GROUPS: Final[tuple[PluginGroup[Any], ...]] = (BACKENDS, AUTH_SCHEMES, DIALECTS)


@cache
def installed(group: str) -> Entries:
    """The entry points of a group by name, in order. Imports nothing."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, package_of(entry))):
        if not any(package_of(entry) == package_of(other) for other in found.get(entry.name, ())):
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def package_of(entry: EntryPoint) -> str:
    """The name and version of the distribution with this entry point."""
    return "an unnamed package" if entry.dist is None else _name_and_version(entry.dist)


@cache
def _name_and_version(distribution: Distribution) -> str:
    """Each reading parses its metadata, and a distribution has many entry points."""
    name = distribution.name
    return f"{name} {distribution.version or '(no version)'}" if name else "an unnamed package"  # if it is damaged


def _object_of(entry: EntryPoint, where: str) -> Any:
    """The object that the entry point names; raises `PluginError`. `where`: the subject of the error's sentence."""
    missing = f"{where} is missing: its entry point names {entry.value}, which is not there"
    try:
        with redirect_stdout(sys.stderr):  # what a module prints is no part of a command's output
            import_module(entry.module)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{entry.module}.".startswith(f"{error.name}."):
            raise PluginError(missing) from error
        needs = _on_a_line(error) if error.name is None else f"it needs the module {error.name}, which is not there"
        raise PluginError(f"{where} is broken inside: {needs}") from error
    except BaseException as error:  # SystemExit too: a plug-in may not end the server
        raise PluginError(f"{where} is broken inside: importing it raised {_on_a_line(error)}") from error
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except AttributeError as error:
        raise PluginError(missing) from error
    except BaseException as error:  # a module's __getattr__ may raise anything, SystemExit too
        raise PluginError(f"{where} is broken inside: it raised {_on_a_line(error)}") from error


def _on_a_line(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return text.encode(errors="backslashreplace").decode()


def _contract_problem(group: str, name: str, plugin: object) -> str | None:
    """Why a plug-in does not fit its group, or None."""
    if group == DIALECTS.name:
        if not isinstance(plugin, Dialect):
            return "is not an instance of tokend.plugins.Dialect"
        options: object = plugin.Options  # unchecked: msgspec takes any value
        if not isinstance(options, type) or not issubclass(options, StrictModel):
            return "needs Options, a subclass of tokend.plugins.StrictModel"
        if not _are_endpoints(plugin.endpoints):
            return "needs endpoints, a tuple of Endpoint, each with the method GET or POST and a path as text"
        return _name_problem(plugin, name)
    if group == BACKENDS.name:
        return _class_problem(plugin, Backend, {"Options": StrictModel, "Fields": StrictModel}) or _option_problem(
            plugin
        )
    problem = _class_problem(plugin, AuthScheme, {"Options": BaseModel}) or _name_problem(plugin, name)
    if problem is None and isinstance(inspect.getattr_static(plugin, "reads", None), Source):
        return "needs reads, a tuple such as (BEARER,)"
    return problem


def _are_endpoints(endpoints: object) -> bool:
    """Whether a dialect has endpoints: (Endpoint(…)) without a comma is no tuple, and msgspec takes any value."""
    return isinstance(endpoints, tuple | list) and all(
        isinstance(endpoint, Endpoint)
        and all(isinstance(text, str) for text in (endpoint.method, endpoint.path))
        and endpoint.method in _METHODS
        for endpoint in endpoints
    )


def _name_problem(plugin: object, name: str) -> str | None:
    own = getattr(plugin, "name", None)
    return None if own == name else f"has the name {own!r}, its entry point another"


def _option_problem(backend: Any) -> str | None:
    if "backend" not in known_keys(backend.Options, ()):
        return None
    return "has an option `backend`, the key that names the backend of a kind: give the option another name"


def _class_problem(plugin: object, contract: type, models: Mapping[str, type[BaseModel]]) -> str | None:
    if not isinstance(plugin, type) or not issubclass(plugin, contract):
        return f"is not a subclass of tokend.plugins.{contract.__name__}"
    if missing := sorted(getattr(plugin, "__abstractmethods__", ())):
        return f"does not implement {', '.join(missing)}"
    for attribute, base in models.items():
        model = inspect.getattr_static(plugin, attribute, None)
        if not isinstance(model, type) or not issubclass(model, base):
            where = "tokend.plugins" if base is StrictModel else "pydantic"
            return f"needs {attribute}, a subclass of {where}.{base.__name__}"
    return None


def _declaration_problem(plugin: Any) -> str | None:
    """What a backend declares wrongly, or None. Where options add to the declarations, each instance is checked, too."""
    if plugin.declarations is not Backend.declarations:
        return None
    declared = Declarations(
        plugin.services, plugin.privileges, plugin.details, plugin.wildcards, plugin.unlimited_privileges
    )
    try:
        return next(declared.problems(), None)
    except PLUGIN_ERRORS:
        return "has services, privileges or details that are no mappings as documented"


def _version_problem(plugin: object) -> str | None:
    version = getattr(plugin, "api_version", API_VERSION)  # what has none is no plug-in, as the contract then says
    if isinstance(version, bool) or not isinstance(version, int):
        return "needs api_version, the number of the version of tokend.plugins that it was written for"
    if version > API_VERSION:
        return f"was written for version {version} of tokend.plugins, this is version {API_VERSION}: upgrade tokend"
    if version < OLDEST_API_VERSION:
        return (
            f"was written for version {version} of tokend.plugins, the oldest that works is {OLDEST_API_VERSION}: "
            "upgrade that package"
        )
    return None
