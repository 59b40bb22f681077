"""Environment-only mode: one app at `/` from the variables of the Go service, as if a file had been written.

Open to anybody, as that service is, unless API_KEY_SHA256 closes it.
"""

from collections.abc import Mapping
from typing import Any, Final

from tokend.auth.api_key import PREFIX
from tokend.config.problems import ConfigError, Problem
from tokend.config.yaml_tree import Map, Mark, Seq

SOURCE: Final = "environment"
APP_NAME: Final = "default"
_NOT_BUILT: Final = ("URL_KEY_SHA256", "FIREBASE_PROJECT")
_MARK: Final = Mark(SOURCE)
OPEN_HINT: Final = "set API_KEY_SHA256 to close it (`tokend key new` makes a key and its hash)"


def tree_of(environment: Mapping[str, str]) -> Map:
    """The configuration that the variables amount to; `ConfigError` where one cannot be honoured."""
    problems = [
        Problem(_MARK, (name,), "is not built yet in this version: it would leave the server open; use API_KEY_SHA256")
        for name in _NOT_BUILT
        if environment.get(name)
    ]
    if environment.get("ALLOW_APP_ADMIN", "") not in ("", "0", "1"):
        problems.append(Problem(_MARK, ("ALLOW_APP_ADMIN",), "must be 1 or 0"))
    if problems:
        raise ConfigError(problems)
    powers = ["wildcard_user", "wildcard_channel", "wildcard_publish"]
    if environment.get("ALLOW_APP_ADMIN") == "1":
        powers.append("app_admin")
    rule = {"may": [{"powers": powers}]}
    digest = environment.get("API_KEY_SHA256", "").strip()
    caller: dict[str, Any]
    if digest:
        caller = {"key": {"api_key": PREFIX + digest.removeprefix(PREFIX).lower(), **rule}}
    else:
        caller = {"anybody": {"anonymous": True, **rule}}
    app: dict[str, Any] = {
        "app_id": {"env": "APP_ID"},
        "certificate": {"env": "APP_CERTIFICATE"},
        "callers": caller,
        "routes": [{"at": "/"}],
    }
    origins = [one.strip() for one in environment.get("CORS_ALLOW_ORIGIN", "").split(",") if one.strip()]
    if origins:
        app["cors"] = {"origins": origins}
    tree: Map = _tree({"apps": {APP_NAME: app}})
    return tree


def _tree(value: Any) -> Any:
    if isinstance(value, dict):
        found = Map(_MARK)
        for key, one in value.items():
            found.put(key, _tree(one), _MARK)
        return found
    if isinstance(value, list):
        listed = Seq(_MARK)
        for one in value:
            listed.put(_tree(one), _MARK)
        return listed
    return value
