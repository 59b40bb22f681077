"""Annotations mean the same when Python evaluates them late, as 3.14 does: there a class sees its own fields first."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = sorted(
    path
    for folder in ("tokend", "plugins", "clients/python", "docs")
    for path in (_ROOT / folder).rglob("*.py")
    if "build" not in path.parts
)


def _hidden(source: str) -> Iterator[str]:
    """Each name that an annotation in a class uses, and that a later line of the class gives a value."""
    for class_ in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)):
        annotated = [statement for statement in class_.body if isinstance(statement, ast.AnnAssign)]
        with_value = {target.id for field in annotated if field.value and isinstance(target := field.target, ast.Name)}
        with_value |= {statement.name for statement in class_.body if isinstance(statement, ast.FunctionDef)}
        for field in annotated:
            used = {name.id for name in ast.walk(field.annotation) if isinstance(name, ast.Name)}
            yield from (f"{class_.name}: {name}" for name in sorted(used & with_value))


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_no_annotation_uses_a_name_that_is_a_field_of_the_class(path: Path) -> None:
    assert list(_hidden(path.read_text())) == []


def test_a_hidden_name_is_found() -> None:
    source = "class Thread:\n    ids: list[str] = []\n    list: bool = False\n    set: dict\n    of: set[str]\n"
    assert list(_hidden(source)) == ["Thread: list"]
