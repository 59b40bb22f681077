"""What `tokend plugins new` writes: Python whose names do not hide each other, whatever the vendor is called."""

import ast
from collections import Counter

import pytest

from tokend.cli.backend_template import files


@pytest.mark.parametrize(
    "name", ["acme", "acme-video", "grant", "claims", "code", "service", "backend", "none", "true"]
)
def test_a_class_never_has_the_name_of_another_thing_in_the_module(name: str) -> None:
    texts = files(name, "acme")
    tree = ast.parse(texts[f"tokend_{name.replace('-', '_')}.py"])
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    names += [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assert not [each for each, times in Counter(names).items() if times > 1]
    (class_name,) = [
        node.name for node in tree.body if isinstance(node, ast.ClassDef) and ast.unparse(node.bases[0]) == "Backend"
    ]
    assert f':{class_name}"' in texts["pyproject.toml"]
    assert f"    backend = {class_name}\n" in texts[f"test_tokend_{name.replace('-', '_')}.py"]


def test_a_usual_name_is_that_of_the_class() -> None:
    assert "class AcmeVideo(Backend):" in files("acme-video", "acme")["tokend_acme_video.py"]
