"""`check`, `schema` and `backends`: validate the configuration, print its JSON Schema, list the kinds of token."""

import argparse
import json
import sys
import time
from typing import Any

import yaml

from tokend.cli.context import Context, add_config, counted
from tokend.config import entry_points
from tokend.config.entry_points import PluginError
from tokend.config.loading import find, merge_apps, plain
from tokend.config.schema import json_schema


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
    backends = commands.add_parser(
        "backends",
        help="list the kinds of token that are installed",
        description="List the kinds and the packages that provide them. With --config, load those that it names.",
    )
    backends.add_argument("--config", metavar="FILE", help="load the backends that this file's apps name")
    backends.set_defaults(run=_backends)


def _check(options: argparse.Namespace, context: Context) -> int:
    configuration = context.configuration(options)
    if options.show is not None:
        tree, _, _ = find(options.config, context.environment, context.directory)
        apps = merge_apps(tree)["apps"]
        if options.show not in apps:
            print(f"tokend: there is no app {options.show}; there are {', '.join(sorted(apps))}", file=sys.stderr)
            return 2
        print(yaml.safe_dump(plain({options.show: apps[options.show]}), sort_keys=False, allow_unicode=True), end="")
        return 0
    for warning in configuration.warnings_at(time.time()):
        print(f"warning: {warning}")
    apps, routes = counted(len(configuration.apps), "app"), counted(len(configuration.routes), "route")
    print(f"{configuration.source}: no problems; {apps}, {routes}")
    return 0


def _schema(options: argparse.Namespace, context: Context) -> int:
    print(json.dumps(json_schema(), indent=2))
    return 0


def _backends(options: argparse.Namespace, context: Context) -> int:
    table = entry_points.installed()
    if options.config is None:
        for kind, entries in sorted(table.items()):
            print(f"{kind}\t{' and '.join(entry_points.package_of(entry) for entry in entries)}")
        return 0
    configuration = context.configuration(options)
    for kind in sorted({kind for app in configuration.apps.values() for kind in app.backends}):
        try:
            backend = entry_points.load(kind)
        except PluginError as error:  # unlikely: it has just been loaded
            print(f"tokend: {error}", file=sys.stderr)
            return 1
        apps = sorted(name for name, app in configuration.apps.items() if kind in app.backends)
        fields = ", ".join(backend.Fields.model_fields)
        print(f"{kind}\t{entry_points.package_of(table[kind][0])}\tapps {', '.join(apps)}\tfields {fields}")
    return 0
