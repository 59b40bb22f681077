"""Merges `defaults` with an app's own keys and fills in `{app}`. Works on trees, before they are validated.

Mappings are merged; lists are replaced. A secret, `certificate`, `app_id`, `url_signing_key` and a caller's scheme are
replaced as a whole.
"""

from typing import Any, Final

from tokend.config.problems import KeyPath
from tokend.config.yaml_tree import LocatedDict, LocatedList
from tokend.core.secrets import FORMS

_WHOLE: Final = frozenset({"certificate", "app_id", "url_signing_key"})


def merged(defaults: LocatedDict | None, own: LocatedDict, path: KeyPath, app: str) -> LocatedDict:
    """The merged app as a new tree at `path`. Each key keeps the location that it came from."""
    both = _merge(defaults, own, path) if defaults is not None else own
    placed: LocatedDict = _placed(both, path, app)
    return placed


def _merge(base: LocatedDict, over: LocatedDict, path: KeyPath) -> LocatedDict:
    found = LocatedDict(over.location)
    dropped = _replaced_schemes(base, over, path)
    for key, value in base.items():
        if key not in over and key not in dropped:
            found.put(key, value, base.locations[key])
    for key, value in over.items():
        below = base.get(key)
        if (
            isinstance(below, LocatedDict)
            and isinstance(value, LocatedDict)
            and not _is_whole_value(key, below, value, path)
        ):
            value = _merge(below, value, (*path, key))
        found.put(key, value, over.locations[key])
    return found


def _is_whole_value(key: str, below: LocatedDict, value: LocatedDict, path: KeyPath) -> bool:
    in_app = len(path) == 2 and key in _WHOLE
    scheme = _is_caller(path) and key != "rules"
    return in_app or scheme or _is_secret(below) or _is_secret(value)


def _is_secret(value: LocatedDict) -> bool:
    """Whether this is `{env: NAME}` or similar, and not, for example, a mapping of callers with such names."""
    return bool(value) and value.keys() <= FORMS.keys() and all(isinstance(source, str) for source in value.values())


def _replaced_schemes(base: LocatedDict, over: LocatedDict, path: KeyPath) -> frozenset[str]:
    """Keys to drop from the defaults: a caller that names a scheme does not keep the scheme of the defaults."""
    return frozenset(base.keys() - {"rules"}) if _is_caller(path) and over.keys() - {"rules"} else frozenset()


def _is_caller(path: KeyPath) -> bool:
    """Whether a caller is at this path. Each of its keys except `rules` is an auth scheme."""
    return len(path) == 4 and path[2] == "callers"


def _placed(value: Any, path: KeyPath, app: str) -> Any:
    """A copy in which every mapping and list has its path, and `{app}` is replaced by the app's name."""
    if isinstance(value, LocatedDict):
        found = LocatedDict(value.location)
        found.path = path
        for key, below in value.items():
            found.put(key, _placed(below, (*path, key), app), value.locations[key])
        return found
    if isinstance(value, LocatedList):
        listed = LocatedList(value.location)
        listed.path = path
        for index, item in enumerate(value):
            listed.put(_placed(item, (*path, index), app), value.locations[index])
        return listed
    return value.replace("{app}", app) if isinstance(value, str) else value


def place(root: LocatedDict) -> LocatedDict:
    """A copy of the whole tree in which every mapping has its path. In `defaults`, `{app}` becomes an example name."""
    placed: LocatedDict = _placed(root, (), "app")
    return placed
