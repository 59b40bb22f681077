"""P4 for every vendor but Agora: random tokens, read by code of the vendor. `COUNT=1000` asks for fewer."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

from tests.long.report import Report
from tests.long.sizes import amount

_ROOT: Final = Path(__file__).parents[2]
_PLACES: Final = ("plugins/*/proof_*.py", "tests/system/vendor/proof_*.py")


def run(report: Report) -> None:
    for path in sorted(path for place in _PLACES for path in _ROOT.glob(place)):
        proof = _loaded(path)
        count = min(amount("COUNT", proof.MANY), proof.MANY)
        differences: Callable[[int, int], list[str]] = proof.differences
        found = differences(count, 7)
        kind = path.stem.removeprefix("proof_")
        report.bar(f"{kind}: {count:,} random tokens", f"{len(found)} differences", "none", not found)


def _loaded(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise SystemExit(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
