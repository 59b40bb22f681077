"""The walls of the house: imports go downward only, the shelves never import each other, below the line there is no I/O."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.core.levels import violations

_ROOT: Final = Path(__file__).parents[2]


def _sources() -> dict[str, str]:
    return {str(path.relative_to(_ROOT)): path.read_text("utf-8") for path in sorted((_ROOT / "tokend").rglob("*.py"))}


def test_every_module_imports_downward_only() -> None:
    sources = _sources()
    assert len(sources) > 40
    assert violations(sources) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        (
            "tokend/model.py",
            "from tokend.rules import Rule",
            "tokend/model.py:1 tokend.model must not import tokend.rules",
        ),
        ("tokend/scope.py", "\nimport tokend.issuer", "tokend/scope.py:2 tokend.scope must not import tokend.issuer"),
        ("tokend/rules.py", "import time", "tokend/rules.py:1 tokend.rules must not import time"),
        ("tokend/issuer.py", "from random import random", "tokend/issuer.py:1 tokend.issuer must not import random"),
        ("tokend/wire/v007.py", "import pydantic", "tokend/wire/v007.py:1 tokend.wire.v007 must not import pydantic"),
        ("tokend/wire/v007.py", "import orjson", "tokend/wire/v007.py:1 tokend.wire.v007 must not import orjson"),
        (
            "tokend/wire/v007.py",
            "from tokend import model",
            "tokend/wire/v007.py:1 tokend.wire.v007 must not import tokend.model",
        ),
        (
            "tokend/backends/rtc.py",
            "def later():\n    import tokend.rules",
            "tokend/backends/rtc.py:2 tokend.backends.rtc must not import tokend.rules",
        ),
        (
            "tokend/backends/rtc.py",
            "from tokend.backends.rtm import Rtm",
            "tokend/backends/rtc.py:1 tokend.backends.rtc must not import tokend.backends.rtm",
        ),
        (
            "tokend/dialects/native.py",
            "from tokend.auth.contract import Scheme",
            "tokend/dialects/native.py:1 tokend.dialects.native must not import tokend.auth.contract",
        ),
        (
            "tokend/auth/contract.py",
            "from tokend.auth.api_key import ApiKey",
            "tokend/auth/contract.py:1 tokend.auth.contract must not import tokend.auth.api_key",
        ),
        (
            "tokend/config/shape.py",
            "import aiohttp.web",
            "tokend/config/shape.py:1 tokend.config.shape must not import aiohttp.web",
        ),
        ("tokend/cli/keys.py", "import aiohttp", "tokend/cli/keys.py:1 tokend.cli.keys must not import aiohttp"),
        (
            "tokend/plugins.py",
            "import tokend.config",
            "tokend/plugins.py:1 tokend.plugins must not import tokend.config",
        ),
        (
            "tokend/server/run.py",
            "from tokend import cli",
            "tokend/server/run.py:1 tokend.server.run must not import tokend.cli",
        ),
        ("tokend/model.py", "from .scope import scope", "tokend/model.py:1 tokend.model must not import .scope"),
        ("tokend/attic.py", "", "tokend/attic.py:1 tokend.attic stands on no level: add it to tests/core/levels.py"),
    ],
)
def test_the_test_sees_a_wall_that_is_broken(path: str, source: str, complaint: str) -> None:
    assert violations({path: source}) == [complaint]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tokend/scope.py", "from tokend.model import Grant"),
        ("tokend/issuer.py", "import hashlib\nfrom tokend import inspector\nfrom tokend.rules import fill"),
        (
            "tokend/backends/rtc.py",
            "from tokend.backends._agora import AgoraBackend\nfrom tokend.backends.contract import Backend",
        ),
        ("tokend/auth/__init__.py", "from tokend.auth.api_key import ApiKey"),
        ("tokend/server/run.py", "import aiohttp, time, secrets"),
        ("tokend/cli/serving.py", "from tokend.server.run import serve"),
    ],
)
def test_the_test_lets_downward_imports_be(path: str, source: str) -> None:
    assert violations({path: source}) == []


@pytest.mark.parametrize(
    "modules",
    [
        "tokend.backends.rtc, tokend.backends.rtm, tokend.backends.chat",
        "tokend.dialects",
        "tokend.rules",
        "tokend.issuer",
        "tokend.testing",
    ],
)
def test_what_stands_below_the_line_brings_no_web_framework(modules: str) -> None:
    """One process each, since this one has imported everything."""
    above = ("aiohttp", "yaml", "uvloop")
    program = f"import sys, {modules}; print([one for one in {above} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
