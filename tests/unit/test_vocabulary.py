"""One word for one thing: no name that the product binds, and nothing that its users write or read, says a replaced word."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

import tokend
from tokend.config.schema import json_schema
from tokend.core.errors import Code
from tokend.telemetry.metrics import FAMILIES
from tokend.telemetry.prometheus import BUILD, LATENCY

INSTEAD: Final[Mapping[str, str]] = {
    "alone": "single, or only",
    "anew": "again",
    "ask(s|ed|ing)?": "request, or requested",
    "besides": "extra, or further",
    "chances?": "clock, nonce, or random",
    "doors?": "handler",
    "fleet": "multi_process, or control",
    "gates?": "authenticator",
    "guards?": "connection_limiter",
    "heed(s|ed)?": "obey, or respect",
    "lack(s|ed|ing)?": "unmet, or missing",
    "narrow.*": "restriction, or restricted",
    "ones?": "what it holds: rule, caller, entry",
    "outside": "resources",
    "patience": "timeout",
    "powers?": "capability",
    "presented": "credentials",
    "refus(e|al|als)": "error, or reject",
    "scopes?": "reach",
    "setup": "configuration",
    "spans": "tracing",
    "stamps?": "issuance, or version",
    "tells?|told": "report, or reason",
    "trace": "record, or tracing",
    "trials?": "rule_result",
    "turns": "scheduler, or batch",
    "twins?": "duplicate",
    "want(s|ed)?": "requested, or expected",
    "weigh(s|ed)?": "evaluate",
    "worlds?": "clock, or nonces",
}
"""A pattern of replaced words, and what to say instead. A name may hold none of them between its `_` and capitals."""

WHOLE_NAMES: Final[Mapping[str, str]] = {"loaded": "active"}
WHOLE_MODULES: Final[Mapping[str, str]] = {"describe": "openapi", "matching": "routing", "ports": "interfaces"}
WHOLE_KEYS: Final[Mapping[str, str]] = {"answer": "response", "at": "path", "may": "rules"}
"""Words that are replaced where they are the whole name, the module's name or the configuration key."""

PRODUCT: Final = Path(tokend.__file__).parent
FOLDERS: Final = ("", *sorted(path.name for path in PRODUCT.iterdir() if (path / "__init__.py").exists()))


class Bound(NamedTuple):
    name: str
    line: int


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_in_the_code_holds_a_replaced_word(folder: str) -> None:
    files = (PRODUCT / folder).rglob("*.py") if folder else PRODUCT.glob("*.py")
    found = []
    for file in sorted(files):
        place = file.relative_to(PRODUCT.parent)
        found += [f"{place}: {sentence}" for part in place.parts for sentence in wrong(stem(part), WHOLE_MODULES)]
        found += [f"{place}:{name.line}: {text}" for name in bound(file) for text in wrong(name.name, WHOLE_NAMES)]
    report(found)


def test_no_configuration_key_holds_a_replaced_word() -> None:
    found = [f"tokend schema: {text}" for key in sorted(set(keys(json_schema()))) for text in wrong(key, WHOLE_KEYS)]
    report(found)


def test_no_error_code_holds_a_replaced_word() -> None:
    found = [f"core/errors.py: {sentence}" for code in Code for sentence in wrong(code.value, {})]
    report(found)


def test_no_metric_and_no_label_holds_a_replaced_word() -> None:
    names = {BUILD, LATENCY, *FAMILIES}
    for family in FAMILIES.values():
        names.update(family.labels, family.values)
    found = [f"telemetry/metrics.py: {sentence}" for name in sorted(names) for sentence in wrong(name, {})]
    report(found)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("request_record", []),
        ("KeptTwins", ["twins"]),
        ("_asked_at", ["asked"]),
        ("JWKSTold", ["told"]),
        ("someone", []),
    ],
)
def test_a_name_is_split_at_underscores_and_capitals(name: str, words: list[str]) -> None:
    assert [re.findall("`(.*?)`", sentence)[1] for sentence in wrong(name, {})] == words


def test_every_way_to_bind_a_name_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import a1 as b1\n"
        "from a2 import a3 as b2, a8\n"
        "class B4:\n"
        "    b5: int; b6: str = ''\n"
        "def b3(): pass\n"
        "def b7(b8, /, b9=1, *b10, b11, **b12): self.b13 = b14 = 1\n"
        "for b15, (b16, *b17) in []: b18 += 1\n"
        "with a4 as b19, a5 as a9.b20: pass\n"
        "try: pass\n"
        "except E as b22: global b21, b23\n"
        "async def b24(): return [b25 for b25 in (b26 := 1)], lambda b27: 1\n"
        "match a6:\n"
        "    case [b28, *b29] | {'k': b30, **b31} | C(a7=b32): pass\n"
    )
    assert {found.name.lower() for found in bound(file)} == {f"b{number}" for number in range(1, 33)}


def report(found: list[str]) -> None:
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def wrong(name: str, whole_names: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each replaced word of a name. `whole_names`: names that are replaced as a whole."""
    if name in whole_names:
        yield f"`{name}` holds `{name}`: say {whole_names[name]}"
    for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name):
        for pattern, instead in INSTEAD.items():
            if re.fullmatch(pattern, word.lower()):
                yield f"`{name}` holds `{word.lower()}`: say {instead}"


def stem(part: str) -> str:
    return part.removesuffix(".py")


def bound(file: Path) -> Iterator[Bound]:
    """Every name that a file binds: what it defines, imports, assigns, takes as an argument or catches."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        line = getattr(node, "lineno", 0)
        yield from (Bound(name, line) for name in _names(node) if name is not None)


def _names(node: ast.AST) -> tuple[str | None, ...]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
            return (node.name,)
        case ast.MatchAs() | ast.MatchStar():
            return (node.name,)
        case ast.MatchMapping():
            return (node.rest,)
        case ast.arg():
            return (node.arg,)
        case ast.alias():
            return (node.asname,)  # without `as`, the name was chosen where it is defined
        case ast.Name(ctx=ast.Store()):
            return (node.id,)
        case ast.Attribute(ctx=ast.Store()):
            return (node.attr,)
        case ast.Global() | ast.Nonlocal():
            return tuple(node.names)
    return ()


def keys(schema: Any) -> Iterator[str]:
    """Every key that the JSON Schema knows, at any depth."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in schema.values():
            yield from keys(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from keys(part)
