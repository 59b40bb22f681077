"""A sound configuration as plain data, its positions, and trees with marks made of plain data."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.unit.config.writing import APP_ID, DIGEST
from tokend.config.yaml_tree import LocatedDict, LocatedList, Location

SOUND: dict[str, Any] = {
    "server": {"listen": "127.0.0.1:8080", "trusted_proxies": ["10.0.0.0/8", "::1", "unix"]},
    "secrets": {"readable_files": False},
    "redis": {"url": {"env": "REDIS"}, "on_failure": "open"},
    "defaults": {
        "certificate": {"env": "CERTIFICATE"},
        "ttl": {"default": "1h", "min": "1m", "max": "24h"},
        "cors": {"origins": ["https://{app}.example.com"]},
        "limits": {"caller": "20/s burst 40", "address": "1000/h"},
    },
    "include": ["apps.d/*.yaml"],
    "apps": {
        "one": {
            "app_id": APP_ID,
            "url_signing_key": {"env": "OTHER"},
            "backends": {
                "rtc": {
                    "rest": {
                        "customer_id": "operator",
                        "customer_secret": {"env": "OTHER"},
                        "url": "https://api.example.com",
                    }
                },
                "rtm": {},
                "signaling": {"backend": "rtm"},
            },
            "callers": {
                "uikit": {"url_key": "signed", "rules": [{"kinds": "rtc"}]},
                "kiosk": {
                    "url_key": [{"sha256": "1" * 64, "not_after": "2026-12-31T00:00:00Z"}, f"sha256:{'2' * 64}"],
                    "rules": [{"kinds": "rtc"}],
                },
                "studio": {"api_key": [DIGEST], "rules": [{"channel": "x-*"}]},
                "web": {
                    "jwt": {
                        "issuer": "https://id.example.com/{app}",
                        "audience": ["tokend"],
                        "algorithms": "ES256",
                        "require": {"claims.tenant": "{app}"},
                    },
                    "rules": [{"when": {"claims.a": "b"}, "channel": "x-{claims.a}", "user": "{claims.sub|uid}"}],
                },
                "machine": {
                    "jwt": {"issuer": "machine", "audience": "tokend", "secret": {"env": "CERTIFICATE"}},
                    "rules": [{"user": "*"}],
                },
                "fire": {"jwt": {"preset": "firebase", "project": "demo", "shared": True}, "rules": [{"user": "*"}]},
                "staff": {
                    "forward_auth": {
                        "user": "Remote-User",
                        "claims": {"email": "Remote-Email"},
                        "lists": {"groups": "Remote-Groups"},
                        "secret_header": {"name": "X-Proxy", "secret": {"env": "CERTIFICATE"}},
                        "require": {"claims.groups": "staff"},
                    },
                    "rules": [{"user": "{claims.email}"}],
                },
                "nginx": {"forward_auth": {"preset": "oauth2-proxy"}, "rules": [{"user": "*"}]},
                "bot": {"api_key": DIGEST.replace("0", "3"), "rules": [{"preset": "agent", "user": "bot-*"}]},
                "open": {"anonymous": True, "rules": [{"kinds": ["rtc"], "roles": "publisher", "ttl": {"max": "1h"}}]},
            },
            "routes": [
                {"path": "/one", "host": "one.example.com", "dialect": "native", "callers": ["studio"]},
                {
                    "path": "/one/watch/{channel}",
                    "kinds": ["rtc", "rtm"],
                    "set": {"role": "subscriber", "uid": 0},
                    "default": {"user": "ada", "ttl": 600},
                    "response": {"a": "{rtc.token}", "b": ["{rtm.token}"]},
                },
                {
                    "path": "/one/plain",
                    "kind": "rtm",
                    "response": "{token}",
                    "ttl": {"max": "30m"},
                    "on_excess": "clamp",
                },
            ],
        },
        "two": {
            "app_id": {"env": "APP"},
            "certificate": {"primary": {"env": "CERTIFICATE"}, "secondary": {"env": "OTHER"}, "sign_with": "primary"},
            "backends": {"rtc": {}, "chat": None},
            "authorizer": {
                "url": "https://api.example.com/{app}",
                "secret": {"env": "CERTIFICATE"},
                "timeout": "2s",
                "cache": "5s",
            },
            "callers": {"studio": {"api_key": DIGEST, "rules": [{"user": "*", "capabilities": ["wildcard_user"]}]}},
        },
    },
}

Position = tuple[str | int, ...]


def positions(tree: Any, at: Position = ()) -> Iterator[Position]:
    """Every place of a tree, its root included."""
    yield at
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from positions(value, (*at, key))


def at(tree: Any, position: Position) -> Any:
    for step in position:
        tree = tree[step]
    return tree


def replaced(tree: Any, position: Position, value: Any) -> Any:
    """A copy that holds `value` at the position."""
    if not position:
        return value
    changed = copy.deepcopy(tree)
    holder = at(changed, position[:-1])
    if isinstance(holder, dict) and isinstance(position[-1], int):
        raise TypeError("a mapping now, where a list was")
    holder[position[-1]] = value
    return changed


def renamed(tree: Any, position: Position, key: str) -> Any:
    """A copy in which the last step of the position, where it is a key, has another name."""
    if not position or isinstance(position[-1], int):
        return tree
    changed = copy.deepcopy(tree)
    holder = at(changed, position[:-1])
    holder[key] = holder.pop(position[-1])
    return changed


def marked(value: Any) -> Any:
    """Plain data as the YAML pass gives it, all at one place."""
    location = Location("config.yaml", 1, 1)
    if isinstance(value, dict):
        found = LocatedDict(location)
        for key, member in value.items():
            found.put(key, marked(member), location)
        return found
    if isinstance(value, list):
        listed = LocatedList(location)
        for item in value:
            listed.put(marked(item), location)
        return listed
    return value
