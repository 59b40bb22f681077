"""What a reload would change, per app: for `tokend diff`. It names keys, never values."""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tokend.config.isolation import Isolated
from tokend.config.loading import ConfigurationError, Files, Source, comparable
from tokend.http.reloader import Reloader, errors_of
from tokend.issuing.configuration import Configuration


async def difference_of(reloader: Reloader) -> dict[str, Any]:
    """`{"problems": [], "apps": {name: {"change": …, "keys": […], "problems": […]}}, "settings": […], …}`; nothing is changed.

    `change` is added, changed, removed or invalid; an invalid app has `problems` in place of `keys`. `keys` are dotted. If
    none differs, they say `(the order of its keys)` or `(a secret)`. `settings`: the same for the keys outside the apps, such
    as `server.drain`. `at_next_start`: as a reload says it. `problems`: errors outside the apps; nothing else is known then.
    """
    try:
        isolated, files = await reloader.preview()
    except ConfigurationError as error:
        return {"problems": list(map(str, error.problems)), "apps": {}, "settings": [], "at_next_start": []}
    served = reloader.configuration
    written = await reloader.written()
    changes = {"added": isolated.added, "changed": isolated.changed, "removed": reloader.removed_by(isolated)}
    found = await asyncio.to_thread(_difference, changes, isolated, served, written, reloader.source, files)
    return {"problems": [], **found, "at_next_start": reloader.at_next_start(isolated.configuration)}


def _difference(
    changes: Mapping[str, Collection[str]],
    isolated: Isolated,
    served: Configuration,
    before: Mapping[str, Any],
    source: Source,
    files: Files,
) -> dict[str, Any]:
    after = comparable(source, files.replayed())
    apps: dict[str, dict[str, Any]] = {}
    for change, names in changes.items():
        for name in sorted(names):
            parts = [written["apps"].get(name, {}) for written in (before, after)]
            # of an app that was invalid, and is gone, neither is known
            apps[name] = {"change": change, "keys": _keys(*parts) if any(parts) else []}
    for name, problems in errors_of(isolated).items():
        apps[name] = {"change": "invalid", "problems": problems}
    changed = isolated.configuration.settings_fingerprint != served.settings_fingerprint
    return {"apps": apps, "settings": _keys(before["settings"], after["settings"]) if changed else []}


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two parts of the file of which something does."""
    if keys := sorted(_differing(before, after)):
        return keys
    return ["(a secret)" if json.dumps(before) == json.dumps(after) else "(the order of its keys)"]


def _differing(before: object, after: object, at: str = "") -> Iterator[str]:
    """The dotted keys whose values differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            if key not in before or key not in after:
                yield f"{at}.{key}".lstrip(".")
            else:
                yield from _differing(before[key], after[key], f"{at}.{key}")
    elif before != after:
        yield at.lstrip(".")
