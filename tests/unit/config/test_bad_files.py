"""A small bad file for each rule: what `load` says about it, word for word, and that no sentence goes without a file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.config import bad_files
from tokend.core import validation

ROOT = Path(validation.__file__).parent.parent
SOURCES = [
    *(path for path in sorted((ROOT / "config").glob("*.py")) if path.name != "app_warnings.py"),
    ROOT / "backends" / "agora" / "credentials.py",
    ROOT / "core" / "patterns.py",
    ROOT / "issuing" / "configuration.py",
    ROOT / "issuing" / "dialect_choices.py",
    ROOT / "core" / "claims.py",
    ROOT / "core" / "conditions.py",
    ROOT / "core" / "durations.py",
    ROOT / "core" / "lists.py",
    *(path for path in sorted((ROOT / "auth").glob("*.py")) if path.name not in ("authenticator.py", "jwt.py")),
]
SPEAKERS = frozenset({"add", "add_after", "add_broken", "invalid", "SecretProblem", "Problem", "_problem"})
SPEAKING_FUNCTIONS = frozenset({"check_origin", "not_hex_32"})
ELSEWHERE = {
    "takes in callers that read the cookies": "no two built-in presets read different cookies: test_auth_plugins.py",
    ": one route reads one cookie": "see above",
    "cannot be created: its backend raised": "no built-in backend raises: test_wrong_backends.py",
    "cannot be built: a plug-in of it raised": "see above",
    "cannot be checked:": "see above",
    "the credentials cannot be checked:": "see above",
    "the folder of": "it needs a folder that cannot be read: test_files.py",
    "holds no app: write the app's keys, {} if it has none of its own, or delete the file": "test_files.py",
    "holds only a line break": "test_secret_lines.py",
    "begins with a byte order mark: save it as UTF-8 without BOM": "test_secret_lines.py",
    "stands in quotes, which would count as part of the secret: remove them": "test_secret_lines.py",
    "the name of its file is empty": "test_files.py",
    "is over 16 MiB": "a file of that size does not belong into a repository: test_files.py",
}


@pytest.mark.parametrize("file", bad_files.all_files(), ids=lambda file: file.name)
def test_the_problems_are_exactly_these(file: bad_files.BadFile, tmp_path: Path) -> None:
    assert file.expected, f"{file.name} says nothing of what is wrong with it"
    assert bad_files.problems(file, tmp_path) == file.expected


def test_every_sentence_has_its_bad_file() -> None:
    said = "\n".join(line for file in bad_files.all_files() for line in file.expected)
    fragments = {fragment for path in SOURCES for fragment in _fragments(ast.parse(path.read_text()))}
    assert len(fragments) > 50
    unsaid = {fragment for fragment in fragments if fragment not in said}
    assert unsaid == ELSEWHERE.keys()


def test_every_word_for_a_wrong_type_is_ours() -> None:
    """pydantic's own sentences ("Input should be …", "Value error, …") never reach a reader."""
    for file in bad_files.all_files():
        for line in file.expected:
            assert "nput should" not in line
            assert "alue error" not in line
            assert "alid string" not in line


def _fragments(tree: ast.AST) -> Iterator[str]:
    """The literal pieces of the sentences that are handed to whatever tells problems."""
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.JoinedStr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in SPEAKERS and node.args:
            for argument in node.args:
                whole = constants.get(argument.id) if isinstance(argument, ast.Name) else argument
                if isinstance(whole, ast.Constant | ast.JoinedStr | ast.Tuple):
                    yield from _texts(whole)
        elif isinstance(node, ast.Yield) and node.value is not None:
            yield from _texts(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name in SPEAKING_FUNCTIONS:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from _texts(inner.value)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and ast.unparse(function.value).endswith("problems"):
        return "_problem"  # problems.append(…)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.expr) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            text = inner.value.strip()
            if " " in text:  # a sentence, not a key of the path
                yield text
