"""Environment-only mode: variables give one app at `/`, as a file would: Agora's default kinds and dialects, or LiveKit's.

With the variables of both vendors the app has the kinds of both, and LiveKit's dialect is at `/livekit`. Anybody gets
tokens, unless API_KEY_SHA256, URL_KEY_SHA256 or FIREBASE_PROJECT is set.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from tokend.auth.key_digests import PREFIX
from tokend.config.problems import ConfigurationError, Problem
from tokend.config.vendor_defaults import (
    CREDENTIAL_VARIABLES,
    DEFAULT_KINDS,
    LIVEKIT,
    LIVEKIT_CAPABILITIES,
    LIVEKIT_DIALECTS,
    LIVEKIT_VARIABLES,
)
from tokend.config.yaml_tree import LocatedDict, Location, located

SOURCE: Final = "environment"
APP_NAME: Final = "default"
CLOSING: Final = {
    "API_KEY_SHA256": ("key", "api_key"),
    "URL_KEY_SHA256": ("url", "url_key"),
    "FIREBASE_PROJECT": ("firebase", "jwt"),
}
"""Variables that add a caller, so that the server is not open to anybody: the caller's name and scheme."""
_MARK: Final = Location(SOURCE)
_OPEN_HINT: Final = (
    "Set API_KEY_SHA256, URL_KEY_SHA256 or FIREBASE_PROJECT to close it (`tokend key new` makes a key and its hash)"
)
_CORS_HINT: Final = "Set CORS_ALLOW_ORIGIN to the origins of such pages, if there are any"
_VARIABLES: Final = {**CREDENTIAL_VARIABLES, "cors": "CORS_ALLOW_ORIGIN"}
"""The variable of each part of the app."""


def missing(environment: Mapping[str, str]) -> list[str]:
    """The variables that are not set, and without which the environment describes no app: all of a vendor belong together."""
    unset = [_unset(variables, environment) for variables in (CREDENTIAL_VARIABLES, LIVEKIT_VARIABLES)]
    whole = (len(CREDENTIAL_VARIABLES), len(LIVEKIT_VARIABLES))
    in_part = [name for names, count in zip(unset, whole, strict=True) if 0 < len(names) < count for name in names]
    return in_part or ([] if not all(unset) else unset[0])


def _unset(variables: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    return [name for name in variables.values() if not environment.get(name)]


def tree_of(environment: Mapping[str, str]) -> LocatedDict:
    """The tree of the configuration that the variables describe. Raises `ConfigurationError` for a bad ALLOW_APP_ADMIN."""
    if environment.get("ALLOW_APP_ADMIN", "") not in ("", "0", "1"):
        raise ConfigurationError([Problem(_MARK, ("ALLOW_APP_ADMIN",), "must be 1 or 0")])
    capabilities = ["wildcard_user", "wildcard_channel", "wildcard_publish"]
    with_livekit = not _unset(LIVEKIT_VARIABLES, environment)
    if with_livekit:
        capabilities += LIVEKIT_CAPABILITIES
    if environment.get("ALLOW_APP_ADMIN") == "1":
        capabilities.append("app_admin")
    rule = {"rules": [{"user": "*", "capabilities": capabilities}]}
    callers: dict[str, Any] = {}
    for name, (caller, scheme) in CLOSING.items():
        if text := environment.get(name, ""):  # a value of blanks only is an error, not unset
            callers[caller] = {scheme: _proof(scheme, text), **rule}
    app: dict[str, Any] = {
        **(_with_livekit(environment) if with_livekit else _with_agora()),
        "callers": callers or {"anybody": {"anonymous": True, **rule}},
    }
    origins = [origin.strip() for origin in environment.get("CORS_ALLOW_ORIGIN", "").split(",") if origin.strip()]
    if origins:
        app["cors"] = {"origins": origins}
    tree: LocatedDict = located({"apps": {APP_NAME: app}}, _MARK)
    return tree


def _with_agora() -> dict[str, Any]:
    """Credentials and routes of an app of Agora."""
    credentials = {key: {"env": variable} for key, variable in CREDENTIAL_VARIABLES.items()}
    return {**credentials, "routes": [{"path": "/"}]}


def _with_livekit(environment: Mapping[str, str]) -> dict[str, Any]:
    """Kinds and routes of an app of LiveKit, and of Agora too if its variables are set."""
    options: dict[str, Any] = {name: environment[variable] for name, variable in LIVEKIT_VARIABLES.items()}
    kinds: dict[str, Any] = {LIVEKIT: {**options, "secret": {"env": LIVEKIT_VARIABLES["secret"]}}}
    route: dict[str, Any] = {"path": "/", "dialect": list(LIVEKIT_DIALECTS)}
    if _unset(CREDENTIAL_VARIABLES, environment):
        return {"backends": kinds, "routes": [route]}
    agora = _with_agora()
    kinds |= {kind: {} for kind in DEFAULT_KINDS}
    return {**agora, "backends": kinds, "routes": [*agora["routes"], {**route, "path": f"/{LIVEKIT}"}]}


def _proof(scheme: str, text: str) -> Any:
    """The options of the scheme: a Firebase project, or the digest of a key."""
    if scheme == "jwt":
        return {"preset": "firebase", "project": text}
    return PREFIX + text.strip().lower().removeprefix(PREFIX)


def named(problem: Problem) -> Problem:
    """The problem with the name of the variable that causes it, if it comes from the environment."""
    if problem.location != _MARK or len(problem.path) < 3:
        return problem
    if problem.path[2:4] == ("backends", LIVEKIT) and (variable := LIVEKIT_VARIABLES.get(str(problem.path[-1]))):
        return replace(problem, path=(variable,))
    by_part = {**_VARIABLES, **{caller: name for name, (caller, _) in CLOSING.items()}}
    part = next((str(step) for step in problem.path[2:4] if step in by_part), None)
    if part is None:
        return problem
    item = problem.path[-1:] if part == "cors" and isinstance(problem.path[-1], int) else ()
    return replace(problem, path=(by_part[part], *item))


def hinted(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """The warnings, with advice to set a variable in place of advice to edit a file."""
    hints = {"anonymous": _OPEN_HINT, "there is no `cors`": _CORS_HINT}
    found = []
    for warning in warnings:
        hint = next((hint for part, hint in hints.items() if part in warning), None)
        found.append(warning if hint is None else f"{warning.partition('. ')[0]}. {hint}")
    return tuple(found)
