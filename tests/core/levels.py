"""Who may import whom in tokend: the table of levels, and what breaks it, from sources alone."""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

LEVELS: Final[Mapping[str, int]] = {
    "__init__": 0,
    "claims": 0,
    "limits": 0,
    "model": 0,
    "ports": 0,
    "strict_json": 0,
    "scope": 0,
    "validation": 0,
    "wire": 0,
    "backends": 1,
    "dialects": 1,
    "auth": 1,
    "authorizer": 1,
    "rules": 1,
    "templates": 1,
    "setup": 2,
    "asks": 2,
    "matching": 2,
    "admission": 2,
    "deciding": 2,
    "audit": 2,
    "deny": 2,
    "diagnosis": 2,
    "inspector": 2,
    "issuer": 2,
    "describe": 2,
    "api": 2,
    "_conformance": 2,
    "testing": 2,
    "agora": 3,
    "plugins": 3,
    "config": 4,
    "server": 5,
    "cli": 6,
    "__main__": 6,
}
ROOMS_ON_THE_SAME_LEVEL: Final = {
    # on the ground floor and on the use case's floor, who leans on whom is decided too
    "claims": {"validation"},
    "model": {"validation"},
    "ports": {"limits", "model"},
    "scope": {"model"},
    "rules": {"templates"},
    "matching": {"setup"},
    "inspector": {"diagnosis"},
    "asks": {"setup"},
    "admission": {"setup"},
    "deciding": {"asks", "inspector", "setup"},
    "issuer": {"admission", "audit", "deciding", "inspector", "setup"},
    "describe": {"setup", "__init__"},
    "_conformance": {"api"},
    "testing": {"api", "_conformance"},
    "__main__": {"cli"},
}
LINE: Final = 2
"""Up to this level there is no I/O, no clock, no chance and no environment."""
COMPOSED: Final = frozenset({"tokend.backends.combined"})
"""Parts that are made of their siblings: docs/decisions/0005-combined.md."""
SHELVES: Final = frozenset(("backends", "dialects", "auth"))
PURE: Final = frozenset(
    (
        *(
            "__future__",
            "abc",
            "base64",
            "binascii",
            "collections",
            "dataclasses",
            "difflib",
            "enum",
            "functools",
            "hashlib",
        ),
        *(
            "hmac",
            "inspect",
            "ipaddress",
            "itertools",
            "json",
            "math",
            "operator",
            "re",
            "struct",
            "types",
            "typing",
            "urllib.parse",
            "zlib",
        ),
    )
)
"""What of the standard library may be used below the line: time, random, os, socket, pathlib, logging … are not here."""
PACKAGES: Final = frozenset(("joserfc", "msgspec", "orjson", "pydantic", "pydantic_core"))
STRUCTS: Final = frozenset(("msgspec",))
WEB: Final = frozenset(("aiohttp",))


def violations(sources: Mapping[str, str]) -> list[str]:
    """Every broken wall, as `file:line X must not import Y`; `sources` by path, like `tokend/wire/v007.py`."""
    found: list[str] = []
    for path, source in sources.items():
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        if _room(module) not in LEVELS:
            found.append(f"{path}:1 {module} stands on no level: add it to tests/core/levels.py")
            continue
        is_table = path.endswith("/__init__.py")
        found += [
            f"{path}:{line} {module} must not import {name}"
            for line, name in _imports(ast.parse(source))
            if not _allowed(module, is_table, name)
        ]
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Modules with their lines, wherever they are imported; `from tokend import x` is x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
            elif node.module == "tokend":
                yield from (
                    (node.lineno, "tokend" if one.name.startswith("__") else f"tokend.{one.name}") for one in node.names
                )
            elif node.module in {f"tokend.{shelf}" for shelf in SHELVES}:
                yield from (
                    (node.lineno, f"{node.module}.{one.name}" if one.name.islower() else str(node.module))
                    for one in node.names
                )
            else:
                yield node.lineno, node.module or ""


def _room(module: str) -> str:
    """`model` of `tokend.model`, `wire` of `tokend.wire.v007`."""
    return [*module.split("."), "__init__"][1]


def _allowed(module: str, is_table: bool, imported: str) -> bool:
    room, top = _room(module), imported.partition(".")[0]
    level = LEVELS[room]
    if top == "tokend":
        return _allowed_within(module, is_table, imported)
    if top in WEB:
        return room == "server"
    if level > LINE:
        return not imported.startswith(".")
    return top in PURE or imported in PURE or top in (PACKAGES if room != "wire" else STRUCTS)


def _allowed_within(module: str, is_table: bool, imported: str) -> bool:
    room, other = _room(module), _room(imported)
    if other not in LEVELS or LEVELS[other] > LEVELS[room]:
        return False
    if room == other:
        return (
            room not in SHELVES
            or is_table
            or module in COMPOSED
            or _part(imported) == "contract"
            or _part(imported).startswith("_")
        )
    if LEVELS[other] == LEVELS[room]:
        return other in ROOMS_ON_THE_SAME_LEVEL.get(room, ())
    return room != "wire"


def _part(module: str) -> str:
    """`rtc` of `tokend.backends.rtc`."""
    return [*module.split("."), ""][2]
