"""`check`, `schema` and `plugins`: what the configuration says, may say, and can name. `plugins new` is in `new_plugin.py`."""

import argparse
import json
import sys
import time
from typing import Any

import yaml

from tokend.backends.contract import Backend
from tokend.cli import new_plugin
from tokend.cli.context import Context, add_config, counted
from tokend.cli.deny import deny_problems
from tokend.cli.output import print_line
from tokend.cli.usage import without_secrets
from tokend.config import entry_points
from tokend.config.entry_points import BACKENDS, GROUPS, PluginError, package_of
from tokend.config.loading import ConfigurationError, Files, comparable
from tokend.config.problems import Problem
from tokend.config.schema import json_schema
from tokend.config.yaml_tree import Location
from tokend.issuing.configuration import Configuration


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the three commands."""
    check = commands.add_parser(
        "check",
        help="validate the configuration file",
        description="Load the configuration and report all its errors. Nothing is started.",
    )
    add_config(check)
    check.add_argument("--show", metavar="APP", help="print an app after merging it with `defaults`")
    check.set_defaults(run=_check)
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of the YAML",
        description="Print the JSON Schema of the YAML, for use in an editor.",
    )
    schema.set_defaults(run=_schema)
    plugins = commands.add_parser(
        "plugins",
        help="list the installed backends, auth schemes and dialects, or write a new backend",
        description="List every installed plug-in with the package that brings it, and say which do not work. "
        "With --config, list the backends that the apps of a configuration name.",
    )
    plugins.add_argument("--config", metavar="FILE", help="list the backends that this file's apps name")
    plugins.set_defaults(run=_plugins)
    new_plugin.add_command(plugins.add_subparsers(title="commands", metavar="new"))


def _check(options: argparse.Namespace, context: Context) -> int:
    if options.show is not None:
        return _show(options, context)
    isolated = context.source(options).load_isolated(Files())
    configuration = isolated.configuration
    if problems := [*isolated.problems, *deny_problems(configuration), *_redis_problems(configuration)]:
        raise ConfigurationError(problems)
    for warning in configuration.warnings_at(time.time()):
        print(f"warning: {warning}")
    apps, routes = counted(len(configuration.apps), "app"), counted(len(configuration.routes), "route")
    print(f"{configuration.source}: no problems; {apps}, {routes}")
    return 0


def _show(options: argparse.Namespace, context: Context) -> int:
    """Print an app as it counts. Other apps may be invalid: what is wrong with one may be in what it inherits."""
    source, files = context.source(options), Files()
    isolated = source.load_isolated(files)
    if options.show in isolated.invalid_apps:
        raise ConfigurationError(list(isolated.invalid_apps[options.show].problems))
    apps = comparable(source, files.replayed())["apps"]
    if options.show not in apps:
        sentence = f"there is no app {options.show}; there are {', '.join(sorted(apps))}"
        print(f"tokend: {without_secrets(sentence)}", file=sys.stderr)
        return 2
    print(yaml.safe_dump({options.show: apps[options.show]}, sort_keys=False, allow_unicode=True), end="")
    return 0


def _redis_problems(configuration: Configuration) -> list[Problem]:
    """What is wrong with the URL of Redis. Redis is not contacted; without its package nothing is known."""
    redis = configuration.options.redis
    if redis is None:
        return []
    try:
        from tokend.adapters.redis_client import client_of  # redis is an extra
    except ImportError:
        return []
    try:
        client_of(redis.url, "", 1.0)
    except ValueError as error:
        sentence = str(error).removeprefix("redis.url ")
        return [Problem(Location(configuration.source), ("redis", "url"), sentence)]
    return []


def _schema(options: argparse.Namespace, context: Context) -> int:
    print(json.dumps(json_schema(), indent=2))
    return 0


def _plugins(options: argparse.Namespace, context: Context) -> int:
    if options.config is not None:
        return _backends_of(context.configuration(options))
    problems = []
    for group in GROUPS:
        for name, entries in entry_points.installed(group.name).items():
            try:
                group.load(name)
            except PluginError as problem:
                problems.append(str(problem))
            print_line(f"{group.noun}\t{name}\t{' and '.join(map(package_of, entries))}")
    for sentence in problems:
        print(f"tokend: {sentence}", file=sys.stderr)
    return 1 if problems else 0


def _backends_of(configuration: Configuration) -> int:
    apps: dict[tuple[str, str, str], list[str]] = {}
    for app in sorted(configuration.apps.values(), key=lambda app: app.name):
        for kind, backend in app.backends.items():
            fields = ", ".join(backend.Fields.model_fields)  # those of the instance: options may declare them
            apps.setdefault((kind, _backend_name(kind, type(backend)), fields), []).append(app.name)
    for (kind, name, fields), names in sorted(apps.items()):
        (entry,) = entry_points.installed(BACKENDS.name)[name]
        shown = kind if kind == name else f"{kind} ({name})"
        print(f"{BACKENDS.noun}\t{shown}\t{package_of(entry)}\tapps {', '.join(names)}\tfields {fields}")
    return 0


def _backend_name(kind: str, backend: type[Backend]) -> str:
    """The name of the backend that serves a kind: the kind's, unless the configuration names another."""
    installed = BACKENDS.load_all()
    return kind if installed.get(kind) is backend else next(name for name in installed if installed[name] is backend)
