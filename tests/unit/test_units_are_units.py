"""Unit tests start no process, open no listening port and lean on no system test: `make quick` needs nothing but Python.

pytest-aiohttp's `aiohttp_client` and `aiohttp_server`, and aiohttp's TestServer behind them, may listen.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
SOURCES: Final = sorted(path for path in HERE.rglob("*.py") if path != Path(__file__))
MODULES: Final = {"subprocess", "multiprocessing", "socketserver", "http.server", "tests.oracle", "tests.system"}
NAMES: Final = {
    *("create_subprocess_exec", "create_subprocess_shell", "Popen", "fork", "posix_spawn", "spawnv", "system", "popen"),
    *("create_server", "create_unix_server", "start_unix_server", "run_app"),
    *("TCPSite", "UnixSite", "SockSite", "NamedPipeSite"),
}
"""What starts a process or listens, by the last part of its name."""
FROM: Final = {"tests.running": {"serving", "tokend", "Running"}, "asyncio": {*NAMES, "start_server"}}
"""The same where a name is imported from one of these. The other names of tests.running are constants."""


def _breaches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a unit test may not use."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names if _is_module(alias.name))
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    name = f"{module}.{alias.name}"
                    if _is_module(module) or alias.name in FROM.get(module, NAMES):
                        yield node.lineno, name
            case ast.Attribute(attr=name) if name in NAMES:
                yield node.lineno, name
            case ast.Attribute(attr="start_server", value=ast.Name(id="asyncio")):  # TestServer has one of this name
                yield node.lineno, "asyncio.start_server"
            case ast.Call(func=ast.Attribute(attr="bind" | "listen" as name, value=ast.Name(id=owner))) if (
                "sock" in owner
            ):
                yield node.lineno, f"{owner}.{name}"


def _is_module(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in MODULES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_a_unit_test_starts_no_process_and_does_not_listen(path: Path) -> None:
    assert list(_breaches(ast.parse(path.read_text()))) == [], "such a test belongs into tests/system"


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "from asyncio import start_server",
        "asyncio.create_subprocess_exec()",
        "web.TCPSite(runner)",
        "from tests.running import serving",
        "from tests.system.workers.serving import free_port",
        "sock.bind(address)",
    ],
)
def test_a_breach_is_found(source: str) -> None:
    assert list(_breaches(ast.parse(source)))


def test_each_folder_is_one_of_tokend() -> None:
    """tests/unit mirrors tokend; folders of data and of one subject stand inside a mirrored folder."""
    product = HERE.parents[1] / "tokend"
    folders = {path.name for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= {path.name for path in product.iterdir() if path.is_dir()}
