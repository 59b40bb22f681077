"""What a reload would change, per app: for `tokend diff`. Values are shown as the configuration shows them, without secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

from tokend.config.loading import Files, shown_apps, shown_settings
from tokend.http.reloader import Reloader, errors_of


async def difference_of(reloader: Reloader) -> dict[str, Any]:
    """`{"apps": {name: {"change": …, "keys": […], "problems": […]}}, "settings": […]}`; nothing is changed.

    `settings`: the dotted keys outside the apps that differ, such as `server.drain`.
    `change` is added, changed, removed or invalid. `keys` are dotted; a secret that changed elsewhere is `(a secret)`.
    Raises `ConfigurationError` for errors outside the apps.
    """
    isolated, files = await reloader.preview()
    before, after = _apps(reloader, reloader.files), _apps(reloader, files)
    errors = errors_of(isolated)
    apps: dict[str, dict[str, Any]] = {}
    for change in ("added", "changed", "removed"):
        for name in sorted(getattr(isolated, change)):
            keys = sorted(_differing(before.get(name, {}), after.get(name, {})))
            apps[name] = {"change": change, "keys": keys or ["(a secret)"]}
    for name, problems in errors.items():
        apps[name] = {"change": "invalid", "problems": problems}
    settings = sorted(
        _differing(shown_settings(reloader.source, reloader.files), shown_settings(reloader.source, files))
    )
    return {"problems": [], "apps": apps, "settings": settings}


def _apps(reloader: Reloader, files: Files) -> Mapping[str, Any]:
    found: Mapping[str, Any] = shown_apps(reloader.source, files)["apps"]
    return found


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
