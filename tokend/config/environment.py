"""Environment-only mode: one app at `/` from the variables of the Go service, as if a file had been written.

Open to anybody, as that service is, unless API_KEY_SHA256 or URL_KEY_SHA256 closes it.
"""

from collections.abc import Mapping
from typing import Any, Final

from tokend.auth import PREFIX
from tokend.config.problems import ConfigError, Problem
from tokend.config.yaml_tree import Map, Mark, Seq

SOURCE: Final = "environment"
APP_NAME: Final = "default"
_NOT_BUILT: Final = ("FIREBASE_PROJECT",)
CLOSING: Final = {"API_KEY_SHA256": ("key", "api_key"), "URL_KEY_SHA256": ("url", "url_key")}
"""Variables that close the server: the caller that each makes, and its scheme."""
_MARK: Final = Mark(SOURCE)
_OPEN_HINT: Final = "set API_KEY_SHA256 or URL_KEY_SHA256 to close it (`tokend key new` makes a key and its hash)"
_VARIABLES: Final = {
    "app_id": "APP_ID",
    "certificate": "APP_CERTIFICATE",
    "cors": "CORS_ALLOW_ORIGIN",
}
"""Where each part of the app comes from."""


def tree_of(environment: Mapping[str, str]) -> Map:
    """The configuration that the variables amount to; `ConfigError` where one cannot be honoured."""
    problems = [
        Problem(
            _MARK,
            (name,),
            "is not built yet in this version: it would leave the server open; use API_KEY_SHA256 or URL_KEY_SHA256",
        )
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
    callers: dict[str, Any] = {}
    for name, (caller, scheme) in CLOSING.items():
        if digest := environment.get(name, ""):  # one of blanks only is a wrong one, not none
            callers[caller] = {scheme: PREFIX + digest.strip().lower().removeprefix(PREFIX), **rule}
    app: dict[str, Any] = {
        "app_id": {"env": "APP_ID"},
        "certificate": {"env": "APP_CERTIFICATE"},
        "callers": callers or {"anybody": {"anonymous": True, **rule}},
        "routes": [{"at": "/"}],
    }
    origins = [one.strip() for one in environment.get("CORS_ALLOW_ORIGIN", "").split(",") if one.strip()]
    if origins:
        app["cors"] = {"origins": origins}
    tree: Map = _tree({"apps": {APP_NAME: app}})
    return tree


def named(problem: Problem) -> Problem:
    """The same problem with the variable that is at fault, where the configuration is these variables."""
    if problem.mark != _MARK or len(problem.path) < 3:
        return problem
    by_part = {**_VARIABLES, **{caller: name for name, (caller, _) in CLOSING.items()}}
    part = next((str(one) for one in problem.path[2:4] if one in by_part), None)
    return problem if part is None else problem._replace(path=(by_part[part],))


def hinted(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """The warnings with the variable that closes the server in place of the key of a file."""
    return tuple(f"{one.partition('; ')[0]}; {_OPEN_HINT}" if "anonymous" in one else one for one in warnings)


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
