"""What a reload changes: a process that serves the configuration before it builds only the apps that changed.

The parent of several workers reads and checks the whole. Its workers need not do so again.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.assemble import assemble_apps
from tokend.config.files import FileRecord, Files
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import LocatedDict, Location, located
from tokend.issuing.configuration import Configuration
from tokend.issuing.routing import TakenRoute


class Change(Struct, frozen=True):
    """How a configuration differs from the one before it, in plain values.

    `written`: JSON text of what stands outside the apps, and of the apps that changed. `apps`: names of all apps that are
    served, in order. `files`: the secrets and `.env`. `base`: the directory of relative paths.
    """

    source: str
    base: str
    written: str
    files: FileRecord
    apps: tuple[str, ...]
    taken_routes: dict[str, tuple[TakenRoute, ...]]
    fingerprint: str
    apps_fingerprint: str
    settings_fingerprint: str


def change_to(
    configuration: Configuration,
    taken_routes: Mapping[str, tuple[TakenRoute, ...]],
    changed: Collection[str],
    tree: LocatedDict,
    base: Path,
    files: FileRecord,
) -> Change:
    """The change to this configuration. `tree`: all that is written. `changed`: names of the apps that are new or changed."""
    apps = {name: app for name, app in tree["apps"].items() if name in changed}
    written = {key: value for key, value in tree.items() if key != "include"} | {"apps": apps}
    return Change(
        configuration.source,
        str(base),
        json.dumps(written),
        files,
        tuple(configuration.apps),
        dict(taken_routes),
        configuration.fingerprint,
        configuration.apps_fingerprint,
        configuration.settings_fingerprint,
    )


def changed_by(
    change: Change, served: Configuration, files: Files, environment: Mapping[str, str]
) -> Configuration | None:
    """The configuration that follows from the one that is served. None if it is not the one that the change describes.

    `files`: those of the change. `environment`: the variables, with those of `.env`.
    """
    tree: LocatedDict = located(json.loads(change.written), Location(change.source))
    secrets = Secrets(environment, Path(change.base), files)
    stay = [name for name in change.apps if name not in tree["apps"]]
    if any(name not in served.built_apps for name in stay):
        return None
    assembled = assemble_apps(tree, change.source, secrets, served.built_apps, stay)
    # those of `defaults` concern apps that replace what is wrong; an app that stays may be invalid as it is written now
    others = {("defaults",), *(("apps", name) for name in stay)}
    if any(problem.path[:1] not in others and problem.path[:2] not in others for problem in assembled.report.problems):
        return None
    found = assembled.with_apps(assembled.apps[name] for name in change.apps)
    for apps in (tree["apps"], assembled.report.root["apps"]):
        while apps:  # one by one: thousands of them at once would stop the event loop for 0.1 s
            apps.popitem()
    if (found.apps_fingerprint, found.settings_fingerprint) != (change.apps_fingerprint, change.settings_fingerprint):
        return None
    return replace(found, fingerprint=change.fingerprint)
