"""A sound configuration as plain data, its positions, and trees with marks made of plain data."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.unit.config.writing import APP_ID, DIGEST
from tokend.config.yaml_tree import Map, Mark, Seq

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
            "backends": ["rtc", "rtm"],
            "rest": {"customer_id": "operator", "customer_secret": {"env": "OTHER"}, "url": "https://api.example.com"},
            "callers": {
                "uikit": {"url_key": "signed", "may": [{"kinds": "rtc"}]},
                "kiosk": {
                    "url_key": [{"sha256": "1" * 64, "not_after": "2026-12-31T00:00:00Z"}, f"sha256:{'2' * 64}"],
                    "may": [{"kinds": "rtc"}],
                },
                "studio": {"api_key": [DIGEST], "may": [{"channel": "x-*"}]},
                "web": {
                    "jwt": {
                        "issuer": "https://id.example.com/{app}",
                        "audience": ["tokend"],
                        "algorithms": "ES256",
                        "require": {"claims.tenant": "{app}"},
                    },
                    "may": [{"when": {"claims.a": "b"}, "channel": "x-{claims.a}", "user": "{claims.sub|uid}"}],
                },
                "machine": {
                    "jwt": {"issuer": "machine", "audience": "tokend", "secret": {"env": "CERTIFICATE"}},
                    "may": [{"user": "*"}],
                },
                "fire": {"jwt": {"preset": "firebase", "project": "demo", "shared": True}, "may": [{"user": "*"}]},
                "staff": {
                    "forward_auth": {
                        "user": "Remote-User",
                        "claims": {"email": "Remote-Email"},
                        "lists": {"groups": "Remote-Groups"},
                        "secret_header": {"name": "X-Proxy", "secret": {"env": "CERTIFICATE"}},
                        "require": {"claims.groups": "staff"},
                    },
                    "may": [{"user": "{claims.email}"}],
                },
                "nginx": {"forward_auth": {"preset": "oauth2-proxy"}, "may": [{"user": "*"}]},
                "bot": {"api_key": DIGEST.replace("0", "3"), "may": [{"preset": "agent", "user": "bot-*"}]},
                "open": {"anonymous": True, "may": [{"kinds": ["rtc"], "roles": "publisher", "ttl": {"max": "1h"}}]},
            },
            "routes": [
                {"at": "/one", "host": "one.example.com", "dialect": "native", "callers": ["studio"]},
                {
                    "at": "/one/watch/{channel}",
                    "kinds": ["rtc", "rtm"],
                    "set": {"role": "subscriber", "uid": 0},
                    "default": {"user": "ada", "ttl": 600},
                    "answer": {"a": "{rtc.token}", "b": ["{rtm.token}"]},
                },
                {"at": "/one/plain", "kind": "rtm", "answer": "{token}", "ttl": {"max": "30m"}, "on_excess": "clamp"},
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
            "callers": {"studio": {"api_key": DIGEST, "may": [{"user": "*", "powers": ["wildcard_user"]}]}},
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
    mark = Mark("config.yaml", 1, 1)
    if isinstance(value, dict):
        found = Map(mark)
        for key, one in value.items():
            found.put(key, marked(one), mark)
        return found
    if isinstance(value, list):
        listed = Seq(mark)
        for one in value:
            listed.put(marked(one), mark)
        return listed
    return value
